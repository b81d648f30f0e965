"""Our mock server as a provider: everything a case may need is done by its admin API under /_mock."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from outpaint.conformance.proving.expectations import NotOffered
from outpaint.conformance.proving.provider import Need, NewAccounts, Provider
from outpaint.conformance.verify.remote_provider import TIMEOUT_S, is_near
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import MAX_WAIT
from outpaint.mocks.admin.admin_models import Advance, OpenAccount, SetAlways, SetSource, SetUp
from outpaint.mocks.mock_paths import ADMIN_ROOT, WORLD_PREFIX

_POLL_PAUSE_S: Final = 0.01


class MockServer:
    """A running mock, asked by its admin API; worlds are made and forgotten there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._admin = httpx.Client(base_url=url, timeout=TIMEOUT_S, verify=False, trust_env=not is_near(url))  # noqa: S501

    @classmethod
    def at(cls, base_url: str) -> MockServer | None:
        """The mock that a base URL leads to, if it is one whose admin API answers us."""
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
        """Let go of the connection."""
        self._admin.close()

    @contextmanager
    def world(self, **settings: Any) -> Iterator[MockWorld]:
        """A world that nobody else knows, for as long as the block runs: time goes by, only keys made here work."""
        name = f"verify-{secrets.token_hex(6)}"
        self.ask("PUT", f"/worlds/{name}", SetUp(keys={}, clock="ticking", settings=settings))
        try:
            yield MockWorld(self, name)
        finally:
            self.ask("DELETE", f"/worlds/{name}")

    def ask(self, verb: str, path: str, body: BaseModel | None = None, world: str = "") -> Any:
        """One operation of the admin API; raises `NotOffered` where it is refused."""
        before = f"{WORLD_PREFIX}{world}" if world else ""
        told = None if body is None else body.model_dump(mode="json", exclude_unset=True)
        answer = self._admin.request(verb, f"{before}{ADMIN_ROOT}{path}", json=told)
        if answer.status_code >= 400:
            raise NotOffered(f"the mock's admin API refused {verb} {ADMIN_ROOT}{path}: {answer.text[:200]}")
        return answer.json()


class MockWorld(NewAccounts):
    """One world of a mock: everything is offered, and every account is a case's own."""

    offers = frozenset(Need)
    shares_account = False
    poll_pause = _POLL_PAUSE_S
    longest_wait = MAX_WAIT

    def __init__(self, server: MockServer, name: str) -> None:
        self._server = server
        self._world = name
        self.name = server.url

    def client(self) -> httpx.Client:
        """A client in this world."""
        return httpx.Client(
            base_url=f"{self._server.url}{WORLD_PREFIX}{self._world}",
            timeout=TIMEOUT_S,
            verify=False,  # noqa: S501 - plain HTTP: reading certificates would take longer than most cases
            trust_env=not is_near(self._server.url),
        )

    def new_account(self, balance: int, *, allowed: bool = True) -> str:
        """A key of a new account in this world."""
        key = f"key-{secrets.token_hex(8)}"
        self._ask("POST", "/accounts", OpenAccount(key=key, credits=balance, allowed=allowed))
        # The prefix leads to this world even where bytes are written to the server's socket, below no base URL.
        return f"@{self._world}:{key}"

    def publish(self, data: bytes | ErrorCode) -> str:
        """An address that this world's sources know."""
        url = f"https://pictures.test/{secrets.token_hex(8)}.png"
        if isinstance(data, bytes):
            self._ask("POST", "/sources", SetSource(url=url, data=b64encode(data)))
        elif data is ErrorCode.SOURCE_UNAVAILABLE:
            self._ask("POST", "/sources", SetSource(url=url, status=404))
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
                self._ask("POST", "/jobs/release")

    @contextmanager
    def failing(self, error: Exception) -> Iterator[None]:
        """Jobs end as this error says; one that is not the service's own is a painter that broke."""
        told = {"code": error.code.value, "detail": error.detail} if isinstance(error, OutpaintError) else {}
        with self._always([{"effect": "fail", **told}]):
            yield

    @contextmanager
    def _always(self, scenario: Any) -> Iterator[None]:
        standing = self._ask("POST", "/scenarios/always", SetAlways(scenario=scenario))["always"]
        number = max(one["number"] for one in standing)
        try:
            yield
        finally:
            self._ask("DELETE", f"/scenarios/{number}")

    def advance(self, seconds: float) -> None:
        """Move this world's clock ahead."""
        self._ask("POST", "/clock/advance", Advance(seconds=float(seconds)))

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:
        """Another world, with these settings."""
        with self._server.world(**settings) as other:
            yield other

    def address(self) -> tuple[str, int]:
        """The server's host and port."""
        url = urlsplit(self._server.url)
        return url.hostname or "", url.port or 80

    def _ask(self, verb: str, path: str, body: BaseModel | None = None) -> Any:
        return self._server.ask(verb, path, body, self._world)
