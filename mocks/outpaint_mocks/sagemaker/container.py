"""A model container that already runs somewhere: GET /ping and POST /invocations over HTTP."""

from __future__ import annotations

import time
from typing import Final

import httpcore

from outpaint_mocks.sagemaker.models import ModelAnswer, ModelGoneError, ModelRequest, ModelTimeoutError

PING_TIMEOUT_S: Final = 2.0
"""Seconds in which a container has to answer /ping."""
_CONNECT_S: Final = 5.0
_CUSTOM_ATTRIBUTES: Final = "x-amzn-sagemaker-custom-attributes"
_NEW_SESSION: Final = "x-amzn-sagemaker-new-session-id"
_CLOSED_SESSION: Final = "x-amzn-sagemaker-closed-session-id"


class Container:
    """A model behind a URL, in real time: its seconds are this machine's, whatever the mock's clock says."""

    in_process: Final = False

    def __init__(self, url: str) -> None:
        self.url: Final = url.rstrip("/")
        # A connection for each request: a container that was restarted leaves none behind that only looks alive.
        self._pool = httpcore.ConnectionPool(max_connections=256, max_keepalive_connections=0)

    def ready(self) -> bool:
        """Whether /ping answers 200 in time."""
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), PING_TIMEOUT_S)
        try:
            return self._pool.request("GET", f"{self.url}/ping", extensions={"timeout": timeout}).status == 200
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
            return False

    def answer(self, request: ModelRequest, timeout: float) -> ModelAnswer:
        """What /invocations answers, in the pieces that it came in."""
        deadline = time.monotonic() + timeout
        limits = {"connect": _CONNECT_S, "read": timeout, "write": timeout, "pool": timeout}
        try:
            with self._pool.stream(
                "POST",
                f"{self.url}/invocations",
                headers=[(name, value.encode("latin-1")) for name, value in request.headers],
                content=request.body,
                extensions={"timeout": limits},
            ) as response:
                parts = []
                for part in response.iter_stream():
                    parts.append(part)
                    if time.monotonic() > deadline:
                        raise ModelTimeoutError
        except (httpcore.ReadTimeout, httpcore.WriteTimeout, httpcore.PoolTimeout):
            raise ModelTimeoutError from None
        except (httpcore.ConnectTimeout, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise ModelGoneError(f"{self.url}: {error}") from None
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return ModelAnswer(
            b"".join(parts),
            status=response.status,
            content_type=headers.get("content-type", "application/octet-stream"),
            custom_attributes=headers.get(_CUSTOM_ATTRIBUTES),
            parts=tuple(parts),
            new_session=headers.get(_NEW_SESSION),
            closed_session=headers.get(_CLOSED_SESSION),
            has_length="content-length" in headers,
        )
