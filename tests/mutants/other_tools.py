"""Other tools that could notice a mutant: Schemathesis, Specmatic and a Pact, each as its users run it.

A tool is run on a server over TCP, mutated or not. One that finds fault with the correct service cannot distinguish a
mutant from it, and counts as having noticed none.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import httpx
from pydantic import BaseModel

from outpaint.conformance.proving import drawn_pictures
from outpaint.conformance.proving.api import UNKNOWN_ID
from outpaint.conformance.proving.provider import Provider
from outpaint.contracts import examples, openapi, paths_and_headers
from outpaint.contracts.errors import ErrorBody, ErrorCode

ROOT = Path(__file__).parents[2]
SCHEMATHESIS = ROOT / ".venv" / "fuzz" / "bin" / "schemathesis"
WEB_SHOP = ROOT / "tests" / "mocks" / "pact" / "web_shop" / "test_web_shop.py"
CREDITS = 10_000_000
PATIENCE_S = 180
_SPECMATIC_VERSION: Final = "2.55.1"
# It lives for ten seconds: a compiler that optimises costs more than it saves.
_JAVA: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True, slots=True)
class Target:
    """A server to be judged, and two accounts' keys."""

    url: str
    key: str
    second_key: str

    @classmethod
    def of(cls, provider: Provider) -> Target:
        """The server behind a provider that has a socket."""
        host, port = provider.address()
        return cls(f"http://{host}:{port}", provider.exact_key(CREDITS), provider.exact_key(CREDITS))


class OtherTool(Protocol):
    """A tool that judges a server."""

    name: str
    setting: str
    """How it is set up."""

    def finds_fault(self, target: Target) -> bool:
        """Whether it says that something is wrong. Raises `Unavailable` where it cannot be run or does not end."""
        ...


class Unavailable(Exception):  # noqa: N818 - a tool that is not installed is no error of ours
    """Why a tool cannot be run, in one line."""


class Schemathesis:
    """Every check and phase with our hooks (tests/fuzzing), a few requests of each operation in each phase."""

    name = "Schemathesis"
    examples = 5
    setting = f"all checks and phases, our hooks that make real pictures, {examples} requests an operation and phase"

    def __init__(self) -> None:
        if not SCHEMATHESIS.is_file():
            raise Unavailable("Schemathesis is not installed: run `make fuzz` once")

    def finds_fault(self, target: Target) -> bool:
        words = ["--url", target.url, "--examples", str(self.examples), "--seed", "1"]
        keys = {"OUTPAINT_KEY": target.key, "OUTPAINT_SECOND_KEY": target.second_key}
        done = run([sys.executable, "-m", "fuzzing", *words], {"PYTHONPATH": str(ROOT / "tests"), **keys})
        return done.returncode != 0


class Pact:
    """The pact that the example consumer's tests write, verified by Pact's engine."""

    name = "Pact"
    setting = "the pact that an example consumer's tests write, verified by Pact's engine"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "web-shop.json"
        written = ["--outpaint-pact", str(self._file), "--outpaint-consumer", "web-shop", str(WEB_SHOP)]
        done = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *written])
        if done.returncode != 0 or not self._file.is_file():
            raise Unavailable(f"the example consumer's pact was not written: {done.stdout.strip().splitlines()[-1:]}")

    def finds_fault(self, target: Target) -> bool:
        command = [str(Path(sys.executable).with_name("outpaint")), "contract", "pact", "verify", str(self._file)]
        done = run([*command, "--base-url", target.url], {"OUTPAINT_KEY": target.key})
        return done.returncode != 0


class Specmatic:
    """`specmatic test --strict` from npm on openapi.json, as a diligent user sets it up.

    Left to itself it makes up ids, and bytes that are no picture, and finds fault with any correct service. So it gets
    a request for each answer that a request alone can bring about, with ids of jobs that the server just accepted.
    """

    name = "Specmatic"
    setting = "strict, an example for each of nine answers, with ids of jobs that the server did just take"

    def __init__(self, folder: Path) -> None:
        if shutil.which("npm") is None or shutil.which("java") is None:
            raise Unavailable("Specmatic needs npm and java")
        install = [
            "npm",
            "install",
            "--prefix",
            str(folder),
            "--no-audit",
            "--no-fund",
            f"specmatic@{_SPECMATIC_VERSION}",
        ]
        if run(install).returncode != 0:
            raise Unavailable("npm has no Specmatic to install")
        self._folder = folder
        self._jar = folder / "node_modules" / "specmatic" / "specmatic.jar"
        self._photo = folder / "photo.png"
        self._photo.write_bytes(drawn_pictures.canvas())
        self._description = folder / "openapi.json"
        self._description.write_text(json.dumps(_without_examples(openapi.document())), encoding="utf-8")

    def finds_fault(self, target: Target) -> bool:
        """Whether one of the examples is answered otherwise than openapi.json says."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            for name, example in self._examples(target).items():
                (Path(folder) / f"{name}.json").write_text(json.dumps(example), encoding="utf-8")
            words = [str(self._description), f"--testBaseURL={target.url}", "--strict", f"--examples={folder}"]
            variables = {"ApiKey": target.key, "JAVA_TOOL_OPTIONS": _JAVA}
            return run(["java", "-jar", str(self._jar), "test", *words], variables, folder=self._folder).returncode != 0

    def _examples(self, target: Target) -> dict[str, dict[str, Any]]:
        """Requests by name, each with an answer whose form is what counts."""
        job, picture = _job(target)

        def example(
            method: str, path: str, status: int, shown: BaseModel, key: str = target.key, **request: Any
        ) -> dict[str, Any]:
            sent = {paths_and_headers.API_KEY: key, **request.pop("headers", {})}
            answer = {"headers": {"Content-Type": "application/json"}, "body": shown.model_dump(mode="json")}
            return {
                "http-request": {"method": method, "path": path, "headers": sent, **request},
                "http-response": {"status": status, **answer},
            }

        def form(**fields: str) -> dict[str, Any]:
            texts = [{"name": name, "content": text, "contentType": "text/plain"} for name, text in fields.items()]
            photo = {"name": "image", "filename": f"@{self._photo}", "contentType": "image/png"}
            return {"headers": {"Content-Type": "multipart/form-data"}, "multipart-formdata": [photo, *texts]}

        poll = paths_and_headers.INFERENCE_PATH.partition("{")[0]
        unknown = ErrorBody.of(examples.error(ErrorCode.UNKNOWN_INFERENCE))
        refused = ErrorBody.of(examples.error(ErrorCode.INVALID_PARAMETER))
        upload = {"headers": {"Content-Type": "application/json"}, "body": examples.UPLOAD_REQUEST}
        return {
            "waited-for": example("POST", paths_and_headers.OUTPAINT_PATH, 200, examples.RESULT, **form(prompt="sky")),
            "taken": example(
                "POST", paths_and_headers.OUTPAINT_PATH, 202, examples.ACCEPTED, **form(prompt="sky", mode="async")
            ),
            "refused": example(
                "POST", paths_and_headers.OUTPAINT_PATH, 422, refused, **form(prompt="sky", format="GIF")
            ),
            "finished": example("GET", poll + job, 200, examples.RESULT),
            "unknown-job": example("GET", poll + UNKNOWN_ID, 404, unknown),
            "another-accounts-job": example("GET", poll + job, 404, unknown, key=target.second_key),
            "balance": example("GET", paths_and_headers.BALANCE_PATH, 200, examples.BALANCE),
            "upload": example("POST", paths_and_headers.UPLOADS_PATH, 200, examples.UPLOAD_TICKET, **upload),
            "picture": {
                "http-request": {"method": "GET", "path": picture.path, "query": dict(picture.params)},
                "http-response": {"status": 200, "headers": {"Content-Type": "image/jpeg"}, "body": "a picture"},
            },
        }


def _job(target: Target) -> tuple[str, httpx.URL]:
    """A finished job's id and the address of its picture; a broken server's are such that nobody knows."""
    with httpx.Client(base_url=target.url, headers={paths_and_headers.API_KEY: target.key}, timeout=30) as client:
        files = {"image": ("photo.png", drawn_pictures.canvas(), "image/png")}
        try:
            done = client.post(paths_and_headers.OUTPAINT_PATH, data={"prompt": "sky"}, files=files).json()
            return done["inference_id"], httpx.URL(done["data"][0]["url"])
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError):
            return UNKNOWN_ID, httpx.URL(f"{target.url}/v1/files/{UNKNOWN_ID}.jpg")


def _without_examples(value: Any) -> Any:
    """Where it finds examples of answers, it asks for those of their requests under the same names."""
    if isinstance(value, list):
        return [_without_examples(one) for one in value]
    if not isinstance(value, dict):
        return value
    gone = {"examples"} if isinstance(value.get("examples"), dict) else set()
    return {name: _without_examples(one) for name, one in value.items() if name not in gone}


def run(
    command: list[str], variables: Mapping[str, str] = MappingProxyType({}), folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """A tool that ran to its end, with variables beside ours. Raises `Unavailable` where it does not end."""
    environment = {**os.environ, **variables}
    try:
        return subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"it had not ended after {PATIENCE_S} seconds") from None
