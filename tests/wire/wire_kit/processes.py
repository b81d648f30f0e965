"""The local server and the mock server as processes of their own, reached by their base URLs alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from outpaint.conformance.proving.provider import Provider
from outpaint.conformance.verify.mock_server_provider import MockServer
from outpaint.conformance.verify.reachability import balance_at
from outpaint.conformance.verify.remote_provider import RemoteProvider

CREDITS: Final = 100_000
_STOP_S: Final = 30


@contextmanager
def local_server() -> Iterator[Provider]:
    """`outpaint serve` on a data folder of its own, with two accounts that `outpaint keys create` made."""
    with TemporaryDirectory(prefix="outpaint-verify-") as folder, served(folder) as base_url:
        key, second = (_key(folder, name) for name in ("first", "second"))
        balance_at(base_url, key)
        yield RemoteProvider(base_url, key, second)


@contextmanager
def mock_server() -> Iterator[Provider]:
    """`outpaint mock`, in a world of its own."""
    with started(["mock", "--port", "0"], r"outpaint mock on (http://\S+)/v1") as url:
        server = MockServer.at(url)
        assert server is not None, f"the mock at {url} does not let itself be administered"
        try:
            with server.world() as world:
                yield world
        finally:
            server.close()


def served(folder: str) -> AbstractContextManager[str]:
    """`outpaint serve` on a data folder; gives its base URL."""
    # All cases share two accounts, so that the usual 500 requests a minute would be waited for.
    words = ["serve", "--port", "0", "--painter", "flat", "--data", folder, "--rate-limit", "1000000"]
    return started(words, r"serves on (http://\S+)")


def _key(folder: str, name: str) -> str:
    made = subprocess.run(
        [_outpaint(), "keys", "create", name, "--credits", str(CREDITS), "--data", folder],
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.strip()


@contextmanager
def started(words: list[str], announced: str) -> Iterator[str]:
    """A process for as long as the block runs; gives the URL that it announces."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "200"}
    with subprocess.Popen([_outpaint(), *words], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            url = next((found[1] for line in process.stdout if (found := re.search(announced, line))), None)
            assert url is not None, f"outpaint {words[0]} ended before it listened"
            yield url
        finally:
            process.terminate()
            process.wait(_STOP_S)


def _outpaint() -> str:
    return str(Path(sys.executable).with_name("outpaint"))
