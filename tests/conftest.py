"""What holds for every folder of tests: options that more than one knows, and that no example is timed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# Hypothesis fails an example that takes longer than 200 ms, and a test whose examples are long in the making. On a busy
# machine any may; no test of ours is about speed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("wire", "wire behaviour against a running provider")
    group.addoption("--base-url", help="run the wire suite against this provider instead of our own two")
    group.addoption("--api-key", default="dev", help="the key to use there")
    group.addoption("--second-api-key", help="a key of another account there")
