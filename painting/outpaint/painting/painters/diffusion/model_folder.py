"""A folder of weights and the manifest that it is checked against.

`python -m outpaint.painting.painters.diffusion.model_folder FOLDER --name NAME --licence LICENCE` writes the manifest.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outpaint.contracts.errors import OutpaintError

MANIFEST: Final = "outpaint-model.json"
_COMMAND: Final = "python -m outpaint.painting.painters.diffusion.model_folder"


class WeightFile(BaseModel):
    """One file of the folder."""

    model_config = ConfigDict(frozen=True)

    path: str
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ModelManifest(BaseModel):
    """The files of a folder of weights, and the model's name and licence."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="The model and its version, for people.")
    licence: str
    files: tuple[WeightFile, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over every path and digest: one number for the whole model."""
        lines = sorted(f"{file.sha256}  {file.path}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def write_manifest(folder: Path, *, name: str, licence: str) -> ModelManifest:
    """Hash the folder's files into its manifest."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    with ThreadPoolExecutor() as threads:
        digests = list(threads.map(_digest, paths))
    manifest = ModelManifest(
        name=name,
        licence=licence,
        files=tuple(
            WeightFile(path=path.relative_to(folder).as_posix(), bytes=path.stat().st_size, sha256=digest)
            for path, digest in zip(paths, digests, strict=True)
        ),
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
    return manifest


def verified_manifest(folder: Path) -> ModelManifest:
    """The folder's manifest, once every file's hash was compared with it.

    Raises `OutpaintError` UNAVAILABLE naming the first file that is missing, changed or not in the manifest.
    """
    try:
        manifest = ModelManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise OutpaintError.unavailable(f"the weights' folder has no {MANIFEST}: write it with {_COMMAND}") from None
    except (OSError, ValidationError) as error:
        raise OutpaintError.unavailable(
            f"{MANIFEST} cannot be read ({type(error).__name__}): write it again"
        ) from error
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    strange = sorted(present - {file.path for file in manifest.files})
    if strange:
        raise OutpaintError.unavailable(f"{strange[0]} is not in {MANIFEST}: remove it, or write the manifest again")
    with ThreadPoolExecutor() as threads:
        for reason in threads.map(lambda file: _difference(folder, file), manifest.files):
            if reason is not None:
                raise OutpaintError.unavailable(reason)
    return manifest


def _difference(folder: Path, file: WeightFile) -> str | None:
    path = folder / file.path
    try:
        if path.stat().st_size != file.bytes:
            return f"{file.path} has {path.stat().st_size:,} bytes instead of {file.bytes:,}: copy it again"
        if _digest(path) != file.sha256:
            return f"{file.path} is not the file that was described (SHA-256 differs): copy it again"
    except OSError as error:
        return f"{file.path} cannot be read ({error.strerror or error}): copy it again"
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Write a folder's manifest and print the model's digest."""
    parser = argparse.ArgumentParser(
        prog=_COMMAND, description="Write the manifest that the endpoint checks its weights against."
    )
    parser.add_argument("folder", type=Path, help="a pipeline's folder, as diffusers saves it")
    parser.add_argument("--name", required=True, help="the model and its version, for people")
    parser.add_argument("--licence", required=True, help="the weights' licence")
    options = parser.parse_args(arguments)
    if not (options.folder / "model_index.json").is_file():
        parser.error(f"{options.folder} has no model_index.json, so it is no pipeline's folder")
    manifest = write_manifest(options.folder, name=options.name, licence=options.licence)
    sys.stdout.write(f"{manifest.digest}  {len(manifest.files)} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
