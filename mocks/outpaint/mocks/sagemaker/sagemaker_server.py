"""The SageMaker mock over HTTP: the runtime's API, and its admin API."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import parse_qs

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.embedded.asgi import (
    ClientGone,
    PooledHost,
    Receive,
    Scope,
    Send,
    path_of,
    read_whole,
    request_head,
    set_from_thread,
)
from outpaint.functions.embedded.bounded_connection import BoundedConnection
from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.http.application import no_room
from outpaint.functions.http.json_body import parsed_object
from outpaint.functions.http.local_requests import LOOPBACK_HOSTS, AllowedHosts
from outpaint.functions.http.messages import Response
from outpaint.mocks.admin_guard import admin_refusal
from outpaint.mocks.mock_paths import ADMIN_ROOT
from outpaint.mocks.sagemaker.aws_cloud import new_client
from outpaint.mocks.sagemaker.runtime_calls import MAX_BODY, ROUTES, fixed_refusal
from outpaint.mocks.sagemaker.sagemaker_mock import RuntimeReply, SageMakerMock

_CONNECTION: Final = "outpaint.connection"
_THREADS: Final = 256
"""How many calls can wait for containers at once."""


def administer(mock: SageMakerMock, method: str, path: str, query: str, body: bytes) -> tuple[int, Any]:
    """Status and JSON of an admin call's answer; raises `OutpaintError` for a wrong one.

    GET|POST /_mock/endpoints, GET|PUT|DELETE /_mock/endpoints/NAME, PUT /_mock/endpoints/NAME/instances,
    GET|POST|DELETE /_mock/faults, GET|DELETE /_mock/journal[?endpoint=&inference_id=], GET|POST /_mock/clock,
    POST /_mock/settle.
    """
    match [method, *path.removeprefix(ADMIN_ROOT).strip("/").split("/")]:
        case ["GET", ""]:
            return 200, {"Endpoints": sorted(mock.endpoints), "Now": mock.clock.now(), "Scale": mock.clock.scale}
        case ["GET", "endpoints"]:
            return 200, {"Endpoints": [_endpoint(mock, name) for name in sorted(mock.endpoints)]}
        case ["POST", "endpoints"]:
            definition = mock.define(parsed_object(body or b"{}"))
            return 201, _endpoint(mock, definition.endpoint_name)
        case ["PUT", "endpoints", name]:
            mock.define({"EndpointName": name, **parsed_object(body or b"{}")})
            return 200, _endpoint(mock, name)
        case ["GET", "endpoints", name] if name in mock.endpoints:
            return 200, _endpoint(mock, name)
        case ["DELETE", "endpoints", name] if mock.remove(name):
            return 200, {}
        case ["PUT", "endpoints", name, "instances"]:
            mock.set_instances(name, _number(parsed_object(body or b"{}"), "Instances"))
            mock.settle()
            return 200, _endpoint(mock, name)
        case ["GET", "faults"]:
            return 200, {"Faults": [fault.model_dump(mode="json", by_alias=True) for fault in mock.faults.pending]}
        case ["POST", "faults"]:
            mock.inject(parsed_object(body or b"{}"))
            return 201, {}
        case ["DELETE", "faults"]:
            mock.faults.clear()
            return 200, {}
        case ["GET", "journal"]:
            wanted = parse_qs(query)
            entries = mock.journal.entries(wanted.get("endpoint", [None])[0], wanted.get("inference_id", [None])[0])
            return 200, {"Entries": [asdict(entry) for entry in entries]}
        case ["DELETE", "journal"]:
            mock.journal.clear()
            return 200, {}
        case ["GET", "clock"]:
            return 200, {"Now": mock.clock.now(), "Scale": mock.clock.scale}
        case ["POST", "clock"]:
            return 200, _move(mock, parsed_object(body or b"{}"))
        case ["POST", "settle"]:
            mock.settle()
            return 200, {}
        case _:
            return 404, {"Message": f"there is no {method} {path} here, or nothing of that name"}


def _endpoint(mock: SageMakerMock, name: str) -> dict[str, Any]:
    definition = mock.endpoints[name].model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return definition | {"Metrics": dict(mock.metrics(name))}


def _move(mock: SageMakerMock, content: dict[str, Any]) -> dict[str, float]:
    """Move the clock on by `Advance` seconds, or let it go at a `Scale` (0 stops it)."""
    match content:
        case {"Advance": int() | float() as seconds}:
            mock.advance(seconds)
        case {"Scale": int() | float() as scale}:
            mock.clock.tick(scale)
        case _:
            raise OutpaintError(ErrorCode.INVALID_PARAMETER, "the clock takes Advance or Scale, a number of seconds")
    return {"Now": mock.clock.now(), "Scale": mock.clock.scale}


def _number(content: dict[str, Any], member: str) -> int:
    value = content.get(member)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"{member} is a number of at least 0", field=member)
    return value


class RuntimeConnection(BoundedConnection):
    """The embedded host's connection, which can also break off without an answer."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.scope[_CONNECTION] = self  # type: ignore[typeddict-unknown-key]
        super()._start_asgi_task(cycle, app)

    def break_off(self) -> None:
        """Reset the connection."""
        self.transport.abort()


class RuntimeHost(PooledHost):
    """Serves a `SageMakerMock` on ASGI, in `RuntimeConnection`s; `close` it after the last request.

    Only this machine may use its admin API, and only under the names that `admin_hosts` allow.
    """

    def __init__(
        self,
        mock: SageMakerMock,
        admin_hosts: AllowedHosts = LOOPBACK_HOSTS,
        limits: ServerLimits = ServerLimits(),
    ) -> None:
        super().__init__(_THREADS, "sagemaker-call", limits)
        self.mock: Final = mock
        self._admin_hosts = admin_hosts

    def refusal(self, error: OutpaintError) -> Response:
        """The answer to a request that the server refuses by itself, in the shape of the admin API's."""
        text = json.dumps({"Message": error.detail}).encode() + b"\n"
        retry = (("Retry-After", "1"),) if error.kind.retry_after else ()
        lines = (("Content-Type", "application/json"), ("Content-Length", str(len(text))), *retry)
        return Response(error.kind.status.value, lines, text)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        share = self.load.share("")
        try:
            body = await read_whole(receive, MAX_BODY, share, self.limits)
            if body is None:
                refusal = self.refusal(no_room())
                await self._send(RuntimeReply(refusal.status, refusal.headers, (refusal.body,)), send)
            elif path_of(scope).startswith(ADMIN_ROOT):
                await self._administer(scope, body, send)
            else:
                await self._call(scope, body, send)
        except ClientGone:
            pass
        finally:
            share.release()

    async def _call(self, scope: Scope, body: bytes, send: Send) -> None:
        # Of a header that comes twice the last counts; SDKs send each once.
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        parts = path_of(scope).split("/")
        operation = ROUTES.get(parts[3]) if len(parts) == 4 and parts[1] == "endpoints" else None
        if operation is None or scope["method"] != "POST":
            await self._send(RuntimeReply.of(fixed_refusal("UnknownOperationException")), send)
            return
        loop = asyncio.get_running_loop()
        reply = await loop.run_in_executor(self._pool, self.mock.handle, operation, parts[2], headers, body)
        if reply.hold > 0:
            await self._hold(reply.hold)
        if reply.disconnect:
            scope[_CONNECTION].break_off()
            return
        await self._send(reply, send)

    async def _send(self, reply: RuntimeReply, send: Send) -> None:
        headers = [("x-amzn-requestid", str(uuid.uuid4())), *reply.headers]
        if len(reply.pieces) == 1:
            headers.append(("content-length", str(len(reply.pieces[0]))))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        for piece in reply.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _hold(self, seconds: float) -> None:
        """Let the clock's time pass; a frozen clock is moved on."""
        loop = asyncio.get_running_loop()
        clock = self.mock.clock
        until = clock.now() + seconds
        over = asyncio.Event()
        self._waits.add(over)
        try:
            self.mock.agenda.at(until, lambda _: set_from_thread(loop, over))
            if clock.is_frozen:
                await loop.run_in_executor(self._pool, clock.reach, until)
            await over.wait()
        finally:
            self._waits.discard(over)

    async def _administer(self, scope: Scope, body: bytes, send: Send) -> None:
        loop = asyncio.get_running_loop()
        path, query = path_of(scope), scope["query_string"].decode("latin-1")
        try:
            refused = admin_refusal(request_head(scope), self._admin_hosts)
            if refused is not None:
                raise refused
            status, content = await loop.run_in_executor(
                self._pool, administer, self.mock, scope["method"], path, query, body
            )
        except OutpaintError as error:
            status = 403 if error.code is ErrorCode.FORBIDDEN else 400
            content = {"Message": error.detail, "Member": error.field}
        text = json.dumps(content, indent=2).encode() + b"\n"
        await self._send(RuntimeReply(status, (("content-type", "application/json"),), (text,)), send)


class ServedSageMaker:
    """A mock that answers at `url`, which is what an SDK takes as `endpoint_url`."""

    def __init__(self, mock: SageMakerMock, url: str) -> None:
        self.mock: Final = mock
        self.url: Final = url

    def client(self, **options: Any) -> Any:
        """A boto3 client of sagemaker-runtime for this mock, with made-up credentials.

        It makes each call once, unless `options` say otherwise, so that an injected fault reaches the test.
        """
        from botocore.config import Config

        own = {
            "endpoint_url": self.url,
            "region_name": self.mock.region,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "config": Config(retries={"total_max_attempts": 1}, read_timeout=70),
        }
        return new_client("sagemaker-runtime", **own | options)


@contextmanager
def serving_sagemaker(mock: SageMakerMock, host: str = "127.0.0.1", port: int = 0) -> Iterator[ServedSageMaker]:
    """Serve a mock for as long as the block runs; it is not closed by this."""
    runtime = RuntimeHost(mock)
    try:
        with serving(runtime, host, port, RuntimeConnection) as url:
            yield ServedSageMaker(mock, url)
    finally:
        runtime.close()
