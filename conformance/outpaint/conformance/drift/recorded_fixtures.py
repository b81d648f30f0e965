"""A recording as files for a client's tests: how the mock is set up, and each exchange as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from outpaint.conformance.drift.job_scripts import Setting, inference_id_of, is_submit
from outpaint.conformance.drift.recorded_bodies import stand_in
from outpaint.conformance.drift.recording_file import (
    Answer,
    Body,
    Json,
    Nothing,
    OpaqueBody,
    PictureBody,
    RecordedExchange,
    RecordedPicture,
    Recording,
    RecordingError,
)

_README: Final = """\
# {upstream}, recorded {recorded_at}
Made by `outpaint contract drift RECORDING --to-fixtures`; make them again rather than edit them.

- `world.json` sets a world of the mock up like the recorded account: in a test by
  `WorldOptions.of(json.load(...)).world("recorded")`, at `outpaint mock` as the body of `PUT /_mock/worlds/recorded`.
- `scenarios.json` says by exchange how its call and job went: in a test
  `outpaint_api.scenarios.next(scenarios["{example}"])`, elsewhere `X-Mock-Scenario` or `outpaint mock --scenario`.
- `exchanges/*.json` are request and response of each exchange. A response has `status`, `headers` and one of `json`,
  `text` or `file`; without any, its body was empty. With respx:

```python
kept = json.loads(Path("exchanges/{example}.json").read_text())["response"]
respx.post(url__regex=r".*/painting/outpaint").respond(kept["status"], headers=kept["headers"], json=kept.get("json"))
```

- `pictures/` holds what stands in for the pictures: same format, size and transparency, other pixels.
"""
_EXTENSIONS: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tiff", "BMP": "bmp", "GIF": "gif"}
_TRANSPORT_HEADERS: Final = frozenset({"content-length", "content-encoding", "transfer-encoding", "connection", "date"})


def write_fixtures(recording: Recording, folder: Path) -> int:
    """Write the files, over earlier ones, and return how many; raises `RecordingError` where that fails."""
    files = _files(recording)
    try:
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise RecordingError(f"{folder} cannot be written into: {error.strerror or error}") from None
    return len(files)


def _scenarios_of(recording: Recording) -> dict[str, str]:
    """By exchange, the scenario under which the mock answers the same to a client that polls as often."""
    exchanges = list(recording.replayable())
    scripts = Setting.of(recording).scripts
    scenarios: dict[str, str] = {}
    for exchange in exchanges:
        scenario = scripts[exchange.number].scenario
        if scenario is None:
            continue
        polls = _pending_polls(exchanges, exchange)
        scenarios[_name_of(exchange)] = re.sub(r"^manual", f"polls({polls})", scenario)
    return scenarios


def _name_of(exchange: RecordedExchange) -> str:
    """A file's name for an exchange: its number, its method and the end of its path."""
    path = re.sub(r"[^a-z0-9]+", "-", exchange.request.target.partition("?")[0].lower()).strip("-")
    return f"{exchange.number:03d}-{exchange.request.method.lower()}-{path[:60].strip('-') or 'root'}"


def _pending_polls(exchanges: list[RecordedExchange], submit: RecordedExchange) -> int:
    job = inference_id_of(submit.answer)
    return sum(
        inference_id_of(other.answer) == job
        and other.answer is not None
        and other.answer.status == 202
        and not is_submit(other)
        for other in exchanges
    )


def _files(recording: Recording) -> dict[str, bytes]:
    setting = Setting.of(recording)
    credits_ = next(iter(setting.keys.values()), None)
    world: dict[str, Any] = {"settings": setting.settings}
    if credits_ is not None:
        world["credits"] = credits_
    scenarios = _scenarios_of(recording)
    names = [_name_of(exchange) for exchange in recording.replayable()]
    example = next(iter(scenarios), names[0] if names else "001")
    files = {
        "README.md": _README.format(
            upstream=recording.upstream, recorded_at=recording.recorded_at, example=example
        ).encode(),
        "world.json": _json(world),
        "scenarios.json": _json(scenarios),
    }
    for exchange in recording.replayable():
        assert exchange.answer is not None
        content = {
            "request": _request(exchange, files),
            "response": _response(exchange.answer, files),
            "seconds": exchange.seconds,
        }
        files[f"exchanges/{_name_of(exchange)}.json"] = _json(content)
    return files


def _request(exchange: RecordedExchange, files: dict[str, bytes]) -> dict[str, Any]:
    request = exchange.request
    head = {"method": request.method, "target": request.target, "headers": dict(request.headers)}
    return head | _body(request.body, files)


def _response(answer: Answer, files: dict[str, bytes]) -> dict[str, Any]:
    headers = {name: value for name, value in answer.headers if name.lower() not in _TRANSPORT_HEADERS}
    return {"status": answer.status, "headers": headers} | _body(answer.body, files)


def _body(body: Body, files: dict[str, bytes]) -> dict[str, Any]:
    """The one member that holds a body; none for an empty one."""
    match body:
        case Nothing():
            return {}
        case Json():
            return {"json": body.value}
        case PictureBody():
            return {"file": _picture(body.picture, files)}
        case OpaqueBody():
            return {"text": body.opaque.text or ""}
    return {
        body.kind: [
            {"name": part.name, "text": part.text}
            if part.picture is None
            else {"name": part.name, "file": _picture(part.picture, files)}
            for part in body.parts
        ]
    }


def _picture(picture: RecordedPicture, files: dict[str, bytes]) -> str:
    name = f"pictures/{picture.sha256[:16]}.{_EXTENSIONS.get(picture.format or '', 'bin')}"
    files[name] = stand_in(picture)
    return name


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
