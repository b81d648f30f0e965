"""`outpaint contract record`: a proxy that records what a client and a real provider say to each other."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.exit_codes import ExitCode, exit_code_lines

if TYPE_CHECKING:
    from socket import socket

    from outpaint.conformance.drift.recorder import Recorder, RecordingHost
    from outpaint.conformance.drift.recording_file import RecordedExchange

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_BETWEEN_WRITES_S: Final = 1.0


@click.command(epilog=exit_code_lines("contract record"))
@click.option("--upstream", metavar="URL", required=True, help="The provider's base URL, with or without /v1.")
@click.option("--out", metavar="FILE", type=_FILE, required=True, help="Write the recording here.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4020, show_default=True,
    help="Listen here on 127.0.0.1; 0 takes a free one.",
)  # fmt: skip
@click.option(
    "--max-credits", metavar="N", type=click.IntRange(0), default=20, show_default=True,
    help="Refuse requests with 402 that could cost more than is left of these.",
)  # fmt: skip
@click.option(
    "--price", metavar="N", type=click.IntRange(0), default=1, show_default=True, help="Credits an image, as reckoned."
)
@click.option(
    "--key-env", metavar="NAME",
    help="Send the key in this environment variable in place of any key that the client sends.",
)  # fmt: skip
@click.option("--keep-pixels", is_flag=True, help="Keep the pictures themselves, and not only their facts.")
@click.option(
    "--follow-results", is_flag=True, help="Leave result URLs as they are, and fetch each result once by ourselves."
)
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(1, 3600), default=630, show_default=True,
    help="Give the provider so long for an answer.",
)  # fmt: skip
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.pass_context
def record(
    context: click.Context,
    upstream: str,
    out: Path,
    overwrite: bool,
    port: int,
    max_credits: int,
    price: int,
    key_env: str | None,
    keep_pixels: bool,
    follow_results: bool,
    timeout: float,
    command: tuple[str, ...],
) -> None:
    """Record what your client and a real provider say to each other, once, to replay it any number of times.

    Point your client at the proxy instead of the provider and let it do everything that it can do; Ctrl-C ends the
    recording. Given a COMMAND, it runs that with OUTPAINT_BASE_URL set to the proxy, and ends with it.

    Keys, cookies and signatures never get into the file. Of pictures it keeps size, format, hash and a coarse map of
    what is transparent, unless --keep-pixels says otherwise. Prompts are kept as they are. Requests cost what they
    cost at the provider; --max-credits bounds it, by count and --price.

    \b
    Examples:
      outpaint contract record --upstream https://genai-api.picsart.io/v1 --out vendor.json
      outpaint contract record --upstream https://genai-api.picsart.io/v1 --out vendor.json --key-env PICSART_KEY \\
          --max-credits 6 -- pytest tests/live
      outpaint contract drift vendor.json        # what would our mock have said?
    """
    from outpaint.conformance.drift.recorder import Recorder, RecordingHost
    from outpaint.conformance.drift.upstream import Upstream
    from outpaint.conformance.verify.case_selection import CreditBudget
    from outpaint.conformance.verify.reachability import balance_at, check_base_url, check_is_there
    from outpaint.functions.embedded.server import listen, url_of

    if out.exists() and not overwrite:
        raise click.UsageError(f"{out} is there already: choose another --out, or add --overwrite")
    if not out.absolute().parent.is_dir():
        raise click.UsageError(f"there is no folder {out.parent} to write {out.name} into: make it first")
    key = None if key_env is None else os.environ.get(key_env, "").strip()
    if key == "":
        raise click.UsageError(f"the environment variable {key_env} of --key-env is empty or not set")
    base_url = check_base_url(upstream)
    if key is None:
        check_is_there(base_url)
    else:
        credits_ = balance_at(base_url, key)
        click.echo(f"the key has {credits_:,} credits; this recording may spend {max_credits:,}", err=True)
    listener = listen("127.0.0.1", port)
    own = url_of(listener)
    provider = Upstream(base_url, timeout=timeout)
    writer = _Writer(out)
    recorder = writer.recorder = Recorder(
        provider,
        own,
        CreditBudget(max_credits),
        price=price,
        key=key,
        keep_pixels=keep_pixels,
        follow=follow_results,
        on_exchange=writer.note,
    )
    with closing(provider), closing(writer), closing(RecordingHost(recorder)) as host, listener:
        status = _served(host, listener, own, f"recording {base_url}: point your client at {own}/v1", command)
    exchanges = recorder.recording().exchanges
    if not exchanges:
        raise CommandError(ExitCode.TOO_LITTLE_SEEN, "nothing was recorded: no request came")
    click.echo(f"{len(exchanges)} exchanges in {out}; replay them: outpaint contract drift {out}", err=True)
    context.exit(status)


def _served(host: RecordingHost, listener: socket, own: str, announcement: str, command: tuple[str, ...]) -> int:
    """Serve until a signal comes, or until the command has ended, whose exit status is returned."""
    from outpaint.functions.embedded.server import Server, serve

    def announce() -> None:
        click.echo(announcement, err=True)

    if not command:
        serve(host, listener, announce)
        return 0
    started = threading.Event()
    server = Server(host, started.set)
    thread = threading.Thread(target=server.run, args=([listener],), name="recorder", daemon=True)
    thread.start()
    started.wait()
    announce()
    environment = os.environ | {"OUTPAINT_BASE_URL": f"{own}/v1"}
    try:
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - what the user asked for
    except OSError as error:
        raise click.UsageError(f"{command[0]} cannot be run: {error.strerror or error}") from None
    finally:
        server.should_exit = True
        thread.join()


class _Writer:
    """Prints each exchange and writes the file every second or so, so that little is lost whatever ends the process."""

    def __init__(self, out: Path) -> None:
        self.recorder: Recorder
        self._out = out
        self._lock = threading.Lock()
        self._written = 0.0

    def note(self, exchange: RecordedExchange) -> None:
        """Print the exchange, and write the file unless that was done just now."""
        from outpaint.conformance.drift.drift_reports import request_line

        status = "-" if exchange.answer is None else exchange.answer.status
        click.echo(f"{exchange.number:4d}  {status:>3}  {exchange.seconds:6.2f} s  {request_line(exchange)}", err=True)
        if exchange.mark is not None:
            click.echo(f"      {exchange.mark.says}", err=True)
        with self._lock:
            if time.monotonic() - self._written >= _BETWEEN_WRITES_S:
                self._write(f"after exchange {exchange.number}, ")

    def close(self) -> None:
        """Write the whole; raises `CommandError` MACHINE where that cannot be done."""
        with self._lock:
            if self.recorder.recording().exchanges and not self._write():
                raise CommandError(ExitCode.MACHINE, "the recording is lost: the file could not be written")

    def _write(self, when: str = "") -> bool:
        from outpaint.conformance.drift.recording_file import RecordingError

        self._written = time.monotonic()
        try:
            self.recorder.recording().write(self._out)
        except RecordingError as error:
            click.echo(f"error: {when}{error}", err=True)
            return False
        return True
