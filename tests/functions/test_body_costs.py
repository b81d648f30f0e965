"""What large and hostile bodies cost a server and a function: memory as their own bytes, and no other client waits."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.masks_and_formats import BYTES_A_PIXEL
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.embedded import bounded_connection
from outpaint.functions.handlers.gateway_events import Base64Body
from outpaint.functions.http.bodies import read_fields
from outpaint.functions.http.messages import RequestHead

MIB: Final = 1024 * 1024
ALLOWED: Final = 32 * MIB
FORM, JSON, PARTS = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=b"
_PICTURE: Final = base64.b64encode(bytes(range(256)) * 48).replace(b"+", b"/")
_START: Final = {
    "serve": """
from outpaint.functions.embedded.host import open_host
from outpaint.functions.embedded.starting_keys import StartingKeys
from outpaint.painting.painters.flat import FlatPainter
made = open_host([FlatPainter()], keys=StartingKeys(development=True))
host, options = made.__enter__().asgi, {}
""",
    "mock": """
from outpaint.mocks.transports.tcp_connection import MockConnection
from outpaint.mocks.transports.tcp_server import MockHost
from outpaint.mocks.world.worlds import Worlds
host, options = MockHost(Worlds()), {"connection": MockConnection}
""",
}
_SERVE: Final = """
import sys
from outpaint.functions.embedded.server import serving
import outpaint.painting.inputs.inspection, outpaint.functions.http.bodies
with serving(host, **options) as url:
    print(url, flush=True)
    sys.stdin.read()
import os
os._exit(0)
"""


def _part(name: bytes, content: bytes, more: bytes = b"") -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + content + b"\r\n"


def _picture(size: int) -> bytes:
    return _PICTURE * (size // len(_PICTURE))


def _in_lines(text: bytes, end: bytes) -> bytes:
    return b"".join(text[at : at + 76] + end for at in range(0, len(text), 76))


# Content type, a body of about so many bytes, and the statuses that answer it.
BODIES: Final[dict[str, tuple[str, Callable[[int], bytes], tuple[int, ...]]]] = {
    "escaped letters": (FORM, lambda n: b"prompt=" + b"%41" * (n // 3), (422,)),
    "escaped picture": (
        FORM,
        lambda n: b"prompt=x&image_url=data:image/png;base64," + _picture(n // 2).replace(b"/", b"%2F"),
        (413, 415),
    ),
    "picture in lines": (
        FORM,
        lambda n: b"prompt=x&image_url=data:image/png;base64," + _in_lines(_picture(n * 7 // 8), b"%0D%0A"),
        (413, 415),
    ),
    "picture escaped twice": (
        FORM,
        lambda n: b"prompt=x&image_url=data:image/png;base64," + b"%2541" * (n // 5),
        (400,),
    ),
    "separators": (FORM, lambda n: b"&" * n, (400,)),
    "lists in lists": (JSON, lambda n: b'{"a":' + b"[" * n, (400,)),
    "many objects": (JSON, lambda n: b'{"a":[' + b"{}," * (n // 3) + b"0]}", (400,)),
    "many members": (JSON, lambda n: b'{"a":1' + b',"a":1' * (n // 6) + b"}", (400,)),
    "escaped JSON text": (JSON, lambda n: b'{"prompt":"' + b"\\u0041" * (n // 6) + b'"}', (422,)),
    "picture in JSON": (
        JSON,
        lambda n: b'{"prompt":"x","image_url":"data:image/png;base64,' + _picture(n).replace(b"A/", b"\\/") + b'"}',
        (413, 415, 422),
    ),
    "lines of a picture in JSON": (
        JSON,
        lambda n: b'{"prompt":"x","image_url":" data:image/png;base64,' + _in_lines(_picture(n), b"\\n") + b'"}',
        (413, 415),
    ),
    "quotes in a picture": (
        JSON,
        lambda n: b'{"prompt":"x","image_url":"data:image/png;base64,' + b'\\"' * (n // 8) + b'"}',
        (422,),
    ),
    "file": (
        PARTS,
        lambda n: _part(b"image", bytes(n), b'; filename="a"') + _part(b"prompt", b"x") + b"--b--\r\n",
        (413, 415),
    ),
    "text in a part": (PARTS, lambda n: _part(b"prompt", bytes(n)) + b"--b--\r\n", (422,)),
    "boundaries in a file": (PARTS, lambda n: _part(b"image", b"\r\n--bx" * (n // 6), b'; filename="a"'), (400,)),
    "blanks behind a boundary": (PARTS, lambda n: _part(b"prompt", b"x") + b"--b" + b" " * n + b"\r\n--b--", (400,)),
    "epilogue": (PARTS, lambda n: _part(b"prompt", b"x") + b"--b--\r\n" + bytes(n), (422,)),
}
_OVER_TCP: Final = ("escaped letters", "escaped picture", "many objects", "lines of a picture in JSON", "file")


class Served:
    """A server in a process of its own, whose memory is its own."""

    def __init__(self, which: str) -> None:
        self.which = which
        command = [sys.executable, "-c", _START[which] + _SERVE]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        url = urlsplit(self.process.stdout.readline().strip())
        assert url.hostname is not None
        self.address = (url.hostname, url.port or 0)

    def memory(self, name: str) -> int:
        """A figure of the process in bytes: VmRSS now, VmHWM at most so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def memory_from_here(self) -> int:
        """The memory in bytes that it takes now, from which on its peak is told anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.memory("VmRSS")

    def post(self, content_type: str, body: bytes, path: str = "/v1/painting/outpaint") -> int:
        with socket.create_connection(self.address, timeout=60) as connected:
            connected.sendall(
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{API_KEY}: dev\r\n"
                f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            )
            connected.sendall(body)
            return int(connected.makefile("rb").readline().split()[1])

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)


@pytest.fixture(scope="module", params=list(_START))
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    if not Path("/proc/self/status").exists():
        pytest.skip("the system does not tell a process's peak")
    running = Served(request.param)
    try:
        assert running.post(JSON, b"{}") == 422  # what is imported at the first request
        yield running
    finally:
        running.close()


@pytest.mark.parametrize("name", _OVER_TCP)
def test_a_large_body_takes_its_own_bytes_of_a_server_s_memory(served: Served, name: str) -> None:
    content_type, made, statuses = BODIES[name]
    body = made(40_000_000)
    before = served.memory_from_here()
    assert served.post(content_type, body) in statuses
    assert served.memory("VmHWM") <= before + len(body) + ALLOWED


def test_others_are_answered_while_a_large_body_is_read(served: Served) -> None:
    content_type, made, statuses = BODIES["quotes in a picture"]
    found: list[int] = []
    posting = threading.Thread(target=lambda: found.append(served.post(content_type, made(60_000_000))))
    answered = 0
    with socket.create_connection(served.address, timeout=60) as connected, connected.makefile("rb") as answers:
        posting.start()
        while posting.is_alive():
            connected.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            length = 0
            while (line := answers.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split()[1])
            assert answers.read(length) == b'{"status":"ok"}'
            answered += 1
    posting.join()
    assert found[0] in statuses
    assert answered > 3


def test_a_body_in_very_small_chunks_is_cut_off(served: Served) -> None:
    chunks = b"1\r\na\r\n" * (bounded_connection.FREE_CHUNKS + 2 * bounded_connection.MIN_CHUNK_BYTES)
    with socket.create_connection(served.address, timeout=60) as connected:
        connected.sendall(
            f"POST /v1/painting/outpaint HTTP/1.1\r\nHost: localhost\r\n{API_KEY}: dev\r\n"
            f"Content-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            + chunks
        )
        assert int(connected.makefile("rb").readline().split()[1]) == 400


def _peak(content_type: str, body: bytes) -> tuple[int, int]:
    """The memory that reading a body takes beside itself, and the status of its refusal, 200 for none."""
    text = base64.b64encode(body).decode()
    head = RequestHead("POST", "/", headers=(("content-type", content_type),))
    tracemalloc.start()
    try:
        read_fields(head, Base64Body(text))
        status = 200
    except OutpaintError as error:
        status = error.kind.status.value
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak, status


@pytest.mark.parametrize("name", list(BODIES))
def test_a_function_takes_as_much_memory_for_a_body_as_its_bytes(name: str) -> None:
    size = 3 * MIB
    content_type, made, statuses = BODIES[name]
    body = made(size)
    peak, status = _peak(content_type, body)
    assert peak <= len(body) + 8 * MIB
    assert status in (*statuses, 200)


def test_a_picture_takes_its_bytes_and_no_more() -> None:
    picture = os.urandom(6 * MIB)
    body = b'{"prompt":"x","image_url":"data:image/png;base64,' + base64.b64encode(picture) + b'"}'
    peak, status = _peak(JSON, body)
    assert status == 200
    assert peak <= len(picture) * 9 // 8 + 4 * MIB


def test_a_mock_s_admin_api_takes_a_large_body_for_a_source_alone(served: Served) -> None:
    if served.which != "mock":
        pytest.skip("it has no admin API")
    picture = base64.b64encode(bytes(3 * MIB))
    body = b'{"url":"https://pictures.example/a.png","data":"' + picture + b'"}'
    assert served.post(JSON, body, "/_mock/sources") == 201
    assert served.post(JSON, body, "/_mock/clock/advance") == 413


def test_a_large_picture_takes_as_much_memory_for_each_pixel_as_is_said(served: Served) -> None:
    if served.which != "serve":
        pytest.skip("a mock paints when a picture is fetched")
    side, stream = 3072, BytesIO()
    picture = Image.new("RGBA", (side, side), (90, 120, 60, 255))
    picture.putalpha(Image.linear_gradient("L").resize((side, side)))
    picture.save(stream, "PNG", compress_level=1)
    fields = {b"prompt": b"x", b"count": b"10", b"format": b"JPG"}
    parts = [_part(name, value) for name, value in fields.items()]
    body = b"".join([*parts, _part(b"image", stream.getvalue(), b'; filename="a"'), b"--b--\r\n"])
    before = served.memory_from_here()
    assert served.post(PARTS, body) == 200
    assert served.memory("VmHWM") <= before + len(body) + BYTES_A_PIXEL * side * side
