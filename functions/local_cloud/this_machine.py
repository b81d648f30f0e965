"""What this machine is to Lambda, and what a cloud here is made of."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Final

from local_cloud.processes import CloudError

PREPARE: Final = "`make verify-all` prepares it"
_ARCHITECTURES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def architecture() -> str:
    """What Lambda calls this machine's architecture."""
    known = _ARCHITECTURES.get(platform.machine().lower())
    if known is None:
        raise CloudError(f"Lambda has no architecture {platform.machine()}")
    return known


def version_of(python: Path) -> str:
    """An interpreter's version as Lambda's runtimes are named, such as 3.13."""
    ask = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - its version
