"""A server of the shape that the vendor's API has on the wire, written from docs/facts alone.

Nothing of this project is imported here: what agrees with it agrees with the vendor's published shapes, and not with
our own code. It sends and reads what the facts name, and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from PIL import Image, ImageOps
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

KEY = "vendor-key"
LIMIT = 100_000
FORMATS = {
    "JPG": ("JPEG", "jpg", "image/jpeg"),
    "PNG": ("PNG", "png", "image/png"),
    "WEBP": ("WEBP", "webp", "image/webp"),
}
MESSAGES = {401: "token_error"}
FILE_BYTES = 30 * 1024 * 1024
PAINTING_S = 0.05


class RefusedRequestError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def wrong(field: str, value: object, reason: str) -> RefusedRequestError:
    return RefusedRequestError(422, f"{field} has wrong value {value}: {reason}")


class State:
    """Credits, jobs and files of the one account."""

    def __init__(self, credits_: int) -> None:
        self.lock = threading.Lock()
        self.credits = credits_
        self.jobs: dict[str, tuple[float, list[dict[str, str]]]] = {}
        self.files: dict[str, tuple[bytes, str]] = {}
        self.window, self.used = time.monotonic(), 0


class VendorHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    state: State

    default_request_version = "HTTP/1.1"  # what is no HTTP at all gets a status line too

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # an invented verb is a wrong one
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def answer(self) -> None:
        state = self.state
        with state.lock:
            now = time.monotonic()
            if now - state.window >= 60:
                state.window, state.used = now, 0
        self.credits = state.credits
        try:
            body = self.read_body()
            status, headers, data = self.routed(body)
        except RefusedRequestError as refusal:
            document: dict[str, Any] = {"detail": str(refusal.detail)}
            if refusal.status == 422:
                document = {"status": "error", "message": "Validation Failed", **document}
            else:
                document |= {
                    "message": MESSAGES.get(refusal.status, HTTPStatus(refusal.status).phrase),
                    "code": refusal.status,
                }
            status, headers, data = refusal.status, refusal.headers, json.dumps(document).encode()
        self.send_response_only(status)
        everywhere = {
            "Content-Type": "application/json",
            "X-Picsart-Correlation-Id": str(uuid.uuid4()),
            "X-Picsart-Ratelimit-Limit": str(LIMIT),
            "X-Picsart-Ratelimit-Available": str(LIMIT - state.used),
            "X-Picsart-Ratelimit-Reset-Time": str(max(0, int(60 - (time.monotonic() - state.window)))),
            "X-Picsart-Credit-Available": str(self.credits),
            "Access-Control-Allow-Origin": "*",
        }
        for name, value in {**everywhere, **{key.replace("_", "-"): value for key, value in headers.items()}}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        declared = self.headers.get("Content-Length", "0")
        if not re.fullmatch(r"[0-9]+", declared):
            self.close_connection = True
            raise RefusedRequestError(400, "the length is no number")
        body = self.rfile.read(int(declared))
        if len(body) < int(declared):
            self.close_connection = True
            raise RefusedRequestError(400, "the body is not whole")
        return body

    def routed(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(self.path)
        path = url.path
        if path.startswith("/files/") and path[7:] in self.state.files:
            data, media_type = self.state.files[path[7:]]
            return 200, {"Content-Type": media_type}, data
        posts = path == "/v1/painting/outpaint"
        polled = re.fullmatch(r"/v1/painting/([^/]+)", path)
        if not posts and not polled and path != "/v1/balance":
            raise RefusedRequestError(404, "there is no such path")
        methods = ("POST",) if posts else ("GET", "HEAD")
        if self.command == "OPTIONS":
            allowed = ", ".join(methods)
            return (
                204,
                {
                    "Allow": allowed,
                    "Access-Control-Allow-Methods": allowed,
                    "Access-Control-Allow-Headers": "X-Picsart-API-Key, X-Picsart-Plugin, Content-Type",
                },
                b"",
            )
        if self.command not in methods:
            raise RefusedRequestError(405, "this verb is not taken here", Allow=", ".join(methods))
        if self.headers.get("X-Picsart-API-Key", "").strip() != KEY:
            self.credits = 0
            raise RefusedRequestError(401, "the key is missing or unknown")
        with self.state.lock:
            self.state.used += 1
        if not accepts_json(self.headers.get_all("Accept") or []):
            raise RefusedRequestError(406, "answers are JSON")
        if path == "/v1/balance":
            return 200, {}, json.dumps({"credits": self.state.credits}).encode()
        if posts:
            return self.submitted(body, parse_qs(url.query))
        assert polled is not None
        job = self.state.jobs.get(polled[1])
        if job is None:
            raise RefusedRequestError(404, "there is no such job")
        if time.monotonic() < job[0]:
            return 202, {}, accepted(polled[1])
        return 200, {}, json.dumps({"status": "success", "data": job[1]}).encode()

    def submitted(self, body: bytes, query: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
        fields = read_fields(self.headers.get("Content-Type", ""), body)
        image = one_picture(fields, ("image", "image_url", "image_id"), "image", required=True)
        assert image is not None
        masks = ("mask_image", "mask_image_url", "mask_image_id", "mask", "mask_url", "mask_id")
        mask = one_picture(fields, masks, "mask", required=False)
        prompt = fields.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise wrong("prompt", repr(prompt), "say what to paint")
        count = number(fields.get("count", ""), 2)
        wanted = str(fields.get("format") or "JPG").strip().upper()
        if wanted not in FORMATS:
            raise wrong("format", wanted, "use JPG, PNG or WEBP")
        mode = str(fields.get("mode") or query.get("mode", ["sync"])[0]).strip().lower()
        if mode not in ("sync", "async"):
            raise wrong("mode", mode, "use sync or async")
        picture = painted(image, mask)
        with self.state.lock:
            if self.state.credits < count:
                raise RefusedRequestError(402, "the credits are used up")
            self.credits = self.state.credits
            self.state.credits -= count
        kind, extension, media_type = FORMATS[wanted]
        stream = BytesIO()
        picture.save(stream, kind, quality=95)
        items = []
        for _ in range(count):
            name = f"{uuid.uuid4()}.{extension}"
            self.state.files[name] = (stream.getvalue(), media_type)
            host = self.headers.get("Host", "localhost")
            items.append({"id": name, "url": f"http://{host}/files/{name}"})
        respond_async, wait = preferred(self.headers.get_all("Prefer") or [])
        applied = ", ".join((["respond-async"] if respond_async else []) + ([f"wait={wait}"] if wait else []))
        headers = {"Preference-Applied": applied} if applied else {}
        job = str(uuid.uuid4())
        if not wait and (respond_async or mode == "async"):
            self.state.jobs[job] = (time.monotonic() + PAINTING_S, items)
            return 202, headers, accepted(job)
        return 200, headers, json.dumps({"status": "success", "data": items}).encode()


def accepted(job: str) -> bytes:
    return json.dumps({"status": "processing", "inference_id": job, "data": []}).encode()


def accepts_json(values: list[str]) -> bool:
    ranges = {}
    for item in ",".join(values).lower().split(","):
        name, _, rest = item.strip().partition(";")
        quality = re.search(r"q\s*=\s*([0-9.]+)", rest)
        if name.strip():
            ranges[name.strip()] = float(quality[1]) if quality else 1.0
    wide = ranges.get("application/*", ranges.get("*/*", 0.0))
    return not ranges or ranges.get("application/json", wide) > 0


def preferred(values: list[str]) -> tuple[bool, int | None]:
    seen: dict[str, str] = {}
    for item in ",".join(values).split(","):
        name, _, value = item.split(";")[0].partition("=")
        seen.setdefault(name.strip().lower(), value.strip().strip('"'))
    wait = seen.get("wait", "")
    seconds = min(int(wait), 600) if re.fullmatch(r"[0-9]{1,9}", wait) else 0
    return "respond-async" in seen, seconds or None


def number(value: object, default: int) -> int:
    if value in ("", None):
        return default
    text = str(value).strip()
    if (
        isinstance(value, bool)
        or not re.fullmatch(r"[+-]?[0-9]{1,20}(\.0)?", text, re.ASCII)
        or not 1 <= float(text) <= 10
    ):
        raise wrong("count", text[:60], "use a whole number from 1 to 10")
    return int(float(text))


def read_fields(content_type: str, body: bytes) -> dict[str, Any]:
    raw, options = parse_options_header(content_type)
    media_type = raw.decode("latin-1").strip().lower()
    if media_type == "multipart/form-data":
        return read_form(options.get(b"boundary", b""), body)
    try:
        if media_type == "application/x-www-form-urlencoded":
            return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict"))
        if media_type == "application/json":
            found = json.loads(body)
            if isinstance(found, dict):
                return found
    except ValueError as error:
        raise RefusedRequestError(400, f"the body cannot be parsed: {error}") from None
    if media_type == "application/json":
        raise RefusedRequestError(400, "the body is no object")
    raise RefusedRequestError(415, "this type of body is not taken")


def read_form(boundary: bytes, body: bytes) -> dict[str, Any]:
    if not boundary:
        raise RefusedRequestError(400, "there is no boundary")
    fields: dict[str, Any] = {}
    part: dict[str, bytes] = {}
    ended: list[bool] = []

    def data(name: str) -> Any:
        return lambda raw, start, end: part.__setitem__(name, part.get(name, b"") + raw[start:end])

    def header_end() -> None:
        part["headers"] = (
            part.get("headers", b"") + part.pop("field", b"").lower() + b":" + part.pop("value", b"") + b"\n"
        )

    def part_end() -> None:
        line = re.search(rb"content-disposition:(.*)\n", part.get("headers", b""))
        _, options = parse_options_header(line[1].strip() if line else b"")
        value: Any = part.get("data", b"")
        name = options.get(b"name", b"").decode()
        is_file = b"filename" in options or b"content-type: " in part.get("headers", b"")
        if is_file and not value and options.get(b"filename", b"") == b"":
            part.clear()
            return  # an optional file input of an HTML form that was left empty
        try:
            fields[name] = value if is_file else value.decode()
        except UnicodeDecodeError:
            raise RefusedRequestError(400, "a text is not UTF-8") from None
        part.clear()

    parser = MultipartParser(
        boundary,
        {
            "on_header_field": data("field"),
            "on_header_value": data("value"),
            "on_header_end": header_end,
            "on_part_data": data("data"),
            "on_part_end": part_end,
            "on_end": lambda: ended.append(True),
        },
    )
    try:
        parser.write(body)
    except MultipartParseError as error:
        raise RefusedRequestError(400, f"the body cannot be parsed: {error}") from None
    if not ended:
        raise RefusedRequestError(400, "the body is not whole")
    return fields


def one_picture(fields: dict[str, Any], names: tuple[str, ...], what: str, *, required: bool) -> bytes | None:
    sent = [name for name in names if fields.get(name) not in (None, "")]
    if len(sent) > 1 or (required and not sent):
        raise RefusedRequestError(422, f"send one {what}" if sent else f"{what} is missing")
    if not sent:
        return None
    name, value = sent[0], fields[sent[0]]
    if name.endswith("_id"):
        raise wrong(name, value, "there is no such picture")
    if not name.endswith("_url"):
        if not isinstance(value, bytes):
            raise wrong(name, value, "send a file")
        if not value:
            raise wrong(name, "<empty file>", "it has no bytes")
        if len(value) > FILE_BYTES:
            raise RefusedRequestError(413, "the file is too large")
        return value
    if not isinstance(value, str):
        raise wrong(name, "<file>", "send an address")
    found = re.fullmatch(r"(?is)data:([^,]*);base64,(.*)", value)
    if found is None:
        raise wrong(name, value[:60], "it cannot be read" if len(value) <= 2083 else "it is too long")
    try:
        return base64.b64decode(found[2], validate=True)
    except binascii.Error:
        raise wrong(name, "<data: URI>", "it is no base64") from None


def opened(data: bytes) -> Image.Image:
    try:
        picture: Image.Image = Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP", "BMP", "TIFF"))
    except (OSError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RefusedRequestError(415, "this is no picture that is taken") from None
    try:
        return ImageOps.exif_transpose(picture)
    except (OSError, SyntaxError, ValueError, TypeError):
        try:
            picture.load()
        except (OSError, SyntaxError, ValueError):
            raise RefusedRequestError(422, "the picture is damaged") from None
        return picture


def painted(image: bytes, mask: bytes | None) -> Image.Image:
    picture = opened(image).convert("RGBA")
    keep = picture.getchannel("A")
    if mask is not None:
        read = opened(mask)
        alpha = read.convert("RGBA").getchannel("A")
        keep = alpha if alpha.getextrema() != (255, 255) else read.convert("L")
        if keep.size != picture.size:
            raise RefusedRequestError(422, "mask and image differ in size")
    fill = Image.new("RGB", picture.size, (90, 140, 60))
    return Image.composite(picture.convert("RGB"), fill, keep)


@contextmanager
def vendor_server(credits_: int = 100_000) -> Iterator[str]:
    """The server on loopback for as long as the block runs; its base URL, with `/v1`."""
    handler = type("Handler", (VendorHandler,), {"state": State(credits_)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
