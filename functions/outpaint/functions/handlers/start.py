"""Turns garbage collection off while a Lambda process starts: next to nothing of what imports make is garbage.

It is off from the import of this module, which is therefore a handler's first, until `over`. Elsewhere nothing changes.
"""

from __future__ import annotations

import gc
import os

if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    gc.disable()


def over() -> None:
    """Turn it on again after the first answer; what exists by then stays, so collections leave it aside."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
