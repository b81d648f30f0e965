"""`--quick` leaves out what it names, and nothing that it does not."""

from __future__ import annotations

import pytest

from .conftest import LEFT_OUT_OF_QUICK, TESTS


@pytest.mark.parametrize("place", LEFT_OUT_OF_QUICK)
def test_what_is_left_out_is_there(place: str) -> None:
    """A file that was renamed would be in it again unseen."""
    assert (TESTS / place).exists()
