"""Who a client is where clients are counted, what a path is once it is decoded, and which route it is."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.profiles import WireProfile
from outpaint.functions.embedded.client_addresses import TrustedProxies, counted_as
from outpaint.functions.http.routes import decoded_path, match

PROXIES = TrustedProxies.of("127.0.0.1, 10.0.0.0/8,fd00::/8")
_inside = st.integers(0, 2**24 - 1).map(lambda low: str(IPv4Address((10 << 24) + low)))
_outside = st.integers(0, 2**24 - 1).map(lambda low: str(IPv4Address((203 << 24) + low)))
_written = st.text('0123456789abc.:, []"x', max_size=30)


class TestCountedAs:
    @pytest.mark.parametrize(
        ("address", "name"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("127.0.0.1", None),
            ("127.9.9.9", None),
            ("::1", None),
            ("::ffff:127.0.0.1", None),
            ("_hidden", "_hidden"),
            ("x" * 100, "x" * 64),
        ],
    )
    def test_is_the_address_or_its_network(self, address: str, name: str | None) -> None:
        assert counted_as(address) == name

    @given(st.integers(2**96, 2**128 - 1), st.integers(0, 2**64 - 1))
    def test_is_one_for_a_whole_network_of_64_bits(self, number: int, low: int) -> None:
        neighbour = (number >> 64 << 64) + low
        assert counted_as(str(IPv6Address(number))) == counted_as(str(IPv6Address(neighbour)))


class TestTrustedProxies:
    @given(st.lists(st.text('0123456789abc.:, []"x', max_size=30), max_size=3), _outside, st.lists(_inside, max_size=3))
    def test_what_a_client_writes_before_its_address_counts_for_nothing(
        self, written: list[str], client: str, proxies: list[str]
    ) -> None:
        """Each proxy adds its peer at the end, to the last field or in one of its own."""
        added = ", ".join([client, *proxies])
        assert PROXIES.client([*written, added]) == client
        joined = ", ".join([*written, added])
        assert PROXIES.client([joined]) == client

    @pytest.mark.parametrize(
        ("values", "client"),
        [
            ([], None),
            ([""], None),
            ([" , "], None),
            (["10.0.0.1, 127.0.0.1"], "10.0.0.1"),
            (["203.0.113.7:4711"], "203.0.113.7"),
            (['"[2001:db8::7]:4711"', "10.0.0.1"], "2001:db8::7"),
            (["2001:db8::7"], "2001:db8::7"),
            (["203.0.113.7", "::ffff:10.0.0.1"], "203.0.113.7"),
            (["unknown"], "unknown"),
        ],
    )
    def test_name_the_last_that_is_none_of_them(self, values: list[str], client: str | None) -> None:
        assert PROXIES.client(values) == client

    def test_are_addresses_and_networks(self) -> None:
        assert [PROXIES.trusts(each) for each in ("10.9.8.7", "fd00::1", "11.0.0.1", "fe00::1", "no address")] == [
            True, True, False, False, False,
        ]  # fmt: skip
        assert not TrustedProxies().trusts("127.0.0.1")

    @pytest.mark.parametrize("text", ["localhost", "10.0.0.1/8", "10.0.0.0/33", "*", "10.0.0.1;10.0.0.2"])
    def test_are_refused_by_name_where_they_are_none(self, text: str) -> None:
        with pytest.raises(OutpaintError, match="no address and no network") as caught:
            TrustedProxies.of(f"127.0.0.1, {text}")
        assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_PARAMETER, "trusted-proxies")


class TestDecodedPath:
    @given(st.text(max_size=20))
    def test_decodes_all_but_slashes(self, text: str) -> None:
        raw = "/" + quote(text, safe="/", errors="replace")
        assert decoded_path(raw) == unquote(raw)

    @given(st.lists(st.text(max_size=5), min_size=1, max_size=4), st.sampled_from(["%2F", "%2f"]))
    def test_has_as_many_parts_as_it_has_slashes(self, parts: list[str], slash: str) -> None:
        quoted = [quote(part, safe="", errors="replace").replace("%2F", slash) for part in parts]
        assert len(decoded_path("/".join(quoted)).split("/")) == len(parts)


_WRITTEN = st.sampled_from(
    ["/v1/balance", "/v1/painting/outpaint", "/v1/uploads", "/docs", "/health", "/metrics", "/openapi.json"]
) | st.text(st.characters(exclude_characters="/"), min_size=1, max_size=9).map(lambda id_: f"/v1/painting/{id_}")
_SIGNED = st.sampled_from(["/v1/files/a.png", "/v1/uploads/a.png"])


class TestSlashAtTheEnd:
    @given(_WRITTEN)
    def test_is_not_counted_once_and_in_our_profile(self, path: str) -> None:
        found = match(path)
        assert found is not None
        assert not found.slash
        assert match(f"{path}/") == replace(found, slash=True)
        assert match(f"{path}//") is None
        assert match(f"{path}%2F") is None or path.startswith("/v1/painting/")
        assert match(f"{path}/", WireProfile.VENDOR) is None

    @given(_SIGNED)
    def test_of_a_signed_url_counts(self, path: str) -> None:
        assert match(path) is not None
        assert match(f"{path}/") is None
