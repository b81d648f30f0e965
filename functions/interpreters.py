"""Finds a Python of Lambda's version, by which the package is compiled and tested.

    python functions/interpreters.py 3.13 3.12

prints the first of these versions that is on this machine, and its path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


def find_python(version: str) -> Path | None:
    """An interpreter of this version, such as "3.13", that does start; None where there is none."""
    for path in _candidates(version):
        ask = [str(path), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        try:
            said = subprocess.run(ask, capture_output=True, text=True, check=False)  # noqa: S603 - a Python
        except OSError:
            continue
        if said.returncode == 0 and said.stdout.strip() == version:
            return path
    return None


def _candidates(version: str) -> Iterator[Path]:
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        yield Path(sys.executable)
    # A version manager's shim may be on the PATH and start nothing; then the versions are in its folder.
    if (found := shutil.which(f"python{version}")) is not None:
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)


def main() -> int:
    """Print version and path of the first that is found; 1 where none is."""
    for version in sys.argv[1:]:
        if (path := find_python(version)) is not None:
            print(version, path)  # noqa: T201 - what this command is for
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
