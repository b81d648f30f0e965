"""A recorded request as it is sent again: with pictures drawn for it, and the replay's own ids, URLs and keys."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from outpaint.conformance.drift.answer_comparison import names_an_id
from outpaint.conformance.drift.recorded_bodies import data_uri, kept_picture, stand_in
from outpaint.conformance.drift.recording_file import (
    Body,
    Form,
    Json,
    Nothing,
    PictureBody,
    RecordedExchange,
    RecordedPart,
    RecordedPicture,
)
from outpaint.conformance.drift.scrubbing import LOCATION, REFERENCE
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY
from outpaint.contracts.redaction import REDACTED

_BOUNDARY: Final = "outpaint-drift-7d1f0c4e9b"
_UNSENT: Final = frozenset({"user-agent", "cookie", "authorization", "proxy-authorization"})


class CannotAsk(Exception):  # noqa: N818 - an outcome that is reported
    """Why a request cannot be made again."""


@dataclass
class ReplayedValues:
    """The ids and URLs of the replay's answers, by those of the recording.

    `idempotency` is added to each recorded idempotency key.
    """

    idempotency: str = ""
    _ids: dict[str, str] = field(default_factory=dict)
    _answers: dict[int, httpx.Response] = field(default_factory=dict)

    def learn(self, exchange: RecordedExchange, response: httpx.Response) -> None:
        self._answers[exchange.number] = response
        if exchange.answer is not None and isinstance(exchange.answer.body, Json):
            self._align(exchange.answer.body.value, _json(response), "")

    def _align(self, recorded: Any, replayed: Any, name: str) -> None:
        if isinstance(recorded, dict) and isinstance(replayed, dict):
            for member in recorded.keys() & replayed.keys():
                self._align(recorded[member], replayed[member], member)
        elif isinstance(recorded, list) and isinstance(replayed, list):
            for one, other in zip(recorded, replayed, strict=False):
                self._align(one, other, name)
        elif isinstance(recorded, str) and isinstance(replayed, str) and len(recorded) >= 4 and names_an_id(name):
            self._ids[recorded] = replayed

    def id(self, recorded: str | None) -> str | None:
        """The replay's id in place of a recorded one; None for one that no answer had."""
        return None if recorded is None else self._ids.get(recorded)

    def url(self, number: int, pointer: str) -> str:
        """The URL that the replay's answer to a recorded exchange has at a JSON pointer; raises `CannotAsk`."""
        response = self._answers.get(number)
        if response is not None and pointer == LOCATION:
            location = response.headers.get("Location")
            if location:
                return str(response.request.url.join(location))
        value = None if response is None else _json(response)
        for token in pointer.split("/")[1:]:
            token = token.replace("~1", "/").replace("~0", "~")
            try:
                value = value[int(token)] if isinstance(value, list) else value[token]  # type: ignore[index]
            except (KeyError, IndexError, ValueError, TypeError):
                value = None
        if response is None or not isinstance(value, str):
            raise CannotAsk(f"the answer to exchange {number} gives no URL at {pointer} now")
        return str(response.request.url.join(value))

    def fields(self, target: str) -> dict[str, str] | None:
        """The fields of the upload ticket whose URL is the target; None where it is another URL."""
        found = REFERENCE.fullmatch(target)
        if found is None or found[2] != "/url" or int(found[1]) not in self._answers:
            return None
        value = _json(self._answers[int(found[1])])
        fields = value.get("fields") if isinstance(value, dict) else None
        return {str(name): str(text) for name, text in fields.items()} if isinstance(fields, dict) else None

    def text(self, text: str) -> str:
        """A text with the replay's ids and URLs."""
        text = REFERENCE.sub(lambda found: self.url(int(found[1]), found[2]), text)
        for recorded, replayed in self._ids.items():
            if recorded != replayed and recorded in text:
                text = text.replace(recorded, replayed)
        # With a struck-out signature in it, the URL has to be one that can be read.
        return text.replace(REDACTED, "redacted") if text.startswith(("http://", "https://")) else text


@dataclass(frozen=True, slots=True)
class RepeatedRequest:
    """A request to send; `url` is absolute, or a path from `/v1` on."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def wire_headers(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in self.headers]

    def with_key(self, key: str) -> RepeatedRequest:
        return replace(self, headers=[*self.headers, (API_KEY, key)])


def repeated(exchange: RecordedExchange, values: ReplayedValues) -> RepeatedRequest:
    """The request of a recorded exchange, without its key; raises `CannotAsk` where an earlier answer is missing."""
    request = exchange.request
    url = values.text(request.target)
    if REDACTED in url and exchange.answer is not None and exchange.answer.status < 400:
        raise CannotAsk("its URL was signed, and the signature is struck out")
    headers = [
        (name, _header(name, value, values))
        for name, value in request.headers
        if name.lower() not in _UNSENT and value != REDACTED
    ]
    too_large = exchange.answer is not None and exchange.answer.status == 413
    body, content_type = _body(request.body, values, values.fields(request.target), too_large=too_large)
    if content_type is not None:
        headers = [(name, value) for name, value in headers if name.lower() != "content-type"]
        headers.append(("content-type", content_type))
    return RepeatedRequest(request.method, url, headers, body)


def _header(name: str, value: str, values: ReplayedValues) -> str:
    if name.lower() == IDEMPOTENCY_KEY.lower() and values.idempotency and value:
        # The answer of then would come again at a provider that knows the key already.
        return f"{value}{values.idempotency}" if len(value) + len(values.idempotency) <= 255 else value
    return value


def _body(
    body: Body, values: ReplayedValues, ticket: dict[str, str] | None, *, too_large: bool
) -> tuple[bytes, str | None]:
    """The bytes, and the Content-Type where it cannot be the recorded one."""
    if isinstance(body, Nothing):
        return b"", None
    if isinstance(body, Json):
        return json.dumps(_value(body.value, values)).encode(), None
    if isinstance(body, PictureBody):
        return _picture(body.picture, too_large=too_large), None
    if isinstance(body, Form):
        parts = list(body.parts)
        if ticket is not None:
            fields = [RecordedPart(name=name, text=text) for name, text in ticket.items()]
            parts = [*fields, *(part for part in parts if part.filename is not None)]
        if body.kind == "urlencoded":
            return urlencode([(part.name, _field(part, values)) for part in parts]).encode(), None
        return _multipart(parts, values, too_large=too_large), f"multipart/form-data; boundary={_BOUNDARY}"
    if body.opaque.text is not None:
        return body.opaque.text.encode(), None
    return b"\xff" * (body.opaque.bytes if too_large else min(body.opaque.bytes, 4096)), None


def _picture(picture: RecordedPicture, *, too_large: bool) -> bytes:
    # A body that was refused for its size has to be as large again; everything else may be small.
    return stand_in(picture, picture.bytes if too_large else 0)


def _field(part: RecordedPart, values: ReplayedValues) -> str:
    if part.picture is not None:
        return data_uri(part.picture)
    if part.opaque is not None:
        return "x" * part.opaque.bytes
    return values.text(part.text or "")


def _value(value: Any, values: ReplayedValues) -> Any:
    picture = kept_picture(value)
    if picture is not None:
        return data_uri(picture)
    if isinstance(value, dict):
        return {name: _value(member, values) for name, member in value.items()}
    if isinstance(value, list):
        return [_value(item, values) for item in value]
    return values.text(value) if isinstance(value, str) else value


def _multipart(parts: list[RecordedPart], values: ReplayedValues, *, too_large: bool) -> bytes:
    """A form whose labels are the recorded ones, even where they are wrong: no client would write them so."""
    pieces = []
    for part in parts:
        head = f'Content-Disposition: form-data; name="{_quoted(part.name)}"'
        if part.filename is not None:
            head += f'; filename="{_quoted(part.filename)}"'
        if part.content_type is not None:
            head += f"\r\nContent-Type: {part.content_type}"
        if part.filename is not None and part.picture is not None:
            data = _picture(part.picture, too_large=too_large)
        else:
            data = _field(part, values).encode()
        pieces.append(f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode() + data + b"\r\n")
    return b"".join(pieces) + f"--{_BOUNDARY}--\r\n".encode()


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
