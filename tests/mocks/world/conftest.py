"""A world to call, and pictures to send it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from outpaint.functions.http.messages import RequestHead, Waiting
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.world.mock_answers import MockResponse
from outpaint.mocks.world.world import World

Head = tuple[tuple[str, str], ...]


def canvas(size: tuple[int, int] = (48, 32), colour: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    """A PNG whose middle half is kept and whose border is open."""
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    width, height = size
    picture.paste((*colour, 255), (width // 4, height // 4, 3 * width // 4, 3 * height // 4))
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


CANVAS = canvas()


def form(fields: dict[str, str], files: dict[str, bytes]) -> bytes:
    """A multipart body."""
    parts = [
        f'--bound\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in fields.items()
    ]
    for name, data in files.items():
        head = f'--bound\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n\r\n'
        parts.append(head.encode() + data + b"\r\n")
    return b"".join(parts) + b"--bound--\r\n"


@dataclass
class Caller:
    """Calls the application of a world, or of many, as one client would."""

    application: MockApplication
    key: str = "anyone"
    prefix: str = ""

    def submit(
        self,
        prompt: str = "a field",
        *,
        image: bytes | None = CANVAS,
        headers: Head = (),
        key: str | None = None,
        **fields: str,
    ) -> MockResponse:
        """POST a job, asynchronous unless said otherwise."""
        answer = self.submit_or_wait(prompt, image=image, headers=headers, key=key, **fields)
        assert isinstance(answer, MockResponse)
        return answer

    def submit_or_wait(
        self,
        prompt: str = "a field",
        *,
        image: bytes | None = CANVAS,
        headers: Head = (),
        key: str | None = None,
        **fields: str,
    ) -> MockResponse | Waiting:
        """POST a job, and hand on a wait where there is one."""
        head = self._head(
            "POST",
            "/v1/painting/outpaint",
            key,
            (("content-type", "multipart/form-data; boundary=bound"), *headers),
        )
        return self.application.respond(
            head, form({"prompt": prompt, "mode": "async", **fields}, {} if image is None else {"image": image})
        )

    def submit_files(
        self, fields: dict[str, str], files: dict[str, bytes], *, image: bytes | None = CANVAS
    ) -> MockResponse:
        """POST a job with other files, such as a mask, beside its picture."""
        head = self._head(
            "POST", "/v1/painting/outpaint", None, (("content-type", "multipart/form-data; boundary=bound"),)
        )
        pictures = files if image is None else {"image": image, **files}
        answer = self.application.respond(head, form({"mode": "async", **fields}, pictures))
        assert isinstance(answer, MockResponse)
        return answer

    def send(self, url: str, body: bytes, content_type: str, *, key: str | None = None) -> MockResponse:
        """POST any body anywhere."""
        parts = urlsplit(url)
        head = self._head("POST", parts.path, key, (("content-type", content_type),), parts.query)
        answer = self.application.respond(head, body)
        assert isinstance(answer, MockResponse)
        return answer

    def send_form(self, url: str, fields: dict[str, str], files: dict[str, bytes]) -> MockResponse:
        """POST a form without a key, as its signed URL allows."""
        return self.send(url, form(fields, files), "multipart/form-data; boundary=bound", key="")

    def job(self, prompt: str = "a field", **more: Any) -> str:
        """POST a job that is taken, and its id."""
        answer = self.submit(prompt, **more)
        assert answer.status in (200, 202), answer.body
        return str(json.loads(answer.body)["inference_id"])

    def poll(self, inference_id: str, *, headers: Head = (), key: str | None = None) -> MockResponse:
        return self.get(f"/v1/painting/{inference_id}", headers=headers, key=key)

    def balance(self, *, headers: Head = (), key: str | None = None) -> int:
        return int(json.loads(self.get("/v1/balance", headers=headers, key=key).body)["credits"])

    def get(self, url: str, *, headers: Head = (), key: str | None = None) -> MockResponse:
        """GET a path, or a URL that an answer named."""
        parts = urlsplit(url)
        path = parts.path if not url.startswith("/") else self.prefix + parts.path
        answer = self.application.respond(self._head("GET", path, key, headers, parts.query, own_prefix=False))
        assert isinstance(answer, MockResponse)
        return answer

    def words(self, inference_id: str, polls: int) -> list[str]:
        """What so many polls are answered: the status word, or the error's code."""
        return [word(self.poll(inference_id)) for _ in range(polls)]

    def _head(
        self, method: str, path: str, key: str | None, headers: Head, query: str = "", *, own_prefix: bool = True
    ) -> RequestHead:
        key = self.key if key is None else key
        keyed = (("x-picsart-api-key", key),) if key else ()
        return RequestHead(
            method, (self.prefix if own_prefix else "") + path, query, (*keyed, *headers), origin="http://mock.test"
        )


def word(answer: MockResponse) -> str:
    """An answer in a word: its body's status word, or the error's code where it is refused."""
    body = json.loads(answer.body)
    return str(body["error_code"] if answer.status >= 400 else body["status"])


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def api(world: World) -> Caller:
    return Caller(MockApplication(world))


@pytest.fixture(scope="session")
def caller() -> Callable[..., Caller]:
    """Makes callers of worlds that a test makes itself."""

    def make(worlds: Any, key: str = "anyone", prefix: str = "") -> Caller:
        return Caller(MockApplication(worlds), key, prefix)

    return make


@pytest.fixture(scope="session")
def make_canvas() -> Callable[..., bytes]:
    return canvas
