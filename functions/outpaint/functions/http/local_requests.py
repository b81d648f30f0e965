"""Whether a request comes from a program or a page of this machine; some keys and all mocks' administration need that.

An address alone does not tell: a proxy on this machine connects from loopback for everybody, a page of any origin can
send requests to 127.0.0.1 (CSRF), and a name of its own can lead its browser there (DNS rebinding).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import urlsplit

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.adapters.addresses import is_loopback
from outpaint.functions.http.messages import RequestHead

ANY_HOST: Final = "*"
"""The allowed host that stands for every name."""
_READS: Final = ("GET", "HEAD")
_FROM_ELSEWHERE: Final = ("cross-site", "same-site")
_LABEL: Final = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # with underscores, as containers have them
_HOST_NAME: Final = re.compile(rf"\.?{_LABEL}(?:\.{_LABEL})*")


class Foreign(Enum):
    """What of a request does not come from this machine."""

    PEER = "the connection: another machine, or a proxy that says for whom it asks"
    HOST = "the Host: a name that is not this machine's, or none"
    ORIGIN = "the Origin: a page of another origin"
    SITE = "the Sec-Fetch-Site: a page of another site, or of another origin of this one"


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The names in Host under which a server answers; those of loopback always do.

    `names` are others, in lower case; one with a dot before it has its subdomains too, `*` is every name. With `remote`
    a server is meant for other machines: then addresses count too, and names without a dot, as containers and machines
    of a local network have them. Neither can be made to lead here by whoever has a page in the web: an address is not
    looked up, and names without a dot are not sold (RFC 7085).
    """

    names: frozenset[str] = frozenset()
    remote: bool = False

    @classmethod
    def of(cls, names: Iterable[str], *, remote: bool = False) -> Self:
        """These names, checked; raises `OutpaintError` INVALID_PARAMETER for what is no host name."""
        checked = set()
        for name in names:
            if name != ANY_HOST and not _HOST_NAME.fullmatch(name):
                raise OutpaintError.wrong_value(
                    "allowed_host", name, "write a host name alone, such as mock.test, .test for all below it, or *"
                )
            checked.add(name.lower())
        return cls(frozenset(checked), remote)

    def allow(self, host: str | None) -> bool:
        """Whether a Host, with or without a port, is one of these; a request without one names none."""
        try:
            name = urlsplit(f"//{host or ''}").hostname or ""
        except ValueError:
            return False
        if not name:
            return False
        if name == "localhost" or name.endswith(".localhost"):  # loopback by RFC 6761, 6.3
            return True
        try:
            return is_loopback(ip_address(name)) or self.remote or ANY_HOST in self.names
        except ValueError:
            pass
        if ANY_HOST in self.names or name in self.names or (self.remote and "." not in name):
            return True
        parts = name.split(".")
        return any(f".{'.'.join(parts[place:])}" in self.names for place in range(len(parts)))


LOOPBACK_HOSTS: Final = AllowedHosts()


def foreign(head: RequestHead, hosts: AllowedHosts = LOOPBACK_HOSTS, *, origins: Iterable[str] = ()) -> Foreign | None:
    """What of a request does not come from this machine, None where it does.

    With `hosts.remote` every connection counts. Pages of `origins` count as own ones; `*` among them means nothing
    here, for it says who may read answers.
    """
    if not hosts.remote and not head.peer_is_loopback:
        return Foreign.PEER
    host = head.header("host")
    if not hosts.allow(host):
        return Foreign.HOST
    origin = head.header("origin")
    if origin is not None:
        if origin in origins:
            return None
        if not _is_own(origin, host or ""):
            return Foreign.ORIGIN
    if head.header("sec-fetch-site") in _FROM_ELSEWHERE:
        # Following a link shows a page and sends nothing with it; every other request of a page elsewhere is its own.
        navigates = head.method in _READS and head.header("sec-fetch-mode") == "navigate"
        return None if navigates else Foreign.SITE
    return None


def _is_own(origin: str, host: str) -> bool:
    """Whether a page of this origin was sent by the host that it asks now; a proxy may have added TLS."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
