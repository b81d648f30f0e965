"""Who may administer a mock: this machine, and no page of somebody else's in a browser on it."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_functions.http.messages import RequestHead

_READS = ("GET", "HEAD")


def refusal(head: RequestHead, *, open_to_all: bool) -> OutpaintError | None:
    """Why a request is not listened to, None where it is.

    A name that leads here although it is not this machine's (DNS rebinding) and a page of another origin that has
    a browser send something (CSRF) are refused, even from this machine. `open_to_all` lets other machines ask, under
    whatever name; other origins stay refused.
    """
    host = head.header("host")
    if not open_to_all:
        if not head.peer_is_loopback:
            return _forbidden("only this machine may ask for /_mock: start with --open-admin to let others")
        if host is not None and not _is_this_machine(host):
            return _forbidden(f"{host[:60]} is not this machine's name: ask localhost, or start with --open-admin")
    origin = head.header("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != (host or "").lower():
        return _forbidden(f"pages of {origin[:60]} may not ask for /_mock")
    if head.method not in _READS and head.header("sec-fetch-site") in ("cross-site", "same-site"):
        return _forbidden("pages of other sites may not change anything here")
    return None


def _is_this_machine(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _forbidden(detail: str) -> OutpaintError:
    return OutpaintError(ErrorCode.FORBIDDEN, detail)
