"""What else could have noticed: Schemathesis, Specmatic's test and a Pact, each as its users run it.

A rival is set upon a server that speaks over TCP, mutated or not. One that finds fault with the correct service cannot
tell a mutant from it, and counts as having noticed none.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from outpaint_contracts.proving.provider import Provider

ROOT = Path(__file__).parents[2]
SCHEMATHESIS = ROOT / ".venv" / "fuzz" / "bin" / "schemathesis"
WEB_SHOP = ROOT / "tests" / "mocks" / "pact" / "web_shop" / "test_web_shop.py"
CREDITS = 10_000_000
PATIENCE_S = 180


@dataclass(frozen=True, slots=True)
class Target:
    """A server to be judged, and two accounts' keys."""

    url: str
    key: str
    second_key: str

    @classmethod
    def of(cls, provider: Provider) -> Target:
        """The server behind a provider that has a socket."""
        host, port = provider.address()
        return cls(f"http://{host}:{port}", provider.exact_key(CREDITS), provider.exact_key(CREDITS))


class Rival(Protocol):
    """A tool that judges a server."""

    name: str

    def finds_fault(self, target: Target) -> bool:
        """Whether it says that something is wrong. Raises `Unavailable` where it cannot be run or does not end."""
        ...


class Unavailable(Exception):  # noqa: N818 - a rival that cannot be had is no error of ours
    """Why a rival cannot be run, in one line."""


class Schemathesis:
    """Every check and phase with our hooks (tests/fuzzing), `examples` of each operation in each phase."""

    name = "Schemathesis"

    def __init__(self, examples: int = 5) -> None:
        self._examples = examples
        if not SCHEMATHESIS.is_file():
            raise Unavailable("Schemathesis is not installed: run `make fuzz` once")

    def finds_fault(self, target: Target) -> bool:
        words = ["--url", target.url, "--examples", str(self._examples), "--seed", "1"]
        keys = {"OUTPAINT_KEY": target.key, "OUTPAINT_SECOND_KEY": target.second_key}
        done = _run([sys.executable, "-m", "fuzzing", *words], {"PYTHONPATH": str(ROOT / "tests"), **keys})
        return done.returncode != 0


class Specmatic:
    """Its contract test of openapi.json, from npm, one request of each kind: all combinations do not end."""

    name = "Specmatic"

    def __init__(self, folder: Path) -> None:
        if shutil.which("npm") is None or shutil.which("java") is None:
            raise Unavailable("Specmatic needs npm and java")
        command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "specmatic@2.55.1"]
        if _run(command, {}).returncode != 0:
            raise Unavailable("npm has no Specmatic to install")
        self._tool = folder / "node_modules" / ".bin" / "specmatic"

    def finds_fault(self, target: Target) -> bool:
        command = [str(self._tool), "test", str(ROOT / "openapi.json"), f"--testBaseURL={target.url}"]
        settings = {"ApiKey": target.key, "MAX_TEST_REQUEST_COMBINATIONS": "1"}
        with subprocess.Popen(
            command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as running:
            patience = threading.Timer(PATIENCE_S, _end, [running])
            patience.start()
            try:
                assert running.stdout is not None
                # It goes on for minutes after its first failure, which says enough.
                blames = any("has FAILED" in line for line in running.stdout)
            finally:
                in_time = patience.is_alive()
                patience.cancel()
                _end(running)
        if not blames and not in_time:
            raise Unavailable(f"it had not ended after {PATIENCE_S} seconds")
        return blames or running.returncode != 0


class Pact:
    """The pact that the example consumer's tests write, verified by Pact's engine."""

    name = "Pact"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "web-shop.json"
        written = ["--outpaint-pact", str(self._file), "--outpaint-consumer", "web-shop", str(WEB_SHOP)]
        done = _run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *written], {})
        if done.returncode != 0 or not self._file.is_file():
            raise Unavailable(f"the example consumer's pact was not written: {done.stdout.strip().splitlines()[-1:]}")

    def finds_fault(self, target: Target) -> bool:
        command = [str(Path(sys.executable).with_name("outpaint")), "contract", "pact", "verify", str(self._file)]
        done = _run([*command, "--base-url", target.url], {"OUTPAINT_KEY": target.key})
        return done.returncode != 0


def _run(command: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"it had not ended after {PATIENCE_S} seconds") from None


def _end(running: subprocess.Popen[str]) -> None:
    """Its script and the Java that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
