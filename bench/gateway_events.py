"""The events that both handlers are given, as a REST API sends them."""

from __future__ import annotations

import io
import json
from pathlib import Path

from local_cloud.gateways import GatewayRequest, rest_api_event
from PIL import Image, ImageFilter
from stub_aws import KEY

from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY, PREFER

BOUNDARY = "0123456789abcdef0123456789abcdef"
SIDE = 1024
BYTES_PER_PIXEL = 0.432


def balance(folder: Path) -> Path:
    """GET /v1/balance."""
    return _written(folder / "balance.json", "GET", "/v1/balance", (), b"", 200)


def submit(folder: Path, image_bytes: int) -> Path:
    """POST of a JPEG of about that many bytes, a mask and three fields, to be answered at once."""
    image = _jpeg(image_bytes)
    width, height = Image.open(io.BytesIO(image)).size
    mask = Image.new("L", (width, height), 0)
    mask.paste(255, (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
    files = {"image": image, "mask": _encoded(mask, "PNG")}
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
    """A small picture, or one with the texture of a photo whose file has about this many bytes."""
    if size < 100_000:
        return _encoded(Image.new("RGB", (SIDE, SIDE), (90, 120, 60)), "JPEG")
    side = int((size / BYTES_PER_PIXEL) ** 0.5)
    grain = Image.effect_noise((side, side), 40).filter(ImageFilter.GaussianBlur(1))
    return _encoded(Image.merge("RGB", (grain, grain.transpose(Image.Transpose.ROTATE_90), grain)), "JPEG")


def _encoded(picture: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, quality=95)
    return stream.getvalue()


def _written(
    path: Path, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, wanted: int
) -> Path:
    given = (("Host", "api.test"), (API_KEY, KEY), ("Accept", "*/*"), *headers)
    event = rest_api_event(GatewayRequest(method, target, "", given, body, "198.51.100.7"), "live", "/live", _BINARY)
    path.write_text(json.dumps({"wanted": wanted, "event": json.loads(event)}), "utf-8")
    return path


_BINARY = frozenset({"multipart/form-data"})
