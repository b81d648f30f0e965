"""The two packages that are compared: ours as it is deployed, and the plain handler's as pip makes it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import package

ROOT = Path(__file__).resolve().parents[2]
RIVAL_NEEDS = ("aws-lambda-powertools", "boto3", "pillow", "pydantic")


@dataclass(frozen=True)
class Package:
    """A folder that a handler is imported from."""

    name: str
    folder: Path
    module: str

    def megabytes(self) -> tuple[float, float]:
        """All of it, and without the image libraries."""
        return package.megabytes(self.folder)


def ours(version: str) -> Package:
    """What `make build-functions` has built for this machine."""
    architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    folder = ROOT / "build" / f"functions-{architecture}-{version}"
    if not folder.is_dir():
        sys.exit(f"{folder.relative_to(ROOT)} is missing: make bench-functions builds it")
    return Package("ours", folder, "outpaint.functions.handlers.api_handler")


def rival(interpreter: Path, version: str) -> Package:
    """The plain handler with its dependencies, in the versions of our own locks, compiled as ours is."""
    folder = ROOT / "build" / "bench" / f"plain-{version}"
    handler = Path(__file__).with_name("plain_handler.py")
    lock = ROOT / "locks" / "dev.txt"
    stamp = folder / ".ready"
    if not stamp.exists() or stamp.stat().st_mtime < max(handler.stat().st_mtime, lock.stat().st_mtime):
        shutil.rmtree(folder, ignore_errors=True)
        # Hashes are left out: a constraint may not have them, and a reference is not deployed.
        pins = [line.split(" ")[0] for line in lock.read_text().splitlines() if "==" in line.split(" ")[0]]
        folder.mkdir(parents=True)
        constraints = folder.parent / "plain-constraints.txt"
        constraints.write_text("\n".join(pins) + "\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        wheels = ["--python-version", version, "--implementation", "cp", "--only-binary", ":all:"]
        arguments = ["--target", str(folder), "--no-compile", *wheels, "--constraint", str(constraints), *RIVAL_NEEDS]
        subprocess.run([*pip, *arguments], check=True)
        shutil.copy(handler, folder)
        compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder)]
        subprocess.run([str(interpreter), *compiling], check=False)
        stamp.touch()
    return Package("plain handler", folder, "plain_handler")
