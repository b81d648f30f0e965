"""Lambda's Runtime API, and functions as processes that use it.

The paths, headers and answers are those of AWS's Runtime API 2018-06-01, without snapshots and streamed responses.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from local_cloud.processes import LOOPBACK, stop

MAX_PAYLOAD: Final = 6_291_456
"""Bytes of an event, and of a response: 6 MiB (docs/facts/aws.md#lambda)."""
INIT_S: Final = 60.0
"""How long a sandbox may take until it asks for its first event; Lambda gives 10 s, on a less busy machine."""
_LOOK_S: Final = 0.2
_ROOT: Final = "/2018-06-01/runtime/"
_ERROR_TYPE: Final = "Lambda-Runtime-Function-Error-Type"


class EventTooLarge(Exception):  # noqa: N818 - AWS's RequestEntityTooLargeException
    """An event of more than `MAX_PAYLOAD` bytes, which Lambda refuses with 413 before any function sees it."""


class FunctionError(Exception):
    """The function did not answer; `kind` is AWS's error type, the text its message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


@dataclass
class Invocation:
    """One event for a sandbox; `seconds` is the function's timeout, counted from its delivery.

    `response` is the function's response, or the `FunctionError` in its place.
    """

    event: bytes
    arn: str
    seconds: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    delivered_at: float | None = None
    response: Future[bytes] = field(default_factory=Future)

    def end(self, outcome: bytes | FunctionError) -> None:
        """Set the response, unless it is set."""
        with suppress(InvalidStateError):
            if isinstance(outcome, bytes):
                self.response.set_result(outcome)
            else:
                self.response.set_exception(outcome)


class RuntimeApi:
    """The server for one sandbox, on a loopback port of its own: `with RuntimeApi() as api`."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Invocation] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._closed = False
        self.began = time.monotonic()
        self.is_ready = False
        """Whether the runtime has asked for an event."""
        self.init_error: FunctionError | None = None
        self._server = _Server((LOOPBACK, 0), type("Handler", (_Handler,), {"api": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> RuntimeApi:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """What AWS_LAMBDA_RUNTIME_API holds: host and port."""
        return f"{LOOPBACK}:{self._server.server_address[1]}"

    def deliver_next(self, invocation: Invocation) -> None:
        self._events.put(invocation)

    def next(self) -> Invocation | None:
        """Wait for the next event; None where the sandbox is to end."""
        self.is_ready = True
        while not self._closed:
            try:
                invocation = self._events.get(timeout=0.2)
            except queue.Empty:
                continue
            invocation.delivered_at = time.monotonic()
            self._current = invocation
            return invocation
        return None

    def respond(self, invocation_id: str, body: bytes) -> tuple[int, dict[str, str]]:
        """Accept a response; status and body of the answer to the runtime."""
        if (current := self._current) is None or current.id != invocation_id:
            return 400, _refusal("InvalidRequestID", "Invalid request ID")
        if len(body) > MAX_PAYLOAD:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes)."
            current.end(FunctionError("Function.ResponseSizeTooLarge", message))
            return 413, _refusal(
                "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes)."
            )
        self._current = None
        current.end(body)
        return 202, {"status": "OK"}

    def fail(self, invocation_id: str | None, kind: str, body: bytes) -> tuple[int, dict[str, str]]:
        """Accept an error, of an invocation or without an id of the initialisation; status and body of the answer."""
        error = FunctionError(kind or "Unhandled", body.decode(errors="replace"))
        if invocation_id is None:
            self.init_error = error
        elif (current := self._current) is None or current.id != invocation_id:
            return 400, _refusal("InvalidRequestID", "Invalid request ID")
        else:
            self._current = None
            current.end(error)
        return 202, {"status": "OK"}


def _refusal(kind: str, message: str) -> dict[str, str]:
    return {"errorMessage": message, "errorType": kind}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A sandbox that ends does not wait for the answer to its last response; other errors are printed.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    api: RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path != f"{_ROOT}invocation/next":
            self._answer(404, _refusal("NotFound", self.path))
            return
        invocation = self.api.next()
        if invocation is None:
            self.close_connection = True
            return
        self.send_response_only(200)
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(invocation.event))),
            ("Lambda-Runtime-Aws-Request-Id", invocation.id),
            ("Lambda-Runtime-Deadline-Ms", str(int((time.time() + invocation.seconds) * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.arn),
            ("Lambda-Runtime-Trace-Id", f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(invocation.event)

    def do_POST(self) -> None:
        body = self._body()
        kind = self.headers.get(_ERROR_TYPE, "")
        match self.path.removeprefix(_ROOT).split("/"):
            case ["invocation", id_, "response"]:
                self._answer(*self.api.respond(id_, body))
            case ["invocation", id_, "error"]:
                self._answer(*self.api.fail(id_, kind, body))
            case ["init", "error"]:
                self._answer(*self.api.fail(None, kind, body))
            case _:
                self._answer(404, _refusal("NotFound", self.path))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _answer(self, status: int, document: dict[str, str]) -> None:
        body = json.dumps(document).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """A function's settings in a template, and how its runtime is started.

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
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"


class Sandbox:
    """One process of a function with a Runtime API of its own; takes one event at a time."""

    def __init__(self, function: FunctionSettings, log: Path) -> None:
        self._function = function
        self._running = ExitStack()
        self._api = self._running.enter_context(RuntimeApi())
        file = self._running.enter_context(log.open("ab"))
        # Nothing of this process's environment: only what Lambda and the template set.
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
        self._process = subprocess.Popen(  # noqa: S603 - a runtime, with our arguments
            [*function.command, function.handler],
            cwd=function.code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running.callback(stop, self._process)

    def run(self, event: bytes) -> bytes:
        """The response to an event; raises `FunctionError`, after some of which `is_alive` is false."""
        invocation = Invocation(event, self._function.arn, self._function.seconds)
        self._api.deliver_next(invocation)
        while True:
            with suppress(TimeoutError):
                return invocation.response.result(_LOOK_S)
            now = time.monotonic()
            if self._process.poll() is not None:
                message = f"the runtime exited with status {self._process.returncode}"
                invocation.end(self._api.init_error or FunctionError("Runtime.ExitError", message))
            elif invocation.delivered_at is None:
                if now > self._api.began + INIT_S and not self._api.is_ready:
                    self._kill()
                    invocation.end(FunctionError("Sandbox.Timedout", f"no event was asked for in {INIT_S:.0f} s"))
            elif now > invocation.delivered_at + self._function.seconds:
                self._kill()
                message = f"Task timed out after {self._function.seconds:.2f} seconds"
                invocation.end(FunctionError("Sandbox.Timedout", message))

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def is_alive(self) -> bool:
        """Whether it can take another event."""
        return self._process.poll() is None

    def close(self) -> None:
        self._running.close()


class Function:
    """A function that may be invoked from many threads; a sandbox is started where none is idle."""

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
        already; here they wait.
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
                # The one used last, so that those not needed stay idle.
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
