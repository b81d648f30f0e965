"""`outpaint contract diff`: the changes between two OpenAPI documents as text, JSON or Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from outpaint.conformance.diff.api_documents import UnreadableError, document_of, documents_since
from outpaint.conformance.diff.canonical_schema import UnresolvableReferenceError
from outpaint.conformance.diff.diff_rules import Change, Comparison, DiffVerdict
from outpaint.conformance.diff.operation_diff import compare
from outpaint.functions.command_line.exit_codes import ExitCode, exit_code_lines

_FEW: Final = 4


@dataclass(frozen=True, slots=True)
class Row:
    """What a reader takes for one change: the same rule, field, old and new value at several places."""

    change: Change
    places: Mapping[str, tuple[str, ...]]
    """Each operation with the places in it."""

    @property
    def where(self) -> str:
        """Its operations and the places in them: the first four of each, and how many more there are."""
        shown = [f"{name}: {_few(places, 'places')}" if places else name for name, places in self.places.items()]
        return _few([one for one in shown if one], "operations", joint="; ")

    @property
    def what(self) -> str:
        """The field with its old and new value."""
        change = self.change
        step = f"{_short(change.was)} → {_short(change.is_)}" if change.was and change.is_ else ""
        step = step or (f"+ {_short(change.is_)}" if change.is_ else f"- {_short(change.was)}" if change.was else "")
        return ": ".join(part for part in (change.field, step) if part)


def rows(changes: Iterable[Change]) -> list[Row]:
    """The changes as a reader counts them, in their order."""
    places: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        # Whole operations that come or go are a change each.
        alone = change.operation if not change.place else ""
        places.setdefault((change.code, change.field, change.was, change.is_, alone), []).append(change)
    return [Row(same[0], _by_operation(same)) for same in places.values()]


def summary(comparison: Comparison) -> str:
    """One line: how many of each, and the verdict."""
    if not comparison.changes:
        return "compatible: nothing changed"
    counts = ", ".join(f"{len(rows(found))} {verdict}" for verdict in DiffVerdict if (found := comparison.of(verdict)))
    return f"{comparison.verdict}: {counts}"


def as_text(comparison: Comparison) -> str:
    """For a terminal: a block for each change, the worst first."""
    lines: list[str] = []
    width = max(map(len, DiffVerdict))
    for row in rows(comparison.changes):
        lines.append(f"{row.change.verdict:<{width}}  {row.change.code}")
        lines += [f"{'':<{width}}  {text}" for text in (row.where, row.what, row.change.why) if text]
        lines.append("")
    return "\n".join([*lines, summary(comparison)])


def as_json(comparison: Comparison) -> str:
    """For a program: the verdict and every change at every place."""
    value = comparison.model_dump(mode="json", by_alias=True)
    return json.dumps({"verdict": value["verdict"], "changes": value["changes"]}, indent=2, ensure_ascii=False)


def as_markdown(comparison: Comparison) -> str:
    """For a comment on a pull request; what is compatible is folded away."""
    lines = [f"**API changes: {summary(comparison)}**"]
    if worrying := comparison.of(DiffVerdict.BREAKING, DiffVerdict.RISKY):
        lines += ["", *_table(worrying)]
    if harmless := comparison.of(DiffVerdict.COMPATIBLE):
        lines += ["", "<details><summary>Compatible changes</summary>", "", *_table(harmless), "", "</details>"]
    return "\n".join(lines)


def _by_operation(changes: Iterable[Change]) -> dict[str, tuple[str, ...]]:
    places: dict[str, list[str]] = {}
    for change in changes:
        under = places.setdefault(change.operation, [])
        if change.place and change.place not in under:
            under.append(change.place)
    return {operation: tuple(under) for operation, under in places.items()}


def _few(names: Sequence[str], what: str, *, joint: str = ", ") -> str:
    shown = joint.join(names[:_FEW])
    return shown if len(names) <= _FEW else f"{shown}{joint}and {len(names) - _FEW} {what} more"


def _table(changes: Iterable[Change]) -> list[str]:
    lines = ["| verdict | rule | where | what | to a client |", "|---|---|---|---|---|"]
    for row in rows(changes):
        cells = (row.change.verdict, f"`{row.change.code}`", _cell(row.where), _cell(row.what), row.change.why)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."


_FORMS: Final = {"text": as_text, "json": as_json, "markdown": as_markdown}


@click.command(epilog=exit_code_lines("contract diff"))
@click.argument("old")
@click.argument("new", required=False)
@click.option("--rev", metavar="REVISION", help="Compare the one file that is named with itself in a git revision.")
@click.option("--format", "form", type=click.Choice(tuple(_FORMS)), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="End with 1 for a risky change too.")
@click.pass_context
def diff(context: click.Context, old: str, new: str | None, rev: str | None, form: str, strict: bool) -> None:
    """Judge the changes from one OpenAPI document to another by what they do to clients of the first.

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
    if found.verdict is DiffVerdict.BREAKING or (strict and found.verdict is DiffVerdict.RISKY):
        context.exit(ExitCode.FAILED)
