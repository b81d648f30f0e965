"""The phases of a soak: full load, the honest clients alone, and the same beside hostile clients."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import Any

from soak.honest import CLIENT, KINDS, Honest
from soak.hostiles import HOSTILES, Target, as_line
from soak.pacing import at_rate, full_rate
from soak.promises import Latencies, Record, ServerRecord
from soak.stage import Stage, clients, stages
from soak.watched import Gauge, memory_bytes

SHARE_OF_FULL = 0.5
_LOOK_EVERY_S = 0.5

Told = Callable[[str, float], None]
"""Called with a phase's name and its length in seconds as it begins."""


@dataclass(frozen=True)
class Plan:
    """Seconds of each phase; both servers go through it at the same time."""

    full: float
    quiet: float
    beside: float

    @classmethod
    def of(cls, minutes: float) -> Plan:
        """So many minutes beside hostile clients, and before that a quarter of it, at most five, without them."""
        return cls(full=min(15.0, minutes * 5), quiet=min(300.0, minutes * 15), beside=minutes * 60)

    @property
    def whole(self) -> float:
        return self.full + self.quiet + self.beside


def soaked(plan: Plan, folder: Path, told: Told = lambda _name, _seconds: None) -> Record:
    """Go through every phase with servers that keep their data in this folder."""
    with stages(folder) as staged:
        servers = [ServerRecord(stage.server.name) for stage in staged]
        record = Record(plan.beside, servers, KINDS, [hostile.name for hostile in HOSTILES])
        asyncio.run(_run(plan, staged, record, told))
        told("the servers end", 0)
        for stage, server in zip(staged, servers, strict=True):
            stage.server.end()
            server.exit_status = stage.server.exit_status
            server.errors = stage.server.errors()
    return record


async def _run(plan: Plan, staged: Sequence[Stage], record: Record, told: Told) -> None:
    servers = record.servers
    # Before anything is measured, because it takes each server some seconds of processor time.
    targets = [await stage.target() for stage in staged]
    async with AsyncExitStack() as stack:
        honest = [await stack.enter_async_context(clients(stage)) for stage in staged]
        told("full load", plan.full)
        for each in honest:
            each.latencies = Latencies()
        rates = await asyncio.gather(*(full_rate(each, plan.full) for each in honest))
        for server, rate in zip(servers, rates, strict=True):
            server.full_rate, server.rate = rate, rate * SHARE_OF_FULL

        told("without hostile clients", plan.quiet)
        for each, server in zip(honest, servers, strict=True):
            each.latencies = server.quiet
        gauge = Gauge([stage.server.pid for stage in staged])
        await _paced(honest, servers, plan.quiet, seed=1)
        for stage, server, share in zip(staged, servers, gauge.read(), strict=True):
            server.cpu["quiet"] = share
            server.quiet_memory = memory_bytes(stage.server.pid)

        with _Attackers(targets) as attackers:
            told("beside hostile clients", plan.beside)
            for each, server in zip(honest, servers, strict=True):
                each.latencies = server.beside
            gauge = Gauge([*(stage.server.pid for stage in staged), attackers.pid, os.getpid()])
            shares: list[float] = []
            attackers.begin()
            looking = asyncio.ensure_future(_look(staged, servers))

            async def attacked() -> dict[str, Any]:
                """Let them attack while requests come due, and no longer: late answers are waited for without them."""
                await asyncio.sleep(plan.beside)
                looking.cancel()
                shares.extend(gauge.read())
                return await asyncio.to_thread(attackers.end)

            _, seen = await asyncio.gather(_paced(honest, servers, plan.beside, seed=2), attacked())
        *of_servers, record.hostile_cpu, record.honest_cpu = shares
        for server, share in zip(servers, of_servers, strict=True):
            server.cpu["beside"] = share
        record.outcomes += _counted(seen["outcomes"])
        record.unexpected += _counted(seen["unexpected"])

        told("the last jobs end", 0)
        for each, server, stage in zip(honest, servers, staged, strict=True):
            await each.settle()
            server.jobs, server.succeeded, server.files = each.jobs, each.succeeded, each.downloads
            server.left = each.left
            server.credits = [*each.credits, *await stage.hostile_credits()]
            for counter, into in ((each.outcomes, record.outcomes), (each.unexpected, record.unexpected)):
                into.update({(server.name, CLIENT, outcome): times for outcome, times in counter.items()})


async def _paced(honest: Sequence[Honest], servers: Sequence[ServerRecord], seconds: float, seed: int) -> None:
    pairs = zip(honest, servers, strict=True)
    await asyncio.gather(*(at_rate(each, server.rate, seconds, seed) for each, server in pairs))


async def _look(staged: Sequence[Stage], servers: Sequence[ServerRecord]) -> None:
    """Note each server's memory now and then, until cancelled."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        for stage, server in zip(staged, servers, strict=True):
            server.memory.append((loop.time() - began, memory_bytes(stage.server.pid)))
        await asyncio.sleep(_LOOK_EVERY_S)


def _counted(rows: Sequence[Sequence[Any]]) -> Counter[tuple[str, str, str]]:
    return Counter({(server, client, outcome): times for server, client, outcome, times in rows})


class _Attackers:
    """The process of the hostile clients."""

    def __init__(self, targets: list[Target]) -> None:
        self._targets = targets

    def __enter__(self) -> _Attackers:
        command = [sys.executable, str(Path(__file__).with_name("hostiles.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        self._tell(as_line(self._targets))
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError("the hostile clients did not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def begin(self) -> None:
        """Let them attack."""
        self._tell("\n")

    def end(self) -> dict[str, Any]:
        """Stop them; what they saw."""
        said, _ = self._process.communicate(timeout=60)
        if self._process.returncode != 0:
            raise RuntimeError(f"the hostile clients ended with {self._process.returncode}")
        found: dict[str, Any] = loads(said)
        return found

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()
