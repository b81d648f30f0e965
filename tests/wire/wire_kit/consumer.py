"""A consumer that asks for everything the API can do, once, and the recording of its exchanges at any base URL.

A recording has every kind of answer that needs no fault.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
from PIL import Image, ImageDraw

from outpaint.conformance.drift.drift_targets import target_of
from outpaint.conformance.drift.recorder import Recorder, RecordingHost
from outpaint.conformance.drift.recording_file import Recording
from outpaint.conformance.drift.replay import Drift, replay
from outpaint.conformance.drift.upstream import Upstream, UpstreamRequest
from outpaint.conformance.verify.case_selection import CreditBudget
from outpaint.functions.embedded.server import serving
from outpaint.functions.http.messages import Response

KEY = "X-Picsart-API-Key"
TIMEOUT_S = 120.0


def png(size: tuple[int, int] = (96, 64), *, mode: str = "RGBA", opaque: bool = False) -> bytes:
    """A picture whose right half is transparent."""
    image = Image.new(mode, size, (200, 120, 40, 255) if mode == "RGBA" else 200)
    if mode == "RGBA" and not opaque:
        image.paste((0, 0, 0, 0), (size[0] // 2, 0, *size))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def mask(size: tuple[int, int] = (96, 64)) -> bytes:
    """White where it is to be painted."""
    image = Image.new("L", size, 0)
    ImageDraw.Draw(image).rectangle((size[0] // 2, 0, *size), fill=255)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def do_everything(
    base_url: str, key: str, *, poor_key: str | None = None, pause: Callable[[], None] = lambda: None
) -> None:
    """Sync, async, uploads, results, idempotency, and every refusal that needs no fault; `base_url` ends with /v1."""
    with httpx.Client(base_url=base_url, headers={KEY: key}, timeout=60, trust_env=False) as api:
        api.get("/balance")
        files = {"image": ("photo.png", png(), "image/png")}
        done = post(api, files=files, data={"prompt": "a wide beach", "count": "2", "format": "PNG"})
        while done.status_code == 202:  # not within the wait
            pause()
            done = api.get(f"/painting/{done.json()['inference_id']}")
        for picture in done.json()["data"]:
            api.get(picture["url"]).raise_for_status()
        whole = {"image": ("photo.png", png(opaque=True), "image/png")}
        post(api, files={**whole, "mask": ("mask.png", mask(), "image/png")}, data={"prompt": "a lake", "count": "1"})
        poll(api, post(api, files=files, data={"prompt": "dunes", "count": "1", "mode": "async"}), pause)
        preferred = {"Prefer": "respond-async, wait=5"}
        poll(api, post(api, files=files, data={"prompt": "a pier", "count": "1"}, headers=preferred), pause)
        again = {"Idempotency-Key": "order-1042"}
        for _ in range(2):
            post(api, files=files, data={"prompt": "a quay", "count": "1", "seed": "7"}, headers=again)
        post(api, files=files, data={"prompt": "another", "count": "1", "seed": "7"}, headers=again)
        _uploads(api)
        _sources(api, done)
        _refusals(api)
        api.get("/balance")
    with httpx.Client(base_url=base_url, timeout=60, trust_env=False) as nobody:
        nobody.get("/balance")
        nobody.get("/balance", headers={KEY: "nobody-knows-this-key"})
    if poor_key is not None:
        with httpx.Client(base_url=base_url, headers={KEY: poor_key}, timeout=60, trust_env=False) as poor:
            poor.get(f"/painting/{done.json()['inference_id']}")
            post(poor, files=files, data={"prompt": "too dear", "count": "10"})


def post(api: httpx.Client, **request: Any) -> httpx.Response:
    return api.post("/painting/outpaint", **request)


def poll(api: httpx.Client, answer: httpx.Response, pause: Callable[[], None]) -> httpx.Response:
    inference_id = answer.json()["inference_id"]
    answer = api.get(f"/painting/{inference_id}")
    while answer.status_code == 202:
        pause()
        answer = api.get(f"/painting/{inference_id}")
    for picture in answer.json()["data"]:
        api.get(picture["url"]).raise_for_status()
    return api.get(f"/painting/{inference_id}")


def _uploads(api: httpx.Client) -> None:
    ticket = api.post("/uploads", json={"content_type": "image/png", "bytes": len(png())}).json()
    if "url" not in ticket:
        ticket = api.post("/uploads", json={}).json()
    api.post(ticket["url"], data=ticket["fields"], files={"file": ("photo.png", png((80, 80)), "image/png")})
    post(api, data={"image_id": ticket["id"], "prompt": "from an upload", "count": "1"})


def _sources(api: httpx.Client, done: httpx.Response) -> None:
    post(api, json={"image_id": done.json()["data"][0]["id"], "prompt": "of an earlier result", "count": 1})
    post(api, data={"image_id": "6f2f3c1e-0000-4000-8000-000000000000.png", "prompt": "of nothing"})
    uri = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    post(api, json={"image_url": uri, "prompt": "of a data URI", "count": 1, "format": "WEBP"})


def _refusals(api: httpx.Client) -> None:
    files = {"image": ("photo.png", png(), "image/png")}
    post(api, files=files, data={"prompt": "too many", "count": "11"})
    post(api, files=files)
    post(api, files={"image": ("photo.png", png(opaque=True), "image/png")}, data={"prompt": "nothing open"})
    post(api, files={"image": ("photo.png", b"this is no picture", "image/png")}, data={"prompt": "no picture"})
    post(api, files={"image": ("photo.png", png()[:200], "image/png")}, data={"prompt": "half a picture"})
    post(api, content=b"not a form", headers={"Content-Type": "multipart/form-data; boundary=x"})
    post(api, content=b"{", headers={"Content-Type": "application/json"})
    post(api, content=b"<a/>", headers={"Content-Type": "text/xml"})
    api.get("/painting/6f2f3c1e-0000-4000-8000-000000000000")
    api.get("/painting/outpaint")
    api.get("/nowhere")
    api.get("/balance", headers={"Accept": "image/gif"})
    api.request("HEAD", "/balance")


class _LateRecorder:
    """A recorder that is made once the proxy's own address is known."""

    recorder: Recorder
    key = None

    def handle(self, asked: UpstreamRequest) -> Response:
        return self.recorder.handle(asked)


def recorded(base_url: str, key: str, *, poor_key: str | None = None, pause_s: float = 0.02) -> Recording:
    """What `do_everything` and the provider at a base URL (without /v1) say to each other, by the proxy on a socket.

    `key` needs about 20 credits; `poor_key`, if given, belongs to another account that cannot pay ten pictures.
    """
    late = _LateRecorder()
    host = RecordingHost(late)  # type: ignore[arg-type]
    upstream = Upstream(base_url, timeout=TIMEOUT_S)
    try:
        with serving(host) as own:
            late.recorder = Recorder(upstream, own, CreditBudget(None))
            do_everything(f"{own}/v1", key, poor_key=poor_key, pause=lambda: time.sleep(pause_s))
            # What a user would have: a file that is read again.
            return Recording.parse(late.recorder.recording().text())
    finally:
        host.close()
        upstream.close()


def drift_at(recording: Recording, against: str | None = None, keys: Sequence[str] = ()) -> Drift:
    """The recording replayed: at the mock in process, a mock server, or any base URL with keys in recorded order."""
    with target_of(recording, against, keys) as target:
        return replay(recording, target)
