"""Prefer, and the figures on every response."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpaint.contracts.paths_and_headers import Allowance, Prefer, is_idempotency_key


@pytest.mark.parametrize(
    ("values", "expected", "applied"),
    [
        ([], Prefer(), None),
        (["respond-async"], Prefer(respond_async=True), "respond-async"),
        (["wait=10"], Prefer(wait=10), "wait=10"),
        (["respond-async, wait=10"], Prefer(respond_async=True, wait=10), "respond-async, wait=10"),
        (["wait=10", "respond-async"], Prefer(respond_async=True, wait=10), "respond-async, wait=10"),
        (["Respond-Async;foo=1"], Prefer(respond_async=True), "respond-async"),
        (['wait="5"'], Prefer(wait=5), "wait=5"),
        (["wait=5, wait=9"], Prefer(wait=5), "wait=5"),
        (["wait=601"], Prefer(wait=600), "wait=600"),
        (["wait=0"], Prefer(), None),
        (["wait=-3"], Prefer(), None),
        (["wait=soon"], Prefer(), None),
        (["wait=٣"], Prefer(), None),
        (["handling=lenient"], Prefer(), None),
        ([""], Prefer(), None),
    ],
)
def test_preferences(values: list[str], expected: Prefer, applied: str | None) -> None:
    assert Prefer.parse(values) == expected
    assert expected.applied == applied


@given(st.lists(st.text(max_size=40), max_size=4))
def test_no_prefer_header_can_break_the_parser(values: list[str]) -> None:
    prefer = Prefer.parse(values)
    assert prefer.wait is None or 1 <= prefer.wait <= 600


def test_the_figures_are_whole_numbers() -> None:
    assert dict(Allowance(limit=500, available=499, reset_in=31, credits=7).headers()) == {
        "X-Picsart-Ratelimit-Limit": "500",
        "X-Picsart-Ratelimit-Available": "499",
        "X-Picsart-Ratelimit-Reset-Time": "31",
        "X-Picsart-Credit-Available": "7",
    }


@pytest.mark.parametrize(
    ("key", "good"), [("a", True), ("a" * 255, True), ("a" * 256, False), ("", False), ("a b", False), ("é", False)]
)
def test_idempotency_keys(key: str, good: bool) -> None:
    assert is_idempotency_key(key) is good
