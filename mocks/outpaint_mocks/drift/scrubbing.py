"""Takes every credential out of what goes into a recording: keys, cookies, signatures, tickets' fields."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from outpaint_contracts.headers import API_KEY
from outpaint_contracts.proving.exchange import REDACTED
from outpaint_contracts.verification.redaction import SECRET_HEADERS, Redaction

from outpaint_mocks.drift.bodies import KeptPicture
from outpaint_mocks.drift.recording import Answer, Body, Exchange, Form, Json, Opaque, OpaqueBody, Part, Request

_KEY_HEADER: Final = API_KEY.lower()
_SECRET_NAMES: Final = re.compile(
    r"(?i).*(signature|credential|security-token|api[-_]?key|access[-_]?token|secret|password|authorization).*"
    r"|policy|key-pair-id|awsaccesskeyid|token|sig|key"
)
_USERINFO: Final = re.compile(r"(?i)(\bhttps?://)[^/@\s\"'<>]+@")
_URL: Final = re.compile(r"(?i)\bhttps?://[^\s\"'<>\\]+")
_HARMLESS: Final = frozenset({"mode", "count", "format", "expires"})
"""Parameters of URLs whose values are kept; what else stands there may be what signs them."""
_SHORT: Final = 12
"""A shorter key is struck out of values and not of names, where it may be a word like any other."""


class Scrubber:
    """Knows the keys that were seen so far. `key` names one; the others give back what may be kept."""

    def __init__(self) -> None:
        self._redaction = Redaction()
        self._names: dict[str, str] = {}

    def key(self, value: str) -> str:
        """The name that stands for a key from now on: `key-1` for the first, the same for the same key."""
        name = self._names.get(value)
        if name is None:
            name = self._names[value] = f"key-{len(self._names) + 1}"
            self.learn(value)
        return name

    def learn(self, *secrets: str) -> None:
        """Strike these out of whatever is kept from now on."""
        self._redaction.learn(*(secret for secret in secrets if secret))

    def learn_headers(self, headers: list[tuple[str, str]]) -> None:
        """Strike out, wherever they stand, what credentials these headers hold."""
        for name, value in headers:
            if name.lower() in SECRET_HEADERS:
                self.learn(value, value.partition(" ")[2].strip())

    def learn_query(self, query: str) -> None:
        """Strike out, wherever they stand, the values of parameters that are named like credentials."""
        for name, value in parse_qsl(query, keep_blank_values=True):
            if _SECRET_NAMES.fullmatch(name):
                self.learn(value)

    def headers(self, headers: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Headers without the API key, and without values where those are credentials."""
        return tuple(
            (self.text(name), REDACTED if name.lower() in SECRET_HEADERS else self.text(value))
            for name, value in headers
            if name.lower() != _KEY_HEADER
        )

    def text(self, text: str) -> str:
        """A text without credentials; the URLs in it lose whatever may sign them."""
        text = _URL.sub(lambda found: _unsigned(found[0]), _USERINFO.sub(rf"\1{REDACTED}@", text))
        return self._redaction.text(text)

    def target(self, target: str) -> str:
        """A path with its query, without credentials."""
        before, mark, query = target.partition("?")
        if not mark:
            return self.text(target)
        pairs = parse_qsl(query, keep_blank_values=True)
        told = [(name, REDACTED if _SECRET_NAMES.fullmatch(name) else self.text(value)) for name, value in pairs]
        return f"{self.text(before)}?{urlencode(told, safe='[]{}/')}"

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value without credentials, members named like one among them."""
        if isinstance(value, KeptPicture):
            return value
        if isinstance(value, dict):
            if name == "fields" and all(isinstance(member, str) for member in value.values()):
                return {self._name(key): REDACTED for key in value}  # an upload ticket's: they sign it
            return {self._name(key): self.value(member, key) for key, member in value.items()}
        if isinstance(value, list):
            return [self.value(item, name) for item in value]
        if isinstance(value, str):
            return REDACTED if value and _SECRET_NAMES.fullmatch(name) else self.text(value)
        # A key of digits alone may stand there as a number.
        if isinstance(value, int | float) and not isinstance(value, bool) and self.text(str(value)) != str(value):
            return REDACTED
        return value

    def field(self, name: str, value: str) -> str:
        """The value of a form's field without credentials."""
        return REDACTED if value and _SECRET_NAMES.fullmatch(name) else self.text(value)

    def exchange(self, exchange: Exchange) -> Exchange:
        """The exchange without credentials, by all that was learned until now."""
        request, answer, mark = exchange.request, exchange.answer, exchange.mark
        return exchange.model_copy(
            update={
                "request": Request(
                    method=self.text(request.method),
                    target=self.target(request.target),
                    key=request.key,
                    headers=self.headers(list(request.headers)),
                    body=self._body(request.body),
                ),
                "answer": answer
                and Answer(
                    status=answer.status, headers=self.headers(list(answer.headers)), body=self._body(answer.body)
                ),
                "mark": mark and mark.model_copy(update={"says": self.text(mark.says)}),
            }
        )

    def _body(self, body: Body) -> Body:
        if isinstance(body, Form):
            return Form(kind=body.kind, parts=tuple(self._part(part) for part in body.parts))
        if isinstance(body, Json):
            return Json(value=self.value(body.value))
        if isinstance(body, OpaqueBody):
            return OpaqueBody(opaque=self._opaque(body.opaque))
        return body

    def _part(self, part: Part) -> Part:
        return part.model_copy(
            update={
                "name": self._name(part.name),
                "filename": None if part.filename is None else self.text(part.filename),
                "content_type": None if part.content_type is None else self.text(part.content_type),
                "text": None if part.text is None else self.field(part.name, part.text),
                "opaque": None if part.opaque is None else self._opaque(part.opaque),
            }
        )

    def _opaque(self, opaque: Opaque) -> Opaque:
        return opaque if opaque.text is None else opaque.model_copy(update={"text": self.text(opaque.text)})

    def _name(self, name: str) -> str:
        return self.text(name) if len(name) >= _SHORT else name


def _unsigned(url: str) -> str:
    """A URL, or a path, whose parameters keep their names and lose their values."""
    before, mark, query = url.partition("?")
    if not mark:
        return url
    query, hash_, fragment = query.partition("#")
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = "&".join(
        f"{quote(name, safe='')}={quote(value, safe='') if name.lower() in _HARMLESS else REDACTED}"
        for name, value in pairs
    )
    return f"{before}?{kept}{hash_}{fragment}"


def host_of(url: str) -> str:
    """Scheme and authority of a URL, without a user's name and password."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"
