"""What the painting process is told by whoever proves the stack."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from local_cloud.local_deployment import Orders

from outpaint.contracts.errors import ErrorCode, OutpaintError


def test_without_orders_it_goes_on(tmp_path: Path) -> None:
    Orders(tmp_path).follow()


def test_what_is_held_goes_on_when_it_is_let_go(tmp_path: Path) -> None:
    given, followed = Orders(tmp_path), threading.Event()

    def paint() -> None:
        Orders(tmp_path).follow()
        followed.set()

    with given.hold():
        painting = threading.Thread(target=paint)
        painting.start()
        assert not followed.wait(0.05)
    painting.join(10)
    assert followed.is_set()


def test_an_error_comes_through_as_it_was_ordered(tmp_path: Path) -> None:
    given, taken = Orders(tmp_path), Orders(tmp_path)
    with given.failing(OutpaintError(ErrorCode.TIMED_OUT, "too slow")), pytest.raises(OutpaintError) as found:
        taken.follow()
    assert (found.value.code, found.value.detail) == (ErrorCode.TIMED_OUT, "too slow")
    with given.failing(RuntimeError("s3cret")), pytest.raises(RuntimeError, match="s3cret"):
        taken.follow()
    taken.follow()
