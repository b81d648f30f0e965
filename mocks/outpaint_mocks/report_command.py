"""`outpaint mock report`: what a running mock has to say about the clients that called it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from outpaint_mocks.mock_paths import ADMIN_ROOT, DEFAULT_WORLD, prefix_of

if TYPE_CHECKING:
    from outpaint_mocks.report import Report

_TIMEOUT_S = 30.0
_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command()
@click.option(
    "--url", metavar="URL", default="http://127.0.0.1:4010", show_default=True, help="Where the mock is reached."
)
@click.option("--world", metavar="NAME", default=DEFAULT_WORLD, show_default=True, help="Whose calls are judged.")
@click.option("--junit", metavar="FILE", type=_FILE, help="Write it as JUnit XML too.")
@click.option("--json", "json_", metavar="FILE", type=_FILE, help="Write it as JSON too.")
@click.option("--html", metavar="FILE", type=_FILE, help="Write it as a page to read too.")
@click.option("--ignore", metavar="CODE", multiple=True, help="Leave a check out; may be repeated.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.pass_context
def report(
    context: click.Context,
    url: str,
    world: str,
    junit: Path | None,
    json_: Path | None,
    html: Path | None,
    ignore: tuple[str, ...],
    strict: bool,
) -> None:
    """Judge the clients that called a running mock; ends with 0 if they behave, else with 1.

    \b
    Examples:
      outpaint mock report
      outpaint mock report --world checkout --junit report.xml --html report.html
      outpaint mock report --strict --ignore idempotency_key
    """
    found = _fetched(url, world)
    try:
        found = found.ignoring(ignore)
    except LookupError as error:
        raise click.BadParameter(str(error), param_hint="--ignore") from None
    if junit is not None:
        from outpaint_mocks.report.junit import as_junit

        junit.write_text(as_junit(found, strict=strict), encoding="utf-8")
    if json_ is not None:
        json_.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if html is not None:
        from outpaint_mocks.report.page import as_page

        html.write_text(as_page(found), encoding="utf-8")
    from outpaint_mocks.report.text import as_text

    click.echo(as_text(found))
    if not found.passes(strict=strict):
        context.exit(1)


def _fetched(url: str, world: str) -> Report:
    import httpx
    from pydantic import ValidationError

    from outpaint_mocks.report import Report

    asked = f"{url.rstrip('/').removesuffix('/v1')}{prefix_of(world)}{ADMIN_ROOT}/report"
    try:
        # No proxy of the environment's stands between this machine and itself.
        with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
            answer = client.get(asked)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise click.ClickException(f"{url} does not answer ({error}): is `outpaint mock` running there?") from None
    try:
        if answer.status_code == 200:
            return Report.model_validate_json(answer.content)
        detail = answer.json()["detail"]
    except (ValidationError, ValueError, KeyError, TypeError):
        detail = f"{asked} answered {answer.status_code}, and not as a mock does"
    raise click.ClickException(str(detail))
