"""Providers for the wire-behaviour suite: service and mock by each of their faces, or any base URL that is given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("wire_kit")

from wire_kit.api import Api  # noqa: E402 - rewritten first, so that its assertions explain themselves
from wire_kit.providers import Provider, RemoteProvider  # noqa: E402

OWN = ["core", "tcp", "respx", "httpx2", "mock-tcp"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "provider" in metafunc.fixturenames:
        remote = metafunc.config.getoption("--base-url")
        metafunc.parametrize("provider", [remote] if remote else OWN, indirect=True, scope="session")


@pytest.fixture(scope="session")
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """Whom the case runs against."""
    if request.param == "core":
        from wire_kit.hosts import core_provider

        with core_provider() as own:
            yield own
    elif request.param == "tcp":
        from wire_kit.hosts import tcp_provider

        with tcp_provider() as own:
            yield own
    elif request.param in OWN:
        from wire_kit import mocks

        faces = {"respx": mocks.respx_provider, "httpx2": mocks.httpx2_provider, "mock-tcp": mocks.mock_tcp_provider}
        with faces[request.param]() as own:
            yield own
    else:
        options = request.config
        yield RemoteProvider(request.param, options.getoption("--api-key"), options.getoption("--second-api-key"))


@pytest.fixture
def api(provider: Provider) -> Iterator[Api]:
    """The provider as the owner of a key with credits sees it."""
    with provider.client() as client:
        yield Api(client, provider.key())
