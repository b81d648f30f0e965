"""The mock as a target, in process or on a server: a world of its own, in the recorded state."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import httpx
from outpaint_contracts.verification.mock_controls import MockServer
from outpaint_contracts.verification.remote import TIMEOUT_S, is_near

from outpaint_mocks.admin.models import Advance, SetUp
from outpaint_mocks.drift.asking_again import Again
from outpaint_mocks.drift.job_scripts import Setting
from outpaint_mocks.drift.recording import Exchange
from outpaint_mocks.drift.targets import Reply, Target
from outpaint_mocks.faces.httpx import OutpaintTransport
from outpaint_mocks.mock_paths import WORLD_PREFIX
from outpaint_mocks.options import WorldOptions
from outpaint_mocks.scenarios import HEADER

_IN_PROCESS: Final = "mock.test"
_ENDS: Final = frozenset({"succeeded", "failed", "expired", "cancelled"})


@contextmanager
def mock_in_process(setting: Setting) -> Iterator[Target]:
    """A fresh world with a clock of its own, in this process: no time passes but the recording's."""
    world = WorldOptions(
        keys={_key(name): credits_ for name, credits_ in setting.keys.items()}, settings=setting.settings
    ).world("drift")
    # By the recorded provider's scheme: whether a result can be the source of another request depends on it.
    base_url = f"{setting.scheme}://{_IN_PROCESS}"
    with httpx.Client(transport=OutpaintTransport(world), base_url=base_url, timeout=None) as client:  # noqa: S113 - virtual time

        class InProcess(_Scripted):
            name = "the mock in process"

            def now(self) -> float:
                return world.clock.now()

            def advance(self, seconds: float) -> None:
                world.clock.advance(seconds)

            def release(self, inference_id: str) -> None:
                if inference_id in world.pending:
                    world.release(inference_id)

        yield InProcess(client)


@contextmanager
def mock_server(server: MockServer, setting: Setting) -> Iterator[Target]:
    """A world of its own on a running mock server, its clock standing still but for what the recording took."""
    name = f"drift-{secrets.token_hex(6)}"
    keys = {_key(key): credits_ for key, credits_ in setting.keys.items()}
    server.ask("PUT", f"/worlds/{name}", SetUp(clock="frozen", keys=keys, settings=setting.settings))
    try:
        with httpx.Client(
            base_url=f"{server.url}{WORLD_PREFIX}{name}",
            timeout=TIMEOUT_S,
            verify=False,  # noqa: S501 - plain HTTP
            trust_env=not is_near(server.url),
        ) as client:

            class OverTcp(_Scripted):
                def now(self) -> float:
                    return float(server.ask("GET", "/clock", world=name)["now"])

                def advance(self, seconds: float) -> None:
                    server.ask("POST", "/clock/advance", Advance(seconds=seconds), world=name)

                def release(self, inference_id: str) -> None:
                    job = server.ask("GET", f"/jobs/{inference_id}", world=name)
                    if job["state"] not in _ENDS:
                        server.ask("POST", f"/jobs/{inference_id}/release", world=name)

            target = OverTcp(client)
            target.name = f"the mock server at {server.url}"
            yield target
    finally:
        server.ask("DELETE", f"/worlds/{name}")


class _Scripted:
    """A mock, whose world is ours alone."""

    name = "the mock"
    scripted = True
    idempotency = ""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._began = self.now()

    def now(self) -> float:
        raise NotImplementedError

    def advance(self, seconds: float) -> None:
        raise NotImplementedError

    def release(self, inference_id: str) -> None:
        raise NotImplementedError

    def key(self, name: str) -> str:
        return _key(name)

    def come_to(self, exchange: Exchange, ended: Sequence[str]) -> None:
        ahead = self._began + exchange.at - self.now()
        if ahead > 0:
            self.advance(ahead)
        for inference_id in ended:
            self.release(inference_id)

    def pause(self, seconds: float) -> None:
        self.advance(seconds)

    def ask(self, request: Again, scenario: str | None) -> Reply:
        headers = [*request.wire_headers, *([(HEADER.encode(), scenario.encode())] if scenario is not None else [])]
        began = self.now()
        response = self._client.request(request.method, request.url, headers=headers, content=request.body)
        return Reply(response, self.now() - began)


def _key(name: str) -> str:
    """The key that stands for a recorded one in a world of ours."""
    return f"drift-{name}"
