"""URLs that a provider gives out, led through the proxy: each has a place of its own there, and a name in the file."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

PREFIX: Final = "/_url/"
REFERENCE: Final = re.compile(r"\{\{(\d+)(/[^{}]*)\}\}")
"""`{{3/data/0/url}}`: the URL that the answer to exchange 3 had at this JSON pointer, or in its header Location."""
LOCATION: Final = "/Location"
_PIECE: Final = re.compile(rf"{re.escape(PREFIX)}(\d+)(?:/[^?#]*)?")


@dataclass(frozen=True, slots=True)
class Link:
    """One URL of the provider's, and by what reference it is known in the recording."""

    url: str
    reference: str


class Links:
    """The URLs given out so far. `base_url` is where the proxy is reached. Safe for many threads."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._lock = threading.Lock()
        self._links: list[Link] = []
        self._places: list[str] = []

    def lead(self, url: str, exchange: int, pointer: str) -> str:
        """The URL by which a client reaches this one through the proxy."""
        name = urlsplit(url).path.rpartition("/")[2]
        with self._lock:
            place = f"{self._base_url}{PREFIX}{len(self._links)}/{quote(name, safe='.')}"
            self._links.append(Link(url, reference(exchange, pointer)))
            self._places.append(place)
        return place

    def at(self, path: str) -> Link | None:
        """The link that a path below the proxy means."""
        found = _PIECE.fullmatch(path)
        if found is None or int(found[1]) >= len(self._links):
            return None
        return self._links[int(found[1])]

    def lead_all(self, value: Any, exchange: int) -> Any:
        """A JSON answer in which every URL to fetch or to post to leads through the proxy."""
        return map_urls(value, lambda url, pointer: self.lead(url, exchange, pointer))

    def originals(self, data: bytes) -> bytes:
        """A request's body with the provider's own URLs in place of the proxy's."""
        return self._replaced(data, lambda link: link.url)

    def references(self, data: bytes) -> bytes:
        """The same with references in their place, for the recording."""
        return self._replaced(data, lambda link: link.reference)

    def _replaced(self, data: bytes, by: Callable[[Link], str]) -> bytes:
        if PREFIX.encode() not in data and quote(PREFIX, safe="").encode() not in data:
            return data
        with self._lock:
            pairs = list(zip(self._places, self._links, strict=True))
        # The last first: a place may begin with another one.
        for place, link in reversed(pairs):
            data = data.replace(place.encode(), by(link).encode())
            data = data.replace(quote(place, safe="").encode(), quote(by(link), safe="").encode())
        return data


def reference(exchange: int, pointer: str) -> str:
    """How a recording names a URL."""
    return f"{{{{{exchange}{pointer}}}}}"


def map_urls(value: Any, change: Callable[[str, str], str], pointer: str = "") -> Any:
    """A JSON value in which each absolute URL of a member named `url` or `…_url` is changed; `change` gets its pointer.

    RFC 6901 pointers, whose tokens never hold braces here: a member's name that does is passed over.
    """
    if isinstance(value, dict):
        return {name: _member(name, member, change, pointer) for name, member in value.items()}
    if isinstance(value, list):
        return [map_urls(item, change, f"{pointer}/{place}") for place, item in enumerate(value)]
    return value


def urls_in(value: Any, pointer: str) -> list[tuple[str, str]]:
    """Each of those URLs with its pointer; `pointer` is the value's own."""
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
