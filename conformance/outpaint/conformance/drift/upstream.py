"""The provider behind a recorder: requests sent on to it, and what is answered in its place where that fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import httpx

from outpaint.conformance.drift.recording_file import Mark, Trouble
from outpaint.conformance.drift.scrubbing import host_of
from outpaint.conformance.verify.reachability import no_answer_because
from outpaint.conformance.verify.remote_provider import client_options, trusted_certificates
from outpaint.contracts.errors import ErrorBody, ErrorCode, OutpaintError
from outpaint.functions.http.messages import HasHeaders, Response

MAX_ANSWER_BYTES: Final = 256 * 1024 * 1024
_HOP_BY_HOP: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "host", "content-length", "expect", "accept-encoding"),
    }
)
_MOST_REDIRECTS: Final = 5


@dataclass(frozen=True, slots=True)
class UpstreamRequest(HasHeaders):
    """A request as the client sent it; `target` is path and query. A body that is `too_large` is not kept."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    too_large: bool = False


def refusal(status: int, mark: Mark) -> Response:
    """What the proxy itself answers where there is no answer of the provider."""
    code = ErrorCode.INSUFFICIENT_CREDITS if status == 402 else ErrorCode.UNAVAILABLE
    body = ErrorBody.of(OutpaintError(code, mark.says)).model_copy(update={"code": status})
    headers = (("Content-Type", "application/json"), ("X-Outpaint-Recorder", mark.trouble.value))
    return Response(status, headers, body.model_dump_json().encode())


class NoUpstreamAnswer(Exception):  # noqa: N818 - an outcome that is recorded
    """There is no answer of the provider for the client; `status` is what the proxy answers, `mark` says why."""

    def __init__(self, status: int, trouble: Trouble, says: str) -> None:
        super().__init__(says)
        self.status = status
        self.mark = Mark(trouble=trouble, says=says)


class Upstream:
    """The provider at a base URL (without `/v1`). TLS is verified. May be used from many threads."""

    def __init__(self, base_url: str, *, timeout: float, transport: httpx.BaseTransport | None = None) -> None:
        self.base_url: Final = base_url
        self._timeout = timeout
        options = client_options(base_url) | {
            # A provider without TLS may keep its files in a store with it.
            "verify": trusted_certificates(),
            "timeout": httpx.Timeout(timeout, connect=min(timeout, 15.0)),
            "limits": httpx.Limits(max_connections=None),
        }
        self._client = httpx.Client(transport=transport, **options)

    def close(self) -> None:
        self._client.close()

    def ask(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Response:
        """The answer to a request of the API; raises `NoUpstreamAnswer`, for a redirect too: the key stays here."""
        answer = self._send(method, f"{self.base_url}{path}", headers, body)
        if 300 <= answer.status < 400 and answer.status != 304:
            target = (answer.header("location") or "nowhere")[:200]
            says = f"{self.base_url} redirects to {target}: record that one with --upstream, if it is the provider"
            raise NoUpstreamAnswer(502, Trouble.REDIRECT, says)
        return answer

    def fetch(self, method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> Response:
        """The answer at a URL that the provider gave out, after the redirects of a GET; raises `NoUpstreamAnswer`."""
        for _ in range(_MOST_REDIRECTS):
            answer = self._send(method, url, headers, body)
            target = answer.header("location")
            if method not in ("GET", "HEAD") or answer.status not in (301, 302, 303, 307, 308) or target is None:
                return answer
            following = httpx.URL(url).join(target)
            if url.startswith("https:") and following.scheme != "https":
                says = f"a result redirects from https to {following.scheme}://{following.host}"
                raise NoUpstreamAnswer(502, Trouble.REDIRECT, says)
            url = str(following)
        raise NoUpstreamAnswer(502, Trouble.REDIRECT, f"a result redirects more than {_MOST_REDIRECTS} times")

    def _send(self, method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> Response:
        # What is compressed on its way would be compared as if it were another body.
        passed = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in headers
            if name.lower() not in _HOP_BY_HOP
        ]
        passed.append((b"accept-encoding", b"identity"))
        try:
            with self._client.stream(method, url, headers=passed, content=body or None) as response:
                content = bytearray()
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > MAX_ANSWER_BYTES:
                        says = f"{host_of(url)} answers with more than {MAX_ANSWER_BYTES // 1024**2} MiB"
                        raise NoUpstreamAnswer(502, Trouble.TOO_LARGE, says)
        except httpx.TimeoutException:
            late = f"does not answer within {self._timeout:g} seconds: give it longer with --timeout"
            raise NoUpstreamAnswer(504, Trouble.TIMED_OUT, f"{host_of(url)} {late}") from None
        except httpx.HTTPError as error:
            raise NoUpstreamAnswer(502, Trouble.UNREACHABLE, no_answer_because(host_of(url), error)) from None
        except (httpx.InvalidURL, UnicodeError) as error:
            says = f"the provider gave out a URL that is none: {error}"
            raise NoUpstreamAnswer(502, Trouble.UNREACHABLE, says) from None
        headers_ = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
        return Response(response.status_code, headers_, bytes(content))
