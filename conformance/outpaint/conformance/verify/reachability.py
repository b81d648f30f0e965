"""Checks of a base URL before it is verified, replayed on or recorded: whether this API answers and knows the key.

Every function raises `CommandError` with a sentence for whoever gave the URL, in which the key is redacted.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from outpaint.conformance.verify.remote_provider import client_options
from outpaint.contracts.paths_and_headers import API_KEY, BALANCE_PATH
from outpaint.contracts.redaction import Redaction
from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.exit_codes import ExitCode

_PATIENCE_S: Final = 15.0
_MOST_BYTES: Final = 1_000_000
_THIS_API: Final = "this API"


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """An answer; `document` is the JSON object in its body, `redaction` knows the key that was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    document: Mapping[str, object] = field(default_factory=dict)
    redaction: Redaction = field(default_factory=Redaction, repr=False)

    @property
    def detail(self) -> str:
        """What an error says of itself, without the key, at most 200 characters."""
        detail = str(self.document.get("detail") or self.document.get("message") or "it says no more")
        return self.redaction.text(detail)[:200]


def check_base_url(base_url: str) -> str:
    """The base URL without a slash or `/v1` at its end; raises `CommandError` USAGE for one that can't be asked."""
    url = urlsplit(base_url)
    if url.scheme not in ("http", "https"):
        shown = f"{url.scheme}:// is not HTTP" if url.scheme and "//" in base_url else "a scheme is missing"
        raise _no_base_url(base_url, f"{shown}, write https://HOST or http://HOST")
    try:
        port_is_fine = url.port != 0
    except ValueError:
        port_is_fine = False
    if not url.hostname or not port_is_fine:
        raise _no_base_url(base_url, "write https://HOST or https://HOST:PORT")
    if url.username or url.password:
        raise CommandError(ExitCode.USAGE, "the base URL holds a user name or password: the key goes into --api-key")
    if url.query or url.fragment:
        raise _no_base_url(base_url, "leave out what follows ? or #")
    return base_url.rstrip("/").removesuffix("/v1")


def balances_at(base_url: str, keys: Sequence[str]) -> list[int]:
    """The credits of each key; raises USAGE where there is none, and whatever `balance_at` does."""
    if not keys:
        raise CommandError(ExitCode.USAGE, "a key is missing: give --api-key, or set OUTPAINT_KEY")
    balances = []
    for number, key in enumerate(keys, 1):
        try:
            balances.append(balance_at(base_url, key))
        except CommandError as error:
            raise CommandError(error.exit_code, f"with key {number}: {error}" if number > 1 else str(error)) from None
    return balances


def balance_at(base_url: str, key: str, patience: float = _PATIENCE_S) -> int:
    """The key's credits; KEY_REFUSED where the key is refused, and whatever `json_at` raises."""
    answer = json_at(base_url, BALANCE_PATH, key=key, patience=patience)
    if answer.status == 401:
        raise CommandError(ExitCode.KEY_REFUSED, f"{base_url} does not know the key: give another one")
    if answer.status == 403:
        raise CommandError(ExitCode.KEY_REFUSED, f"{base_url} knows the key and refuses it: {answer.detail}")
    balance = answer.document.get("credits")
    if answer.status != 200 or not isinstance(balance, int) or isinstance(balance, bool):
        without = f"GET {BALANCE_PATH} answers {answer.status} without a whole number of credits"
        raise CommandError(ExitCode.NOT_THIS_API, f"{base_url} is not {_THIS_API}: {without}")
    return balance


def check_is_there(base_url: str) -> None:
    """Look without a key: UNREACHABLE where nothing answers, NOT_THIS_API where what answers cannot be this API.

    A refusal passes: what a gateway or a provider says to those who have no key is theirs to choose.
    """
    answer = _asked(base_url, BALANCE_PATH, None, _PATIENCE_S, _MOST_BYTES)
    if answer.status not in (401, 403):
        _object(base_url, BALANCE_PATH, answer, _THIS_API)


def json_at(
    base_url: str,
    path: str,
    *,
    key: str | None = None,
    expected: str = _THIS_API,
    patience: float = _PATIENCE_S,
    most_bytes: int = _MOST_BYTES,
) -> ProbeAnswer:
    """The answer to a GET of a path below a base URL: a JSON object, its status below 500 and not 429.

    Raises UNREACHABLE where no whole answer comes within `patience` seconds or one with another status, NOT_THIS_API
    for a redirect and for anything but a JSON object of at most `most_bytes`; `expected` names what should answer.
    """
    answer = _asked(base_url, path, key, patience, most_bytes)
    answer = replace(answer, document=_object(base_url, path, answer, expected))
    if answer.status >= 500 or answer.status == 429:
        raise CommandError(ExitCode.UNREACHABLE, f"{base_url} cannot answer now, with {answer.status}: {answer.detail}")
    return answer


def no_answer_because(host: str, error: BaseException) -> str:
    """One sentence on an httpx error or one of an invalid URL: whether TLS, HTTP or the connection failed at `host`."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{host} cannot be trusted, its certificate fails: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"{host} does not speak TLS as it should: if it is plain HTTP, write http://"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ProtocolError):
        hint = ": if it takes TLS, write https://" if host.startswith("http:") else f": {error}"
        return f"{host} does not speak HTTP as it should, or broke off{hint}"
    return f"nothing can be reached at {host}: {error or type(error).__name__}"


def _asked(base_url: str, path: str, key: str | None, patience: float, most_bytes: int) -> ProbeAnswer:
    """The answer, whatever it is, read no further than a little beyond `most_bytes`."""
    # The client's own limit is for each piece: an answer that comes drop by drop could go on for ever within it.
    deadline = time.monotonic() + patience
    try:
        with (
            httpx.Client(**client_options(base_url) | {"timeout": patience}) as client,
            client.stream("GET", f"{base_url}{path}", headers={} if key is None else {API_KEY: key}) as response,
        ):
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > most_bytes:
                    break
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer has no end")
    except httpx.TimeoutException:
        late = f"nothing whole came within {patience:g} seconds"
        raise CommandError(ExitCode.UNREACHABLE, f"{base_url} does not answer: {late}") from None
    except httpx.HTTPError as error:
        raise CommandError(ExitCode.UNREACHABLE, no_answer_because(base_url, error)) from None
    except (httpx.InvalidURL, UnicodeError) as error:
        raise _no_base_url(base_url, str(error)) from None
    redaction = Redaction(() if key is None else (key,))
    return ProbeAnswer(response.status_code, response.headers, bytes(body), redaction=redaction)


def _object(base_url: str, path: str, answer: ProbeAnswer, expected: str) -> dict[str, object]:
    """The JSON object in an answer; raises `CommandError` NOT_THIS_API where there is none."""
    bare = path.partition("?")[0]
    if 300 <= answer.status < 400:
        target = urljoin(f"{base_url}{path}", answer.headers.get("Location", "")).partition("?")[0].removesuffix(bare)
        shown = answer.redaction.text(target)[:200]
        raise CommandError(ExitCode.NOT_THIS_API, f"{base_url} redirects to {shown}: use that one, if it is yours")
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    what = "a web page" if "html" in kind or answer.body.lstrip()[:1] == b"<" else kind or "something without a type"
    what = f"answers {answer.status} with {answer.redaction.text(what)[:100]} where JSON belongs"
    raise CommandError(ExitCode.NOT_THIS_API, f"{base_url} is not {expected}: GET {bare} {what}")


def _no_base_url(base_url: str, way_out: str) -> CommandError:
    return CommandError(ExitCode.USAGE, f"{base_url[:100]} is no base URL: {way_out}")
