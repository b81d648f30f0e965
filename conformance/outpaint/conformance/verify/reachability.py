"""Is it there, is it this API, does it know the key: one look at a base URL before anything is asked of it."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from outpaint.conformance.verify.redaction import Redaction
from outpaint.conformance.verify.remote_provider import is_near
from outpaint.conformance.verify.verification import ExitCode
from outpaint.contracts.paths_and_headers import API_KEY, BALANCE_PATH

PATIENCE_S: Final = 15.0
MOST_BYTES: Final = 1_000_000
_THIS_API: Final = "this API"


class NotReady(Exception):  # noqa: N818 - told in one sentence, with an exit code of its own
    """What stands at a base URL cannot be asked; the sentence is one line, whatever it repeats of others."""

    def __init__(self, exit_code: ExitCode, sentence: str) -> None:
        super().__init__(" ".join(sentence.split()))
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """An answer; `document` is the JSON object in its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    document: Mapping[str, object] = field(default_factory=dict)
    redaction: Redaction = field(default_factory=Redaction, repr=False)
    """Knows the key that was sent: a stranger may repeat whatever it was told."""

    @property
    def detail(self) -> str:
        """What it says of itself, where it is an error."""
        detail = str(self.document.get("detail") or self.document.get("message") or "it says no more")
        return self.redaction.text(detail)[:200]


def check_base_url(base_url: str) -> str:
    """The base URL without what does not belong there; raises `NotReady` USAGE for one that can't be asked."""
    url = urlsplit(base_url)
    if url.scheme not in ("http", "https"):
        shown = f"{url.scheme}:// is not HTTP" if url.scheme and "//" in base_url else "a scheme is missing"
        raise NotReady(ExitCode.USAGE, f"{base_url[:100]} is no base URL: {shown}, write https://HOST or http://HOST")
    try:
        port_is_fine = url.port != 0
    except ValueError:
        port_is_fine = False
    if not url.hostname or not port_is_fine:
        raise NotReady(ExitCode.USAGE, f"{base_url[:100]} is no base URL: write https://HOST or https://HOST:PORT")
    if url.username or url.password:
        raise NotReady(ExitCode.USAGE, "the base URL holds a user name or password: the key goes into --api-key")
    if url.query or url.fragment:
        raise NotReady(ExitCode.USAGE, f"{base_url[:100]} is no base URL: leave out what follows ? or #")
    return base_url.rstrip("/").removesuffix("/v1")


def balance_at(base_url: str, key: str, patience: float = PATIENCE_S) -> int:
    """The key's credits; raises `NotReady` with one plain sentence where something else stands there."""
    told = json_at(base_url, BALANCE_PATH, key=key, patience=patience)
    if told.status == 401:
        raise NotReady(ExitCode.KEY_REFUSED, f"{base_url} does not know the key: give another one")
    if told.status == 403:
        raise NotReady(ExitCode.KEY_REFUSED, f"{base_url} knows the key and refuses it: {told.detail}")
    balance = told.document.get("credits")
    if told.status != 200 or not isinstance(balance, int) or isinstance(balance, bool):
        raise _not_this(
            f"{base_url} is not {_THIS_API}: GET {BALANCE_PATH} answers {told.status} without a whole number of credits"
        )
    return balance


def check_is_there(base_url: str, patience: float = PATIENCE_S) -> None:
    """A look without a key; raises `NotReady` where nothing answers, or what does cannot be this API.

    A refusal passes: what a gateway or a provider says to those who have no key is theirs to choose.
    """
    told = _told(base_url, BALANCE_PATH, None, patience, MOST_BYTES)
    if told.status not in (401, 403):
        _object(base_url, BALANCE_PATH, told, _THIS_API)


def json_at(
    base_url: str,
    path: str,
    *,
    key: str | None = None,
    who: str = _THIS_API,
    patience: float = PATIENCE_S,
    most_bytes: int = MOST_BYTES,
) -> ProbeAnswer:
    """What a GET of a path below a base URL is answered, a JSON object of whatever status below 500, and not 429.

    Raises `NotReady`: UNREACHABLE where nothing answers within `patience` seconds or somebody cannot just now,
    NOT_THIS_API for a redirect and anything but a JSON object of at most `most_bytes`; `who` was expected there.
    """
    told = _told(base_url, path, key, patience, most_bytes)
    told = replace(told, document=_object(base_url, path, told, who))
    if told.status >= 500 or told.status == 429:
        raise NotReady(ExitCode.UNREACHABLE, f"{base_url} cannot answer now, with {told.status}: {told.detail}")
    return told


def _told(base_url: str, path: str, key: str | None, patience: float, most_bytes: int) -> ProbeAnswer:
    """The answer, whatever it is: what is no answer of ours may be of any length, and is cut off."""
    # The client's own limit is about each piece: drop by drop, an answer could go on for ever within it.
    deadline = time.monotonic() + patience
    try:
        with (
            httpx.Client(timeout=patience, trust_env=not is_near(base_url)) as client,
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
        raise NotReady(
            ExitCode.UNREACHABLE, f"{base_url} does not answer: nothing whole came within {patience:g} seconds"
        ) from None
    except httpx.HTTPError as error:
        raise _unreachable(base_url, error) from None
    except (httpx.InvalidURL, UnicodeError) as error:
        raise NotReady(ExitCode.USAGE, f"{base_url[:100]} is no base URL: {error}") from None
    redaction = Redaction(() if key is None else (key,))
    return ProbeAnswer(response.status_code, response.headers, bytes(body), redaction=redaction)


def _object(base_url: str, path: str, told: ProbeAnswer, who: str) -> dict[str, object]:
    """The JSON object in an answer; raises `NotReady` NOT_THIS_API where there is none."""
    bare = path.partition("?")[0]
    if 300 <= told.status < 400:
        target = urljoin(f"{base_url}{path}", told.headers.get("Location", "")).partition("?")[0].removesuffix(bare)
        raise _not_this(f"{base_url} redirects to {told.redaction.text(target)[:200]}: use that one, if it is yours")
    try:
        found = json.loads(told.body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    kind = told.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    what = "a web page" if "html" in kind or told.body.lstrip()[:1] == b"<" else kind or "something without a type"
    what = told.redaction.text(what)[:100]
    raise _not_this(f"{base_url} is not {who}: GET {bare} answers {told.status} with {what} where JSON belongs")


def _unreachable(base_url: str, error: httpx.HTTPError) -> NotReady:
    told = str(error) or type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NotReady(
                ExitCode.UNREACHABLE, f"{base_url} cannot be trusted, its certificate fails: {cause.verify_message}"
            )
        if isinstance(cause, ssl.SSLError):
            return NotReady(
                ExitCode.UNREACHABLE, f"{base_url} does not speak TLS as it should: if it is plain HTTP, write http://"
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ProtocolError):
        hint = ": if it takes TLS, write https://" if base_url.startswith("http:") else ""
        return NotReady(ExitCode.UNREACHABLE, f"{base_url} does not speak HTTP as it should{hint}")
    return NotReady(ExitCode.UNREACHABLE, f"nothing can be reached at {base_url}: {told}")


def _not_this(sentence: str) -> NotReady:
    return NotReady(ExitCode.NOT_THIS_API, sentence)
