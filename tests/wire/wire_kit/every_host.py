"""Every host of our own by its name; a module adds a line and is proven like the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Final

from outpaint.conformance.proving.provider import Provider

IN_TESTS: Final[Mapping[str, str]] = {
    "core": "wire_kit.hosts:core_provider",
    "tcp": "wire_kit.hosts:tcp_provider",
    "respx": "wire_kit.mocks:respx_provider",
    "httpx2": "wire_kit.mocks:httpx2_provider",
    "mock-tcp": "wire_kit.mocks:mock_tcp_provider",
}
"""Those that `make test` proves: a name, and where to find what opens it."""

IN_VERIFY: Final[Mapping[str, tuple[str, str]]] = {
    "core": ("the core in process", "wire_kit.hosts:core_provider"),
    "respx": ("the mock behind respx", "wire_kit.mocks:respx_provider"),
    "httpx2": ("the mock behind httpx2", "wire_kit.mocks:httpx2_provider"),
    "local-server": ("outpaint serve, a process", "wire_kit.processes:local_server"),
    "mock-server": ("outpaint mock, a process", "wire_kit.processes:mock_server"),
}
"""Those that `make verify` tells the verdict of, in this order: a name, what it is, where to find what opens it."""

IN_CLOUDS: Final[Mapping[str, tuple[str, str]]] = {
    "lambda": ("the built package under awslambdaric", "wire_kit.clouds:runtime_client"),
    "ministack": ("template.yaml in ministack", "wire_kit.clouds:in_ministack"),
}
"""Those that `make verify` tells of too, where what they take is installed; held to `local_cloud.proof`'s cases."""

ON_REQUEST: Final[Mapping[str, tuple[str, str]]] = {
    "slow-server": ("the server with random latency", "wire_kit.hosts:slow_provider"),
}
"""Those that `make verify` proves only where HOSTS names them."""


def opened(place: str) -> AbstractContextManager[Provider]:
    """The provider that `module:function` opens, for as long as the block runs."""
    module, _, name = place.partition(":")
    opens: Callable[[], AbstractContextManager[Provider]] = getattr(import_module(module), name)
    return opens()
