"""Five hostile clients, in a process of their own, and what each of them may get.

They are bounded in rate and in connections, for on one machine their own work takes processor time from the servers:
each has a pause between two attempts, and none has more than `PATIENCE_S` divided by that connections open.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soak.attacks import Attack, bombs, head, huge_heads, without_credit

PATIENCE_S = 100.0
"""How long a server may keep a connection whose client does not read, or hardly writes."""
BUDGETS = frozenset({429, 503})
"""Statuses of a server's budgets, which a hostile client may always get."""
CLOSED = 0
"""In place of a status: the server closed the connection without an answer."""
TIMEOUT_S = 30.0
_PIECE = 256 * 1024


@dataclass(frozen=True)
class Target:
    """Where a hostile client goes, as whom, and a finished picture of at least 8 MiB there."""

    server: str
    port: int
    prefix: str
    key: str
    broke_key: str
    large_file: str

    @classmethod
    def of(cls, values: dict[str, Any]) -> Target:
        return cls(**values)


class Hostile(ABC):
    """A client that means harm; `outcomes` counts what it saw and may see, `unexpected` everything else."""

    name: str
    pause_s: float

    def __init__(self, target: Target) -> None:
        self.target = target
        self.outcomes: Counter[str] = Counter()
        self.unexpected: Counter[str] = Counter()

    async def run(self, late: float = 0.0) -> None:
        """Attack until it is cancelled, from `late` of a pause on: servers on one machine are not attacked in step."""
        await asyncio.sleep(min(0.5, late * self.pause_s))
        attempts: set[asyncio.Task[None]] = set()
        try:
            for number in itertools.count():
                attempt = asyncio.ensure_future(self._guarded(number))
                attempts.add(attempt)
                attempt.add_done_callback(attempts.discard)
                await asyncio.sleep(self.pause_s)
        finally:
            for attempt in attempts:
                attempt.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)

    async def _guarded(self, number: int) -> None:
        try:
            await self.attempt(number)
        except asyncio.CancelledError:
            self.outcomes["cut off by the phase's end"] += 1
            raise
        except TimeoutError:
            self.unexpected[f"no answer within {TIMEOUT_S:g} s"] += 1
        except OSError as error:
            self.unexpected[f"no connection ({type(error).__name__})"] += 1

    @abstractmethod
    async def attempt(self, number: int) -> None:
        """Attack once."""

    def judge(self, what: str, status: int, allowed: frozenset[int]) -> None:
        """Count the status of an attack that may be answered with these."""
        said = f"{what}: {'closed' if status == CLOSED else status}"
        (self.outcomes if status in allowed | BUDGETS else self.unexpected)[said] += 1


class Sender(Hostile):
    """Sends one attack after the other, and reads the answers."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.attacks = self.made()

    @abstractmethod
    def made(self) -> list[Attack]:
        """What it sends, again and again in this order."""

    async def attempt(self, number: int) -> None:
        attack = self.attacks[number % len(self.attacks)]
        self.judge(attack.name, await exchange(self.target.port, attack.pieces), attack.allowed)


class HugeHeads(Sender):
    """Sends heads of 40 KB to 4 MB."""

    name = "huge heads"
    pause_s = 0.5

    def made(self) -> list[Attack]:
        return huge_heads(self.target.prefix, self.target.key)


class Bombs(Sender):
    """Sends small pictures and forms that take much to read."""

    name = "bombs"
    pause_s = 2.0

    def made(self) -> list[Attack]:
        return bombs(self.target.prefix, self.target.key)


class WithoutCredit(Sender):
    """Sends pictures, and asks for upload forms, on an account without credits."""

    name = "uploads without credit"
    pause_s = 0.25

    def made(self) -> list[Attack]:
        return without_credit(self.target.prefix, self.target.broke_key)


class SlowReaders(Hostile):
    """Ask for a file of many megabytes, or for many answers at once, and do not read them."""

    name = "slow readers"
    pause_s = 1.0

    async def attempt(self, number: int) -> None:
        asked = [f"GET {self.target.large_file}"] if number % 2 else [f"GET {self.target.prefix}/openapi.json"] * 120
        reader, writer = await connected(self.target.port, receives=4096)
        try:
            writer.write(b"".join(head(line, "") for line in asked))
            # Whoever does not read cannot see the end of the connection: what the server has of it shows afterwards.
            await asyncio.sleep(PATIENCE_S)
            got = 0
            async with asyncio.timeout(TIMEOUT_S):
                while got < _WHOLE and (piece := await reader.read(1024 * 1024)):
                    got += len(piece)
        except ConnectionError:
            got = 0
        finally:
            writer.transport.abort()
        if got >= _WHOLE:
            self.unexpected[f"kept {_WHOLE >> 20} MiB for a client that did not read for {PATIENCE_S:g} s"] += 1
        else:
            self.outcomes["closed"] += 1


_WHOLE = 8 * 1024 * 1024
"""Bytes of an answer; far less fits into the buffers of the two sockets, so the server held the rest."""


class SlowWriters(Hostile):
    """Begin a head or a body, and send a byte of it now and then."""

    name = "slow writers"
    pause_s = 2.0
    byte_every_s = 3.0

    async def attempt(self, number: int) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded", "X-Picsart-API-Key": self.target.key}
        path = f"{self.target.prefix}/v1/painting/outpaint"
        begun, byte = (
            (head(f"POST {path}", "", form | {"Content-Length": "100000"}), b"a"),
            (head(f"POST {path}", "", form | {"Transfer-Encoding": "chunked"}), b"1\r\na\r\n"),
            (head(f"POST {path}", "", form)[:-2] + b"X-Slow: ", b"a"),
        )[number % 3]
        what = ("body", "chunked body", "head")[number % 3]
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        reader, writer = await connected(self.target.port)
        try:
            writer.write(begun)
            answer = asyncio.ensure_future(status_of(reader))
            while loop.time() < until and not answer.done():
                await asyncio.wait([answer], timeout=self.byte_every_s)
                writer.write(byte)
            if answer.done():
                self.judge(what, answer.result(), frozenset({400, 408, CLOSED}))
            else:
                answer.cancel()
                self.unexpected[f"{what}: waited {PATIENCE_S:g} s for a client that hardly writes"] += 1
        finally:
            writer.transport.abort()


HOSTILES: tuple[type[Hostile], ...] = (SlowReaders, SlowWriters, HugeHeads, Bombs, WithoutCredit)


async def connected(port: int, receives: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the loopback; `receives` is the size of its socket's receive buffer in bytes."""
    raw = socket.socket()
    if receives is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    raw.setblocking(False)
    try:
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port)), TIMEOUT_S)
    except BaseException:
        raw.close()
        raise
    return await asyncio.open_connection(sock=raw, limit=receives or 65536)


async def exchange(port: int, pieces: Callable[[], Iterator[bytes]]) -> int:
    """Send a request whole, unless the server answers or closes before, and the status of its answer, or `CLOSED`."""
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await connected(port)
        try:
            answer = asyncio.ensure_future(status_of(reader))
            try:
                for piece in pieces():
                    for start in range(0, len(piece), _PIECE):
                        writer.write(piece[start : start + _PIECE])
                        await writer.drain()
                        if answer.done():
                            return answer.result()
            except ConnectionError:
                pass  # the answer may have come before
            return await answer
        finally:
            answer.cancel()
            writer.transport.abort()


async def status_of(reader: asyncio.StreamReader) -> int:
    """The status of an answer, or `CLOSED`."""
    try:
        line = await reader.readline()
    except (ConnectionError, ValueError):
        return CLOSED
    words = line.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else CLOSED


async def attack(targets: list[Target]) -> dict[str, list[tuple[str, str, str, int]]]:
    """Attack every server until stdin ends; what was seen, as lists of server, client, outcome and how often."""
    hostiles = [make(target) for target in targets for make in HOSTILES]
    print(json.dumps("ready"), flush=True)  # the attacks are made, which took processor time
    await asyncio.to_thread(sys.stdin.readline)
    running = [
        asyncio.ensure_future(hostile.run(number // len(HOSTILES) / len(targets)))
        for number, hostile in enumerate(hostiles)
    ]
    await asyncio.to_thread(sys.stdin.read)
    for task in running:
        task.cancel()
    ended = await asyncio.gather(*running, return_exceptions=True)
    for error in ended:
        if not isinstance(error, asyncio.CancelledError) and error is not None:
            raise error
    return {
        what: [
            (hostile.target.server, hostile.name, outcome, times)
            for hostile in hostiles
            for outcome, times in getattr(hostile, what).items()
        ]
        for what in ("outcomes", "unexpected")
    }


def main() -> None:
    """Read targets as a line of JSON, say that all is ready, begin at the next line, and at the end say what was seen.

    The end is that of stdin.
    """
    targets = [Target.of(values) for values in json.loads(sys.stdin.readline())]
    seen = asyncio.run(attack(targets))
    print(json.dumps(seen), flush=True)


def as_line(targets: list[Target]) -> str:
    """The line that `main` reads."""
    return json.dumps([asdict(target) for target in targets]) + "\n"


if __name__ == "__main__":
    main()
