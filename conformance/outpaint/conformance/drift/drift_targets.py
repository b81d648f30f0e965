"""Who is asked again: a base URL or a mock."""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx

from outpaint.conformance.drift.asking_again import Again, CannotAsk
from outpaint.conformance.drift.job_scripts import Setting
from outpaint.conformance.drift.recording_file import RecordedExchange, Recording
from outpaint.conformance.proving.expectations import NotOffered
from outpaint.conformance.verify.mock_server_provider import MockServer
from outpaint.conformance.verify.reachability import NotReady, balance_at, check_base_url
from outpaint.conformance.verify.remote_provider import TIMEOUT_S, Patience, PatientClient, is_near
from outpaint.conformance.verify.verification import ExitCode
from outpaint.mocks.admin.admin_models import Advance, SetUp
from outpaint.mocks.mock_paths import WORLD_PREFIX
from outpaint.mocks.scenarios.world_scenarios import HEADER
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.world.world_options import WorldOptions


@dataclass(frozen=True, slots=True)
class TargetReply:
    """An answer, read whole, and how long it took: by the mock's clock where that is a mock's."""

    response: httpx.Response
    seconds: float


class Target(Protocol):
    """Who is asked again. `scripted`: its jobs, credits and troubles are those of the recording."""

    name: str
    scripted: bool
    idempotency: str

    def key(self, name: str) -> str:
        """The key in place of a recorded one; raises `CannotAsk` where there is none."""
        ...

    def come_to(self, exchange: RecordedExchange, ended: Sequence[str]) -> None:
        """Let it be when this exchange was; these jobs of its own have ended by then."""
        ...

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def ask(self, request: Again, scenario: str | None) -> TargetReply:
        """The answer to a request; raises what httpx raises."""
        ...


_LONGEST_PAUSE_S: Final = 60.0


class BaseUrlTarget:
    """Any provider at a base URL (without `/v1`), in the state that it is in.

    `keys` stand for the recorded ones in the order in which those came; one that was refused then gets a made-up key.
    `sleep` lets real time pass: a job is polled no sooner than the recorded client did.
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
        timeout: float = TIMEOUT_S,
    ) -> None:
        self.name = base_url
        self.idempotency = f".drift-{secrets.token_hex(4)}"
        self._sleep = sleep
        self._keys = dict(zip(known, keys, strict=False))
        self._known = frozenset(known)
        verify: ssl.SSLContext | bool = ssl.create_default_context() if base_url.startswith("https:") else False
        options: dict[str, Any] = {
            "base_url": base_url,
            "timeout": timeout,
            "verify": verify,
            "trust_env": not is_near(base_url),
            "transport": transport,
        }
        self._patient = PatientClient(Patience(), **options)
        self._plain = httpx.Client(**options)

    def close(self) -> None:
        """Let go of the connections."""
        self._patient.close()
        self._plain.close()

    def __enter__(self) -> BaseUrlTarget:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def key(self, name: str) -> str:
        """One of ours, or a made-up one for a key that was refused."""
        if name not in self._known:
            return f"drift-unknown-{name}"
        if name not in self._keys:
            raise CannotAsk(f"it needs a key in place of {name}: give --api-key once for each")
        return self._keys[name]

    def come_to(self, exchange: RecordedExchange, ended: Sequence[str]) -> None:
        """Nothing: it is when it is."""

    def pause(self, seconds: float) -> None:
        """Wait, within bounds."""
        self._sleep(min(max(seconds, 0.0), _LONGEST_PAUSE_S))

    def ask(self, request: Again, scenario: str | None) -> TargetReply:
        """The answer, a 429 waited out unless the recording has one there."""
        client = self._plain if scenario is not None and "rate_limited" in scenario else self._patient
        began = time.monotonic()
        response = client.request(request.method, request.url, headers=request.wire_headers, content=request.body)
        return TargetReply(response, time.monotonic() - began)


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

    def come_to(self, exchange: RecordedExchange, ended: Sequence[str]) -> None:
        ahead = self._began + exchange.at - self.now()
        if ahead > 0:
            self.advance(ahead)
        for inference_id in ended:
            self.release(inference_id)

    def pause(self, seconds: float) -> None:
        self.advance(seconds)

    def ask(self, request: Again, scenario: str | None) -> TargetReply:
        headers = [*request.wire_headers, *([(HEADER.encode(), scenario.encode())] if scenario is not None else [])]
        began = self.now()
        response = self._client.request(request.method, request.url, headers=headers, content=request.body)
        return TargetReply(response, self.now() - began)


def _key(name: str) -> str:
    """The key that stands for a recorded one in a world of ours."""
    return f"drift-{name}"


@contextmanager
def target_of(recording: Recording, against: str | None = None, keys: Sequence[str] = ()) -> Iterator[Target]:
    """The target for as long as the block runs; without a base URL it is the mock in process.

    `keys` stand for the recording's known keys in the order in which those came; a mock server that makes worlds for us
    needs none. Raises `NotReady` for a base URL that is none, is not this API or refuses a key that is to be used, and
    where there is no key.
    """
    setting = Setting.of(recording)
    if against is None:
        with mock_in_process(setting) as target:
            yield target
        return
    url = check_base_url(against)
    server = MockServer.at(url)
    if server is not None:
        with ExitStack() as stack:
            stack.callback(server.close)
            try:
                world = stack.enter_context(mock_server(server, setting))
            except NotOffered:
                pass  # it makes no worlds for us: a stranger like any other
            else:
                yield world
                return
    if not keys:
        raise NotReady(ExitCode.USAGE, "a key is missing: give --api-key, or set OUTPAINT_KEY")
    known = tuple(setting.keys)
    for number, key in enumerate(keys[: max(1, len(known))], 1):
        try:
            balance_at(url, key)
        except NotReady as error:
            raise NotReady(error.exit_code, str(error) if number == 1 else f"with key {number}: {error}") from None
    with BaseUrlTarget(url, keys, known=known) as remote:
        yield remote
