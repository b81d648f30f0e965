"""Honest consumers are never blamed, and every careless one is, by the check that is about its flaw."""

from __future__ import annotations

import os
from collections import Counter
from typing import Final

import pytest
from mocks.report.consumers import Flaw, careless_world, honest_world, story

from outpaint.mocks.report.client_checks import CHECKS, judge
from outpaint.mocks.report.findings import CheckOutcome

CONSUMERS: Final = int(os.environ.get("OUTPAINT_CONSUMERS", "40"))
"""How many worlds of honest consumers are drawn; their seeds are the numbers from `FIRST` on."""
FIRST: Final = int(os.environ.get("OUTPAINT_FIRST_CONSUMER", "0"))


def test_honest_consumers_are_never_blamed() -> None:
    alarms: dict[int, list[str]] = {}
    judged: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + CONSUMERS):
        world = honest_world(seed)
        report = judge(world)
        judged.update({check.code: check.judged for check in report.checks})
        if not report.passes(strict=True):
            found = [finding.text for check in report.failures for finding in check.findings]
            alarms[seed] = [f"{check.code}: {check.failed}" for check in report.failures] + found[:6]
            if len(alarms) == 1:
                alarms[seed].append(f"\n{story(world)}")
    assert not alarms, "\n".join(f"seed {seed}: {'; '.join(lines)}" for seed, lines in alarms.items())
    # A rule that was never put to the test says nothing.
    if CONSUMERS >= 40:
        assert {check.code for check in CHECKS} - {code for code, times in judged.items() if times} == set()


@pytest.mark.parametrize("flaw", Flaw)
def test_a_careless_consumer_is_named(flaw: Flaw) -> None:
    for seed in range(3):
        world = careless_world(flaw, seed)
        assert judge(world).of(flaw).outcome is CheckOutcome.FAILED, f"seed {seed}\n{story(world)}"


def test_there_is_a_careless_consumer_for_every_rule() -> None:
    # Of these the one is about the vendor's profile, and the other about the test's clock.
    assert {check.code for check in CHECKS} - set(Flaw) == {"leans_on_ours", "frozen_clock"}
