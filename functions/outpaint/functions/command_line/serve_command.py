"""`outpaint serve`: serves the API on this machine."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY, BALANCE_PATH
from outpaint.functions.command_line.console import (
    OUT,
    LoadPainter,
    data_option,
    limit_option,
    painter_options,
    proxies_option,
    warn,
)
from outpaint.functions.command_line.log_format import LogFormat, configure_logs, log_format_option

if TYPE_CHECKING:
    from outpaint.functions.embedded.client_addresses import TrustedProxies
    from outpaint.functions.embedded.host import Host
    from outpaint.functions.embedded.server_limits import ChangedLimits, ServerLimits

_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
"""An origin in the form of RFC 6454, 6.2."""


@click.command()
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Listen here; 0.0.0.0 for all.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Listen here; 0 takes a free one."
)
@painter_options
@data_option
@click.option(
    "--dev-key",
    is_flag=True,
    envvar="OUTPAINT_DEV_KEY",
    show_envvar=True,
    help="Open the key dev, with 1,000 credits at first, to programs on this machine. "
    "Anything that passes connections on (nginx, ssh, a container's port) passes them to this key, too.",
)
@click.option(
    "--cors-origin",
    "cors_origins",
    metavar="ORIGIN",
    multiple=True,
    help="Let pages of this origin read answers, and no others, and use the key dev where it is open; may be repeated. "
    "[default: * (pages of all origins may read answers, for keys come in a header and not by cookies)]",
)
@click.option("--in-memory", is_flag=True, help="Keep everything in memory and nothing on disk.")
@click.option("--public-url", metavar="URL", help="Where clients reach this server, if not where their requests say.")
@click.option(
    "--rate-limit",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="Requests an account may make in a minute.",
)
@click.option(
    "--credits-per-image", type=click.IntRange(0), default=1, show_default=True, help="What a finished picture costs."
)
@click.option(
    "--sync-wait",
    metavar="SECONDS",
    type=click.IntRange(0, 600),
    default=60,
    show_default=True,
    help="How long a sync request waits before it is answered 202.",
)
@click.option(
    "--accepted-word",
    type=click.Choice(["processing", "success"]),
    default="processing",
    show_default=True,
    help="The status of the 202 to an async POST; success for clients of the vendor of 2025.",
)
@click.option(
    "--insecure-sources", is_flag=True, help="Also fetch an image_url over http, from any port, from this machine."
)
@limit_option("outpaint.functions.embedded.server_limits:ServerLimits")
@proxies_option
@click.option("--log-requests", is_flag=True, help="Write a line to stderr for each request.")
@log_format_option
@click.option(
    "--operator-token-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Its one line is the token that /metrics and the like take, from here and elsewhere; so is the variable "
    "OUTPAINT_OPERATOR_TOKEN. [default: none: this machine asks without, but not with --public-url or "
    "--trusted-proxies]",
)
@click.option(
    "--grace",
    "shutdown_seconds",
    metavar="SECONDS",
    type=click.FloatRange(0),
    default=30,
    show_default=True,
    help="How long a running job may take to end when the server stops.",
)
def serve(
    host: str,
    port: int,
    painter: LoadPainter,
    data: Path,
    dev_key: bool,
    cors_origins: tuple[str, ...],
    in_memory: bool,
    public_url: str | None,
    rate_limit: int,
    credits_per_image: int,
    sync_wait: int,
    accepted_word: str,
    insecure_sources: bool,
    changed_limits: ChangedLimits[ServerLimits],
    proxies: TrustedProxies,
    log_requests: bool,
    log_format: LogFormat,
    operator_token_file: Path | None,
    shutdown_seconds: float,
) -> None:
    """Serve the outpainting API.

    A data folder without a key gets one with 1,000 credits, which is shown once; where nobody reads that, as in a
    container, OUTPAINT_FIRST_KEY in the environment has it. `outpaint keys create` makes others. Jobs and finished
    pictures outlive the server, however it ends.

    \b
    Examples:
      outpaint serve
      outpaint serve --dev-key --cors-origin http://localhost:3000    # the key dev, for a page in development, too
      outpaint serve --port 0 --in-memory --painter flat    # a free port, nothing kept, instant pictures
      outpaint serve --host 0.0.0.0 --public-url https://paint.example --data /var/lib/outpaint
    """
    from outpaint.contracts.responses import StatusWord
    from outpaint.functions.adapters.fetch import SafeFetch
    from outpaint.functions.embedded import server
    from outpaint.functions.embedded.host import open_host
    from outpaint.functions.embedded.server_limits import every_limit, option_names
    from outpaint.functions.embedded.starting_keys import FIRST_KEY_VARIABLE, StartingKeys
    from outpaint.functions.service.service import ServiceSettings

    configure_logs(log_format, requests=log_requests)
    settings = ServiceSettings(
        public_url=public_url,
        rate_limit=rate_limit,
        credits_per_image=credits_per_image,
        sync_wait=sync_wait,
        accepted_word=StatusWord(accepted_word),
        limit_names=option_names(every_limit()),
        **({"cors_origins": tuple(map(_origin, cors_origins))} if cors_origins else {}),
        **changed_limits.settings,
    )
    # Not an option: every user of this machine sees a command line.
    keys = StartingKeys(dev_key, os.environ.get(FIRST_KEY_VARIABLE) or None)
    listener = server.listen(host, port)
    with (
        listener,
        open_host(
            [painter()],
            data=None if in_memory else data,
            settings=settings,
            limits=changed_limits.server,
            proxies=proxies,
            fetch=SafeFetch(insecure=insecure_sources),
            grace=shutdown_seconds,
            keys=keys,
            operator_token=_operator_token(operator_token_file),
        ) as opened,
    ):
        url, place = server.url_of(listener), "memory" if in_memory else str(data)
        server.serve(opened.asgi, listener, lambda: _announce(opened, url, place))


def _origin(text: str) -> str:
    """An origin as browsers send it, or `*`; raises `OutpaintError` for another text."""
    if text != "*" and not _ORIGIN.fullmatch(text.lower()):
        raise OutpaintError.wrong_value(
            "cors_origin", text, "write scheme, host and port, as browsers send them: http://localhost:3000"
        )
    return text.lower()


def _operator_token(file: Path | None) -> str | None:
    """The token in the file, or in the variable; None where neither is given."""
    if file is None:
        return os.environ.get("OUTPAINT_OPERATOR_TOKEN") or None
    # What is no text is no token either, and refused as one.
    return file.read_text(encoding="utf-8", errors="replace").strip()


def _announce(host: Host, url: str, place: str) -> None:
    from importlib.metadata import version

    card = host.painting.cards[0]
    OUT.print(f"outpaint-kit {version('outpaint-kit')} serves on [bold]{url}[/bold]")
    OUT.print(f"  docs     {url}/docs")
    key = _announce_key(host)
    OUT.print(f"  painter  {card.name}: {card.model}", markup=False)
    OUT.print(f"  data     {place}", markup=False)
    if key is not None:
        OUT.print(f"  try      curl -H '{API_KEY}: {key}' '{url}{BALANCE_PATH}'", markup=False)
    OUT.print("Ctrl-C stops it.", style="dim")
    if not ip_address(url.partition("//")[2].rpartition(":")[0].strip("[]")).is_loopback:
        warn("other machines can reach this server, and without TLS: keys travel in the clear unless a proxy adds it")
    # A program that reads these lines through a pipe needs them now.
    OUT.file.flush()


def _announce_key(host: Host) -> str | None:
    """Say which keys were opened, and show one that was made; returns one that can be tried."""
    from outpaint.functions.embedded.starting_keys import DEVELOPMENT_KEY, FIRST_ACCOUNT, FIRST_KEY_VARIABLE
    from outpaint.functions.service.admission import key_digest

    key = host.keys.made
    if key is not None:
        OUT.print(f"  key      {key} ({FIRST_ACCOUNT.credits:,} credits; keep it, it is not shown again)", markup=False)
    if host.keys.first_is_unused:
        warn(f"{FIRST_KEY_VARIABLE} opens nothing: the folder has had other keys; `outpaint keys create` makes more")
    account = host.service.accounts.by_key_digest(key_digest(DEVELOPMENT_KEY))
    if account is None:
        if host.service.settings.local_keys:
            warn(f"the key {DEVELOPMENT_KEY} was revoked in this folder, and stays so")
        return key
    if not host.service.settings.local_keys:
        OUT.print(f"  key      {DEVELOPMENT_KEY} is closed: --dev-key opens it on this machine", markup=False)
        return key
    if host.service.settings.public_url is not None:
        warn(f"what passes connections on to here, for --public-url, may lend the key {DEVELOPMENT_KEY} to everybody")
    left = f"{account.credits:,} credits left, for programs on this machine"
    OUT.print(f"  key      {DEVELOPMENT_KEY} ({left})", markup=False)
    return DEVELOPMENT_KEY
