"""`outpaint demo`: outpaints the bundled sample photo through a server, in sync and in async mode."""

from __future__ import annotations

import json
import shlex
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY, INFERENCE_PATH, OUTPAINT_PATH
from outpaint.functions.command_line.console import OUT, LoadPainter, painter_options, progress
from outpaint.functions.embedded.starting_keys import DEVELOPMENT_KEY, StartingKeys

SAMPLE: Final = "sample-to-grow.png"
_PROMPT: Final = "an espresso on a wooden table in a quiet cafe"
_SIZE: Final = (1024, 768)
_POLL_S: Final = 0.5
_PATIENCE_S: Final = 600.0
_SERVED_AT: Final = "http://127.0.0.1:8080"


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("run"),
    show_default=True,
    help="Where to put the pictures.",
)
@painter_options
def demo(output: Path, painter: LoadPainter) -> None:
    """Outpaint a sample photo through a real server.

    The bundled photo is sent once in sync and once in async mode, and the finished pictures are kept.

    The server listens on a free loopback port, keeps everything in memory and ends with the command.
    """
    from outpaint.functions.embedded.host import open_host
    from outpaint.functions.embedded.server import serving

    chosen = painter()
    OUT.print(f"painter {chosen.card.name}: {chosen.card.model}", style="dim", markup=False)
    made: list[Path] = []
    keys = StartingKeys(development=True)
    with open_host([chosen], keys=keys) as host, serving(host.asgi) as url, progress() as bar:
        task = bar.add_task("one picture in sync mode, two in async mode", total=2)
        for paths in outpaint_sample(url, DEVELOPMENT_KEY, output):
            made += paths
            bar.advance(task)
    OUT.print("Finished pictures:")
    for path in made:
        OUT.print(f"  {path}", markup=False)
    OUT.print(f"They grew from {output / SAMPLE}. The same with curl, while `make serve` runs:", markup=False)
    for line in _curl(output / SAMPLE):
        OUT.print(f"  {line}", markup=False)


def outpaint_sample(url: str, key: str, output: Path) -> Iterator[list[Path]]:
    """Outpaint the sample photo at a server, once in sync and once in async mode; yields the files of each.

    The photo on its larger canvas is written to `output` as `SAMPLE`. Raises `OutpaintError` for any other answer.
    """
    from outpaint.painting.inputs.extension import TargetSize, canvas_file, extend
    from outpaint.painting.sample import sample_photo

    output.mkdir(parents=True, exist_ok=True)
    upload = output / SAMPLE
    upload.write_bytes(canvas_file(extend(sample_photo(), TargetSize(*_SIZE))))
    for number, mode in enumerate(("sync", "async"), start=1):
        # A slow machine may outlast the wait of sync mode; then this is answered 202 like any other, and polled.
        accepted = _post(url, key, upload, seed=number, count=number, mode=mode)
        yield _download(_finished(url, key, accepted), output, mode)


def _post(url: str, key: str, upload: Path, **fields: object) -> dict[str, Any]:
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {"prompt": _PROMPT, **fields}.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{upload.name}"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    body = b"".join([*parts, head.encode(), upload.read_bytes(), f"\r\n--{boundary}--\r\n".encode()])
    sent = {API_KEY: key, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    return _json(urllib.request.Request(url + OUTPAINT_PATH, body, sent))  # noqa: S310 - our own server's http address


def _finished(url: str, key: str, answer: dict[str, Any]) -> dict[str, Any]:
    """The result, polled for until it is there."""
    until = time.monotonic() + _PATIENCE_S
    while answer["status"] == "processing":
        if time.monotonic() > until:
            raise OutpaintError(ErrorCode.TIMED_OUT, f"the pictures were not finished after {_PATIENCE_S:.0f} seconds")
        time.sleep(_POLL_S)
        poll = f"{url}{INFERENCE_PATH.format(inference_id=answer['inference_id'])}"
        answer = _json(urllib.request.Request(poll, headers={API_KEY: key}))  # noqa: S310
    if answer["status"] != "success":
        raise OutpaintError(ErrorCode.PAINTING_FAILED, str(answer.get("detail", "painting failed")))
    return answer


def _download(result: dict[str, Any], output: Path, mode: str) -> list[Path]:
    paths = []
    for number, picture in enumerate(result["data"], start=1):
        path = output / f"sample-{mode}-{number}.jpg"
        with urllib.request.urlopen(picture["url"], timeout=_PATIENCE_S) as response:  # noqa: S310
            path.write_bytes(response.read())
        paths.append(path)
    return paths


def _json(request: urllib.request.Request) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            text = error.read(500).decode(errors="replace")
        raise OutpaintError(ErrorCode.INTERNAL, f"the server answered {error.code}: {text}") from None
    return answer


def _curl(upload: Path) -> list[str]:
    """What a person types to do the same against `make serve`."""
    key = shlex.quote(f"{API_KEY}: {DEVELOPMENT_KEY}")
    poll = INFERENCE_PATH.format(inference_id="INFERENCE_ID")
    form = f"-F {shlex.quote(f'image=@{upload}')} -F {shlex.quote(f'prompt={_PROMPT}')}"
    return [
        f"curl -H {key} {form} -F seed=1 -F count=1 {_SERVED_AT}{OUTPAINT_PATH}",
        f"curl -H {key} {form} -F seed=2 -F count=2 -F mode=async {_SERVED_AT}{OUTPAINT_PATH}",
        f"curl -H {key} {_SERVED_AT}{poll}   # the inference_id that the line before was answered",
    ]
