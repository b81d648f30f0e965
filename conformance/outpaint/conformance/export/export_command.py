"""`outpaint contract export`: the contract as OpenAPI, JSON Schema or AsyncAPI."""

from __future__ import annotations

import json
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Final

import click

from outpaint.conformance.export import asyncapi
from outpaint.conformance.export.asyncapi import BASE, schema_files
from outpaint.conformance.export.openapi_3_0 import VERSION, downgraded
from outpaint.contracts import openapi
from outpaint.functions.command_line.exit_codes import ExitCode, exit_code_lines
from outpaint.functions.command_line.report_files import WRITABLE_FILE

_SHOWN: Final = 40


@click.command(epilog=exit_code_lines("contract export"))
@click.option(
    "--version",
    type=click.Choice(("3.1", VERSION)),
    default="3.1",
    show_default=True,
    help="Of OpenAPI; 3.0.3 says the same for tools that read no 3.1.",
)
@click.option("--events", is_flag=True, help="The ends of jobs on AWS, as AsyncAPI 3.0, instead of the API.")
@click.option(
    "--schemas",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write JSON Schema 2020-12 there, one file a model, instead of the API.",
)
@click.option("--base", metavar="URL", default=BASE, show_default=True, help="What the schemas' $id begins with.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=WRITABLE_FILE,
    help="Write there, not to standard output.",
)
@click.option(
    "--check",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write nothing; end with 1 if FILE is not what would be written.",
)
@click.pass_context
def export(
    context: click.Context,
    version: str,
    events: bool,
    schemas: Path | None,
    base: str,
    output: Path | None,
    check: Path | None,
) -> None:
    """Write the contract as OpenAPI, JSON Schema or AsyncAPI.

    \b
    Examples:
      outpaint contract export > openapi.json
      outpaint contract export --version 3.0.3 -o openapi-3.0.json
      outpaint contract export --check openapi.json      # in CI: 1 if it is out of date
      outpaint contract export --schemas schemas/
      outpaint contract export --schemas public/ --base https://api.example.com/schemas/
      outpaint contract export --events -o asyncapi.json

    JSON is YAML, so each is one for tools that want YAML.
    """
    if schemas is not None:
        if events or output is not None or check is not None:
            raise click.UsageError("--schemas writes a folder of its own: leave the other options out")
        _write_schemas(schemas, base)
        return
    document = asyncapi.document() if events else openapi.document()
    if version == VERSION and not events:
        document = downgraded(document)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if check is not None:
        if output is not None:
            raise click.UsageError("--check writes nothing: leave --output out")
        _check(context, check, text)
    elif output is not None:
        output.write_text(text, encoding="utf-8", newline="\n")
    else:
        click.echo(text, nl=False)


def _write_schemas(folder: Path, base: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files = schema_files(base)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    click.echo(f"{len(files)} schemas in {folder}", err=True)


def _check(context: click.Context, file: Path, text: str) -> None:
    """End with 1 and the first lines that differ, if a file is not what it should be."""
    # Whatever line ends a checkout has, they are read as newlines.
    found = file.read_text(encoding="utf-8", errors="replace")
    if found == text:
        return
    lines = unified_diff(found.splitlines(), text.splitlines(), str(file), "the contract", lineterm="", n=1)
    for line in islice(lines, _SHOWN):
        click.echo(line)
    click.echo(f"{file} is not what the contract says: write it anew with --output {file}", err=True)
    context.exit(ExitCode.FAILED)
