"""How Hypothesis runs wherever a test says nothing of it."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def test_an_example_may_take_its_time() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
