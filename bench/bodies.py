"""Hostile bodies over TCP: the memory that each takes beyond its own bytes, and how long another client waits."""

from __future__ import annotations

import base64
import http.client
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_from_bytes

from report import Section
from servers import KEY, free_port, start, stop

SIZE = 80_000_000
FORM, JSON, PARTS = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=b"
_OUTPAINT = [sys.executable, "-c", "from outpaint.functions.command_line.entry import main; main()"]
HOSTS = {"serve": ["serve", "--painter", "flat", "--dev-key"], "mock": ["mock"]}
_IN_FORM = b"prompt=x&image_url=data:image/png;base64,"
_IN_JSON = b'{"prompt":"x","image_url":"data:image/png;base64,'


def _picture(size: int) -> bytes:
    return base64.b64encode(os.urandom(size // 4 * 3))


def _form(*parts: bytes) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="'
    return b"".join(head + part + b"\r\n" for part in parts) + b"--b--\r\n"


def _file(data: bytes) -> bytes:
    return _form(b'image"; filename="a"\r\n\r\n' + data, b'prompt"\r\n\r\nx')


BODIES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "form: %41": (FORM, lambda: b"prompt=" + b"%41" * (SIZE // 3)),
    "form: text": (FORM, lambda: b"prompt=" + b"a" * SIZE),
    "form: separators": (FORM, lambda: b"&" * SIZE),
    "form: a name": (FORM, lambda: b"a" * SIZE),
    "form: a picture": (FORM, lambda: _IN_FORM + _picture(SIZE).replace(b"+", b"%2B")[:SIZE]),
    "form: a picture, escaped": (FORM, lambda: _IN_FORM + quote_from_bytes(_picture(SIZE), safe="").encode()[:SIZE]),
    "form: a picture of %41": (FORM, lambda: _IN_FORM + b"%41" * (SIZE // 3)),
    "form: a picture of %2541": (FORM, lambda: _IN_FORM + b"%2541" * (SIZE // 5)),
    "JSON: nested": (JSON, lambda: b'{"a":' + b"[" * SIZE),
    "JSON: numbers": (JSON, lambda: b'{"a":[' + b"0," * (SIZE // 2) + b"0]}"),
    "JSON: objects": (JSON, lambda: b'{"a":[' + b"{}," * (SIZE // 3) + b"0]}"),
    "JSON: members": (JSON, lambda: b"{" + b'"a":0,' * (SIZE // 6) + b'"a":0}'),
    "JSON: text": (JSON, lambda: b'{"prompt":"' + b"a" * SIZE + b'"}'),
    "JSON: escaped text": (JSON, lambda: b'{"prompt":"' + b"\\u0041" * (SIZE // 6) + b'"}'),
    "JSON: blanks": (JSON, lambda: b" " * SIZE + b"{}"),
    "JSON: a picture": (JSON, lambda: _IN_JSON + _picture(SIZE) + b'"}'),
    "JSON: a picture with \\/": (JSON, lambda: _IN_JSON + _picture(SIZE * 31 // 32).replace(b"/", b"\\/") + b'"}'),
    "JSON: a picture of \\u0041": (JSON, lambda: _IN_JSON + b"\\u0041" * (SIZE // 6) + b'"}'),
    "JSON: a picture of %41": (JSON, lambda: _IN_JSON + b"%41" * (SIZE // 3) + b'"}'),
    "JSON: a picture of quotes": (JSON, lambda: _IN_JSON + b'\\"' * (SIZE // 2) + b'"}'),
    "JSON: a picture without end": (JSON, lambda: _IN_JSON + _picture(SIZE)),
    "parts: a file": (PARTS, lambda: _file(os.urandom(SIZE))),
    "parts: two files": (
        PARTS,
        lambda: _form(*(name + b'"; filename="a"\r\n\r\n' + os.urandom(SIZE // 2) for name in (b"image", b"mask"))),
    ),
    "parts: text": (PARTS, lambda: _form(b'prompt"\r\n\r\n' + b"a" * SIZE)),
    "parts: a picture": (PARTS, lambda: _form(b'image_url"\r\n\r\ndata:image/png;base64,' + _picture(SIZE))),
    "parts: line breaks before": (PARTS, lambda: b"\r\n" * (SIZE // 2) + _file(b"x")),
    "parts: bytes behind": (PARTS, lambda: _file(b"x") + b"a" * SIZE),
    "parts: boundaries": (PARTS, lambda: _file(b"\r\n--bx" * (SIZE // 6))),
    "parts: halves of boundaries": (PARTS, lambda: _file(b"\r\n--" * (SIZE // 4))),
    "parts: blanks": (PARTS, lambda: _form(b'prompt"\r\n\r\nx')[:-4] + b" " * SIZE + b"\r\n--b--\r\n"),
    "parts: headers": (PARTS, lambda: b"--b\r\n" + b"a:b\r\n" * (SIZE // 5)),
    "parts: a header": (PARTS, lambda: b"--b\r\na:" + b"b" * SIZE),
    "parts: parts": (PARTS, lambda: _form(*[b'a"\r\n\r\nx'] * (SIZE // 50))),
}


def measure() -> Section:
    section = Section(
        f"Bodies of {SIZE // 10**6} MB",
        "Each is posted to a server of its own: the peak of its memory beyond what it took before and the body's own "
        "bytes, the longest that another client waited for /health meanwhile, and the server's CPU time.",
    )
    for name, (content_type, make) in BODIES.items():
        body = make()
        for host, options in HOSTS.items():
            port = free_port()
            process, _ = start([*_OUTPAINT, *options, "--port", str(port)], port, path="/health")
            try:
                section.add(f"{name}, {host}", *_posted(process, port, content_type, body))
            finally:
                stop(process)
    return section


def _posted(process: subprocess.Popen[bytes], port: int, content_type: str, body: bytes) -> tuple[str, str]:
    """What a body cost, and a remark."""
    _post(port, content_type, body[:1000])  # what is imported at the first body
    waits: list[float] = []
    over = threading.Event()
    other = threading.Thread(target=_ask, args=(port, over, waits))
    other.start()
    before, cpu = _memory(process.pid, "VmRSS"), _cpu(process.pid)
    try:
        status = _post(port, content_type, body)
    finally:
        over.set()
        other.join()
    more = (_memory(process.pid, "VmHWM") - before - len(body)) / 2**20
    return f"{more:.0f} MiB", f"{1000 * max(waits):.0f} ms, {_cpu(process.pid) - cpu:.2f} s of CPU, {status}"


def _post(port: int, content_type: str, body: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", "/v1/painting/outpaint", body, {**KEY, "Content-Type": content_type})
        return connection.getresponse().status
    finally:
        connection.close()


def _ask(port: int, over: threading.Event, waits: list[float]) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connected:
        while not over.is_set():
            began = time.perf_counter()
            connected.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while b"\r\n\r\n{" not in answer:
                answer += connected.recv(4096)
            waits.append(time.perf_counter() - began)
            time.sleep(0.005)


def _memory(pid: int, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def _cpu(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
