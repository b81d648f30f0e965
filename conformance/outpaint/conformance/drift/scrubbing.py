"""What keeps credentials out of a recording, and leads a provider's URLs through the proxy that records them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from outpaint.conformance.drift.recorded_bodies import KeptPicture
from outpaint.conformance.drift.recording_file import (
    Answer,
    AskedRequest,
    Body,
    Form,
    Json,
    Opaque,
    OpaqueBody,
    RecordedExchange,
    RecordedPart,
)
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.redaction import REDACTED, SECRET_HEADERS, SHORTEST_DISTINCT, Redaction

_PREFIX: Final = "/_url/"
REFERENCE: Final = re.compile(r"\{\{(\d+)(/[^{}]*)\}\}")
"""`{{3/data/0/url}}`: the URL that the answer to exchange 3 had at this JSON pointer, or in its header Location."""
LOCATION: Final = "/Location"
_PROXIED: Final = re.compile(rf"{re.escape(_PREFIX)}(\d+)(?:/[^?#]*)?")


@dataclass(frozen=True, slots=True)
class Link:
    """A URL of the provider, the reference by which a recording names it, and its URL at the proxy."""

    url: str
    reference: str
    proxied: str = ""


class Links:
    """The provider's URLs that clients reach through the proxy at `base_url`. Safe for many threads."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._lock = threading.Lock()
        self._links: list[Link] = []

    def proxy_url(self, url: str, exchange: int, pointer: str) -> str:
        """The URL by which a client reaches this one through the proxy."""
        name = urlsplit(url).path.rpartition("/")[2]
        with self._lock:
            proxied = f"{self._base_url}{_PREFIX}{len(self._links)}/{quote(name, safe='.')}"
            self._links.append(Link(url, reference(exchange, pointer), proxied))
        return proxied

    def at(self, path: str) -> Link | None:
        """The link at a path of the proxy; None for any other path."""
        found = _PROXIED.fullmatch(path)
        if found is None or int(found[1]) >= len(self._links):
            return None
        return self._links[int(found[1])]

    def originals(self, data: bytes) -> bytes:
        """A request's body with the provider's own URLs in place of the proxy's."""
        return self._replaced(data, lambda link: link.url)

    def references(self, data: bytes) -> bytes:
        """The same with references in their place, for the recording."""
        return self._replaced(data, lambda link: link.reference)

    def _replaced(self, data: bytes, by: Callable[[Link], str]) -> bytes:
        if _PREFIX.encode() not in data and quote(_PREFIX, safe="").encode() not in data:
            return data
        with self._lock:
            links = list(self._links)
        # The last first, for the URL of a link may begin with that of an earlier one.
        for link in reversed(links):
            data = data.replace(link.proxied.encode(), by(link).encode())
            data = data.replace(quote(link.proxied, safe="").encode(), quote(by(link), safe="").encode())
        return data


def reference(exchange: int, pointer: str) -> str:
    """How a recording names a URL."""
    return f"{{{{{exchange}{pointer}}}}}"


def map_urls(value: Any, change: Callable[[str, str], str], pointer: str = "") -> Any:
    """A JSON value in which each absolute URL of a member named `url` or `…_url` is changed.

    `change` gets the URL and its JSON pointer (RFC 6901). Members with braces in their names, which would end a
    reference, are left out.
    """
    if isinstance(value, dict):
        return {name: _member(name, member, change, pointer) for name, member in value.items()}
    if isinstance(value, list):
        return [map_urls(item, change, f"{pointer}/{place}") for place, item in enumerate(value)]
    return value


def urls_in(value: Any, pointer: str) -> list[tuple[str, str]]:
    """Each such URL with its pointer; `pointer` is the value's own."""
    found: list[tuple[str, str]] = []

    def note(url: str, at: str) -> str:
        found.append((url, at))
        return url

    map_urls(value, note, pointer)
    return found


def _member(name: str, member: Any, change: Callable[[str, str], str], pointer: str) -> Any:
    below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
    if isinstance(member, str):
        return change(member, below) if _is_url(name, member) else member
    return map_urls(member, change, below)


def _is_url(name: str, text: str) -> bool:
    named = name == "url" or name.endswith("_url")
    return named and re.match(r"(?i)https?://[^/]", text) is not None and "{" not in name


_KEY_HEADER: Final = API_KEY.lower()
_SECRET_NAMES: Final = re.compile(
    r"(?i).*(signature|credential|security-token|api[-_]?key|access[-_]?token|secret|password|authorization).*"
    r"|policy|key-pair-id|awsaccesskeyid|token|sig|key"
)
_USERINFO: Final = re.compile(r"(?i)(\bhttps?://)[^/@\s\"'<>]+@")
_URL: Final = re.compile(r"(?i)\bhttps?://[^\s\"'<>\\]+")
_HARMLESS: Final = frozenset({"mode", "count", "format", "expires"})
"""Parameters of URLs whose values are kept; any other may be a signature."""


class Scrubber:
    """Redacts the credentials that were seen so far, and whatever is one by its name."""

    def __init__(self) -> None:
        self._redaction = Redaction()
        self._names: dict[str, str] = {}

    def key(self, value: str) -> str:
        """The name that replaces a key: `key-1` for the first one, the same for the same key."""
        name = self._names.get(value)
        if name is None:
            name = self._names[value] = f"key-{len(self._names) + 1}"
            self.learn(value)
        return name

    def learn(self, *secrets: str) -> None:
        """Redact these from now on."""
        self._redaction.learn(*secrets)

    def learn_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Learn the credentials in these headers."""
        for name, value in headers:
            if name.lower() in SECRET_HEADERS:
                self.learn(value, value.partition(" ")[2].strip())

    def learn_query(self, query: str) -> None:
        """Learn the values of parameters that are credentials by their names."""
        for name, value in parse_qsl(query, keep_blank_values=True):
            if _SECRET_NAMES.fullmatch(name):
                self.learn(value)

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
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
        kept = [(name, REDACTED if _SECRET_NAMES.fullmatch(name) else self.text(value)) for name, value in pairs]
        return f"{self.text(before)}?{urlencode(kept, safe='[]{}/')}"

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value without credentials, and without the values of members that are some by their names."""
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
        # A key of digits alone may be written as a number.
        if isinstance(value, int | float) and not isinstance(value, bool) and self.text(str(value)) != str(value):
            return REDACTED
        return value

    def exchange(self, exchange: RecordedExchange) -> RecordedExchange:
        """The exchange without any credential that is known so far."""
        request, answer, mark = exchange.request, exchange.answer, exchange.mark
        return exchange.model_copy(
            update={
                "request": AskedRequest(
                    method=self.text(request.method),
                    target=self.target(request.target),
                    key=request.key,
                    headers=self.headers(request.headers),
                    body=self._body(request.body),
                ),
                "answer": answer
                and Answer(status=answer.status, headers=self.headers(answer.headers), body=self._body(answer.body)),
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

    def _part(self, part: RecordedPart) -> RecordedPart:
        return part.model_copy(
            update={
                "name": self._name(part.name),
                "filename": None if part.filename is None else self.text(part.filename),
                "content_type": None if part.content_type is None else self.text(part.content_type),
                "text": None if part.text is None else self.value(part.text, part.name),
                "opaque": None if part.opaque is None else self._opaque(part.opaque),
            }
        )

    def _opaque(self, opaque: Opaque) -> Opaque:
        return opaque if opaque.text is None else opaque.model_copy(update={"text": self.text(opaque.text)})

    def _name(self, name: str) -> str:
        # A shorter key may be a word like any other.
        return self.text(name) if len(name) >= SHORTEST_DISTINCT else name


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
