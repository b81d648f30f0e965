"""The bundled photo that a first run outpaints."""

from __future__ import annotations

from importlib.resources import files


def sample_photo() -> bytes:
    """A JPEG of 600x400 pixels: a cup of espresso on a wooden table, all of it opaque.

    Photograph by Rachel Michetti, Pikolo Espresso Bar, released under CC0 (see NOTICE). Extended to 1024x768
    it shows what the `migan` painter can do.
    """
    return files(__name__).joinpath("coffee.jpg").read_bytes()
