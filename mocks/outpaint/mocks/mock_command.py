"""The commands `outpaint mock` and `outpaint mock report`."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from outpaint.contracts.profiles import WireProfile
from outpaint.functions.command_line.console import limit_option, proxies_option
from outpaint.functions.command_line.log_format import LogFormat, configure_logs, log_format_option
from outpaint.functions.http.local_requests import AllowedHosts
from outpaint.mocks.admin_guard import allowed_host_option, open_admin_option
from outpaint.mocks.mock_paths import ADMIN_ROOT, DEFAULT_WORLD, WORLD_PREFIX, prefix_of
from outpaint.painting.painters.painter_table import PainterHost, names_on

if TYPE_CHECKING:
    from outpaint.functions.embedded.client_addresses import TrustedProxies
    from outpaint.functions.embedded.server_limits import ChangedLimits
    from outpaint.mocks.pact.pact_file import PactFollower
    from outpaint.mocks.report.findings import Report
    from outpaint.mocks.world.world import World
    from outpaint.mocks.world.world_options import WorldOptions
    from outpaint.mocks.world.worlds import WorldLimits


_PICTURES_IN_MEMORY: Final = 8 * 1024 * 1024
"""Bytes; the other pictures are in a temporary folder."""
_BODIES_FOR_PACT: Final = 64
"""MiB of bodies that are kept with --pact: a call's body must still be there when it is answered."""
_CONTEXT: Final = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    "auto_envvar_prefix": "OUTPAINT_MOCK",
}
_TIMEOUT_S: Final = 30.0
_PROFILES: Final = click.Choice([profile.value for profile in WireProfile])
_FILE: Final = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command()
@click.option(
    "--url", metavar="URL", default="http://127.0.0.1:4010", show_default=True, help="Where the mock is reached."
)
@click.option("--world", metavar="NAME", default=DEFAULT_WORLD, show_default=True, help="Judge its calls.")
@click.option("--junit", metavar="FILE", type=_FILE, help="Write it as JUnit XML too.")
@click.option("--json", "json_", metavar="FILE", type=_FILE, help="Write it as JSON too.")
@click.option("--html", metavar="FILE", type=_FILE, help="Write it as a page to read too.")
@click.option("--ignore", metavar="CODE", multiple=True, help="Leave a check out; may be repeated.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option(
    "--profile", type=_PROFILES,
    help="vendor: judge a client that is to work with the vendor.  [default: what the world plays]",
)  # fmt: skip
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
    profile: str | None,
) -> None:
    """Judge the clients that called a running mock; ends with 0 if they behave, else with 1.

    It ends with 1 too where nothing was judged, or where calls are no longer kept (`outpaint mock --keep-calls`).

    \b
    Examples:
      outpaint mock report
      outpaint mock report --world checkout --junit report.xml --html report.html
      outpaint mock report --strict --ignore idempotency_key
      outpaint mock report --profile vendor      # would it work with the vendor?
    """
    found = _fetched(url, world, profile)
    try:
        found = found.ignoring(ignore)
    except LookupError as error:
        raise click.BadParameter(str(error), param_hint="--ignore") from None
    if junit is not None:
        from outpaint.mocks.report.junit_xml import as_junit

        junit.write_text(as_junit(found, strict=strict), encoding="utf-8")
    if json_ is not None:
        json_.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if html is not None:
        from outpaint.mocks.report.report_pages import as_page

        html.write_text(as_page(found), encoding="utf-8")
    from outpaint.mocks.report.report_pages import as_text

    click.echo(as_text(found))
    if not found.passes(strict=strict):
        context.exit(1)


def _fetched(url: str, world: str, profile: str | None) -> Report:
    import httpx
    from pydantic import ValidationError

    from outpaint.mocks.report.findings import Report

    asked = f"{url.rstrip('/').removesuffix('/v1')}{prefix_of(world)}{ADMIN_ROOT}/report"
    try:
        # Not by a proxy that the environment names.
        with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
            answer = client.get(asked, params={} if profile is None else {"profile": profile})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise click.ClickException(f"{url} does not answer ({error}): is `outpaint mock` running there?") from None
    try:
        if answer.status_code == 200:
            return Report.model_validate_json(answer.content)
        detail = answer.json()["detail"]
    except (ValidationError, ValueError, KeyError, TypeError):
        detail = f"{asked} answered {answer.status_code}, and not as a mock does"
    raise click.ClickException(str(detail))


@click.group(
    "mock",
    short_help="Play the outpainting API for tests in any language.",
    invoke_without_command=True,
    context_settings=_CONTEXT,
)
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Listen here; 0.0.0.0 for all.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4010, show_default=True, help="Listen here; 0 takes a free one."
)
@click.option(
    "--clock",
    metavar="frozen|ticking|SCALE",
    default="ticking",
    show_default=True,
    help="How time goes: not by itself, as it does, or so many times as fast.",
)
@click.option("--scenario", metavar="TEXT", multiple=True, help="Applies to every world; may be repeated.")
@click.option("--painter", type=click.Choice(names_on(PainterHost.MOCK)), default="flat", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides ids, seeds and random delays.")
@click.option(
    "--credits", "credits_", type=click.IntRange(0), default=1000, show_default=True, help="What a new key has."
)
@click.option("--public-url", metavar="URL", help="Where clients reach this server, if not where their requests say.")
@click.option(
    "--keep-calls", metavar="N", type=click.IntRange(1, 1_000_000), default=2000, show_default=True,
    help="How many calls the journal of a world keeps.",
)  # fmt: skip
@click.option(
    "--keep-bodies", metavar="MIB", type=click.IntRange(0, 4096), default=0, show_default=True,
    help="How much of requests and answers the journal keeps; hashes and sizes always.",
)  # fmt: skip
@click.option(
    "--profile", type=_PROFILES, default=WireProfile.OURS.value, show_default=True,
    help="vendor: send, read and promise nothing that the vendor's API does not.",
)  # fmt: skip
@click.option(
    "--pact", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="When it stops, write what all clients did as a Pact v4 file; bodies are kept for that.",
)  # fmt: skip
@click.option(
    "--pact-consumer", metavar="NAME", default="consumer", show_default=True, help="Who the consumer is in that file."
)
@limit_option("outpaint.mocks.world.worlds:WorldLimits")
@proxies_option
@log_format_option
@open_admin_option
@allowed_host_option
@click.pass_context
def mock(
    context: click.Context,
    host: str,
    port: int,
    clock: str,
    scenario: tuple[str, ...],
    painter: str,
    seed: int,
    credits_: int,
    public_url: str | None,
    keep_calls: int,
    keep_bodies: int,
    profile: str,
    pact: Path | None,
    pact_consumer: str,
    changed_limits: ChangedLimits[WorldLimits],
    proxies: TrustedProxies,
    log_format: LogFormat,
    open_admin: bool,
    allowed_hosts: tuple[str, ...],
) -> None:
    """Play the outpainting API for tests in any language: any key works, nothing costs, nothing leaves the machine.

    \b
    Examples:
      outpaint mock                              # http://127.0.0.1:4010/v1
      outpaint mock --scenario "polls(2)"        # every job needs three polls
      outpaint mock --clock 60                   # an hour goes by in a minute
      outpaint mock --profile vendor             # without our extensions
      outpaint mock --pact pacts/web-shop.json --pact-consumer web-shop
      curl -H "X-Mock-Scenario: error(rate_limited)" -H "X-Picsart-API-Key: any" localhost:4010/v1/balance
    """
    if context.invoked_subcommand is not None:
        return
    admin_hosts = AllowedHosts.of(allowed_hosts, remote=open_admin)
    configure_logs(log_format)
    # The objects made so far are kept as long as the process, and those in the journal for long: collecting garbage as
    # often as Python does by default takes a tenth of the start, and a tenth of each call.
    gc.set_threshold(50_000, 20, 50)
    from outpaint.mocks.world.world_options import WorldOptions

    options = WorldOptions(
        scenario=scenario or None,
        credits=credits_,
        clock=clock,
        seed=seed,
        painter=painter,
        settings={**changed_limits.settings, **({} if public_url is None else {"public_url": public_url})},
        body_bytes=max(keep_bodies, 0 if pact is None else _BODIES_FOR_PACT) * 1024 * 1024,
        max_calls=keep_calls,
        profile=profile,
    ).checked()
    follower = None
    if pact is not None:
        from outpaint.mocks.pact.pact_file import PactFollower

        follower = PactFollower(pact_consumer)
    _serve(options, host, port, follower, changed_limits.server, proxies, admin_hosts)
    if follower is not None and pact is not None:
        written = follower.pact()
        for left_out in written.left_out:
            click.echo(f"left out {left_out}")
        click.echo(f"{written.write(pact)}: {len(written.interactions)} interactions of {written.consumer}")


mock.add_command(report)


def _serve(
    options: WorldOptions,
    host: str,
    port: int,
    follower: PactFollower | None,
    limits: WorldLimits,
    proxies: TrustedProxies,
    admin_hosts: AllowedHosts,
) -> None:
    from outpaint.functions.embedded.server import listen, serve, url_of
    from outpaint.mocks.transports.tcp_connection import MockConnection
    from outpaint.mocks.transports.tcp_server import MockHost
    from outpaint.mocks.world.blobs import Blobs
    from outpaint.mocks.world.world import Studio
    from outpaint.mocks.world.world_options import painter_named
    from outpaint.mocks.world.worlds import Worlds

    with listen(host, port) as listener:
        studio = Studio(painter_named(options.painter), Blobs(_PICTURES_IN_MEMORY))

        def followed(world: World) -> World:
            return world if follower is None else follower.follow(world)

        worlds = Worlds(
            lambda name: followed(options.world(name, studio)),
            lambda name, changes: followed(replace(options, **changes).checked().world(name, studio)),
            limits.worlds,
        )
        app = MockHost(worlds, admin_hosts=admin_hosts, limits=limits, proxies=proxies)
        url = url_of(listener)

        gc.freeze()

        def announce() -> None:
            click.echo(f"outpaint mock on {url}/v1, any key will do")
            click.echo(f"  page    {url}{ADMIN_ROOT}/ui")
            click.echo(f"  worlds  {url}{WORLD_PREFIX}<world>/v1 (Ctrl-C stops it)")

        try:
            serve(app, listener, announce, MockConnection)
        finally:
            app.close()
