"""Parametrizes the cases by our own hosts, or by the base URL that is given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from wire_kit.every_host import IN_TESTS, opened

from outpaint.conformance.proving.provider import Provider


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "provider" in metafunc.fixturenames:
        options = metafunc.config
        own = list(IN_TESTS)[:1] if options.getoption("--quick") else list(IN_TESTS)
        remote = options.getoption("--base-url")
        metafunc.parametrize("provider", [remote] if remote else own, indirect=True, scope="module")


# Closed with the module: a router of respx would answer whatever tests a worker runs next.
@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """The provider that the case is proven on."""
    place = IN_TESTS.get(request.param)
    if place is not None:
        with opened(place) as own:
            yield own
        return
    from outpaint.conformance.verify.remote_provider import RemoteProvider

    options = request.config
    yield RemoteProvider(request.param, options.getoption("--api-key"), options.getoption("--second-api-key"))
