"""Pictures behind image_url without a network: made from the address, or registered by a test."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.adapters.addresses import refusal
from outpaint.functions.service.ports import Fetch
from outpaint.mocks.restorable import Restorable

_SIZE: Final = (512, 384)
"""Width and height in pixels: one size, so that the made-up mask of a request fits its made-up image."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a test registered for an address: bytes, an HTTP status instead, or a connection that breaks.

    `seconds` is how long it takes to answer, in virtual time; `fetched` is how often it was fetched.
    """

    url: str
    data: bytes | None = None
    status: int = 200
    seconds: float = 0.0
    broken: bool = False
    fetched: int = 0


class Sources(Restorable):
    """The Fetch port of a mock: nothing leaves the machine, unless a test gives a port that fetches (`live`).

    An https address that nobody registered gives a picture made from its hash: RGBA, transparent at the border so that
    it can be outpainted, the same on every machine. `pass_time` is called with the seconds that a slow one took.

    A world is locked while it answers. What `live` fetches may take long, so it is fetched by `read_ahead`, before.
    """

    _state = ("_registered",)

    def __init__(self, pass_time: Callable[[float], None], live: Fetch | None = None) -> None:
        self._pass_time = pass_time
        self._live = live
        self._lock = threading.Lock()
        self._registered: dict[str, Source] = {}
        self._ahead = threading.local()

    @property
    def is_live(self) -> bool:
        """Whether addresses that nobody registered are really fetched."""
        return self._live is not None

    @contextlib.contextmanager
    def read_ahead(self, urls: Mapping[str, str], *, max_bytes: int, timeout: float) -> Iterator[None]:
        """Really fetch what is not registered of these addresses, by the field of each, for this thread in the block.

        What goes wrong is raised where `fetch` is called for it.
        """
        self._ahead.found = found = dict[str, bytes | OutpaintError]()
        try:
            for field, url in urls.items():
                with self._lock:
                    is_registered = url in self._registered
                if self._live is None or is_registered:
                    continue
                try:
                    found[field] = self._live.fetch(url, max_bytes=max_bytes, timeout=timeout, field=field)
                except OutpaintError as error:
                    found[field] = error
            yield
        finally:
            del self._ahead.found

    def register(
        self, url: str, data: bytes | None = None, *, status: int = 200, seconds: float = 0.0, broken: bool = False
    ) -> None:
        """Decide what an address answers: bytes, a status such as 404, late, or with a connection that breaks.

        Without bytes a 200 has the picture that is made from the address. Raises `OutpaintError` for values out of
        range.
        """
        if isinstance(status, bool) or not 100 <= status <= 599:
            raise OutpaintError.wrong_value("status", status, "an HTTP status is 100 to 599")
        if not 0 <= seconds <= 86400:
            raise OutpaintError.wrong_value("seconds", seconds, "use 0 to 86400")
        if not url or len(url) > 2083:
            raise OutpaintError.wrong_value("url", url, "an address has 1 to 2083 characters")
        with self._lock:
            self._registered[url] = Source(url, data, status, float(seconds), broken)

    def forget(self, url: str) -> None:
        """Take back what was registered; nothing happens where nothing was."""
        with self._lock:
            self._registered.pop(url, None)

    @property
    def registered(self) -> tuple[Source, ...]:
        """What was registered, with how often each was fetched."""
        with self._lock:
            return tuple(self._registered.values())

    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
        """The bytes at an address; raises what the service's own fetching raises."""
        with self._lock:
            source = self._registered.get(url)
            if source is not None:
                source = self._registered[url] = replace(source, fetched=source.fetched + 1)
        if source is None:
            ahead: dict[str, bytes | OutpaintError] = getattr(self._ahead, "found", {})
            found = ahead.get(field)
            if isinstance(found, OutpaintError):
                raise found
            if found is not None:
                return found
            if self._live is not None:
                return self._live.fetch(url, max_bytes=max_bytes, timeout=timeout, field=field)
            return _made_up(url, field)
        if source.seconds:
            self._pass_time(min(source.seconds, timeout))
        if source.seconds >= timeout:
            raise _unavailable(field, url, f"it was not read within {timeout:g} seconds")
        if source.broken:
            raise _unavailable(field, url, "it cannot be read (the connection broke off)")
        if source.status != 200:
            raise _unavailable(field, url, f"the source answered with status {source.status}")
        data = picture_for(url) if source.data is None else source.data
        if len(data) > max_bytes:
            raise OutpaintError(
                ErrorCode.FILE_TOO_LARGE,
                f"{field} leads to more than the {max_bytes} bytes a picture may have",
                field=field,
                limit="max_bytes",
            )
        return data


def picture_for(url: str) -> bytes:
    """The picture made from an address: PNG, RGBA, 512 by 384 px, its outer eighth transparent."""
    digest = sha256(url.encode("utf-8", "surrogatepass")).digest()
    width, height = _SIZE
    from PIL import Image  # only now, for most mocks are never asked for such a picture

    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    left, top = width // 8, height // 8
    cell = 3 * width // 16, 3 * height // 16
    for row in range(4):
        for column in range(4):
            start = 2 + 3 * ((row * 4 + column) % 9)
            colour = (digest[start], digest[start + 1], digest[start + 2], 255)
            corner = left + column * cell[0], top + row * cell[1]
            picture.paste(colour, (*corner, corner[0] + cell[0], corner[1] + cell[1]))
    stream = BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _made_up(url: str, field: str) -> bytes:
    """The picture made from an address; raises what the service's own fetcher raises for one that it refuses."""
    from outpaint.functions.adapters.fetch import SafeFetch  # brings an HTTP client, which few mocks need

    with contextlib.suppress(_Public):
        SafeFetch(resolver=_without_network).check(url, field=field)
    return picture_for(url)


class _Public(Exception):  # noqa: N818 - an outcome
    """The address is public: the fetcher would connect now."""


def _without_network(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    """Resolve numeric hosts and localhost; every other host counts as public, and raises `_Public`."""
    if host.rstrip(".").lower().endswith("localhost"):
        return [IPv4Address("127.0.0.1")]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        raise _Public from None
    addresses = [ip_address(address[0]) for *_, address in found]
    if all(refusal(address) is None for address in addresses):
        raise _Public
    return addresses


def _unavailable(field: str, url: str, reason: str) -> OutpaintError:
    return OutpaintError.wrong_value(field, url, reason, code=ErrorCode.SOURCE_UNAVAILABLE)
