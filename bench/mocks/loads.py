"""The loads, the same for every server."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx
from servers import KEY, WrkRun, wrk
from uploads import CONTENT_TYPE, form, noise_file

if TYPE_CHECKING:
    from rivals import Server

FIELDS = {"prompt": "a field of poppies under a wide sky", "count": "2", "format": "PNG", "mode": "async"}


@dataclass(frozen=True)
class Bodies:
    """Forms of four fields and a picture of about 197 KB, all different, in files named by number in a folder."""

    folder: Path
    count: int

    @classmethod
    def write(cls, folder: Path, count: int) -> Self:
        """Make so many."""
        folder.mkdir()
        for number in range(count):
            (folder / str(number)).write_bytes(form(FIELDS, {"image": noise_file(number)}))
        return cls(folder, count)


@dataclass(frozen=True)
class Load:
    """What wrk sends."""

    path: str
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def get(cls, path: str) -> Self:
        """One path again and again."""
        return cls(path)

    @classmethod
    def post(cls, bodies: Bodies, count: int) -> Self:
        """The first `count` bodies again and again."""
        script = str(Path(__file__).with_name("post.lua"))
        return cls("/", ("-s", script), {"BODIES": str(bodies.folder), "COUNT": str(count), "TYPE": CONTENT_TYPE})

    def run(self, server: Server, seconds: int) -> WrkRun:
        """Send it to a server for so long."""
        return wrk(server.url + self.path, seconds, *self.arguments, environment=self.environment)


def measured(server: Server, load: Load, seconds: int) -> str:
    """Answers a second, marked where some were not 2xx, and what each cost the server of its processor's time."""
    before = server.cpu_seconds()
    run = load.run(server, seconds)
    spent = server.cpu_seconds() - before
    if not run.requests:
        return "none"
    text = f"{run.rate:,.0f} ({spent / run.requests * 1e6:,.0f} us)"
    return text if not run.not_2xx else f"{text}, {run.not_2xx / run.requests:.0%} not 2xx"


def five_megabytes(server: Server, rounds: int = 7) -> str:
    """The median of uploads of a 5 MB picture, each another."""
    seconds = []
    with httpx.Client(timeout=120) as client:
        for seed in range(rounds):
            body = form(FIELDS, {"image": noise_file(seed, 1270, 1120)})
            headers = {**KEY, "Content-Type": CONTENT_TYPE}
            began = time.perf_counter()
            answer = client.post(f"{server.url}/v1/painting/outpaint", content=body, headers=headers)
            seconds.append(time.perf_counter() - began)
            if answer.status_code >= 300:
                return f"refused with {answer.status_code}"
    return f"{statistics.median(seconds) * 1000:,.0f}"


def strictness(server: Server) -> str:
    """How many of these wrong or special requests are answered as the service answers them."""
    good = noise_file(0)
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
            asked, data = {"X-Mock-Scenario": "polls(2)"}, {**fields, "mode": "async"}
            jobs = [client.post(path, data=data, files={"image": ("a.png", good)}, headers=asked) for _ in range(2)]
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
