"""The servers that are measured, each a process of its own on a loopback port."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from servers import KEY, RAW_ASGI, NoAnswerError, free_port, start, stop

ROOT = Path(__file__).parents[2]


class Unavailable(Exception):  # noqa: N818 - a peer that is left out
    """A server cannot be installed or started here; the text says why."""


class Server:
    """A process that is started, asked until it answers, and stopped."""

    name = ""
    is_fast = True
    """Whether it takes twenty thousand uploads in reasonable time."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ready_ms = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What it is started with."""
        return dict(os.environ)

    def job(self) -> str:
        """The path of a job that can be polled."""
        return "/v1/painting/5f0c2f0e-3c58-4a57-9d0e-6f6a2f3f1b7d"

    def __enter__(self) -> Self:
        """Start it three times and keep the last; ready is the best of them."""
        times = []
        for again in (True, True, False):
            try:
                self._process, seconds = start(self.command(), self.port, environment=self.environment())
            except (OSError, NoAnswerError) as error:
                raise Unavailable(f"{self.name} was left out: {error}") from error
            times.append(seconds)
            if again:
                stop(self._process)
        self.ready_ms = min(times) * 1000
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        stop(self._process)

    def _pids(self) -> list[int]:
        """The process and those it started."""
        assert self._process is not None
        found = [self._process.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            if children.exists():
                found += [int(child) for child in children.read_text().split()]
        return found

    def cpu_seconds(self) -> float:
        """Processor time so far, children included."""
        ticks = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        """Peak resident memory, children included."""
        total = 0
        for pid in self._pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    total += int(line.split()[1])
        return total / 1024


class Ours(Server):
    """`outpaint mock`, one process, nothing switched off but the vendor's 500 requests a minute."""

    name = "outpaint mock"

    def command(self) -> list[str]:
        limits = ["--scenario", "rate_limit(1000000000, 60)", "--credits", str(2**53)]
        return [sys.executable, "-m", "outpaint.mocks", "--port", str(self.port), *limits]

    def environment(self) -> dict[str, str]:
        """With compiled modules, as any installation has them."""
        return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def job(self) -> str:
        """A job that stays pending."""
        answer = httpx.post(
            f"{self.url}/v1/painting/outpaint",
            headers={**KEY, "X-Mock-Scenario": "manual", "Prefer": "respond-async"},
            json={"image_url": "https://pictures.test/a.png", "prompt": "x"},
        )
        return f"/v1/painting/{answer.json()['inference_id']}"


class RawAsgi(Server):
    """The baseline: uvicorn with an ASGI application that reads the body and always gives the same answer."""

    name = "baseline: uvicorn, raw ASGI"

    def command(self) -> list[str]:
        return [sys.executable, RAW_ASGI, str(self.port)]


class _Prism(Server):
    """Prism with our OpenAPI description."""

    name = "Prism"
    is_fast = False

    def __init__(self, modules: Path) -> None:
        super().__init__()
        self._modules = modules

    def command(self) -> list[str]:
        prism = str(self._modules / ".bin" / "prism")
        options = ["-h", "127.0.0.1", "-p", str(self.port), "--multiprocess", "false"]
        return [prism, "mock", *options, str(ROOT / "openapi.json")]


class _Mockoon(_Prism):
    """Mockoon with our OpenAPI description."""

    name = "Mockoon"
    is_fast = True

    def command(self) -> list[str]:
        mockoon = str(self._modules / ".bin" / "mockoon-cli")
        options = ["--hostname", "127.0.0.1", "--port", str(self.port), "--disable-log-to-file"]
        return [mockoon, "start", "--data", str(ROOT / "openapi.json"), *options]


class _WireMock(_Prism):
    """WireMock with a stub for each route; it checks that there is an image part, and its journal is bounded."""

    name = "WireMock"
    is_fast = True

    def __init__(self, modules: Path, folder: Path) -> None:
        super().__init__(modules)
        self._folder = folder
        _write_stubs(folder / "mappings")

    def command(self) -> list[str]:
        jar = next((self._modules / "wiremock" / "build").glob("*.jar"), None)
        if jar is None or shutil.which("java") is None:
            raise Unavailable("WireMock was left out: it needs Java")
        options = ["--port", str(self.port), "--bind-address", "127.0.0.1", "--root-dir", str(self._folder)]
        return ["java", "-jar", str(jar), *options, "--max-request-journal-entries", "1000"]


def _write_stubs(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    json_ = {"Content-Type": "application/json"}
    pending = {"status": "processing", "inference_id": "5f0c2f0e-3c58-4a57-9d0e-6f6a2f3f1b7d", "data": []}
    image = [{"matchingType": "ANY", "name": "image"}]
    stubs = [
        ({"method": "POST", "urlPath": "/v1/painting/outpaint", "multipartPatterns": image}, 202, pending),
        ({"method": "GET", "urlPathPattern": "/v1/painting/[^/]+"}, 202, pending),
        ({"method": "GET", "urlPath": "/v1/balance"}, 200, {"credits": 1000}),
    ]
    mappings = [
        {"request": request, "response": {"status": status, "headers": json_, "jsonBody": body}}
        for request, status, body in stubs
    ]
    (folder / "stubs.json").write_text(json.dumps({"mappings": mappings}))


PACKAGES = ("@stoplight/prism-cli", "@mockoon/cli", "wiremock")


def peers(folder: Path, installed: Path | None) -> list[Callable[[], Server]]:
    """The peers, installed when the first of them is asked for."""
    places: list[Path] = []

    def modules() -> Path:
        if not places:
            places.append((installed or _install(folder / "peers")) / "node_modules")
        return places[0]

    def of(name: str, make: Callable[[Path], Server]) -> Callable[[], Server]:
        def made() -> Server:
            try:
                return make(modules())
            except (OSError, subprocess.SubprocessError) as error:
                raise Unavailable(f"{name} was left out: npm could not install it ({error})") from error

        return made

    return [
        of("Prism", _Prism),
        of("Mockoon", _Mockoon),
        of("WireMock", lambda at: _WireMock(at, folder / "wiremock")),
    ]


def _install(folder: Path) -> Path:
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true}')
    print("installing the peers with npm ...", flush=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent", *PACKAGES]
    subprocess.run(command, cwd=folder, check=True, timeout=600, capture_output=True)
    return folder
