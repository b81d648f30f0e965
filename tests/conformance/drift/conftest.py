"""A recorder and a provider in one process: what is recorded goes over no socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from outpaint.conformance.drift.drift_targets import BaseUrlTarget, mock_in_process
from outpaint.conformance.drift.job_scripts import Setting
from outpaint.conformance.drift.recorder import Recorder
from outpaint.conformance.drift.recording_file import Recording
from outpaint.conformance.drift.replay import Drift, replay
from outpaint.conformance.drift.upstream import Upstream, UpstreamRequest
from outpaint.conformance.verify.case_selection import CreditBudget
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.world.world import World

UPSTREAM = "https://provider.test"
PROXY = "http://127.0.0.1:4020"
KEY = "pk-live-3f9a6c1d8e57"
Change = Callable[[httpx.Request, httpx.Response], httpx.Response]


class Provider(httpx.BaseTransport):
    """Our own service as somebody's, perhaps changed in some way."""

    def __init__(self, change: Change | None = None, scenario: str | None = None, **world: Any) -> None:
        self.world = World(**world)
        if scenario is not None:
            self.world.scenarios.always(scenario)
        self._inner = OutpaintTransport(self.world)
        self._change = change

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        if self._change is None:
            return answer
        answer.read()
        return self._change(request, answer)


class _Proxy(httpx.BaseTransport):
    """The recorder as a client's transport."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode("ascii")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        told = self._recorder.handle(UpstreamRequest(request.method, target, headers, request.read()))
        return httpx.Response(told.status, headers=told.headers, content=told.body)


class Sitting:
    """A recording in the making: `api` is the consumer's client, `recording()` what was kept, read from its text."""

    def __init__(self, transport: httpx.BaseTransport, *, limit: int | None = None, key: str = KEY, **options: Any):
        self.provider: Any = transport
        self.upstream = Upstream(UPSTREAM, timeout=5, transport=transport)
        self.recorder = Recorder(self.upstream, PROXY, CreditBudget(limit), **options)
        self.api = httpx.Client(
            transport=_Proxy(self.recorder), base_url=f"{PROXY}/v1", headers={"X-Picsart-API-Key": key}
        )

    def recording(self) -> Recording:
        return Recording.parse(self.recorder.recording().text())

    def close(self) -> None:
        self.api.close()
        self.upstream.close()


Sit = Callable[..., Sitting]


@pytest.fixture
def sit(request: pytest.FixtureRequest) -> Sit:
    """Opens sittings, which end with the test."""

    def opened(transport: httpx.BaseTransport | None = None, **options: Any) -> Sitting:
        sitting = Sitting(transport or Provider(), **options)
        request.addfinalizer(sitting.close)
        return sitting

    return opened


def at_the_mock(recording: Recording) -> Drift:
    """Replayed at the mock in process."""
    with mock_in_process(Setting.of(recording)) as target:
        return replay(recording, target)


def at(recording: Recording, transport: httpx.BaseTransport, *, slept: list[float] | None = None) -> Drift:
    """Replayed at a provider in the state that it is in; sleeps are noted and not slept."""
    sleep = (slept if slept is not None else []).append
    known = tuple(Setting.of(recording).keys)
    with BaseUrlTarget(UPSTREAM, [KEY, "another-key-of-ours"], known=known, transport=transport, sleep=sleep) as target:
        return replay(recording, target)


def names(drift: Drift) -> list[str]:
    """What differs, each once, in order."""
    return list(dict.fromkeys(one.name for one in drift.differences))
