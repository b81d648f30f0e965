"""Requests, responses and waits as every host passes them to the HTTP core and gets them from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol


class HasHeaders:
    """What has header fields as pairs of name and value."""

    __slots__ = ()
    if TYPE_CHECKING:  # a model of pydantic would count it as its first field
        headers: Sequence[tuple[str, str]]

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in any case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request without its body.

    `path` is percent-decoded as `routes.decoded_path` does it, `query` is the raw query string without '?'. Header
    names in `headers` are lower case, values decoded as Latin-1, in the order they came. `origin` is the scheme and
    authority the client used, such as `http://127.0.0.1:8080`. `peer_is_loopback` is whether the connection came from
    this machine, and not through a proxy that says so. `correlation_id` is a UUID by which the host itself knows the
    request; without it, one is made.
    """

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # its caller's key is among them
    origin: str = "http://localhost"
    peer_is_loopback: bool = False
    correlation_id: str | None = None

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in any case."""
        wanted = name.lower()
        for key, value in self.headers:  # asked several times a request, where a generator costs as much as the search
            if key == wanted:
                return value
        return None

    @property
    def declared_size(self) -> int | None:
        """Bytes of the body as Content-Length has them; None without one that is a number."""
        text = self.header("content-length")
        return int(text[:20]) if text is not None and text.isascii() and text.isdigit() else None

    def header_values(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        wanted = name.lower()
        return [value for key, value in self.headers if key == wanted]


class Pieces(Protocol):
    """A body of known size in bytes (`len`), whose bytes are made piece by piece as they are read."""

    def __len__(self) -> int: ...

    def pieces(self) -> Iterator[bytes]:
        """The bytes in order; raises `OutpaintError` MALFORMED_BODY where they cannot be made."""


Body = bytes | Pieces


@dataclass(frozen=True, slots=True)
class Response(HasHeaders):
    """A whole response: status, headers with their names as they go out, and the body's bytes."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not answered yet: the client waits for a job.

    The host calls `resume()` once, when the job named by `inference_id` has ended or when its clock reaches
    `until` (seconds since the epoch), whichever is first, and sends the response that comes back.
    `abandon()` is for a client that has gone away meanwhile: the job goes on, nothing is lost.
    """

    inference_id: str
    until: float
    resume: Callable[[], Response]
    abandon: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Fetching:
    """Not answered yet: an address has to be read, which takes as long as another server likes.

    The host calls `go()` once, where that holds up nothing else, and sends the response that comes back; or it has no
    room for another address of this account, and sends `refuse` with the reason instead.
    """

    account_id: str
    go: Callable[[], Response | Waiting]
    refuse: Callable[[Exception], Response]
