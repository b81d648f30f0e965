"""Files out of npm packages for tests, fetched once and pinned by version and SHA-256."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 300


class NoPackageError(Exception):
    """Why a package cannot be had."""


def fetch(package: str, digest: str, scratch: Path) -> bytes:
    """The archive of `name@version`, whose SHA-256 (hex) is known; raises `NoPackageError`."""
    npm = shutil.which("npm")
    if npm is None:
        raise NoPackageError(f"this machine has no npm to fetch {package} with")
    command = [npm, "pack", package, "--silent", "--cache", str(scratch / "cache")]
    try:
        subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=PATIENCE_S)
    except (subprocess.SubprocessError, OSError) as error:
        raise NoPackageError(f"npm could not fetch {package}: {error}") from None
    data = next(scratch.glob("*.tgz")).read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise NoPackageError(f"{package} is not the file that these tests know")
    return data
