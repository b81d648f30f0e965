"""Functions that run in sandboxes, as Lambda runs them: as many at a time as there are events, up to a limit."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local_cloud.processes import stop
from local_cloud.runtime_api import MAX_PAYLOAD, EventTooLarge, FunctionError, Invocation, RuntimeApi

INIT_S: Final = 60.0
"""How long a sandbox may take until it asks for its first event; Lambda gives 10 s, on a machine less shared."""
_LOOK_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """What a template says of a function, and how its runtime is started.

    `command` starts the runtime, which finds `handler` in `code`; `seconds` is the function's timeout.
    """

    name: str
    handler: str
    code: Path
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 30.0
    memory_mb: int = 1024
    concurrency: int = 8
    region: str = "us-east-1"
    account: str = "123456789012"

    @property
    def arn(self) -> str:
        """The function's name for its callers."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"


class Sandbox:
    """One process of a function with a Runtime API of its own; takes one event at a time."""

    def __init__(self, function: FunctionSettings, log: Path) -> None:
        self._function = function
        self._running = ExitStack()
        self._api = self._running.enter_context(RuntimeApi())
        file = self._running.enter_context(log.open("ab"))
        # Nothing of this process's environment: a sandbox knows what Lambda and the template tell it.
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "_HANDLER": function.handler,
            "LAMBDA_TASK_ROOT": str(function.code),
            "PYTHONPATH": str(function.code),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": log.stem,
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            **function.environment,
        }
        self._process = subprocess.Popen(  # noqa: S603 - a runtime, by our arguments
            [*function.command, function.handler],
            cwd=function.code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running.callback(stop, self._process)

    @property
    def init_seconds(self) -> float | None:
        """How long the cold start took; None while it lasts."""
        return self._api.init_seconds

    def run(self, event: bytes) -> bytes:
        """The response to an event; raises `FunctionError`. After one that is fatal, `is_alive` is false."""
        invocation = Invocation(event, self._function.arn, self._function.seconds)
        self._api.hand_over(invocation)
        while not invocation.wait(_LOOK_S):
            now = time.monotonic()
            if self._process.poll() is not None:
                told = f"the runtime exited with status {self._process.returncode}"
                invocation.end(self._api.init_error or FunctionError("Runtime.ExitError", told))
            elif invocation.delivered_at is None:
                if now > self._api.began + INIT_S and self._api.init_seconds is None:
                    self._kill()
                    invocation.end(FunctionError("Sandbox.Timedout", f"no event was asked for in {INIT_S:.0f} s"))
            elif now > invocation.delivered_at + self._function.seconds:
                self._kill()
                told = f"Task timed out after {self._function.seconds:.2f} seconds"
                invocation.end(FunctionError("Sandbox.Timedout", told))
        return invocation.outcome()

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def is_alive(self) -> bool:
        """Whether it can take another event."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        self._running.close()


class Function:
    """A function that can be invoked from many threads: idle sandboxes first, then new ones, then those in use."""

    def __init__(self, settings: FunctionSettings, logs: Path) -> None:
        self.settings: Final = settings
        self.cold_starts = 0
        self._logs = logs
        self._idle: list[Sandbox] = []
        self._count = 0
        self._changed = threading.Condition()

    def invoke(self, event: bytes) -> bytes:
        """The function's response, up to 6 MiB as the event.

        Raises `EventTooLarge` or `FunctionError`. Lambda would throttle where `concurrency` events are under way
        already; here they wait for their turn.
        """
        if len(event) > MAX_PAYLOAD:
            raise EventTooLarge(f"Request must be smaller than {MAX_PAYLOAD} bytes for the InvokeFunction operation")
        sandbox = self._take()
        try:
            return sandbox.run(event)
        finally:
            self._give_back(sandbox)

    def _take(self) -> Sandbox:
        with self._changed:
            self._changed.wait_for(lambda: self._idle or self._count < self.settings.concurrency)
            if self._idle:
                # The one used last, so that those over the need fall idle.
                return self._idle.pop()
            self._count += 1
            self.cold_starts += 1
            number = self.cold_starts
        try:
            return Sandbox(self.settings, self._logs / f"{self.settings.name}-{number}.log")
        except BaseException:
            with self._changed:
                self._count -= 1
                self._changed.notify()
            raise

    def _give_back(self, sandbox: Sandbox) -> None:
        alive = sandbox.is_alive
        with self._changed:
            if alive:
                self._idle.append(sandbox)
            else:
                self._count -= 1
            self._changed.notify()
        if not alive:
            sandbox.close()

    def close(self) -> None:
        """End every sandbox; no event may be under way."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._count -= len(idle)
        for sandbox in idle:
            sandbox.close()
