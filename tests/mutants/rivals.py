"""What else could have noticed: Schemathesis and a Pact, each as its users run it; Specmatic has a room of its own.

A rival is set upon a server that speaks over TCP, mutated or not. One that finds fault with the correct service cannot
tell a mutant from it, and counts as having noticed none.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from outpaint.conformance.proving.provider import Provider

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
    setting: str
    """How it was set upon the servers."""

    def finds_fault(self, target: Target) -> bool:
        """Whether it says that something is wrong. Raises `Unavailable` where it cannot be run or does not end."""
        ...


class Unavailable(Exception):  # noqa: N818 - a rival that cannot be had is no error of ours
    """Why a rival cannot be run, in one line."""


class Schemathesis:
    """Every check and phase with our hooks (tests/fuzzing), a few requests of each operation in each phase."""

    name = "Schemathesis"
    examples = 5
    setting = f"all checks and phases, our hooks that make real pictures, {examples} requests an operation and phase"

    def __init__(self) -> None:
        if not SCHEMATHESIS.is_file():
            raise Unavailable("Schemathesis is not installed: run `make fuzz` once")

    def finds_fault(self, target: Target) -> bool:
        words = ["--url", target.url, "--examples", str(self.examples), "--seed", "1"]
        keys = {"OUTPAINT_KEY": target.key, "OUTPAINT_SECOND_KEY": target.second_key}
        done = run([sys.executable, "-m", "fuzzing", *words], {"PYTHONPATH": str(ROOT / "tests"), **keys})
        return done.returncode != 0


class Pact:
    """The pact that the example consumer's tests write, verified by Pact's engine."""

    name = "Pact"
    setting = "the pact that an example consumer's tests write, verified by Pact's engine"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "web-shop.json"
        written = ["--outpaint-pact", str(self._file), "--outpaint-consumer", "web-shop", str(WEB_SHOP)]
        done = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *written])
        if done.returncode != 0 or not self._file.is_file():
            raise Unavailable(f"the example consumer's pact was not written: {done.stdout.strip().splitlines()[-1:]}")

    def finds_fault(self, target: Target) -> bool:
        command = [str(Path(sys.executable).with_name("outpaint")), "contract", "pact", "verify", str(self._file)]
        done = run([*command, "--base-url", target.url], {"OUTPAINT_KEY": target.key})
        return done.returncode != 0


def run(
    command: list[str], variables: Mapping[str, str] = MappingProxyType({}), folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """A tool that ran to its end, with variables beside ours. Raises `Unavailable` where it does not end."""
    environment = {**os.environ, **variables}
    try:
        return subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"it had not ended after {PATIENCE_S} seconds") from None
