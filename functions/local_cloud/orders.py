"""What the painting process is told by whoever proves the stack: hold your jobs, or break them.

Orders are files in a folder, so that whoever gives them needs no connection to the process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from outpaint_contracts.errors import ErrorCode, OutpaintError

LONGEST_HOLD_S: Final = 120.0
_LOOK_S: Final = 0.01


class Orders:
    """What a painter is told, as files in a folder; given on one side, followed on the other."""

    def __init__(self, folder: Path) -> None:
        self._hold = folder / "hold"
        self._fail = folder / "fail"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Nothing is painted inside the block."""
        with _there(self._hold, b""):
            yield

    @contextmanager
    def failing(self, error: Exception) -> Iterator[None]:
        """What is painted inside the block breaks with this error."""
        told = [error.code, error.detail] if isinstance(error, OutpaintError) else [None, str(error)]
        with _there(self._fail, json.dumps(told).encode()):
            yield

    def follow(self) -> None:
        """Wait while held; raises what was ordered."""
        until = time.monotonic() + LONGEST_HOLD_S
        while self._hold.exists():
            if time.monotonic() > until:
                raise OutpaintError(ErrorCode.UNAVAILABLE, "a case forgot to release its jobs")
            time.sleep(_LOOK_S)
        try:
            code, detail = json.loads(self._fail.read_bytes())
        except FileNotFoundError:
            return
        raise RuntimeError(detail) if code is None else OutpaintError(ErrorCode(code), detail)


@contextmanager
def _there(path: Path, content: bytes) -> Iterator[None]:
    """A file that is there, whole, while the block runs."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.rename(path)
    try:
        yield
    finally:
        path.unlink()
