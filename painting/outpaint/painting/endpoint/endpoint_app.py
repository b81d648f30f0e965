"""The container's HTTP interface as SageMaker requires it, /ping and /invocations, on FastAPI."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from pydantic import ValidationError

from outpaint.contracts.errors import ERROR_KINDS, ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest
from outpaint.painting.endpoint.endpoint_jobs import Outcome, RunningJob
from outpaint.painting.endpoint.endpoint_process import EndpointProcess

MAX_MESSAGE: Final = 256 * 1024
"""Bytes of one message; a job is a few references and texts (docs/facts/aws.md#references-not-pixels)."""


def create_app(service: EndpointProcess) -> FastAPI:
    """The application: GET /ping, POST /invocations, DELETE /invocations/{inference_id}.

    The answer to an invocation is the job's outcome: a manifest with 200, or a failure with the status of its error.
    The same object is in the store (`outcome_name`).
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await asyncio.to_thread(service.close)

    app = FastAPI(title="outpaint-kit GPU endpoint", lifespan=lifespan, openapi_url=None)

    @app.get("/ping")
    async def ping() -> Response:
        health = service.health
        return Response((health or "ready") + "\n", 503 if health else 200, media_type="text/plain")

    @app.post("/invocations")
    async def invocations(request: Request) -> Response:
        inference_id = request.headers.get("x-amzn-sagemaker-inference-id", "")
        try:
            message = await _message(request)
            inference_id = message.inference_id
            endpoint = service.endpoint
            if endpoint is None:
                raise OutpaintError.unavailable("the endpoint is still loading: send the job again later")
            job = await asyncio.to_thread(endpoint.begin, message)
        except OutpaintError as error:
            return _answer(InferenceFailure.of(inference_id, error))
        return _answer(await _outcome(request, job, endpoint.leave))

    @app.delete("/invocations/{inference_id}")
    async def cancel(inference_id: str) -> Response:
        endpoint = service.endpoint
        found = endpoint is not None and await asyncio.to_thread(endpoint.cancel, inference_id)
        return Response(status_code=202 if found else 404)

    return app


async def _message(request: Request) -> InferenceRequest:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_MESSAGE:
            raise OutpaintError(
                ErrorCode.BODY_TOO_LARGE, f"a message has at most {MAX_MESSAGE:,} bytes: send references, not pictures"
            )
    try:
        return InferenceRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or None
        raise OutpaintError(
            ErrorCode.MALFORMED_BODY,
            f"the message is no inference request: {field or 'body'}: {first['msg'].lower()}",
            field=field,
        ) from None


async def _outcome(request: Request, job: RunningJob, leave: Callable[[RunningJob], None]) -> Outcome:
    """The job's outcome; a caller that disconnects before it no longer waits for the job."""
    ending: asyncio.Future[Outcome] = asyncio.wrap_future(job.future)
    gone = asyncio.ensure_future(_disconnected(request))
    either: set[asyncio.Future[Any]] = {ending, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            await asyncio.to_thread(leave, job)
            # Its outcome is awaited all the same: where no other caller waits, the job ends soon.
            return await ending
        return ending.result()
    except asyncio.CancelledError:
        if job.future.cancelled():
            # Shut down before it was begun.
            error = OutpaintError.unavailable("the endpoint is shutting down: send the job again")
            return InferenceFailure.of(job.request.inference_id, error)
        raise
    finally:
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


def _answer(outcome: Outcome) -> Response:
    status = ERROR_KINDS[outcome.error_code].status if isinstance(outcome, InferenceFailure) else 200
    return Response(outcome.model_dump_json(), status, media_type="application/json")
