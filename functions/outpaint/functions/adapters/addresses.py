"""Which IP addresses a client may have the server fetch from: public ones, none of a private network (SSRF)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

# Smokescreen's table (docs/facts/field.md#fetching-addresses), from the IANA special-purpose registries (RFC 6890 and
# its updates).
_REFUSED: Final = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local, where clouds keep their metadata",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments",
    "192.0.2.0/24": "documentation",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    # A cloud's own service in space that is given out to the public.
    "168.63.129.16/32": "a cloud's platform services",
    "::/128": "unspecified",
    "::1/128": "loopback",
    # Everything outside 2000::/3 is not given out as global unicast, private and link-local included.
    "::/3": "not global unicast",
    "4000::/2": "not global unicast",
    "8000::/1": "not global unicast",
    # Inside 2000::/3: ranges that tunnel to an IPv4 address of the sender's choice, or lead nowhere.
    "2001::/23": "protocol assignments, Teredo among them",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "3fff::/20": "documentation",
}
_NETWORKS: Final[tuple[tuple[IPv4Network | IPv6Network, str], ...]] = tuple(
    (ip_network(network), reason) for network, reason in _REFUSED.items()
)


def refusal(address: IPv4Address | IPv6Address) -> str | None:
    """Why an address may not be connected to, in a few words; None for a public one.

    IPv6 forms that carry an IPv4 address (v4-mapped, NAT64, 6to4, Teredo) are refused whatever they carry:
    no public server is reached that way only.
    """
    return next(
        (reason for network, reason in _NETWORKS if address.version == network.version and address in network), None
    )


def is_loopback(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is this machine's own, mapped forms included."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
