"""Reads source pictures from the web, and from public addresses only (SSRF)."""

from __future__ import annotations

import queue
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from outpaint.contracts.data_uris import without_surroundings
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.adapters.addresses import is_loopback, refusal

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], list[Address]]

MAX_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"https": 443, "http": 80}
# A name (RFC 3986, 3.2.2, without escapes) or an IPv6 address.
_HOST: Final = re.compile(rb"[A-Za-z0-9._~-]+|[0-9A-Fa-f:.]+")
_PIECE: Final = 256 * 1024
"""Bytes that are decompressed at a time: so few that no other thread waits long for the interpreter."""
_CODING_OVERHEAD: Final = 64 * 1024
"""Bytes that gzip or deflate may need beyond those of a picture, which mostly is compressed already."""
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_MEMBER: Final = b"\x1f\x8b"
_MOST_MEMBERS: Final = 1024
"""Files in blocks have one for 64 KiB (BGZF); each costs as much as a piece."""
_MOST_CODINGS: Final = 2
_AS_SENT: Final = "surrogateescape"  # bytes that are no UTF-8 are escaped as they came (RFC 3986, 2.5)
_NOT_READ: Final = frozenset({"br", "zstd", "compress", "x-compress"})


def resolve(host: str, port: int) -> list[Address]:
    """Every address that the system's resolver has for a name; raises `OSError` where it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class SafeFetch:
    """The Fetch port over HTTP/1.1.

    A name is resolved once, every address it has must be public, and the connection goes to an address that was
    checked; the same for each of at most three redirects. Only https on port 443, unless `insecure`: then also
    http, any port, and this machine's own addresses, which development and tests need. No proxy is used, no
    credentials are sent, and the deadline covers everything together. Addresses, and what they redirect to, are read as
    browsers read them: without what stands around them, blanks and UTF-8 escaped. What a server compresses unasked, by
    gzip or deflate (RFC 9110, 8.4.1), is decompressed, up to the most bytes that a picture may have. `tls` replaces the
    usual trust in public certificate authorities.
    """

    insecure: bool = False
    resolver: Resolver = resolve
    tls: ssl.SSLContext | None = None

    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
        deadline = _Deadline(time.monotonic() + timeout)
        backend = _GuardedBackend(self.resolver, deadline, allow_loopback=self.insecure)
        at = url
        try:
            with httpcore.ConnectionPool(ssl_context=self.tls, network_backend=backend) as pool:
                for _ in range(MAX_REDIRECTS + 1):
                    answer = self._get(pool, at, max_bytes)
                    if isinstance(answer, bytes):
                        return answer
                    at = answer
            reason = f"it redirects more than {MAX_REDIRECTS} times"
        except _TooLargeError:
            detail = f"{field} leads to more than the {max_bytes} bytes a picture may have"
            raise OutpaintError(ErrorCode.FILE_TOO_LARGE, detail, field=field, limit="max_bytes") from None
        except _RefusedError as error:
            raise _refused(url, field, error) from None
        except _UnavailableError as error:
            reason = str(error)
        except httpcore.TimeoutException:
            reason = f"it was not read within {timeout:g} seconds"
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            reason = f"it cannot be read ({error or type(error).__name__})"
        raise OutpaintError.wrong_value(field, _without_secrets(url), reason, code=ErrorCode.SOURCE_UNAVAILABLE)

    def check(self, url: str, *, field: str) -> None:
        """Raise SOURCE_REFUSED for an address that `fetch` would not connect to; nothing is sent."""
        try:
            target = self._checked(url)
            host = target.host.decode("ascii").strip("[]")
            addresses = self.resolver(host, target.port or _PORTS[target.scheme.decode("ascii")])
            _require_public(host, addresses, allow_loopback=self.insecure)
        except _RefusedError as error:
            raise _refused(url, field, error) from None

    def _get(self, pool: httpcore.ConnectionPool, url: str, max_bytes: int) -> bytes | str:
        """The body at one address, or where it redirects to."""
        target = self._checked(url)
        headers = [
            (b"Host", target.host if target.port is None else target.host + b":%d" % target.port),
            (b"User-Agent", f"outpaint-kit/{version('outpaint-kit')}".encode()),
            (b"Accept", b"image/*, */*;q=0.5"),
            # A picture is compressed already, and what comes is counted as it comes.
            (b"Accept-Encoding", b"identity"),
        ]
        with pool.stream("GET", target, headers=headers) as response:
            fields = {name.lower(): value for name, value in response.headers}
            if response.status in _REDIRECTS and b"location" in fields:
                return _redirected(url, fields[b"location"])
            if response.status != 200:
                raise _UnavailableError(f"the source answered with status {response.status}")
            codings = _codings(response.headers)
            most = max_bytes + (_CODING_OVERHEAD if codings else 0)
            declared = fields.get(b"content-length", b"0")
            if declared.isdigit() and int(declared[:20]) > most:
                raise _TooLargeError
            pieces: Iterator[bytes] = _at_most(most, response.iter_stream())
            for coding in reversed(codings):
                pieces = _at_most(most, _decompressed(coding, pieces))
            body = BytesIO()
            for piece in _at_most(max_bytes, pieces):
                body.write(piece)
        if not body.tell():
            raise _UnavailableError("the source answered without a single byte")
        return body.getvalue()

    def _checked(self, url: str) -> httpcore.URL:
        """An address built anew from its parsed parts, so that no later parser reads it otherwise."""
        url = without_surroundings(url)
        if any(character < " " or character == "\x7f" for character in url):
            raise _RefusedError("an address has no control characters")
        try:
            parts = urlsplit(url)
            port = parts.port
            host = (parts.hostname or "").encode("idna")
        except ValueError:  # UnicodeError is one
            raise _RefusedError("it is not an address that can be read") from None
        if parts.scheme not in (_PORTS if self.insecure else ("https",)):
            raise _RefusedError("only https addresses are fetched")
        if not host:
            raise _RefusedError("it names no host")
        if not _HOST.fullmatch(host):
            raise _RefusedError("its host is no name and no address")
        if parts.username is not None or parts.password is not None:
            raise _RefusedError("an address with a user name or password in it is not fetched")
        if not self.insecure and port not in (None, 443):
            raise _RefusedError("only port 443 is connected to")
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~", errors=_AS_SENT)
        query = f"?{quote(parts.query, safe='/?%:@!$&()*+,;=~[]', errors=_AS_SENT)}" if parts.query else ""
        return httpcore.URL(scheme=parts.scheme, host=host, port=port, target=path + query)


def _redirected(url: str, location: bytes) -> str:
    """Where a Location leads from an address; raises `_RefusedError` for what is none."""
    try:
        return urljoin(url, without_surroundings(location.decode("utf-8", _AS_SENT)))
    except ValueError:
        raise _RefusedError("it redirects to what is not an address") from None


def _codings(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The codings that an answer is in, in the order they were applied; what is no coding counts as none.

    Raises `_UnavailableError` for those that are not read. None was asked for, but some servers do not ask.
    """
    named = b",".join(value for name, value in headers if name.lower() == b"content-encoding")
    codings = [coding.strip().lower() for coding in named.decode("latin-1").split(",")]
    for coding in codings:
        if coding in _NOT_READ:
            raise _UnavailableError(f"the source answered in the encoding {coding}, which is not read here")
    found = [coding for coding in codings if coding in _GZIP or coding == "deflate"]
    if len(found) > _MOST_CODINGS:
        raise _UnavailableError(f"the source answered in more than {_MOST_CODINGS} encodings")
    return found


def _at_most(limit: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces; raises `_TooLargeError` as soon as they have more than so many bytes."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise _TooLargeError
        yield piece


def _decompressed(coding: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What was compressed, at most `_PIECE` bytes at a time, each when it is asked for: whoever has enough stops.

    Deflate is read with and without the frame of zlib, which some servers leave out; of gzip up to `_MOST_MEMBERS`
    members are read, and what follows the last is left out. Raises `_UnavailableError` for what is damaged or cut off.
    """
    inflating = None
    start, members = b"", 0
    try:
        for piece in pieces:
            start += piece
            # Two bytes tell which frame there is.
            while start if inflating is not None else len(start) >= 2:
                if inflating is None:
                    if members and not (coding in _GZIP and start.startswith(_GZIP_MEMBER)):
                        return
                    if members == _MOST_MEMBERS:
                        raise _UnavailableError(f"its {coding} encoding has more than {_MOST_MEMBERS} members")
                    inflating = zlib.decompressobj(_window_bits(coding, start))
                found = inflating.decompress(start, _PIECE)
                start = inflating.unconsumed_tail
                if found:
                    yield found
                if inflating.eof:
                    start, inflating, members = inflating.unused_data, None, members + 1
        while inflating is not None and not inflating.eof and (found := inflating.decompress(b"", _PIECE)):
            yield found
    except zlib.error:
        raise _UnavailableError(f"its {coding} encoding is damaged") from None
    if (start and not members) if inflating is None else not inflating.eof:
        raise _UnavailableError(f"its {coding} encoding ends early")


def _window_bits(coding: str, start: bytes) -> int:
    """What zlib is to expect, from the first two bytes (RFC 1950, 2.2)."""
    if coding in _GZIP:
        return 16 + zlib.MAX_WBITS
    framed = start[0] & 0x0F == 8 and int.from_bytes(start[:2]) % 31 == 0
    return zlib.MAX_WBITS if framed else -zlib.MAX_WBITS


def _refused(url: str, field: str, reason: _RefusedError) -> OutpaintError:
    return OutpaintError.wrong_value(field, _without_secrets(url), str(reason), code=ErrorCode.SOURCE_REFUSED)


def _without_secrets(url: str) -> str:
    """An address as an error may repeat it: without user, password and query, which often hold keys."""
    address, mark, _ = url.partition("?")
    return re.sub(r"(?<=//)[^/#]*@", "", address) + ("?..." if mark else "")


class _RefusedError(Exception):
    """Why an address may not be read."""


class _UnavailableError(Exception):
    """Why an address gave no picture."""


class _TooLargeError(Exception):
    """More bytes than a picture may have."""


@dataclass(frozen=True, slots=True)
class _Deadline:
    """One deadline (monotonic seconds) for resolving, connecting, every read and every write."""

    at: float

    def remaining(self, error: type[httpcore.TimeoutException]) -> float:
        left = self.at - time.monotonic()
        if left <= 0:
            raise error("the time is up")
        return left


def _require_public(host: str, addresses: list[Address], *, allow_loopback: bool) -> None:
    """Raise `_RefusedError` for a name of which any address is not public."""
    for address in addresses:
        reason = refusal(address)
        if reason is not None and not (allow_loopback and is_loopback(address)):
            raise _RefusedError(f"{host} does not lead to a public address ({reason})")


@dataclass(frozen=True, slots=True)
class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to checked addresses only; the HTTP client has no other way to open a connection."""

    resolver: Resolver
    deadline: _Deadline
    allow_loopback: bool

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline replaces all timeouts
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._resolve(host, port)
        _require_public(host, addresses, allow_loopback=self.allow_loopback)
        failure: Exception | None = None
        for address in addresses:
            left = self.deadline.remaining(httpcore.ConnectTimeout)
            try:
                stream = httpcore.SyncBackend().connect_tcp(str(address), port, left, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
            else:
                return _DeadlineStream(stream, self.deadline)
        raise failure or _UnavailableError(f"{host} has no address")

    def _resolve(self, host: str, port: int) -> list[Address]:
        """The addresses of a name, in the time that is left: the system's resolver has no time limit."""
        outcome: queue.SimpleQueue[list[Address] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                outcome.put(self.resolver(host, port))
            except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
                outcome.put(error)

        threading.Thread(target=ask, name="resolver", daemon=True).start()
        try:
            found = outcome.get(timeout=self.deadline.remaining(httpcore.ConnectTimeout))
        except queue.Empty:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from None
        if isinstance(found, OSError | UnicodeError):
            raise _UnavailableError(f"the name {host} cannot be resolved") from None
        if isinstance(found, Exception):
            raise found
        return found


@dataclass(frozen=True, slots=True)
class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose every step ends by the deadline, however slowly its bytes arrive."""

    stream: httpcore.NetworkStream
    deadline: _Deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self.stream.read(max_bytes, self.deadline.remaining(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self.stream.write(buffer, self.deadline.remaining(httpcore.WriteTimeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        left = self.deadline.remaining(httpcore.ConnectTimeout)
        return _DeadlineStream(self.stream.start_tls(ssl_context, server_hostname, left), self.deadline)

    def get_extra_info(self, info: str) -> object:
        return self.stream.get_extra_info(info)
