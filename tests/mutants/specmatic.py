"""Specmatic's contract test of openapi.json, as a diligent user sets it up: strict, with examples that can pass.

Left to itself it makes up ids, and bytes that are no picture, and finds fault with any correct service. So it gets a
request for each answer that a request alone can bring about, with ids of jobs that the server at hand did just take.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import BaseModel

from mutants.rivals import Target, Unavailable, run
from outpaint.conformance.proving import drawn_pictures
from outpaint.contracts import examples, openapi, paths_and_headers
from outpaint.contracts.errors import ErrorBody, ErrorCode

_VERSION: Final = "2.55.1"
# It lives for ten seconds: a compiler that optimises costs more than it saves.
_JAVA: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_UNKNOWN_ID: Final = "00000000-0000-4000-8000-000000000000"


class Specmatic:
    """`specmatic test --strict` from npm, on one example for each answer."""

    name = "Specmatic"
    setting = "strict, an example for each of nine answers, with ids of jobs that the server did just take"

    def __init__(self, folder: Path) -> None:
        if shutil.which("npm") is None or shutil.which("java") is None:
            raise Unavailable("Specmatic needs npm and java")
        install = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", f"specmatic@{_VERSION}"]
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
            "unknown-job": example("GET", poll + _UNKNOWN_ID, 404, unknown),
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
            return _UNKNOWN_ID, httpx.URL(f"{target.url}/v1/files/{_UNKNOWN_ID}.jpg")


def _without_examples(value: Any) -> Any:
    """Where it finds examples of answers, it asks for those of their requests under the same names."""
    if isinstance(value, list):
        return [_without_examples(one) for one in value]
    if not isinstance(value, dict):
        return value
    gone = {"examples"} if isinstance(value.get("examples"), dict) else set()
    return {name: _without_examples(one) for name, one in value.items() if name not in gone}
