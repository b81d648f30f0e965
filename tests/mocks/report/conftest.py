"""A client that behaves well or badly, move by move, against a world of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from outpaint.contracts.profiles import WireProfile
from outpaint.functions.http.messages import RequestHead, Waiting
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.report.client_checks import CHECKS, judge
from outpaint.mocks.report.findings import CheckResult, Report
from outpaint.mocks.world.mock_answers import MockResponse
from outpaint.mocks.world.world import World

Head = tuple[tuple[str, str], ...]


def canvas() -> bytes:
    picture = Image.new("RGBA", (48, 32), (0, 0, 0, 0))
    picture.paste((200, 30, 30, 255), (12, 8, 36, 24))
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


CANVAS = canvas()


@dataclass
class Client:
    """Sends what it is told, and sleeps by the world's clock."""

    world: World = field(default_factory=World)
    key: str = "anyone"

    def __post_init__(self) -> None:
        self._application = MockApplication(self.world)
        self._numbers = 0

    def sleep(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    def scenario(self, text: str, **more: Any) -> None:
        self.world.scenarios.next(text, **more)

    def submit(
        self, prompt: str = "a field", *, idem: str | None = "new", headers: Head = (), query: str = "", **fields: str
    ) -> MockResponse:
        """POST a job, asynchronous unless said otherwise; under a key of its own unless another is given, or None."""
        if idem == "new":
            self._numbers += 1
            idem = f"key-{self._numbers}"
        keyed = () if idem is None else (("idempotency-key", idem),)
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in {"prompt": prompt, "mode": "async", "count": "1", **fields}.items()
        ]
        image = b""
        if not {"image_url", "image_id"} & set(fields):
            image = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + CANVAS + b"\r\n"
        body = b"".join(parts) + image + b"--b--\r\n"
        multipart = ("content-type", "multipart/form-data; boundary=b")
        return self._send("POST", "/v1/painting/outpaint", (multipart, *keyed, *headers), query, body)

    def job(self, **more: Any) -> str:
        answer = self.submit(**more)
        assert answer.status == 202, answer.body
        return str(json.loads(answer.body)["inference_id"])

    def poll(self, inference_id: str, headers: Head = ()) -> MockResponse:
        return self._send("GET", f"/v1/painting/{inference_id}", headers)

    def balance(self) -> MockResponse:
        return self._send("GET", "/v1/balance")

    def ask_for_upload(self) -> MockResponse:
        return self._send("POST", "/v1/uploads", (("content-type", "application/json"),), body=b"{}")

    def fetch(self, url: str, headers: Head = ()) -> MockResponse:
        parts = urlsplit(url)
        return self._send("GET", parts.path, headers, parts.query, key="")

    def done(self, **more: Any) -> tuple[str, str]:
        """A job that is done at its first poll: its id, and its picture's URL."""
        inference_id = self.job(**more)
        self.sleep(2)
        return inference_id, str(json.loads(self.poll(inference_id).body)["data"][0]["url"])

    def report(self, profile: WireProfile | None = None) -> Report:
        return judge(self.world, profile)

    def says(self, code: str) -> CheckResult:
        """What a check says, in its own profile where it has one."""
        return self.report(next(check.profile for check in CHECKS if check.code == code)).of(code)

    def _send(
        self, method: str, path: str, headers: Head = (), query: str = "", body: bytes = b"", key: str | None = None
    ) -> MockResponse:
        key = self.key if key is None else key
        keyed = (("x-picsart-api-key", key),) if key else ()
        answer = self._application.respond(
            RequestHead(method, path, query, (*keyed, *headers), origin="http://mock.test"), body
        )
        assert not isinstance(answer, Waiting)
        self.world.clock.advance(answer.latency)
        return answer


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def make_client() -> Callable[..., Client]:
    return Client
