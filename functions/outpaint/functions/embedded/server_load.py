"""What clients take of a server at this moment: connections, bodies in flight, answers that nobody has read."""

from __future__ import annotations

import sys
from typing import Final, Protocol

from outpaint.functions.embedded.server_limits import ServerLimits

_OTHER_FILES: Final = 256
"""Open files that a server needs beside its connections: threads that fetch, the database, pictures."""
_LEAVING: Final = 32
"""Refused connections that may wait for their clients to read why, beyond the limit on connections."""


class AnswersClient(Protocol):
    """A connection whose client has yet to read an answer."""

    def unread(self) -> int:
        """Bytes of the answer that the client has not taken."""

    def standing(self, now: float) -> tuple[bool, float, float]:
        """Its place among those that are cut off, the first of which is the least: see `ServerLoad.cut_off_slowest`."""

    def cut_off(self) -> None:
        """Close the connection now, and drop the answer."""


class BodyShare:
    """The part that a request's body has of the bytes that may be in flight; release it when the body is done with."""

    __slots__ = ("_load", "_payer", "_size")

    def __init__(self, load: ServerLoad, payer: str) -> None:
        self._load = load
        self._payer = payer
        self._size = 0

    def reach(self, size: int) -> bool:
        """Make room for a body of `size` bytes, or as far as it has come; False where a limit leaves none."""
        more = size - self._size
        if more <= 0:
            return True
        if not self._load.hold(self._payer, more):
            return False
        self._size = size
        return True

    def release(self) -> None:
        """Give all of it back; a second time does nothing."""
        size, self._size = self._size, 0
        if size:
            self._load.let_go(self._payer, size)


class ServerLoad:
    """The figures of one server; changed on its event loop alone, and read from any thread.

    `connections` are open ones, `body_bytes` those of request bodies that are held. The others count up:
    `refused_connections` and `refused_requests` over a limit on connections, `refused_bodies`, and `cut_off_readers`.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self.limits: Final = limits
        self.most_connections: Final = min(limits.connections, _room_for_connections())
        self.connections = 0
        self.body_bytes = 0
        self.refused_connections = 0
        self.refused_requests = 0
        self.refused_bodies = 0
        self.cut_off_readers = 0
        self._of_client: dict[str, int] = {}
        self._bodies_of: dict[str, int] = {}
        self._readers: set[AnswersClient] = set()

    # Connections

    @property
    def is_full(self) -> bool:
        """Whether there are more connections than there may be."""
        return self.connections > self.most_connections

    @property
    def is_overrun(self) -> bool:
        """Whether there are so many more that not even a refusal can be waited for."""
        return self.connections > self.most_connections + _LEAVING

    def enter(self, client: str) -> bool:
        """Count one more connection, or request, of a client; False where it has as many as it may."""
        count = self._of_client.get(client, 0)
        if count >= self.limits.connections_per_address:
            return False
        self._of_client[client] = count + 1
        return True

    def leave(self, client: str) -> None:
        """Count one less."""
        count = self._of_client.pop(client) - 1
        if count:
            self._of_client[client] = count

    def of_client(self, client: str) -> int:
        """How many connections, or requests, a client has now."""
        return self._of_client.get(client, 0)

    # Bodies

    def share(self, payer: str) -> BodyShare:
        """The share of a body whose bytes count for `payer`, an account's id; of no bytes at first."""
        return BodyShare(self, payer)

    def hold(self, payer: str, size: int) -> bool:
        """Count bytes of a body that are held; False, and nothing is counted, where a limit leaves no room for them."""
        own = self._bodies_of.get(payer, 0) + size
        if self.body_bytes + size > self.limits.bodies_in_flight or own > self.limits.bodies_in_flight_per_key:
            self.refused_bodies += 1
            return False
        self.body_bytes += size
        self._bodies_of[payer] = own
        return True

    def let_go(self, payer: str, size: int) -> None:
        """Count bytes of a body that are no longer held."""
        self.body_bytes -= size
        own = self._bodies_of.pop(payer) - size
        if own:
            self._bodies_of[payer] = own

    # Answers

    @property
    def slow_readers(self) -> int:
        """Clients that have more left to read than is written at once."""
        return len(self._readers)

    @property
    def unread_bytes(self) -> int:
        """Bytes of answers that their clients have yet to read, of those that are slow to."""
        return sum(reader.unread() for reader in tuple(self._readers))

    def add_reader(self, reader: AnswersClient) -> None:
        """Count what a client that is slow to read has left."""
        self._readers.add(reader)

    def remove_reader(self, reader: AnswersClient) -> None:
        """It has read, or is gone."""
        self._readers.discard(reader)

    def cut_off_slowest(self, now: float) -> None:
        """Cut clients off until the others' unread answers are within the limit: those that read least a second first.

        A client that was given its answer just now comes last, for nothing is known of it yet.
        """
        unread = self.unread_bytes
        if unread <= self.limits.unread_answers:
            return
        for reader in sorted(self._readers, key=lambda reader: reader.standing(now)):
            size = reader.unread()
            self.cut_off_readers += 1
            reader.cut_off()
            unread -= size
            if unread <= self.limits.unread_answers:
                return


class Pace:
    """Until when the next part of a body must be there, so that a client that stops or drips is noticed."""

    __slots__ = ("_began", "_limits")

    def __init__(self, limits: ServerLimits, now: float) -> None:
        self._limits = limits
        self._began = now

    def until(self, size: int, now: float) -> float:
        """The time by which more must come, where `size` bytes have come by `now`; both in the loop's seconds."""
        limits = self._limits
        return min(now, self._began + size / limits.body_rate) + limits.body_patience


def _room_for_connections() -> int:
    """How many connections leave the process enough files to open: accepting one more would fail, again and again."""
    try:
        import resource
    except ImportError:  # there is no such limit on Windows
        return sys.maxsize
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return sys.maxsize
    return max(1, files - min(_OTHER_FILES, files // 2))
