"""The neutral request-to-response core: every host hands it a head, then a body, and sends what comes back."""

from __future__ import annotations

from outpaint_functions.http.messages import RequestHead, Response, Waiting


class Exchange:
    """One request on its way: opened by its head, finished by its body.

    `answer` is set when the head alone decided (a refusal, or a route without a body): the host may send it
    without reading the body. Otherwise the host reads at most `body_limit` bytes; a client that sends more
    is answered by `too_large()`.
    """

    answer: Response | None
    body_limit: int

    def finish(self, body: bytes) -> Response | Waiting:
        """The answer to the whole request, or a wait."""
        raise NotImplementedError

    def too_large(self) -> Response:
        """413 for a body that outgrew `body_limit`."""
        raise NotImplementedError


class Application:
    """The service on HTTP: routing, authentication, limits, parsing and error mapping."""

    def open(self, head: RequestHead) -> Exchange:
        """Judge a request by its head; never raises."""
        raise NotImplementedError

    def respond(self, head: RequestHead, body: bytes = b"") -> Response | Waiting:
        """The whole exchange in one call, for hosts that already hold the body."""
        raise NotImplementedError
