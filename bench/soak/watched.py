"""A server as a process of its own whose memory, processor time, stderr and end are watched (Linux's /proc)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from servers import NoAnswerError, answering, free_port

PATIENCE_S = 60.0
"""How long a server may take to end: its own grace for a running job is 30 s, and for requests 10 s."""


class Watched:
    """`outpaint COMMAND ...` on a free port of the loopback, for as long as the block runs.

    Raises `NoAnswerError` where it ends first or does not answer within a minute.
    """

    def __init__(self, name: str, words: Sequence[str], errors: Path) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.exit_status: int | None = None
        self._words = words
        self._errors = errors
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-c", "from outpaint.functions.command_line.entry import main; main()"]
        command += [*self._words, "--port", str(self.port)]
        # With compiled modules, as any installation has them.
        surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=surroundings)
        try:
            answering(self._process, self.port, "/health", lambda status: status == 200, PATIENCE_S)
        except NoAnswerError as error:
            self.end()
            raise NoAnswerError(f"{self.name}: {error}; it wrote: {self.errors()[-500:]}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def errors(self) -> str:
        """What it wrote to stderr so far."""
        return self._errors.read_text("utf-8", "replace")

    def end(self) -> None:
        """Ask it to end, and kill it where it does not within `PATIENCE_S`; `exit_status` tells which."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            self.exit_status = process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Gauge:
    """Shares of one processor that processes used since the gauge was last read."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._at = time.monotonic()
        self._spent = {pid: cpu_seconds(pid) for pid in pids}

    def read(self) -> list[float]:
        """One share for each process; 1 is a processor that did nothing else."""
        now = time.monotonic()
        spent = {pid: cpu_seconds(pid) for pid in self._pids}
        shares = [(spent[pid] - self._spent[pid]) / max(now - self._at, 1e-9) for pid in self._pids]
        self._at, self._spent = now, spent
        return shares


def memory_bytes(pid: int) -> int:
    """A process' resident memory; 0 of one that has ended."""
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return 0 if found is None else int(found[1]) * 1024


def cpu_seconds(pid: int) -> float:
    """The processor time of a process so far; 0 of one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
