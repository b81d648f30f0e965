"""Is it there, is it this API, does it know the key: one look at the balance before anything is proven."""

from __future__ import annotations

import json
import ssl
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from outpaint_contracts.headers import API_KEY
from outpaint_contracts.openapi import BALANCE_PATH
from outpaint_contracts.verification.remote import is_near
from outpaint_contracts.verification.verdict import ExitCode

PATIENCE_S: Final = 15.0


class NotReady(Exception):  # noqa: N818 - told in one sentence, with an exit code of its own
    """What stands at a base URL cannot be verified."""

    def __init__(self, exit_code: ExitCode, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


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
    url = f"{base_url}{BALANCE_PATH}"
    try:
        with (
            httpx.Client(timeout=patience, trust_env=not is_near(base_url)) as client,
            client.stream("GET", url, headers={API_KEY: key}) as response,
        ):
            # What is no answer of ours may be of any length.
            body = b""
            for piece in response.iter_bytes():
                body += piece
                if len(body) > 1_000_000:
                    break
    except httpx.TimeoutException:
        raise NotReady(
            ExitCode.UNREACHABLE, f"{base_url} does not answer: nothing came within {patience:g} seconds"
        ) from None
    except httpx.HTTPError as error:
        raise _unreachable(base_url, error) from None
    except (httpx.InvalidURL, UnicodeError) as error:
        raise NotReady(ExitCode.USAGE, f"{base_url[:100]} is no base URL: {error}") from None
    return _judged(base_url, url, response, body)


def _judged(base_url: str, url: str, response: httpx.Response, body: bytes) -> int:
    status = response.status_code
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if 300 <= status < 400:
        target = urljoin(url, response.headers.get("Location", "")).removesuffix(BALANCE_PATH)
        raise _not_this(f"{base_url} redirects to {target[:200]}: verify that one, if it is yours")
    document = _object(body)
    if document is None:
        what = "a web page" if "html" in kind or body.lstrip()[:1] == b"<" else kind or "something without a type"
        raise _not_this(
            f"{base_url} is not this API: GET {BALANCE_PATH} answers {status} with {what} where JSON belongs"
        )
    if status == 401:
        raise NotReady(ExitCode.KEY_REFUSED, f"{base_url} does not know the key: give another one with --api-key")
    if status == 403:
        raise NotReady(ExitCode.KEY_REFUSED, f"{base_url} knows the key and refuses it: {_detail(document)}")
    if status >= 500 or status == 429:
        raise NotReady(ExitCode.UNREACHABLE, f"{base_url} cannot answer now, with {status}: {_detail(document)}")
    balance = document.get("credits")
    if status != 200 or not isinstance(balance, int) or isinstance(balance, bool):
        raise _not_this(
            f"{base_url} is not this API: GET {BALANCE_PATH} answers {status} without a whole number of credits"
        )
    return balance


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


def _object(body: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _detail(document: dict[str, object]) -> str:
    return str(document.get("detail") or document.get("message") or "it says no more")[:200]


def _not_this(sentence: str) -> NotReady:
    return NotReady(ExitCode.NOT_THIS_API, sentence)
