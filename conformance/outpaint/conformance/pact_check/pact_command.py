"""`outpaint contract pact`: consumer contracts as Pact files, written, checked and verified."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import click

from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.exit_codes import ExitCode, exit_code_lines
from outpaint.functions.command_line.report_files import WRITABLE_FILE
from outpaint.mocks.mock_paths import ADMIN_ROOT, DEFAULT_WORLD, prefix_of

_PATIENCE_S: Final = 30.0
_MOST_BYTES: Final = 256 * 1024 * 1024
_CALLER_PARAMETERS: Final = frozenset({"world", "consumer", "provider"})
"""The parameters that a mock may refuse."""
_FILES: Final = click.Path(dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def pact() -> None:
    """Consumer contracts as Pact files: written by the mock, checked against our contract, verified by a provider.

    \b
    Examples:
      outpaint contract pact write --consumer web-shop pacts/web-shop-outpaint.json
      outpaint contract pact check pacts/web-shop-outpaint.json
      outpaint contract pact verify pacts/*.json --base-url http://127.0.0.1:8080/v1 --api-key dev
    """


@pact.command(epilog=exit_code_lines("contract pact write"))
@click.argument("file", type=WRITABLE_FILE)
@click.option("--consumer", metavar="NAME", required=True, help="Who called the mock.")
@click.option("--provider", metavar="NAME", default="outpaint", show_default=True, help="What it calls the API.")
@click.option(
    "--url", metavar="URL", default="http://127.0.0.1:4010", show_default=True, help="Where the mock is reached."
)
@click.option("--world", metavar="NAME", default=DEFAULT_WORLD, show_default=True, help="Whose calls are written.")
def write(file: Path, consumer: str, provider: str, url: str, world: str) -> None:
    """Write what a running mock was asked as a Pact v4 FILE.

    The mock must keep bodies (`outpaint mock --keep-bodies 64`); `outpaint mock --pact FILE` does both.
    """
    content, count = _written_by_mock(url, world, consumer, provider)
    if not count:
        says = "no call makes an interaction: did the tests call this mock, and does it keep bodies?"
        raise CommandError(ExitCode.TOO_LITTLE_SEEN, says)
    file.write_bytes(content)
    click.echo(f"{file}: {count} interactions of {consumer} with {provider}")


def _written_by_mock(url: str, world: str, consumer: str, provider: str) -> tuple[bytes, int]:
    """A pact's file as a mock writes it, and how many interactions it has; raises `CommandError` where it does not."""
    from outpaint.conformance.verify.reachability import check_base_url, json_at

    root = check_base_url(url)
    path = f"{prefix_of(world)}{ADMIN_ROOT}/pact"
    asked = f"{path}?{urlencode({'consumer': consumer, 'provider': provider})}"
    answer = json_at(root, asked, expected="a mock of ours", patience=_PATIENCE_S, most_bytes=_MOST_BYTES)
    interactions = answer.document.get("interactions")
    if answer.status == 200 and isinstance(interactions, list):
        return answer.body, len(interactions)
    if answer.status in (401, 403):
        raise CommandError(ExitCode.KEY_REFUSED, f"{root} does not let us ask: {answer.detail}")
    if str(answer.document.get("field")) in _CALLER_PARAMETERS:
        raise CommandError(ExitCode.USAGE, answer.detail)
    says = f"{root} is not a mock of ours: GET {path} answers {answer.status}: {answer.detail}"
    raise CommandError(ExitCode.NOT_THIS_API, says)


@pact.command(
    short_help="Check that our contract covers pacts, without a provider.",
    epilog=exit_code_lines("contract pact check"),
)
@click.argument("files", type=_FILES, nargs=-1, required=True)
@click.option("--base-path", metavar="PATH", default="", help="Stands before every path of the pact, such as /v1.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.pass_context
def check(context: click.Context, files: tuple[Path, ...], base_path: str, strict: bool) -> None:
    """Check that our contract covers consumers' pacts (v1 to v4), without a provider and without Pact's engine.

    Every request must be one that the contract takes, every answer one that it can give, every provider state one
    that providers know; what is not gets one line. Values that differ from run to run and are pinned earn warnings.

    \b
    Examples:
      outpaint contract pact check pacts/web-shop-outpaint.json
      outpaint contract pact check --base-path /v1 --strict pacts/*.json
    """
    from outpaint.conformance.pact_check.pact_coverage import objections
    from outpaint.conformance.pact_check.pact_reading import read_pact

    failed = False
    for file in map(read_pact, files):
        bad = 0
        for one in file.interactions:
            found = objections(one, base_path)
            for objection in found:
                click.echo(f"{file.path}: {objection}")
            bad += any(strict or not objection.warning for objection in found)
        for name in file.others:
            click.echo(f"{file.path}: {name}: it is no HTTP interaction, and the API has no other")
        bad += len(file.others)
        count = len(file.interactions) + len(file.others)
        click.echo(f"{file.path}: {count - bad} of {count} interactions of {file.consumer} are covered")
        failed = failed or bad > 0 or count == 0
    if failed:
        context.exit(ExitCode.FAILED)


@pact.command(
    short_help="Verify a provider by pacts, with Pact's own engine.", epilog=exit_code_lines("contract pact verify")
)
@click.argument("files", type=_FILES, nargs=-1, required=True)
@click.option("--base-url", metavar="URL", required=True, help="The provider, such as http://127.0.0.1:8080/v1.")
@click.option(
    "--api-key",
    metavar="KEY",
    envvar="OUTPAINT_KEY",
    default="dev",
    show_envvar=True,
    help="A key of it; any for a mock.",
)
@click.option("--max-credits", metavar="N", type=click.IntRange(0), help="Refuse to begin if it may cost more.")
@click.pass_context
def verify(
    context: click.Context, files: tuple[Path, ...], base_url: str, api_key: str, max_credits: int | None
) -> None:
    """Verify a provider by consumers' pacts, with Pact's own engine and our provider states (extra `pact`).

    A running mock is put into every state. Any other provider only into those for which an API key is enough; the
    other interactions are named and left out. The key never enters a pact or the output.
    """
    from outpaint.conformance.pact_check import pact_verifying
    from outpaint.conformance.pact_check.pact_reading import read_pact

    broken = kept = 0
    for file in map(read_pact, files):
        verdict = pact_verifying.verify(file, base_url, api_key, max_credits=max_credits)
        for description, why in verdict.broken:
            click.echo(f"{file.path}: BROKEN {description}: {why}")
        for description, why in verdict.left_out:
            click.echo(f"{file.path}: not verified {description}: {why}")
        click.echo(
            f"{file.path}: {len(verdict.kept)} kept, {len(verdict.broken)} broken, "
            f"{len(verdict.left_out)} not verified at {base_url}"
        )
        broken += len(verdict.broken)
        kept += len(verdict.kept)
    if broken or not kept:
        context.exit(ExitCode.FAILED if broken else ExitCode.TOO_LITTLE_SEEN)
