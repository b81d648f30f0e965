"""One tiny job through a deployed API and back, by a key of its own: `outpaint doctor --paint`."""

from __future__ import annotations

import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from outpaint.contracts.paths_and_headers import API_KEY, INFERENCE_PATH, OUTPAINT_PATH
from outpaint.functions.operations.checkup import CheckFinding, fault, ok
from outpaint.functions.operations.deployment import Deployment
from outpaint.functions.operations.stack.web_requests import UnreachableError, ask
from outpaint.functions.service import account_keys, settle

ACCOUNT: Final = "outpaint doctor"
"""The account that trial jobs are paid by; between them it has no credits and no key that opens it."""
_CREDITS: Final = 1000
_SIZE: Final = (96, 64)
_KEPT: Final = (24, 16, 72, 48)
_POLL_S: Final = 5.0
_READ_ON: Final = "`outpaint endpoint status` and the logs tell more"


class _WrongAnswerError(Exception):
    """The API answered something else than it should; the text says what."""


def paint_one(deployment: Deployment, url: str, patience: float, say: Callable[[str], None]) -> CheckFinding:
    """Have one picture painted through the API at `url`, and wait for it for `patience` seconds.

    Its key is revoked, a job that has not ended is ended, and the credits are taken back, whatever becomes of it. `say`
    is told the steps.
    """
    began = time.monotonic()
    with _paying_key(deployment) as (key, jobs):
        try:
            picture = _painted(url, key, patience, jobs, say)
        except UnreachableError as error:
            return fault(f"{url} cannot be reached from here: {error}", "ask from elsewhere")
        except _WrongAnswerError as error:
            return fault(str(error), _READ_ON)
    return ok(f"a picture of {len(picture):,} bytes after {time.monotonic() - began:,.0f} s")


@contextmanager
def _paying_key(deployment: Deployment) -> Iterator[tuple[str, list[str]]]:
    """A new key with credits, and a list for the ids of its jobs: those that run are ended and the credits taken back.

    The jobs stay until their lifetime is over: were they erased, a completion that comes late would find none.
    """
    service, ring, jobs = deployment.service, deployment.keys, list[str]()

    def take_back() -> None:
        left = account_keys.account_of(ring, ACCOUNT)
        ring.add_credits(left.id, -left.credits, service.clock.now())

    def end() -> None:
        for id_ in jobs:
            job = service.jobs.find(id_, 0.0)
            if job is not None and not job.state.ended:
                settle.end_by_hand(service, id_)

    key = account_keys.create(ring, service.ids, ACCOUNT, _CREDITS, service.clock.now())
    with ExitStack() as afterwards:
        # The last one first, and each whatever becomes of another.
        afterwards.callback(take_back)
        afterwards.callback(end)
        afterwards.callback(lambda: account_keys.revoke(ring, key, service.clock.now()))
        yield key, jobs


def _painted(url: str, key: str, patience: float, jobs: list[str], say: Callable[[str], None]) -> bytes:
    """The finished picture; raises `_WrongAnswerError` for any other answer than that of a job that goes well."""
    say("sending a picture")
    boundary = uuid.uuid4().hex
    headers = {API_KEY: key, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = _json("POST", url + OUTPAINT_PATH, headers, _form(boundary))
    id_ = str(answer["inference_id"])
    jobs.append(id_)
    until = time.monotonic() + patience
    while answer["status"] == "processing":
        left = until - time.monotonic()
        if left <= 0:
            raise _WrongAnswerError(f"the picture was not painted within {patience:,.0f} s")
        say(f"waiting for the painter, {left:,.0f} s at most: with no instance running, one has to start")
        time.sleep(min(_POLL_S, left))
        answer = _json("GET", url + INFERENCE_PATH.format(inference_id=id_), {API_KEY: key})
    if answer["status"] != "success":
        raise _WrongAnswerError(f"the job failed: {answer.get('detail') or answer}")
    say("fetching the picture")
    status, picture = ask("GET", answer["data"][0]["url"])
    if status != 200:
        raise _WrongAnswerError(f"the result's URL answers {status}: {picture[:200].decode(errors='replace')}")
    _check_picture(picture)
    return picture


def _check_picture(data: bytes) -> None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            size = picture.size
    except (UnidentifiedImageError, OSError) as error:
        raise _WrongAnswerError(f"the result is no picture: {error}") from None
    if size != _SIZE:
        raise _WrongAnswerError(f"the result has {size[0]}x{size[1]} pixels, not {_SIZE[0]}x{_SIZE[1]}")


def _form(boundary: str) -> bytes:
    from PIL import Image

    picture = Image.linear_gradient("L").resize(_SIZE).convert("RGB")
    kept = Image.new("L", _SIZE, 0)
    kept.paste(255, _KEPT)
    picture.putalpha(kept)
    file = io.BytesIO()
    picture.save(file, "PNG")
    fields = {"prompt": "a plain grey wall", "count": "1", "mode": "async"}
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = 'Content-Disposition: form-data; name="image"; filename="trial.png"\r\nContent-Type: image/png'
    return b"".join(
        [*parts, f"--{boundary}\r\n{head}\r\n\r\n".encode(), file.getvalue(), f"\r\n--{boundary}--".encode()]
    )


def _json(method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> dict[str, Any]:
    status, content = ask(method, url, headers, body)
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if status not in (200, 202) or not isinstance(answer, dict):
        said = answer.get("detail") if isinstance(answer, dict) else content[:200].decode(errors="replace")
        raise _WrongAnswerError(f"{method} {url} answers {status}: {said}")
    return answer
