"""Which requests count as this machine's: over TCP for the development key, and the rule for names by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from forwarding import forwarder
from hypothesis import given
from hypothesis import strategies as st

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.embedded.host import open_host
from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.starting_keys import StartingKeys
from outpaint.functions.http.local_requests import AllowedHosts, Foreign, foreign
from outpaint.functions.http.messages import RequestHead
from outpaint.functions.service.service import ServiceSettings
from outpaint.painting.painters.flat import FlatPainter

DEV = StartingKeys(development=True)
LISTED = "http://localhost:3000"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    settings = ServiceSettings(cors_origins=("*", LISTED))
    with open_host([FlatPainter()], settings=settings, keys=DEV) as host, serving(host.asgi) as base:
        yield base


def _status(url: str, *, key: str = "dev", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = httpx.get(f"{url}/v1/balance", headers={API_KEY: key, **named}, trust_env=False)
    assert answer.status_code == 200 or answer.json()["error_code"] == "unknown_key"
    return answer.status_code


class TestTheDevelopmentKey:
    def test_is_for_programs_on_this_machine_under_all_its_names(self, url: str) -> None:
        port = urlsplit(url).port
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST", "127.8.0.1", "[::1]:80", "paint.localhost"):
            assert _status(url, Host=host) == 200

    @pytest.mark.parametrize(
        "host", ["paint.example", "127.0.0.1.paint.example", "8.8.8.8", "[::ffff:8.8.8.8]", "paint"]
    )
    def test_is_not_for_a_name_that_leads_here(self, url: str, host: str) -> None:
        assert _status(url, Host=host) == 401

    @pytest.mark.parametrize(
        "origin", ["http://localhost:3001", "https://paint.example", "null", "http://127.0.0.1", "http://["]
    )
    def test_is_not_for_pages_of_other_origins(self, url: str, origin: str) -> None:
        assert _status(url, Origin=origin) == 401

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_is_not_for_pages_that_name_no_origin(self, url: str, site: str) -> None:
        assert _status(url, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors") == 401

    def test_is_for_the_servers_own_pages_and_those_of_origins_that_were_named(self, url: str) -> None:
        assert _status(url, Origin=url, Sec_Fetch_Site="same-origin") == 200
        assert _status(url, Origin=LISTED, Sec_Fetch_Site="same-site") == 200

    def test_is_on_ipv6_what_it_is_on_ipv4(self) -> None:
        with open_host([FlatPainter()], keys=DEV) as host, serving(host.asgi, "::1") as base:
            assert base.startswith("http://[::1]:")
            assert _status(base) == 200
            assert _status(base, Host="paint.example") == 401
            assert _status(base, Origin="http://[::1]:1") == 401

    def test_is_not_for_those_that_a_proxy_asks_for(self, url: str) -> None:
        def named(sent: bytes) -> bytes:
            return sent.replace(b"\r\n", b"\r\nX-Forwarded-For: 203.0.113.9\r\n", 1)

        with forwarder(url, named) as outside:
            assert _status(outside) == 401

    def test_is_not_for_those_whose_connection_is_passed_on_and_who_ask_by_name(self, url: str) -> None:
        with forwarder(url) as outside:
            assert _status(outside, Host="paint.example") == 401

    def test_is_closed_without_the_option_also_to_those_whose_connection_is_passed_on(self) -> None:
        with open_host([FlatPainter()]) as host, serving(host.asgi) as base, forwarder(base) as outside:
            assert _status(base) == 401
            assert _status(outside) == 401
            assert _status(base, key=host.keys.made or "") == 200

    def test_of_an_older_folder_is_closed_without_the_option_and_keeps_its_credits(self, tmp_path: Path) -> None:
        for keys, status in ((DEV, 200), (StartingKeys(), 401), (DEV, 200)):
            with open_host([FlatPainter()], data=tmp_path, keys=keys) as host, serving(host.asgi) as base:
                assert _status(base) == status
                # The folder had no key but this one, so that the second start made another.
                assert (host.keys.made is not None) is (keys is not DEV)


class TestTheFirstKey:
    def test_is_made_once(self, tmp_path: Path) -> None:
        with open_host([FlatPainter()], data=tmp_path) as host, serving(host.asgi) as base:
            first = host.keys.made or ""
            # From anywhere, by any name: it is a key like others.
            assert _status(base, key=first, Host="paint.example", Origin="https://paint.example") == 200
        with open_host([FlatPainter()], data=tmp_path) as host, serving(host.asgi) as base:
            assert (host.keys.made, host.keys.stored) == (None, ())
            assert _status(base, key=first) == 200
        assert all(first.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    def test_of_the_environment_is_the_one_and_only_where_there_is_none(self, tmp_path: Path) -> None:
        one, other = "a-first-key-of-32-characters-012", "another-key-of-32-characters-012"
        for given_key, unused in ((one, False), (one, False), (other, True)):
            keys = StartingKeys(first=given_key)
            with open_host([FlatPainter()], data=tmp_path, keys=keys) as host, serving(host.asgi) as base:
                assert (host.keys.made, host.keys.first_is_unused) == (None, unused)
                assert (_status(base, key=one), _status(base, key=other)) == (200, 401)

    @pytest.mark.parametrize(
        "key", ["", "short", "a" * 64, "ab" * 32, "key with blanks in it, and long", "k" * 201, "ключ" * 10]
    )
    def test_that_could_be_guessed_or_not_be_sent_is_refused_unquoted(self, key: str) -> None:
        with pytest.raises(OutpaintError) as caught:
            StartingKeys(first=key)
        assert caught.value.code is ErrorCode.INVALID_PARAMETER
        assert not key or key not in caught.value.detail

    def test_is_in_no_repr(self) -> None:
        keys = StartingKeys(first="a-first-key-of-32-characters-012")
        assert "a-first" not in repr(keys)
        made = StartingKeys().opened(())
        assert made.made is not None
        assert made.made not in repr(made)


class TestAllowedHosts:
    @pytest.mark.parametrize(
        "host", ["mock", "mock:4010", "outpaint_mock", "192.0.2.7:4010", "[2001:db8::7]:4010", "localhost"]
    )
    def test_of_a_server_for_other_machines_are_addresses_and_names_without_a_dot(self, host: str) -> None:
        assert AllowedHosts(remote=True).allow(host)
        assert AllowedHosts().allow(host) is (host == "localhost")

    def test_are_those_that_were_named(self) -> None:
        hosts = AllowedHosts.of(["Mock.Test", ".svc.cluster.local"])
        for host in ("mock.test", "MOCK.TEST:80", "svc.cluster.local", "mock.ns.svc.cluster.local:4010"):
            assert hosts.allow(host)
        for host in ("a.mock.test", "mock.test.example", "xsvc.cluster.local", "cluster.local", "mock", "192.0.2.7"):
            assert not hosts.allow(host)
        assert AllowedHosts.of(["*"]).allow("whatever.example")

    @pytest.mark.parametrize("name", ["", "http://mock", "mock:4010", "mock/", "..a", "-a", "a" * 64, "*.test", "a b"])
    def test_that_are_none_are_refused(self, name: str) -> None:
        with pytest.raises(OutpaintError, match="allowed_host has wrong value"):
            AllowedHosts.of([name])

    @given(st.text(max_size=40))
    def test_judge_any_text(self, text: str) -> None:
        """No Host raises, and none that is not this machine's own name or address is taken for it."""
        if AllowedHosts().allow(text):
            assert foreign(RequestHead("GET", "/", headers=(("host", text),), peer_is_loopback=True)) is None
        else:
            head = RequestHead("GET", "/", headers=(("host", text),), peer_is_loopback=True)
            assert foreign(head) is Foreign.HOST

    def test_a_request_without_a_host_comes_from_nowhere(self) -> None:
        assert foreign(RequestHead("GET", "/", peer_is_loopback=True)) is Foreign.HOST
