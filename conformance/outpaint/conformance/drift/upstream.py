"""The provider behind a recorder."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache
from typing import Final

import httpx

from outpaint.conformance.drift.recording_file import Mark, Trouble
from outpaint.conformance.verify.remote_provider import is_near
from outpaint.contracts.errors import ErrorBody, ErrorCode, OutpaintError


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request as the client sent it; `target` is path and query."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """An answer as it came, its body whole and decoded."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def refusal(status: int, mark: Mark) -> UpstreamAnswer:
    """What the proxy itself answers where the provider's answer is not to be had."""
    code = ErrorCode.INSUFFICIENT_CREDITS if status == 402 else ErrorCode.UNAVAILABLE
    told = ErrorBody.of(OutpaintError(code, mark.says)).model_copy(update={"code": status})
    headers = [("Content-Type", "application/json"), ("X-Outpaint-Recorder", mark.trouble.value)]
    return UpstreamAnswer(status, headers, told.model_dump_json().encode())


MAX_ANSWER_BYTES: Final = 256 * 1024 * 1024
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "content-length",
        "expect",
        "accept-encoding",
    }
)
_MOST_REDIRECTS: Final = 5


class NotTold(Exception):  # noqa: N818 - an outcome, told in a sentence
    """No answer of the provider's that a client could be handed; `status` is what the proxy says in its place."""

    def __init__(self, status: int, trouble: Trouble, says: str) -> None:
        super().__init__(says)
        self.status = status
        self.mark = Mark(trouble=trouble, says=says)


class Upstream:
    """The provider at a base URL (without `/v1`). TLS is verified. May be used from many threads."""

    def __init__(self, base_url: str, *, timeout: float, transport: httpx.BaseTransport | None = None) -> None:
        self.base_url: Final = base_url
        self._timeout = timeout
        near = is_near(base_url)
        self._client = httpx.Client(
            verify=_trusted(),
            timeout=httpx.Timeout(timeout, connect=min(timeout, 15.0)),
            trust_env=not near,
            transport=transport,
            limits=httpx.Limits(max_connections=None),
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def ask(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> UpstreamAnswer:
        """The answer to a request of the API; raises `NotTold`, for a redirect too: it would lead the key elsewhere."""
        told = self._send(method, f"{self.base_url}{path}", headers, body)
        if 300 <= told.status < 400 and told.status != 304:
            target = told.header("location") or "nowhere"
            raise NotTold(
                502,
                Trouble.REDIRECT,
                f"{self.base_url} redirects to {target[:200]}: record that one with --upstream, if it is the provider",
            )
        return told

    def fetch(self, method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> UpstreamAnswer:
        """The answer at a URL that the provider gave out, after the redirects of a GET; raises `NotTold`."""
        for _ in range(_MOST_REDIRECTS):
            told = self._send(method, url, headers, body)
            target = told.header("location")
            if method not in ("GET", "HEAD") or told.status not in (301, 302, 303, 307, 308) or target is None:
                return told
            following = httpx.URL(url).join(target)
            if url.startswith("https:") and following.scheme != "https":
                raise NotTold(
                    502, Trouble.REDIRECT, f"a result redirects from https to {following.scheme}://{following.host}"
                )
            url = str(following)
        raise NotTold(502, Trouble.REDIRECT, f"a result redirects more than {_MOST_REDIRECTS} times")

    def _send(self, method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> UpstreamAnswer:
        # What is compressed on its way would be compared as if it were another body.
        passed = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in headers
            if name.lower() not in _HOP_BY_HOP
        ]
        passed.append((b"accept-encoding", b"identity"))
        try:
            request = self._client.build_request(method, url, headers=passed, content=body or None)
            response = self._client.send(request, stream=True)
            try:
                content = bytearray()
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > MAX_ANSWER_BYTES:
                        raise NotTold(
                            502,
                            Trouble.TOO_LARGE,
                            f"{_host(url)} answers with more than {MAX_ANSWER_BYTES // 1024**2} MiB",
                        )
            finally:
                response.close()
        except httpx.TimeoutException:
            raise NotTold(
                504,
                Trouble.TIMED_OUT,
                f"{_host(url)} does not answer within {self._timeout:g} seconds: give it longer with --timeout",
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise NotTold(502, Trouble.UNREACHABLE, _why(url, error)) from None
        told = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw]
        return UpstreamAnswer(response.status_code, told, bytes(content))


@cache
def _trusted() -> ssl.SSLContext:
    """Certificates as the machine trusts them; reading those takes longer than most requests."""
    return ssl.create_default_context()


def _host(url: str) -> str:
    parts = httpx.URL(url)
    return f"{parts.scheme}://{parts.netloc.decode('ascii')}"


def _why(url: str, error: BaseException) -> str:
    try:
        host = _host(url)
    except (httpx.InvalidURL, UnicodeError):
        return f"the provider gave out a URL that is none: {error}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{host} cannot be trusted, its certificate fails: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"{host} does not speak TLS as it should: if it is plain HTTP, write http:// in --upstream"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ProtocolError):
        return f"{host} does not speak HTTP as it should, or broke off: {error}"
    return f"nothing can be reached at {host}: {error or type(error).__name__}"
