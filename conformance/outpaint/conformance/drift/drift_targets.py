"""Where a recording is replayed: on a mock whose world is made for it, or at any provider's base URL."""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from outpaint.conformance.drift.job_scripts import Setting
from outpaint.conformance.drift.recording_file import RecordedExchange, Recording
from outpaint.conformance.drift.repeated_requests import CannotAsk, RepeatedRequest
from outpaint.conformance.verify.mock_server_provider import MockWorld, world_at
from outpaint.conformance.verify.reachability import balances_at, check_base_url
from outpaint.conformance.verify.remote_provider import RetryingClient, SharedPause, client_options
from outpaint.contracts.errors import ERROR_KINDS
from outpaint.contracts.profiles import WireProfile
from outpaint.mocks.scenarios.world_scenarios import HEADER
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.world.world import World
from outpaint.mocks.world.world_options import WorldOptions

_LONGEST_PAUSE_S: Final = 60.0
_IN_PROCESS: Final = "mock.test"
_TOO_MANY: Final = tuple(code for code, kind in ERROR_KINDS.items() if kind.status == 429)
_ENDS: Final = frozenset({"succeeded", "failed", "expired", "cancelled"})


@dataclass(frozen=True, slots=True)
class TargetReply:
    """An answer, read whole, and how long it took: by the mock's clock where that is a mock's."""

    response: httpx.Response
    seconds: float


class Target(ABC):
    """Who is asked the recorded requests again, under `name`.

    Where it is `scripted`, its jobs, credits and errors are those of the recording. `idempotency` is added to recorded
    idempotency keys.
    """

    name: str
    scripted: bool
    idempotency: str

    @abstractmethod
    def key(self, name: str) -> str:
        """The key in place of a recorded one; raises `CannotAsk` where there is none."""

    @abstractmethod
    def come_to(self, exchange: RecordedExchange, ended: str | None) -> None:
        """Bring a scripted target's clock to the time of this exchange, and end this job of its own."""

    @abstractmethod
    def pause(self, seconds: float) -> None:
        """Let time pass."""

    @abstractmethod
    def ask(self, request: RepeatedRequest, scenario: str | None) -> TargetReply:
        """The answer to a request, under a scenario where the target is scripted; raises what httpx raises."""


class BaseUrlTarget(Target):
    """Any provider at a base URL (without `/v1`), in the state that it is in.

    `keys` are used in place of the `known` ones, in the order in which those were recorded; a recorded key that was
    refused is replaced by a made-up one. `sleep` lets real time pass: a job is polled no sooner than the recorded
    client polled it.
    """

    scripted = False

    def __init__(
        self,
        base_url: str,
        keys: Sequence[str],
        *,
        known: Sequence[str] = (),
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = base_url
        self.idempotency = f".drift-{secrets.token_hex(4)}"
        self._sleep = sleep
        self._keys = dict(zip(known, keys, strict=False))
        self._known = frozenset(known)
        options = client_options(base_url) | {"transport": transport}
        self._retrying = RetryingClient(SharedPause(), **options)
        self._plain = httpx.Client(**options)

    def __enter__(self) -> BaseUrlTarget:
        return self

    def __exit__(self, *_: object) -> None:
        self._retrying.close()
        self._plain.close()

    def key(self, name: str) -> str:
        if name not in self._known:
            return f"drift-unknown-{name}"
        if name not in self._keys:
            raise CannotAsk(f"it needs a key in place of {name}: give --api-key once for each")
        return self._keys[name]

    def come_to(self, exchange: RecordedExchange, ended: str | None) -> None:
        """Nothing: neither its clock nor its jobs can be moved."""

    def pause(self, seconds: float) -> None:
        self._sleep(min(max(seconds, 0.0), _LONGEST_PAUSE_S))

    def ask(self, request: RepeatedRequest, scenario: str | None) -> TargetReply:
        """The answer; a 429 is waited out unless one was recorded there."""
        is_recorded = any(f"error({code.value}" in (scenario or "") for code in _TOO_MANY)
        client = self._plain if is_recorded else self._retrying
        began = time.monotonic()
        response = client.request(request.method, request.url, headers=request.wire_headers, content=request.body)
        return TargetReply(response, time.monotonic() - began)


class _MockTarget(Target):
    """A mock whose world was made for the replay: its clock moves by the recording alone."""

    scripted = True
    idempotency = ""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._began = self.now()

    @abstractmethod
    def now(self) -> float: ...

    @abstractmethod
    def advance(self, seconds: float) -> None: ...

    @abstractmethod
    def release(self, inference_id: str) -> None:
        """End a job, if it has not ended."""

    def key(self, name: str) -> str:
        return f"drift-{name}"

    def come_to(self, exchange: RecordedExchange, ended: str | None) -> None:
        ahead = self._began + exchange.at - self.now()
        if ahead > 0:
            self.advance(ahead)
        if ended is not None:
            self.release(ended)

    def pause(self, seconds: float) -> None:
        self.advance(seconds)

    def ask(self, request: RepeatedRequest, scenario: str | None) -> TargetReply:
        headers = [*request.wire_headers, *([(HEADER.encode(), scenario.encode())] if scenario is not None else [])]
        began = self.now()
        response = self._client.request(request.method, request.url, headers=headers, content=request.body)
        return TargetReply(response, self.now() - began)


class _MockInProcess(_MockTarget):
    name = "the mock in process"

    def __init__(self, client: httpx.Client, world: World) -> None:
        self._world = world
        super().__init__(client)

    def now(self) -> float:
        return self._world.clock.now()

    def advance(self, seconds: float) -> None:
        self._world.clock.advance(seconds)

    def release(self, inference_id: str) -> None:
        if inference_id in self._world.pending:
            self._world.release(inference_id)


class _MockOnServer(_MockTarget):
    def __init__(self, client: httpx.Client, world: MockWorld) -> None:
        self.name = f"the mock server at {world.name}"
        self._world = world
        super().__init__(client)

    def now(self) -> float:
        return float(self._world.ask("GET", "/clock")["now"])

    def advance(self, seconds: float) -> None:
        self._world.advance(seconds)

    def release(self, inference_id: str) -> None:
        if self._world.ask("GET", f"/jobs/{inference_id}")["state"] not in _ENDS:
            self._world.ask("POST", f"/jobs/{inference_id}/release")


@contextmanager
def mock_in_process(setting: Setting, profile: WireProfile = WireProfile.OURS) -> Iterator[Target]:
    """A new world with a clock of its own, which plays this profile, in this process."""
    options = WorldOptions(keys=_mock_keys(setting), settings=setting.settings, profile=profile)
    world = options.world("drift")
    # By the recorded provider's scheme: whether a result can be the source of another request depends on it.
    base_url = f"{setting.scheme}://{_IN_PROCESS}"
    with httpx.Client(transport=OutpaintTransport(world), base_url=base_url, timeout=None) as client:  # noqa: S113 - virtual time
        yield _MockInProcess(client, world)


def _mock_keys(setting: Setting) -> Mapping[str, int]:
    """The keys of a mock's world in place of the recorded ones, with their credits."""
    return {f"drift-{name}": credits_ for name, credits_ in setting.keys.items()}


@contextmanager
def target_of(
    recording: Recording,
    against: str | None = None,
    keys: Sequence[str] = (),
    profile: WireProfile = WireProfile.OURS,
) -> Iterator[Target]:
    """The target for as long as the block runs: the provider at `against`, or without it the mock in process.

    `keys` are used in place of the recording's known keys, in the order in which those were recorded; a mock server
    that makes worlds for us needs none, and plays the `profile`. Raises `CommandError` as `reachability.check_base_url`
    and `balances_at` do.
    """
    setting = Setting.of(recording)
    if against is None:
        with mock_in_process(setting, profile) as target:
            yield target
        return
    url = check_base_url(against)
    with world_at(url, clock="frozen", keys=_mock_keys(setting), profile=profile, **setting.settings) as world:
        if world is not None:
            with world.client() as client:
                yield _MockOnServer(client, world)
            return
        known = tuple(setting.keys)
        balances_at(url, keys[: max(1, len(known))])
        with BaseUrlTarget(url, keys, known=known) as remote:
            yield remote
