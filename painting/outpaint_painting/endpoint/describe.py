"""`python -m outpaint_painting.endpoint.describe FOLDER --name N --licence L`: write a model folder's manifest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from outpaint_painting.painters.diffusion import model_folder


def main(arguments: list[str] | None = None) -> int:
    """Hash the folder's files into its manifest and print the model's digest."""
    parser = argparse.ArgumentParser(description="Write the manifest that the endpoint checks its weights against.")
    parser.add_argument("folder", type=Path, help="a pipeline's folder, as diffusers saves it")
    parser.add_argument("--name", required=True, help="the model and its version, for people")
    parser.add_argument("--licence", required=True, help="the weights' licence")
    options = parser.parse_args(arguments)
    if not (options.folder / "model_index.json").is_file():
        parser.error(f"{options.folder} has no model_index.json, so it is no pipeline's folder")
    manifest = model_folder.describe(options.folder, name=options.name, licence=options.licence)
    model_folder.write(options.folder, manifest)
    sys.stdout.write(f"{manifest.digest}  {len(manifest.files)} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
