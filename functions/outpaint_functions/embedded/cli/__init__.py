"""The command line, `outpaint`; each command's machinery is imported only when it runs."""

from __future__ import annotations

import os

# Looking for pydantic's plugins goes through every installed package, a tenth of the whole start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from outpaint_functions.embedded.cli.entry import main

__all__ = ["main"]
