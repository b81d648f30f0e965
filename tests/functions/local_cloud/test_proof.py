"""Which of the contract's cases a stack here is not held to."""

from __future__ import annotations

from local_cloud import proof

from outpaint.conformance.cases import all_cases


def test_what_is_left_out_is_there_to_be_left_out() -> None:
    assert set(proof.LEFT_OUT) <= {case.family for case in all_cases()}


def test_all_else_is_asked() -> None:
    asked = {case.family for case in proof.stack_cases()}
    assert asked == {case.family for case in all_cases()} - set(proof.LEFT_OUT)
