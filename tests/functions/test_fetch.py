"""Fetching pictures for strangers: only from public addresses, whatever name, redirect or spelling leads there."""

from __future__ import annotations

import gzip
import random
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.adapters import fetch as fetch_module
from outpaint.functions.adapters.addresses import is_loopback, refusal
from outpaint.functions.adapters.fetch import Address, SafeFetch

PUBLIC = ip_address("93.184.215.14")


def _resolver(**names: str) -> Callable[[str, int], list[Address]]:
    """A resolver that knows these names, dots written as underscores; addresses are separated by blanks."""
    table = {name.replace("_", "."): [ip_address(one) for one in found.split()] for name, found in names.items()}

    def resolve(host: str, port: int) -> list[Address]:
        if host in table:
            return table[host]
        try:
            return [ip_address(host)]
        except ValueError:
            raise OSError("no such name") from None

    return resolve


def _refused(fetch: SafeFetch, url: str, code: ErrorCode = ErrorCode.SOURCE_REFUSED, **limits: Any) -> str:
    with pytest.raises(OutpaintError) as refused:
        fetch.fetch(url, max_bytes=limits.get("max_bytes", 1000), timeout=limits.get("timeout", 10), field="image_url")
    assert refused.value.field == "image_url"
    assert refused.value.code is code
    return refused.value.detail


@contextmanager
def _site(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """An HTTP server on loopback that answers every GET so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
            "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1",
            "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
            "::", "::1", "::ffff:127.0.0.1", "::ffff:93.184.215.14", "::ffff:0:7f00:1", "::7f00:1", "64:ff9b::7f00:1",
            "64:ff9b:1::1", "100::1", "2001::1", "2001:0:53aa:64c::1", "2001:2::1", "2001:10::1", "2001:20::1",
            "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
            "fe80::1", "fec0::1", "ff02::1",
        ],
    )  # fmt: skip
    def test_behind_the_fence(self, address: str) -> None:
        assert refusal(ip_address(address))

    @pytest.mark.parametrize(
        "address",
        ["93.184.215.14", "1.1.1.1", "172.15.255.255", "172.32.0.1", "192.0.1.1", "223.255.255.255", "2606:4700::1111",
         "2001:4860:4860::8888", "2a00:1450::1"],
    )  # fmt: skip
    def test_public(self, address: str) -> None:
        assert refusal(ip_address(address)) is None

    @given(st.integers(0, 2**32 - 1))
    def test_the_standard_library_finds_nothing_private_that_is_let_through(self, number: int) -> None:
        address = IPv4Address(number)
        if not address.is_global or address.is_multicast:
            # Global by the registry, and shared by all: relays of 6to4 are refused beyond it.
            assert refusal(address)

    @given(st.integers(0, 2**128 - 1))
    def test_nor_in_ipv6(self, number: int) -> None:
        address = IPv6Address(number)
        if not address.is_global or address.is_multicast or address.is_reserved:
            assert refusal(address)

    @given(st.sampled_from([IPv4Network("10.0.0.0/8"), IPv4Network("169.254.0.0/16")]), st.integers(0, 2**16 - 1))
    def test_no_ipv6_form_of_a_private_address_is_let_through(self, network: IPv4Network, host: int) -> None:
        v4 = int(network[host])
        for form in (
            0xFFFF << 32 | v4,
            v4,
            0x64FF9B << 96 | v4,
            0x2002 << 112 | v4 << 80,
            0x20010000 << 96 | ~v4 & 0xFFFFFFFF,
        ):
            assert refusal(IPv6Address(form))

    @pytest.mark.parametrize(
        ("address", "expected"),
        [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False)],
    )
    def test_loopback(self, address: str, expected: bool) -> None:
        assert is_loopback(ip_address(address)) is expected


class TestRefusals:
    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://pictures.example/a.png", "only https"),
            ("ftp://pictures.example/a.png", "only https"),
            ("file:///etc/passwd", "only https"),
            ("gopher://x/", "only https"),
            ("pictures.example/a.png", "only https"),
            ("//pictures.example/a.png", "only https"),
            ("https://", "no host"),
            ("https:///a.png", "no host"),
            ("https://user@pictures.example/", "user name or password"),
            ("https://user:word@pictures.example/", "user name or password"),
            ("https://pictures.example:8443/", "port 443"),
            ("https://pictures.example:22/", "port 443"),
            ("https://pictures.example:99999/", "cannot be|not an address"),
            ("https://[::1/", "not an address"),
            ("https://pictures.example/\r\nX: y", "control characters"),
            ("https://pictures.example/a\0b", "control characters"),
            ("https://pict ures.example/a.png", "its host"),
            ("https://pictures.example%00/a.png", "its host"),
            ("https://pictures.example\\@10.0.0.1/", "user name|its host"),
            ("https://" + "a" * 70 + ".example/", "not an address"),
            ("https://127.0.0.1/", "loopback"),
            ("https://[::1]/", "loopback"),
            ("https://[::ffff:127.0.0.1]/", "not global"),
            ("https://169.254.169.254/latest/meta-data/", "link-local"),
        ],
    )
    def test_by_the_address_alone(self, url: str, reason: str) -> None:
        detail = _refused(SafeFetch(resolver=_resolver(pictures_example=str(PUBLIC))), url)
        assert any(part in detail for part in reason.split("|"))
        assert detail.startswith("image_url has wrong value")

    @pytest.mark.parametrize("url", ["https://ann:word@x.example/a.png", "ftp://x.example/a.png?sig=word&x=1"])
    def test_secrets_of_an_address_are_not_repeated(self, url: str) -> None:
        detail = _refused(SafeFetch(), url)
        assert "word" not in detail.replace("user name or password", "")
        assert "x.example/a.png" in detail

    @pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
    def test_by_what_the_systems_resolver_makes_of_it(self, host: str) -> None:
        assert "does not lead to a public address" in _refused(SafeFetch(), f"https://{host}/")

    def test_a_name_with_one_private_address_among_public_ones(self) -> None:
        fetch = SafeFetch(resolver=_resolver(mixed_example=f"{PUBLIC} 10.0.0.1"))
        assert "private" in _refused(fetch, "https://mixed.example/")

    def test_a_name_is_resolved_once(self) -> None:
        """A second answer, private this time (rebinding), is never asked for: nor is the name ever connected to."""
        asked: list[str] = []

        def rebind(host: str, port: int) -> list[Address]:
            asked.append(host)
            return [ip_address("127.0.0.1")] if len(asked) == 1 else [ip_address("10.0.0.1")]

        with _site(lambda handler: _send(handler, 200, b"picture")) as url:
            port = url.rpartition(":")[2]
            fetch = SafeFetch(insecure=True, resolver=rebind)
            got = fetch.fetch(f"http://rebinding.example:{port}/", max_bytes=100, timeout=10, field="image_url")
        assert got == b"picture"
        assert asked == ["rebinding.example"]

    def test_insecure_opens_loopback_and_nothing_else(self) -> None:
        for private in ("10.0.0.1", "169.254.169.254", "192.168.0.1", "fd00::1"):
            fetch = SafeFetch(insecure=True, resolver=_resolver(inside_example=private))
            _refused(fetch, "http://inside.example/")


class TestRedirects:
    def test_are_followed(self) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            number = int(handler.path[1:])
            if number:
                _send(handler, 301 + number % 2, Location=f"/{number - 1}")
            else:
                _send(handler, 200, b"at last")

        with _site(answer) as url:
            fetch = SafeFetch(insecure=True)
            assert fetch.fetch(f"{url}/3", max_bytes=100, timeout=10, field="image_url") == b"at last"
            assert "more than 3 times" in _refused(fetch, f"{url}/4", ErrorCode.SOURCE_UNAVAILABLE)

    @pytest.mark.parametrize(
        ("location", "code"),
        [
            ("http://10.0.0.1/", ErrorCode.SOURCE_REFUSED),
            ("http://metadata.example/latest", ErrorCode.SOURCE_REFUSED),
            ("//169.254.169.254/", ErrorCode.SOURCE_REFUSED),
            ("file:///etc/passwd", ErrorCode.SOURCE_REFUSED),
            ("http://user:word@127.0.0.1/", ErrorCode.SOURCE_REFUSED),
            ("http://[::1", ErrorCode.SOURCE_REFUSED),
            ("http://\xe9.example/", ErrorCode.SOURCE_REFUSED),
            (" http://10.0.0.1/a b ", ErrorCode.SOURCE_REFUSED),
            ("//169.254.169.254/\xff", ErrorCode.SOURCE_REFUSED),
            ("http://pict ures.example/", ErrorCode.SOURCE_REFUSED),
            ("http://nowhere.example/", ErrorCode.SOURCE_UNAVAILABLE),
        ],
    )
    def test_are_checked_like_the_address_itself(self, location: str, code: ErrorCode) -> None:
        fetch = SafeFetch(insecure=True, resolver=_resolver(metadata_example="169.254.169.254"))
        with _site(lambda handler: _send(handler, 302, Location=location)) as url:
            _refused(fetch, url, code)

    @pytest.mark.parametrize(
        ("location", "path"),
        [
            ("  /plain.png \t", "/plain.png"),
            ("/a picture.png?size=a b", "/a%20picture.png?size=a%20b"),
            ("/\u00fc\u2603.png".encode().decode("latin-1"), "/%C3%BC%E2%98%83.png"),
            ("/\xfc.png?\xfc", "/%FC.png?%FC"),
            ("/already%20escaped.png", "/already%20escaped.png"),
        ],
    )
    def test_are_read_as_browsers_read_them(self, location: str, path: str) -> None:
        asked: list[str] = []

        def answer(handler: BaseHTTPRequestHandler) -> None:
            asked.append(handler.path)
            if handler.path == "/":
                _send(handler, 302, Location=location)
            else:
                _send(handler, 200, b"at last")

        with _site(answer) as url:
            assert SafeFetch(insecure=True).fetch(url, max_bytes=100, timeout=10, field="image_url") == b"at last"
        assert asked == ["/", path]

    def test_into_plain_http_are_refused(self) -> None:
        fetch = SafeFetch()
        with pytest.raises(OutpaintError, match="only https"):
            fetch.fetch("http://pictures.example/", max_bytes=1, timeout=1, field="image_url")


class TestAnswers:
    def test_the_bytes_are_given_as_they_came(self) -> None:
        asked: list[tuple[str, dict[str, str]]] = []

        def answer(handler: BaseHTTPRequestHandler) -> None:
            asked.append((handler.path, {name.lower(): value for name, value in handler.headers.items()}))
            _send(handler, 200, bytes(range(256)))

        with _site(answer) as url:
            port = url.rpartition(":")[2]
            fetch = SafeFetch(insecure=True, resolver=_resolver(pictures_example="127.0.0.1"))
            source = f"http://pictures.example:{port}/a%20b c/ü.png?x=1&y=ü#fragment"
            assert fetch.fetch(f" {source}\n", max_bytes=256, timeout=10, field="image_url") == bytes(range(256))
        ((path, headers),) = asked
        assert path == "/a%20b%20c/%C3%BC.png?x=1&y=%C3%BC"
        assert headers["host"] == f"pictures.example:{port}"
        assert headers["accept-encoding"] == "identity"
        assert not {"authorization", "cookie", "proxy-authorization"} & set(headers)

    @pytest.mark.parametrize("status", [204, 304, 400, 403, 404, 410, 429, 500, 503])
    def test_another_status_is_named(self, status: int) -> None:
        with _site(lambda handler: _send(handler, status, b"")) as url:
            assert f"status {status}" in _refused(SafeFetch(insecure=True), url, ErrorCode.SOURCE_UNAVAILABLE)

    def test_nothing_is_no_picture(self) -> None:
        with _site(lambda handler: _send(handler, 200)) as url:
            assert "without a single byte" in _refused(SafeFetch(insecure=True), url, ErrorCode.SOURCE_UNAVAILABLE)

    def test_too_much_is_refused_by_its_announcement(self) -> None:
        sent: list[int] = []

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1001")
            handler.end_headers()
            sent.append(1)

        with _site(answer) as url:
            assert "1000 bytes" in _refused(SafeFetch(insecure=True), url, ErrorCode.FILE_TOO_LARGE)
        assert sent == [1]

    def test_too_much_is_refused_as_it_comes(self) -> None:
        def endless(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            for _ in range(100_000):
                handler.wfile.write(bytes(1000))

        with _site(endless) as url:
            _refused(SafeFetch(insecure=True), url, ErrorCode.FILE_TOO_LARGE)

    def test_a_drip_ends_at_the_deadline(self) -> None:
        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            for _ in range(1000):
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(0.02)

        with _site(drip) as url:
            started = time.monotonic()
            detail = _refused(SafeFetch(insecure=True), url, ErrorCode.SOURCE_UNAVAILABLE, timeout=0.3)
            assert "within 0.3 seconds" in detail
            assert time.monotonic() - started < 5

    def test_a_silent_resolver_ends_at_the_deadline(self) -> None:
        done = threading.Event()

        def silent(host: str, port: int) -> list[Address]:
            done.wait(20)
            return []

        detail = _refused(SafeFetch(resolver=silent), "https://x.example/", ErrorCode.SOURCE_UNAVAILABLE, timeout=0.2)
        done.set()
        assert "within 0.2 seconds" in detail

    @pytest.mark.parametrize(
        "raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"SSH-2.0-x\r\n", b"\0" * 99]
    )
    def test_a_broken_answer_is_unavailable(self, raw: bytes) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer() -> None:
                connected, _ = server.accept()
                with connected:
                    connected.recv(65536)
                    connected.sendall(raw)

            thread = threading.Thread(target=answer)
            thread.start()
            port = server.getsockname()[1]
            _refused(SafeFetch(insecure=True), f"http://127.0.0.1:{port}/", ErrorCode.SOURCE_UNAVAILABLE)
            thread.join()

    def test_nobody_at_home_is_unavailable(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        _refused(SafeFetch(insecure=True), f"http://127.0.0.1:{port}/", ErrorCode.SOURCE_UNAVAILABLE)

    @pytest.mark.parametrize("resolver", [_resolver(), lambda host, port: []])
    def test_a_name_without_address_is_unavailable(self, resolver: Callable[[str, int], list[Address]]) -> None:
        _refused(SafeFetch(resolver=resolver), "https://nowhere.example/", ErrorCode.SOURCE_UNAVAILABLE)

    def test_proxies_of_the_environment_are_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        with _site(lambda handler: _send(handler, 200, b"direct")) as url:
            assert SafeFetch(insecure=True).fetch(url, max_bytes=10, timeout=10, field="image_url") == b"direct"

    def test_tls_is_spoken_with_the_name_and_not_the_address(self) -> None:
        names: list[str | None] = []

        class Recording(ssl.SSLContext):
            def wrap_socket(self, sock: socket.socket, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
                names.append(kwargs["server_hostname"])
                raise ssl.SSLError("certificate verify failed")

        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            fetch = SafeFetch(
                insecure=True, resolver=_resolver(pictures_example="127.0.0.1"), tls=Recording(ssl.PROTOCOL_TLS_CLIENT)
            )
            _refused(fetch, f"https://pictures.example:{port}/", ErrorCode.SOURCE_UNAVAILABLE)
        assert names == ["pictures.example"]


def _zlib(data: bytes, window_bits: int) -> bytes:
    compressing = zlib.compressobj(wbits=window_bits)
    return compressing.compress(data) + compressing.flush()


_NOISE = random.Random(1).randbytes(3000)
_gzipped = partial(gzip.compress, mtime=0)  # the same bytes at any time, for they name tests
_ENCODED: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", _gzipped(_NOISE)),
    "another-case": ("GZip", _gzipped(_NOISE)),
    "x-gzip": ("x-gzip", _gzipped(_NOISE)),
    "gzip-in-members": ("gzip", _gzipped(_NOISE[:1000]) + _gzipped(b"") + _gzipped(_NOISE[1000:])),
    "gzip-with-a-trailer": ("gzip", _gzipped(_NOISE) + b"\0" * 100 + _gzipped(b"not of it")),
    "deflate": ("deflate", zlib.compress(_NOISE)),
    "deflate-without-a-frame": ("deflate", _zlib(_NOISE, -15)),
    "deflate-with-a-trailer": ("deflate", zlib.compress(_NOISE) + zlib.compress(b"not of it")),
    "twice": ("deflate, gzip", _gzipped(zlib.compress(_NOISE))),
    "none": ("identity", _NOISE),
    "no-encoding-at-all": ("utf-8", _NOISE),
}


class TestEncodings:
    @pytest.mark.parametrize("name", _ENCODED)
    def test_an_answer_that_was_compressed_unasked_is_read(self, name: str) -> None:
        coding, sent = _ENCODED[name]
        with _site(lambda handler: _send(handler, 200, sent, Content_Encoding=coding)) as url:
            got = SafeFetch(insecure=True).fetch(url, max_bytes=len(_NOISE), timeout=10, field="image_url")
        assert got == _NOISE

    @pytest.mark.parametrize(
        ("coding", "bomb"),
        [
            ("gzip", _gzipped(bytes(8_000_000))),
            ("deflate", zlib.compress(bytes(8_000_000))),
            ("gzip, gzip", _gzipped(_gzipped(bytes(8_000_000)))),
        ],
    )
    def test_a_bomb_is_not_inflated_beyond_what_a_picture_may_have(self, coding: str, bomb: bytes) -> None:
        with _site(lambda handler: _send(handler, 200, bomb, Content_Encoding=coding)) as url:
            fetch = SafeFetch(insecure=True)
            _refused(fetch, url, ErrorCode.FILE_TOO_LARGE, max_bytes=100_000)  # what is imported at the first
            tracemalloc.start()
            try:
                _refused(fetch, url, ErrorCode.FILE_TOO_LARGE, max_bytes=1_000_000)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert peak < 4_000_000

    def test_what_comes_out_may_have_as_many_bytes_as_a_picture_and_no_more(self) -> None:
        stored = _gzipped(_NOISE, 0)
        assert len(stored) > len(_NOISE)
        with _site(lambda handler: _send(handler, 200, stored, Content_Encoding="gzip")) as url:
            fetch = SafeFetch(insecure=True)
            assert fetch.fetch(url, max_bytes=len(_NOISE), timeout=10, field="image_url") == _NOISE
            _refused(fetch, url, ErrorCode.FILE_TOO_LARGE, max_bytes=len(_NOISE) - 1)

    @pytest.mark.parametrize(
        ("coding", "sent", "said"),
        [
            ("gzip", b"\x89PNG\r\n\x1a\n", "damaged"),
            ("gzip", _gzipped(_NOISE)[:-9], "ends early"),
            ("gzip", _gzipped(_NOISE)[:1], "ends early"),
            ("gzip", _gzipped(_NOISE)[:-1] + b"?", "damaged"),
            ("deflate", zlib.compress(_NOISE)[:-1], "ends early"),
            ("deflate", b"\xff\xff\xff", "damaged"),
            ("gzip", _gzipped(b"") * 2000, "members"),
            ("gzip", _gzipped(b""), "without a single byte"),
            ("br", b"\x0b", "br, which is not read"),
            ("gzip, zstd", b"(", "zstd, which is not read"),
            ("gzip, gzip, gzip", b"\x1f", "more than 2"),
        ],
    )
    def test_what_cannot_be_decoded_is_unavailable(self, coding: str, sent: bytes, said: str) -> None:
        with _site(lambda handler: _send(handler, 200, sent, Content_Encoding=coding)) as url:
            detail = _refused(SafeFetch(insecure=True), url, ErrorCode.SOURCE_UNAVAILABLE, max_bytes=100_000)
        assert said in detail

    @pytest.mark.parametrize("name", [name for name, (coding, _) in _ENCODED.items() if coding in ("gzip", "deflate")])
    @given(cuts=st.lists(st.integers(0, 3200), max_size=6), firsts=st.integers(0, 4))
    @settings(max_examples=20, deadline=None)
    def test_it_is_the_same_however_it_is_cut(self, name: str, cuts: list[int], firsts: int) -> None:
        coding, sent = _ENCODED[name]
        places = sorted({0, len(sent), *range(firsts), *(cut for cut in cuts if cut < len(sent))})
        pieces = [sent[begin:end] for begin, end in pairwise(places)]
        assert b"".join(fetch_module._decompressed(coding, pieces)) == _NOISE

    def test_pieces_are_small_however_much_comes_of_them(self) -> None:
        bomb = _gzipped(bytes(3_000_000))
        sizes = [len(piece) for piece in fetch_module._decompressed("gzip", [bomb])]
        assert sum(sizes) == 3_000_000
        assert max(sizes) <= 256 * 1024
