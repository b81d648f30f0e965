"""The events that both handlers are given, as a REST API sends them."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

from local_cloud.http_door import Request
from local_cloud.proxy_events import rest_api_event
from outpaint_contracts.headers import API_KEY, IDEMPOTENCY_KEY, PREFER
from PIL import Image
from stub_aws import KEY

BOUNDARY = "0123456789abcdef0123456789abcdef"
SIDE = 1024


def balance(folder: Path) -> Path:
    """GET /v1/balance."""
    return _written(folder / "balance.json", "GET", "/v1/balance", (), b"", 200)


def submit(folder: Path, image_bytes: int) -> Path:
    """POST of a JPEG of at least that many bytes, a mask and five fields, to be answered at once."""
    mask = Image.new("L", (SIDE, SIDE), 0)
    mask.paste(255, (SIDE // 4, SIDE // 4, SIDE * 3 // 4, SIDE * 3 // 4))
    files = {"image": _jpeg(image_bytes), "mask": _encoded(mask, "PNG")}
    fields = {"prompt": "a green field", "count": "2", "format": "JPG"}
    parts = [
        f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        for name, data in files.items()
    ]
    parts += [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()
    ]
    border = f"--{BOUNDARY}".encode()
    body = b"".join(border + b"\r\n" + part + b"\r\n" for part in parts) + border + b"--\r\n"
    headers = (
        ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"),
        (IDEMPOTENCY_KEY, "bench"),
        (PREFER, "respond-async"),
    )
    return _written(folder / f"submit-{image_bytes}.json", "POST", "/v1/painting/outpaint", headers, body, 202)


def _jpeg(size: int) -> bytes:
    """A picture of this side; bytes behind its end make it as long as wanted, which no decoder minds."""
    data = _encoded(Image.effect_noise((SIDE, SIDE), 40).convert("RGB") if size > 100_000 else _plain(), "JPEG")
    # Random, so that nothing is gained by packing; base64 makes of it what it makes of pixels.
    return data + os.urandom(max(0, size - len(data)))


def _plain() -> Image.Image:
    return Image.new("RGB", (SIDE, SIDE), (90, 120, 60))


def _encoded(picture: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, quality=95)
    return stream.getvalue()


def _written(
    path: Path, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, wanted: int
) -> Path:
    given = (("Host", "api.test"), (API_KEY, KEY), ("Accept", "*/*"), *headers)
    event = rest_api_event(Request(method, target, "", given, body, "198.51.100.7"), "live", "/live", _BINARY)
    path.write_text(json.dumps({"wanted": wanted, "event": json.loads(event)}), "utf-8")
    return path


_BINARY = frozenset({"multipart/form-data"})
