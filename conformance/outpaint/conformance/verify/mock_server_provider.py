"""Our mock server as a provider: whatever a case needs is done by its admin API under /_mock."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from outpaint.conformance.proving.expectations import NotOffered
from outpaint.conformance.proving.provider import Need, NewAccounts, Provider
from outpaint.conformance.verify.remote_provider import client_options
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import MAX_WAIT
from outpaint.contracts.profiles import WireProfile
from outpaint.mocks.admin.admin_models import Advance, OpenAccount, SetAlways, SetSource, SetUp
from outpaint.mocks.mock_paths import ADMIN_ROOT, WORLD_PREFIX

_POLL_PAUSE_S: Final = 0.01


class MockServer:
    """The admin API of a running mock at `url`, a base URL without `/v1`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._admin = httpx.Client(**client_options(url))

    @classmethod
    def at(cls, base_url: str) -> MockServer | None:
        """The mock at a base URL; None where what answers is none, or does not let us administer it."""
        url = urlsplit(base_url)
        if url.scheme != "http":
            return None
        server = cls(f"http://{url.netloc}")
        try:
            answer = server._admin.get(f"{ADMIN_ROOT}/worlds", timeout=5)
            if answer.status_code == 200 and isinstance(answer.json().get("worlds"), list):
                return server
        except (httpx.HTTPError, ValueError, AttributeError):
            pass
        server.close()
        return None

    def close(self) -> None:
        self._admin.close()

    @contextmanager
    def world(
        self,
        *,
        clock: str = "ticking",
        keys: Mapping[str, int] | None = None,
        profile: WireProfile = WireProfile.OURS,
        **settings: Any,
    ) -> Iterator[MockWorld]:
        """A new world for as long as the block runs, which plays this profile with these settings of its service.

        Only `keys`, each with its credits, and keys that are made later are known there. Raises `NotOffered` where the
        mock makes no worlds.
        """
        name = f"contract-{secrets.token_hex(6)}"
        wanted = SetUp(keys=dict(keys or {}), clock=clock, settings=settings, profile=profile)
        self.ask("PUT", f"/worlds/{name}", wanted)
        try:
            yield MockWorld(self, name, profile)
        finally:
            # A mock that is gone takes its worlds with it, and must not take what was found.
            with suppress(httpx.HTTPError, NotOffered):
                self.ask("DELETE", f"/worlds/{name}")

    def ask(self, method: str, path: str, body: BaseModel | None = None, world: str = "") -> Any:
        """One operation of the admin API; raises `NotOffered` where it is refused."""
        before = f"{WORLD_PREFIX}{world}" if world else ""
        document = None if body is None else body.model_dump(mode="json", exclude_unset=True)
        answer = self._admin.request(method, f"{before}{ADMIN_ROOT}{path}", json=document)
        if answer.status_code >= 400:
            raise NotOffered(f"the mock's admin API refused {method} {ADMIN_ROOT}{path}: {answer.text[:200]}")
        return answer.json()


@contextmanager
def world_at(base_url: str, **setup: Any) -> Iterator[MockWorld | None]:
    """A new world at the mock that a base URL leads to, set up as `MockServer.world` takes it.

    None where no mock of ours answers, or one that makes no worlds for us, as in somebody's tests.
    """
    server = MockServer.at(base_url)
    if server is None:
        yield None
        return
    with closing(server), ExitStack() as stack:
        world = None
        with suppress(NotOffered):
            world = stack.enter_context(server.world(**setup))
        yield world


class MockWorld(NewAccounts):
    """One world of a mock: everything is offered, and every case gets accounts of its own."""

    offers = frozenset(Need)
    shares_account = False
    poll_pause = _POLL_PAUSE_S
    longest_wait = MAX_WAIT

    def __init__(self, server: MockServer, name: str, profile: WireProfile) -> None:
        self._server = server
        self._profile = profile
        self._world = name
        self.name = server.url

    def client(self) -> httpx.Client:
        return httpx.Client(**client_options(f"{self._server.url}{WORLD_PREFIX}{self._world}"))

    def new_account(self, balance: int, *, allowed: bool = True) -> str:
        key = f"key-{secrets.token_hex(8)}"
        self.ask("POST", "/accounts", OpenAccount(key=key, credits=balance, allowed=allowed))
        # The prefix names this world where bytes are written to the server's socket, without the world's path.
        return f"@{self._world}:{key}"

    def publish(self, data: bytes | ErrorCode) -> str:
        """An address at which this world finds these bytes, or meets this error."""
        url = f"https://pictures.test/{secrets.token_hex(8)}.png"
        if isinstance(data, bytes):
            self.ask("POST", "/sources", SetSource(url=url, data=b64encode(data)))
        elif data is ErrorCode.SOURCE_UNAVAILABLE:
            self.ask("POST", "/sources", SetSource(url=url, status=404))
        else:
            raise NotOffered(f"a mock's source cannot end in {data}")
        return url

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Jobs end when the block does."""
        with self._always("manual"):
            try:
                yield
            finally:
                self.ask("POST", "/jobs/release")

    @contextmanager
    def failing(self, error: Exception) -> Iterator[None]:
        """Jobs end as this error says; one that is not the service's own is a painter that broke."""
        options = {"code": error.code.value, "detail": error.detail} if isinstance(error, OutpaintError) else {}
        with self._always([{"effect": "fail", **options}]):
            yield

    @contextmanager
    def _always(self, scenario: Any) -> Iterator[None]:
        scenarios = self.ask("POST", "/scenarios/always", SetAlways(scenario=scenario))["always"]
        number = max(one["number"] for one in scenarios)
        try:
            yield
        finally:
            self.ask("DELETE", f"/scenarios/{number}")

    def advance(self, seconds: float) -> None:
        self.ask("POST", "/clock/advance", Advance(seconds=float(seconds)))

    def configured(self, **settings: Any) -> AbstractContextManager[Provider]:
        """Another world, with these settings."""
        return self._server.world(profile=self._profile, **settings)

    def address(self) -> tuple[str, int]:
        url = urlsplit(self._server.url)
        return url.hostname or "", url.port or 80

    def ask(self, method: str, path: str, body: BaseModel | None = None) -> Any:
        """One operation of this world's admin API; raises `NotOffered` where it is refused."""
        return self._server.ask(method, path, body, self._world)
