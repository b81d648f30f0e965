"""`outpaint contract pact`: write, check and verify consumer contracts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

import click

if TYPE_CHECKING:
    from outpaint_mocks.pact.reading import PactFile

BROKEN: Final = 1
NO_PACT: Final = 2
NO_PROVIDER: Final = 3
NOTHING_VERIFIED: Final = 6
OVER_BUDGET: Final = 7
_TIMEOUT_S: Final = 30.0
_FILES: Final = click.Path(dir_okay=False, path_type=Path)


@click.group(
    short_help="Consumer contracts as Pact files: write, check, verify.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def pact() -> None:
    """Consumer contracts as Pact files: written by the mock, checked against our contract, verified by a provider.

    \b
    Examples:
      outpaint contract pact write --consumer web-shop pacts/web-shop-outpaint.json
      outpaint contract pact check pacts/web-shop-outpaint.json
      outpaint contract pact verify pacts/*.json --base-url http://127.0.0.1:8080/v1 --api-key dev
    """


@pact.command()
@click.argument("file", type=_FILES)
@click.option("--consumer", metavar="NAME", required=True, help="Who called the mock.")
@click.option("--provider", metavar="NAME", default="outpaint", show_default=True, help="What it calls the API.")
@click.option(
    "--url", metavar="URL", default="http://127.0.0.1:4010", show_default=True, help="Where the mock is reached."
)
@click.option("--world", metavar="NAME", default="default", show_default=True, help="Whose calls are written.")
def write(file: Path, consumer: str, provider: str, url: str, world: str) -> None:
    """Write what a running mock was asked as a Pact v4 FILE.

    The mock must keep bodies (`outpaint mock --keep-bodies 64`); `outpaint mock --pact FILE` does both.

    \b
    Ends with 0 if the file was written, 2 if no call makes an interaction, 3 if no mock answers.
    """
    import httpx

    from outpaint_mocks.worlds import DEFAULT, PREFIX

    prefix = "" if world == DEFAULT else f"{PREFIX}{quote(world, safe='')}"
    asked = f"{url.rstrip('/').removesuffix('/v1')}{prefix}/_mock/pact?"
    try:
        with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
            answer = client.get(asked + urlencode({"consumer": consumer, "provider": provider}))
        document = answer.json()
        found = document["interactions"] if answer.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _NoProviderError(f"{url} does not answer ({error}): is `outpaint mock` running there?") from None
    except (ValueError, KeyError, TypeError):
        raise _NoProviderError(f"{url} answered {answer.status_code}, and not as a mock does") from None
    if found is None:
        raise _NoProviderError(str(document.get("detail", document)))
    if not found:
        raise _NoPactError("no call makes an interaction: did the tests call this mock, and does it keep bodies?")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(answer.content)
    click.echo(f"{file}: {len(found)} interactions of {consumer} with {provider}")


@pact.command(short_help="Check that our contract covers pacts, without a provider.")
@click.argument("files", type=_FILES, nargs=-1, required=True)
@click.option("--base-path", metavar="PATH", default="", help="Stands before every path of the pact, such as /v1.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.pass_context
def check(context: click.Context, files: tuple[Path, ...], base_path: str, strict: bool) -> None:
    """Check that our contract covers consumers' pacts (v1 to v4), without a provider and without Pact's engine.

    Every request must be one that the contract takes, every answer one that it can give, every provider state one
    that providers know; what is not gets one line. Values that differ from run to run and are pinned earn warnings.

    \b
    Ends with 0 if everything is covered, 1 if not, 2 if a file is no pact.

    \b
    Examples:
      outpaint contract pact check pacts/web-shop-outpaint.json
      outpaint contract pact check --base-path /v1 --strict pacts/*.json
    """
    from outpaint_mocks.pact.checking import objections

    failed = False
    for file in _read(files):
        bad = 0
        for one in file.interactions:
            found = objections(one, base_path)
            for objection in found:
                click.echo(f"{file.path}: {objection}")
            bad += any(strict or not objection.warning for objection in found)
        for name in file.strangers:
            click.echo(f"{file.path}: {name}: it is no HTTP interaction, and the API has no other")
        bad += len(file.strangers)
        count = len(file.interactions) + len(file.strangers)
        click.echo(f"{file.path}: {count - bad} of {count} interactions of {file.consumer} are covered")
        failed = failed or bad > 0 or count == 0
    if failed:
        context.exit(BROKEN)


@pact.command(short_help="Verify a provider by pacts, with Pact's own engine.")
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

    \b
    Ends with 0 if all that could be verified was kept, 1 if something was broken, 2 if a file is no pact,
    3 if no provider answers, 6 if nothing could be verified, 7 if it could cost more than --max-credits.
    """
    from outpaint_contracts.errors import ErrorCode, OutpaintError

    from outpaint_mocks.pact import verifying

    broken = kept = 0
    for file in _read(files):
        try:
            verdict = verifying.verify(file, base_url, api_key, max_credits=max_credits)
        except verifying.ProviderError as error:
            raise _NoProviderError(error.detail) from None
        except OutpaintError as error:
            if error.code is ErrorCode.INSUFFICIENT_CREDITS:
                raise _OverBudgetError(error.detail) from None
            raise _NoPactError(error.detail) from None
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
        context.exit(BROKEN if broken else NOTHING_VERIFIED)


def _read(files: Iterable[Path]) -> list[PactFile]:
    from outpaint_mocks.pact.reading import PactFileError, read_pact

    try:
        return [read_pact(file) for file in files]
    except PactFileError as error:
        raise _NoPactError(error.detail) from None


class _NoPactError(click.ClickException):
    """There is no pact to work with."""

    exit_code = NO_PACT


class _NoProviderError(click.ClickException):
    """There is nobody to ask."""

    exit_code = NO_PROVIDER


class _OverBudgetError(click.ClickException):
    """Verifying could cost more than may be spent."""

    exit_code = OVER_BUDGET
