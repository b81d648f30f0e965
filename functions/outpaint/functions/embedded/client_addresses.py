"""Who a connection's or a request's client is, where clients are counted: by address, or as trusted proxies say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.adapters.addresses import is_loopback

_LONGEST: Final = 64
"""Characters of a name that a proxy may give a client; addresses have at most 45."""
_MEMORY: Final = 4096


@lru_cache(maxsize=_MEMORY)
def counted_as(address: str) -> str | None:
    """The name under which a client at this address is counted; None for this machine's own, which has no limit.

    An IPv6 address counts with its /64, for whoever has one address can take any of that network (RFC 4291, 2.5.1).
    What is no address, such as the identifiers that RFC 7239 lets a proxy use, counts as it is written.
    """
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:_LONGEST]
    if is_loopback(known):
        return None
    if isinstance(known, IPv6Address):
        mapped = known.ipv4_mapped
        return str(ip_network((int(known), 64), strict=False)) if mapped is None else str(mapped)
    return str(known)


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies whose X-Forwarded-For counts; without any, a client is the peer of its connection."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, text: str) -> TrustedProxies:
        """The proxies of a list such as `127.0.0.1, 10.0.0.0/8`: addresses and networks, with commas between them.

        Raises `OutpaintError` INVALID_PARAMETER for what is neither.
        """
        networks = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ip_network(part))
            except ValueError as error:
                raise OutpaintError(
                    ErrorCode.INVALID_PARAMETER,
                    f"{part[:60]!r} is no address and no network of trusted proxies: {error}",
                    field="trusted-proxies",
                ) from None
        return cls(tuple(networks))

    def trusts(self, address: str) -> bool:
        """Whether this is the address of such a proxy."""
        return bool(self.networks) and _is_among(self.networks, address)

    def client(self, forwarded: Iterable[str]) -> str | None:
        """The client that the values of X-Forwarded-For name, in the order they came; None where they name nobody.

        That is the last address that is no trusted proxy's: what stands before it was written by the client itself, or
        by somebody it chose. Where all are trusted, it is the first. nginx (`real_ip_recursive on`) and uvicorn
        (`forwarded_allow_ips`) choose alike.
        """
        named = [_without_port(name) for value in forwarded for name in value.split(",") if name.strip()]
        return next((name for name in reversed(named) if not self.trusts(name)), named[0] if named else None)


@lru_cache(maxsize=_MEMORY)
def _is_among(networks: tuple[IPv4Network | IPv6Network, ...], address: str) -> bool:
    try:
        known = ip_address(address)
    except ValueError:
        return False
    if isinstance(known, IPv6Address):
        known = known.ipv4_mapped or known
    return any(known in network for network in networks if known.version == network.version)


def _without_port(name: str) -> str:
    """An address without the brackets and the port with which some proxies write it."""
    name = name.strip().strip('"')
    if name.startswith("["):
        return name[1:].partition("]")[0]
    address, colon, port = name.partition(":")
    return address if colon and port.isdigit() else name
