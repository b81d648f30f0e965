"""What is left out of the contract on a stack here."""

from __future__ import annotations

from local_cloud import proof

from outpaint.conformance.cases import all_cases


def test_what_is_left_out_is_there_to_be_left_out() -> None:
    families = {case.family for case in all_cases()}
    assert {family for some in proof.LEFT_OUT.values() for family in some} <= families


def test_all_else_is_asked() -> None:
    left_out = {family for some in proof.LEFT_OUT.values() for family in some}
    assert {case.family for case in all_cases()} - left_out == {case.family for case in proof.asked()}
