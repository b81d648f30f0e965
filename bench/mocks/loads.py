"""The loads, the same for every server."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import forms
import httpx

if TYPE_CHECKING:
    from rivals import Server

CONNECTIONS = "16"
KEY = {"X-Picsart-API-Key": "bench"}


@dataclass(frozen=True)
class Load:
    """What wrk sends."""

    path: str
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def get(cls, path: str) -> Self:
        """One path again and again."""
        return cls(path, ("-H", "X-Picsart-API-Key: bench"))

    @classmethod
    def post(cls, bodies: forms.Bodies, count: int) -> Self:
        """The first `count` bodies again and again."""
        script = str(Path(__file__).with_name("post.lua"))
        return cls("/", ("-s", script), {"BODIES": str(bodies.folder), "COUNT": str(count)})

    def run(self, server: Server, seconds: int) -> str:
        """wrk's own words."""
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--timeout", "30", *self.arguments]
        done = subprocess.run(
            [*command, server.url + self.path],
            capture_output=True, text=True, check=True, env={**os.environ, **self.environment},
        )  # fmt: skip
        return done.stdout

    def count(self, server: Server, seconds: int) -> int:
        """How many requests were answered in that time."""
        found = re.search(r"(\d+) requests in", self.run(server, seconds))
        return 0 if found is None else int(found[1])


def wrk(server: Server, load: Load, seconds: int) -> str:
    """Answers a second, marked where some were not 2xx, and what each cost the server of its processor's time."""
    before = server.cpu_seconds()
    said = load.run(server, seconds)
    spent = server.cpu_seconds() - before
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    number = re.search(r"(\d+) requests in", said)
    if rate is None or number is None or not int(number[1]):
        return "none"
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    text = f"{float(rate[1]):,.0f} ({spent / int(number[1]) * 1e6:,.0f} us)"
    return text if wrong is None else f"{text}, {int(wrong[1]) / int(number[1]):.0%} not 2xx"


def five_megabytes(server: Server, rounds: int = 7) -> str:
    """The median of uploads of a 5 MB picture, each another."""
    seconds = []
    with httpx.Client(timeout=120) as client:
        for seed in range(rounds):
            body = forms.form(forms.picture(seed, 1270, 1120))
            headers = {**KEY, "Content-Type": f"multipart/form-data; boundary={forms.BOUNDARY}"}
            began = time.perf_counter()
            answer = client.post(f"{server.url}/v1/painting/outpaint", content=body, headers=headers)
            seconds.append(time.perf_counter() - began)
            if answer.status_code >= 300:
                return f"refused with {answer.status_code}"
    return f"{statistics.median(seconds) * 1000:,.0f}"


def strictness(server: Server) -> str:
    """How many of these wrong or special requests are answered as the service answers them."""
    good = forms.picture(0)
    fields = {"prompt": "x", "count": "1"}
    path = f"{server.url}/v1/painting/outpaint"
    with httpx.Client(timeout=60, headers=KEY) as client:

        def post(data: dict[str, str], image: bytes | None = good, label: str = "image/png") -> int:
            files = {} if image is None else {"image": ("a.png", image, label)}
            return client.post(path, data=data, files=files or None).status_code

        def raw(body: bytes, label: str) -> int:
            return client.post(path, content=body, headers={"Content-Type": label}).status_code

        def turns() -> bool:
            """Two jobs polled in turn: neither is done before its own third poll."""
            asked = {"X-Mock-Scenario": "polls(2)"}
            jobs = [
                client.post(path, data={**fields, "mode": "async"}, files={"image": ("a.png", good)}, headers=asked)
            ]
            jobs.append(
                client.post(path, data={**fields, "mode": "async"}, files={"image": ("a.png", good)}, headers=asked)
            )
            ids = [job.json().get("inference_id") for job in jobs]
            seen = [client.get(f"{server.url}/v1/painting/{id_}").status_code for _ in range(3) for id_ in ids]
            return seen == [202, 202, 202, 202, 200, 200]

        checks = (
            post(fields, b"just text") in (415, 422),
            post(fields, good[:900]) == 422,
            post(fields | {"mode": "async"}) == 202,
            client.get(f"{server.url}/v1/painting/00000000-0000-4000-8000-000000000000").status_code == 404,
            post(fields | {"format": "GIF"}) == 422,
            post(fields | {"count": "11"}) == 422,
            post(fields | {"count": "many"}) == 422,
            post({"count": "1"}) == 422,
            post(fields, None) == 422,
            post(fields | {"image_url": "https://a.test/a.png"}) == 422,
            httpx.get(f"{server.url}/v1/balance").status_code == 401,
            client.put(path).status_code == 405,
            raw(b"<a/>", "application/xml") == 415,
            raw(b"--b\r\nConten", "multipart/form-data; boundary=b") == 400,
            turns(),
        )
    return f"{sum(checks)}/{len(checks)}"
