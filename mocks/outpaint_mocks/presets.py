"""The published table of magic names: an API key or a prompt's first word `mock_<name>` means a scenario."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from outpaint_contracts.errors import JOB_ERRORS, ErrorCode

from outpaint_mocks.grammar import ScenarioError, nearest
from outpaint_mocks.scenario import Scenario

MAGIC: Final = "mock_"

PRESETS: Final = MappingProxyType(
    {
        "success": "succeed; immediate",
        "polls_1": "polls(1)",
        "polls_3": "polls(3)",
        "time_5": "time(5)",
        "time_30": "time(30)",
        "manual": "manual",
        "never": "lost_completion",
        "flaky": "error(unavailable, times=2)",
        "flaky_poll": "sequence(processing, error(internal), processing, success)",
        "fail_after_2": "fail_after_polls(2, painting_failed)",
        "duplicate": "duplicate_completion",
        "no_credits": "credits(0)",
        "low_credits": "credits(3)",
        "limit_2_in_10": "rate_limit(2, 10)",
        "slow": "latency(3)",
        "jittery": "latency(lognormal, median=0.2, sigma=0.8)",
        "expired_url": "expired_url",
        "expired_once": "expired_url(times=1)",
        "refuse": "refuse",
        "reset_before": "reset(before)",
        "reset_during": "reset(during)",
        "reset_after": "reset(after, on=submit, times=1)",
        "cut": "cut(1000)",
        "cut_lying": "cut(1000, lying)",
        "drip": "drip(2000)",
        "wrong_type": 'content_type("text/html")',
        "wrong_shape": "wrong_shape",
        "gateway": "gateway(502)",
        **{code.value: f"fail({code.value})" if code in JOB_ERRORS else f"error({code.value})" for code in ErrorCode},
    }
)
"""Name to scenario text; each error code stands under its own name."""


def preset_of(word: str) -> Scenario | None:
    """The scenario that a magic word stands for, None for a word without the prefix.

    Raises `ScenarioError` naming the nearest name for one that stands for nothing.
    """
    if not word.startswith(MAGIC):
        return None
    text = PRESETS.get(word.removeprefix(MAGIC))
    if text is None:
        raise ScenarioError(f"{word[:60]} stands for nothing: {nearest(word[:60], [MAGIC + name for name in PRESETS])}")
    return Scenario.of(text)
