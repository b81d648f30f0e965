"""How fast the honest clients send: as fast as they are answered, or by a schedule that waits for no answer."""

from __future__ import annotations

import asyncio
import random

from soak.honest import SUBMITS, Honest

WORKERS = 12
"""Requests that are open at a time at full load; more of them do not raise the rate."""
MOST_UNENDED = 48
"""Accepted jobs that have not ended at full load: beyond that the clients poll, so that painting keeps up too."""
_BEHIND_S = 120.0
"""How long the answers of a phase may take after its last request was due."""


async def full_rate(honest: Honest, seconds: float) -> float:
    """Requests of the mix a second that are answered when each client sends its next as soon as it has an answer.

    Polls that are made because too many jobs wait are not counted: the rate is one that the painter keeps up with too.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    answered = 0

    async def worker() -> None:
        nonlocal answered
        while loop.time() < began + seconds:
            kind = honest.next_kind()
            while kind in SUBMITS and honest.unended >= MOST_UNENDED and loop.time() < began + seconds:
                await honest.act("poll", loop.time())
            await honest.act(kind, loop.time())
            answered += 1

    await asyncio.gather(*(worker() for _ in range(WORKERS)))
    return answered / (loop.time() - began)


async def at_rate(honest: Honest, rate: float, seconds: float, seed: int) -> None:
    """Send the mix at a rate, with the gaps of a Poisson process, whether or not answers come.

    Each latency counts from the time at which its request was due. A client that waited for an answer before it sent
    the next would send little in a server's slow moments, and so hide them (coordinated omission).
    """
    loop = asyncio.get_running_loop()
    gaps = random.Random(seed)
    due = began = loop.time()
    under_way: set[asyncio.Task[None]] = set()
    while (due := due + gaps.expovariate(rate)) < began + seconds:
        await asyncio.sleep(max(0.0, due - loop.time()))
        task = asyncio.ensure_future(honest.act(honest.next_kind(), due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    if under_way:
        _, late = await asyncio.wait(under_way, timeout=_BEHIND_S)
        for task in late:
            task.cancel()
        if late:
            honest.unexpected[f"no answer within {_BEHIND_S:g} s of the phase's end"] += len(late)
