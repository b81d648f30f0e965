"""Requests, responses and waits as every host passes them to the HTTP core and gets them from it."""

from __future__ import annotations

import mmap
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

PIECE_BYTES: Final = 256 * 1024
"""Bytes of a body that are read at a time: few enough that no other thread waits long for the interpreter."""
_BLOCK_BYTES: Final = 4 * PIECE_BYTES


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


UNPACED_BYTES: Final = 2 * 1024 * 1024
"""What of a body is received, and read, as fast as it can be."""
PAUSE_S: Final = 0.002
"""Seconds before each further piece: a host's other requests do not wait for a body of many megabytes."""

Body = bytes | Pieces


class ReceivedBody:
    """A body as its host receives it; `pieces` gives it once, and gives back its memory as it is read.

    It takes as much memory as its bytes, however small the chunks are that they come in. More than `PIECE_BYTES` stand
    in blocks of their own: from the allocator's heap, which gives back little of what lies below something else, the
    system would not get a body's memory while its pictures are made of it.
    """

    __slots__ = ("_blocks", "_first", "_room", "_size")

    def __init__(self) -> None:
        self._first: bytes | bytearray = b""
        self._blocks: deque[mmap.mmap] = deque()
        self._room = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, chunk: bytes) -> None:
        """The bytes that came next."""
        before, self._size = self._size, self._size + len(chunk)
        if self._size > PIECE_BYTES:
            self._write(memoryview(chunk))
        elif not before:
            self._first = chunk
        else:
            if isinstance(self._first, bytes):
                self._first = bytearray(self._first)
            self._first += chunk

    def pieces(self) -> Iterator[bytes]:
        """The bytes in order, at most `PIECE_BYTES` at a time; a large body with pauses for others."""
        left = self._size - len(self._first)
        first, self._first = bytes(self._first), b""
        yield first
        while self._blocks:
            with self._blocks.popleft() as block:
                for start in range(0, min(left, _BLOCK_BYTES), PIECE_BYTES):
                    if self._size - left > UNPACED_BYTES:
                        time.sleep(PAUSE_S)
                    yield block[start : min(start + PIECE_BYTES, left)]
            left -= _BLOCK_BYTES

    @property
    def received(self) -> Body:
        """What is handed on: a small body as bytes, a larger one as this."""
        return self if self._blocks else bytes(self._first)

    def _write(self, data: memoryview) -> None:
        while data:
            if not self._room:
                self._blocks.append(_block())
                self._room = _BLOCK_BYTES
            part, data = data[: self._room], data[self._room :]
            self._blocks[-1].write(part)
            self._room -= len(part)


def _block() -> mmap.mmap:
    """Memory straight from the system."""
    if sys.platform == "win32":
        return mmap.mmap(-1, _BLOCK_BYTES)
    return mmap.mmap(-1, _BLOCK_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


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
