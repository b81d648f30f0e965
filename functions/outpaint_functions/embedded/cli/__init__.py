"""The command line, `outpaint`; each command's machinery is imported only when it runs."""

from __future__ import annotations

from outpaint_functions.embedded.cli.entry import main

__all__ = ["main"]
