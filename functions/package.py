"""Builds what Lambda runs: the floors that it needs, their dependencies for its platform, and nothing else.

    python functions/package.py FOLDER [--architecture arm64|x86_64] [--python 3.13]

Takes pip and the lock; needs no compiler, no container and no AWS account. Prints what it weighs.
"""

from __future__ import annotations

import argparse
import compileall
import shutil
import subprocess
import sys
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "locks" / "functions.txt"
PLATFORMS: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
# botocore describes every service of AWS in 25 MB of JSON; these are the ones that are called.
SERVICES: Final = {"dynamodb", "s3", "sagemaker-runtime", "lambda"}
# The painters are on the endpoint's side, and the mocks on nobody's who deploys.
LEFT_OUT: Final = (
    "outpaint_mocks",
    "outpaint_painting/endpoint",
    "outpaint_painting/painters",
    "outpaint_painting/sample",
    "botocore/docs",
    "bin",
)
IMAGE_LIBRARIES: Final = ("PIL", "pillow.libs")


def main() -> int:
    """Build and report; 1 where pip fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="arm64")
    parser.add_argument("--python", default="3.13", metavar="X.Y")
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    machine = PLATFORMS[given.architecture]
    platforms = [part for glibc in ("2_28", "2_17", "2014") for part in ("--platform", _platform(glibc, machine))]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    target = ["--target", str(folder), "--no-compile"]
    wheels = ["--python-version", given.python, "--implementation", "cp", "--only-binary", ":all:", "--no-deps"]
    for arguments in (
        [*target, *platforms, *wheels, "--require-hashes", "--requirement", str(LOCK)],
        [*target, "--no-deps", str(ROOT)],
    ):
        if subprocess.run([*pip, *arguments], check=False).returncode != 0:  # noqa: S603 - pip, with our arguments
            return 1
    _trim(folder)
    if given.python == f"{sys.version_info.major}.{sys.version_info.minor}":
        # Lambda cannot write beside its code: what is not compiled here is compiled at every cold start.
        compileall.compile_dir(
            folder, quiet=2, stripdir=str(folder), invalidation_mode=PycInvalidationMode.UNCHECKED_HASH, workers=1
        )
    _report(folder)
    return 0


def _platform(glibc: str, machine: str) -> str:
    return f"manylinux{glibc}_{machine}" if glibc == "2014" else f"manylinux_{glibc}_{machine}"


def _trim(folder: Path) -> None:
    for name in LEFT_OUT:
        shutil.rmtree(folder / name, ignore_errors=True)
    for described in (folder / "botocore" / "data").iterdir():
        if described.is_dir() and described.name not in SERVICES:
            shutil.rmtree(described)
    for pattern in ("**/tests", "**/__pycache__"):
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path, ignore_errors=True)


def _report(folder: Path) -> None:
    sizes = {path: sum(file.stat().st_size for file in _files(path)) for path in folder.iterdir()}
    images = sum(size for path, size in sizes.items() if path.name in IMAGE_LIBRARIES)
    print(  # noqa: T201 - what this command is for
        f"{folder.name}: {sum(sizes.values()) / 1e6:.1f} MB unzipped, "
        f"{(sum(sizes.values()) - images) / 1e6:.1f} MB without the image libraries"
    )


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


if __name__ == "__main__":
    sys.exit(main())
