"""The admin API and the API beside it, in process, as one server would answer them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from outpaint.functions.http.local_requests import LOOPBACK_HOSTS, AllowedHosts
from outpaint.functions.http.messages import RequestHead, Response, Waiting
from outpaint.mocks.admin.admin_application import answer
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.world.world_options import WorldOptions
from outpaint.mocks.world.worlds import Worlds

Headers = tuple[tuple[str, str], ...]


def canvas() -> bytes:
    picture = Image.new("RGBA", (48, 32), (0, 0, 0, 0))
    picture.paste((200, 30, 30, 255), (12, 8, 36, 24))
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def mask() -> bytes:
    picture = Image.new("L", (48, 32), 0)
    picture.paste(255, (12, 8, 36, 24))
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def worlds() -> Worlds:
    """As a server makes them, with clocks that begin at a known time."""
    options = WorldOptions(start=datetime(2026, 1, 1, tzinfo=UTC))
    return Worlds(options.world, lambda name, changes: replace(options, **changes).checked().world(name))


@dataclass(frozen=True)
class Answer:
    """What came back."""

    response: Response

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def json(self) -> Any:
        return json.loads(self.response.body)

    @property
    def detail(self) -> str:
        return str(self.json["detail"])

    @property
    def picture(self) -> Image.Image:
        assert self.response.header("content-type") == "image/png"
        return Image.open(BytesIO(self.response.body))


@dataclass
class Server:
    """A mock with its administration; `base` stands before every path, as a world's prefix does."""

    worlds: Worlds = field(default_factory=lambda: worlds())
    base: str = ""
    hosts: AllowedHosts = LOOPBACK_HOSTS

    def __post_init__(self) -> None:
        self._application = MockApplication(self.worlds)

    def within(self, world: str) -> Server:
        """The same server under a world's base URL."""
        return Server(self.worlds, f"/t/{world}", self.hosts)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Headers = (("host", "127.0.0.1:4010"),),
        peer_is_loopback: bool = True,
        raw: bytes | None = None,
    ) -> Answer:
        parts = urlsplit(path)
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        head = RequestHead(
            method, f"{self.base}/_mock{parts.path}", parts.query, headers, "http://127.0.0.1:4010", peer_is_loopback
        )
        return Answer(answer(self.worlds, head, data, self.hosts))

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.response.body
        return answer.json

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.ask("POST", path, body)
        assert answer.status in (200, 201), answer.response.body
        return answer.json

    def submit(self, prompt: str = "a field", *, with_mask: bool = False, **fields: str) -> Any:
        """POST a job to the API, asynchronous unless said otherwise; its answer's body."""
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in {"prompt": prompt, "mode": "async", "format": "PNG", **fields}.items()
        ]
        files = {"image": canvas(), **({"mask_image": mask()} if with_mask else {})}
        for name, data in files.items():
            head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.png"\r\n\r\n'
            parts.append(head.encode() + data + b"\r\n")
        multipart = ("content-type", "multipart/form-data; boundary=b")
        return self.call("POST", "/v1/painting/outpaint", (multipart,), b"".join(parts) + b"--b--\r\n").json

    def poll(self, inference_id: str) -> Answer:
        return self.call("GET", f"/v1/painting/{inference_id}")

    def call(self, method: str, path: str, headers: Headers = (), body: bytes = b"", *, key: str = "anyone") -> Answer:
        head = RequestHead(
            method, self.base + path, "", (("x-picsart-api-key", key), *headers), "http://127.0.0.1:4010"
        )
        answer = self._application.respond(head, body)
        assert not isinstance(answer, Waiting)
        return Answer(answer)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def make_server() -> Callable[..., Server]:
    return Server
