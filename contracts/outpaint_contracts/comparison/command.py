"""`outpaint contract diff`: what a change of the API description does to its clients."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from outpaint_contracts.comparison.canonical import UnresolvableReferenceError
from outpaint_contracts.comparison.changes import Verdict
from outpaint_contracts.comparison.documents import UnreadableError, document_of, documents_since
from outpaint_contracts.comparison.operations import compare
from outpaint_contracts.comparison.presentation import as_json, as_markdown, as_text

_FORMS: Final = {"text": as_text, "json": as_json, "markdown": as_markdown}
_BREAKING: Final = 1
_RISKY: Final = 3


@click.command(short_help="Judge a change of an OpenAPI document by what it does to clients.")
@click.argument("old")
@click.argument("new", required=False)
@click.option("--rev", metavar="REVISION", help="Compare the one file that is named with itself in a git revision.")
@click.option("--format", "form", type=click.Choice(tuple(_FORMS)), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="End with 3 where the worst change is a risky one.")
@click.pass_context
def diff(context: click.Context, old: str, new: str | None, rev: str | None, form: str, strict: bool) -> None:
    """Judge the way from one OpenAPI document to another by what it does to clients of the first.

    OLD and NEW are files in OpenAPI 3.0 or 3.1, JSON or YAML; REVISION:PATH for a file in git, or REVISION alone
    where it has one openapi.json or openapi.yaml; or - for standard input. What a client sends and what it is answered
    are judged each in their own direction: a new required field breaks in a request and does no harm in a response.

    \b
    Examples:
      outpaint contract diff old.json new.yaml
      outpaint contract diff v1.0.0 HEAD
      outpaint contract diff v1.0.0:openapi.json openapi.json
      outpaint contract diff --rev main openapi.json --strict
      outpaint contract diff --rev origin/main openapi.json --format markdown > comment.md
      outpaint contract export | outpaint contract diff their-openapi.yaml -

    \b
    It ends with
      0  nothing breaks
      1  something breaks a client
      2  a document cannot be read
      3  with --strict: nothing breaks for certain, something may
    """
    try:
        if rev is not None:
            if new is not None:
                raise click.UsageError("--rev compares one file with itself: name one file")
            before, after = documents_since(rev, Path(old))
        elif new is None:
            raise click.UsageError("one document is compared with another: name two, or one with --rev")
        else:
            if old == new == "-":
                raise click.UsageError("standard input holds one document: name the other")
            before, after = document_of(old), document_of(new)
        found = compare(before, after)
    except (UnreadableError, UnresolvableReferenceError) as error:
        # Not 1, by which a pipeline would read that clients break.
        raise click.UsageError(str(error)) from None
    click.echo(_FORMS[form](found))
    if found.verdict is Verdict.BREAKING:
        context.exit(_BREAKING)
    if strict and found.verdict is Verdict.RISKY:
        context.exit(_RISKY)
