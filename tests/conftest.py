"""Options that more than one folder of tests knows."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("wire", "wire behaviour against a running provider")
    group.addoption("--base-url", help="run the wire suite against this provider instead of our own two")
    group.addoption("--api-key", default="dev", help="the key to use there")
    group.addoption("--second-api-key", help="a key of another account there")
