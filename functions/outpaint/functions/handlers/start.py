"""While a process starts, garbage is not looked for: next to nothing of what imports make is garbage.

In Lambda alone, and from the import of this module, which therefore stands first, until `over`.
"""

from __future__ import annotations

import gc
import os

if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    gc.disable()


def over() -> None:
    """The first answer is made: what there is by now stays, so later searches leave it aside."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
