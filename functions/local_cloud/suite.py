"""The wire-behaviour suite against a deployed stack. What it leaves out, and why, is written here and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from local_cloud.processes import ROOT

# Bytes that are not HTTP end at AWS's own front door, and here at that of a stand-in: neither is ours.
LEFT_OUT: Final = ("tests/wire/test_raw_http.py",)


def run(base_url: str, key: str, second_key: str, arguments: Sequence[str] = ()) -> int:
    """The suite's exit status, 0 where everything passed; the keys are of two accounts that nobody else uses."""
    command = [sys.executable, "-m", "pytest", "tests/wire", f"--base-url={base_url}"]
    command += [f"--api-key={key}", f"--second-api-key={second_key}", "-p", "no:cacheprovider"]
    command += [f"--ignore={path}" for path in LEFT_OUT]
    return subprocess.run([*command, *arguments], cwd=ROOT, check=False).returncode  # noqa: S603 - pytest
