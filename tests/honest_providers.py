"""Providers that keep the contract and differ from our server where HTTP, or the contract, leaves it to them.

Each difference alone, on every case: `make honest` (ONLY="http-1.0 gzip"). `make test` proves them in groups.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import brotli
from wire_kit.hosts import TcpProvider, tcp_provider

from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import OutpaintError
from outpaint.functions.embedded.asgi import AsgiHost, Receive, Scope, Send
from outpaint.functions.embedded.bounded_connection import BoundedConnection
from outpaint.functions.embedded.server import serving
from outpaint.functions.http.messages import Response

FILES: Final = "/v1/files/"
_CHUNK: Final = 997


@dataclass
class WholeAnswer:
    """An answer before it is sent; `asked` has the headers of its request, in lower case."""

    method: str
    path: str
    asked: Mapping[str, str]
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    in_pieces: bool = False
    """Whether the body is sent piece by piece, in chunks where its length is not said."""

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def put(self, name: str, *values: str) -> None:
        """The header on so many lines, in place of what there is; none takes it away."""
        self.headers = [(key, value) for key, value in self.headers if key.lower() != name.lower()]
        self.headers += [(name, value) for value in values]

    def add(self, name: str, value: str) -> None:
        self.headers.append((name, value))

    def say(self, body: bytes) -> None:
        """Another body; an answer to HEAD, which has none, no longer says how long it would be."""
        if self.method == "HEAD":
            self.put("Content-Length")
        elif self.body:
            self.body = body
            if self.get("Content-Length"):
                self.put("Content-Length", str(len(body)))

    @property
    def is_file(self) -> bool:
        return self.path.startswith(FILES)

    @property
    def document(self) -> dict[str, Any] | None:
        """The JSON object in the body, which another provider may write in another way; None where there is none."""
        if "json" not in self.get("Content-Type") or self.path == "/openapi.json" or not self.body:
            return None
        found = json.loads(self.body)
        return found if isinstance(found, dict) else None


Change = Callable[[WholeAnswer], None]
Wire = Callable[[list[bytes], BoundedConnection], list[bytes]]


@dataclass(frozen=True)
class HonestDifference:
    """One difference, and why it is honest.

    `shown_by` is one of `evidence`, and a pattern that is found in it, and not in that of our own server.
    """

    name: str
    allowed_by: str
    shown_by: tuple[str, bytes]
    answer: Change | None = None
    """What becomes of each answer."""
    wire: Wire | None = None
    """What becomes of the lines of each head of a final answer."""
    host: str = "127.0.0.1"
    redirects_files: bool = False
    files_elsewhere: bool = False
    comes_last: bool = False
    """Whether it is made of what the others have written: a body that is packed, a head with another before it."""


def _cookie(answer: WholeAnswer) -> None:
    answer.add("Set-Cookie", "AWSALB=mKx2; Expires=Sun, 06 Dec 2099 21:00:00 GMT; Path=/")


def _close(answer: WholeAnswer) -> None:
    answer.put("Connection", "close")


def _old(lines: list[bytes], _: BoundedConnection) -> list[bytes]:
    return [lines[0].replace(b"HTTP/1.1", b"HTTP/1.0"), *lines[1:]]


def _keep(answer: WholeAnswer) -> None:
    if not answer.get("Connection") and "close" not in answer.asked.get("connection", "").lower():
        answer.put("Connection", "keep-alive")


def _without_length(answer: WholeAnswer, which: Callable[[WholeAnswer], bool]) -> None:
    if which(answer):
        answer.put("Content-Length")
        answer.in_pieces = True


def _packed(answer: WholeAnswer, coding: str, pack: Callable[[bytes], bytes]) -> None:
    answer.add("Vary", "Accept-Encoding")
    if coding in answer.asked.get("accept-encoding", "") and not answer.is_file and answer.body:
        answer.put("Content-Encoding", coding)
        answer.say(pack(answer.body))


def _hints(lines: list[bytes], connection: BoundedConnection) -> list[bytes]:
    # Never to a client of HTTP/1.0 (RFC 9110, 15.2), and not where the request could not be parsed.
    if not connection.heard_http_1_1:  # type: ignore[attr-defined]
        return lines
    return [b"HTTP/1.1 103 Early Hints", b"Link: </docs>; rel=preload", b"", *lines]


def _shouted(lines: list[bytes], _: BoundedConnection) -> list[bytes]:
    named = [line.partition(b":") for line in reversed(lines[1:])]
    return [lines[0], *(name.upper() + colon + value for name, colon, value in named)]


def _bare(lines: list[bytes], _: BoundedConnection) -> list[bytes]:
    return [lines[0][:13], *lines[1:]]


def _tight(lines: list[bytes], _: BoundedConnection) -> list[bytes]:
    return [lines[0], *(re.sub(rb"^([^:]+): *", rb"\1:", line) + b" \t" for line in lines[1:])]


def _late(lines: list[bytes], _: BoundedConnection) -> list[bytes]:
    late = b"date: Thu, 01 Jan 2026 00:00:00 GMT"
    return [late if line.lower().startswith(b"date:") else line for line in lines]


def _gateway(answer: WholeAnswer) -> None:
    more = {"Server": "nginx", "Via": "1.1 cache.example", "X-Cache": "MISS", "Age": "0", "Alt-Svc": 'h3=":443"'}
    more |= {"ETag": f'W/"{zlib.crc32(answer.body):x}"', "Strict-Transport-Security": "max-age=31536000"}
    for name, value in more.items():
        answer.put(name, value)


def _members(answer: WholeAnswer) -> None:
    document = answer.document
    if document is not None and answer.path != "/v1/balance":
        answer.say(json.dumps({"request_id": str(uuid4()), **document, "region": "eu", "more": None}).encode())


def _written(answer: WholeAnswer, write: Callable[[dict[str, Any]], str]) -> None:
    document = answer.document
    if document is not None:
        answer.say(write(document).encode())


def _typed(answer: WholeAnswer) -> None:
    if "json" in (kind := answer.get("Content-Type")):
        answer.put("Content-Type", f"{kind.partition(';')[0].replace('json', 'JSON')} ; Charset=UTF-8")


def _any(answer: WholeAnswer) -> None:
    for name in ("Access-Control-Expose-Headers", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods"):
        if answer.get(name):
            answer.put(name, "*")


def _lines(answer: WholeAnswer) -> None:
    for name in ("Access-Control-Expose-Headers", "Access-Control-Allow-Headers", "Cache-Control", "Allow"):
        if value := answer.get(name):
            answer.put(name, *(word.strip() for word in value.split(",")))


def _nearby(answer: WholeAnswer) -> None:
    if location := answer.get("Location"):
        answer.put("Location", urlsplit(location).path)


def _applied(answer: WholeAnswer) -> None:
    if value := answer.get("Preference-Applied"):
        words = [re.sub("=(.*)", r'="\1"', word.strip()) for word in value.split(",")]
        answer.put("Preference-Applied", " ,".join(reversed(words)))


def _patient(answer: WholeAnswer) -> None:
    if answer.status == 202:
        answer.put("Retry-After", "120")


def _sniffed(answer: WholeAnswer) -> None:
    if answer.get("X-Content-Type-Options"):
        answer.add("X-Content-Type-Options", "NoSniff")


def _created(answer: WholeAnswer) -> None:
    if answer.status == 204 and answer.method == "POST":
        answer.status = 201
        answer.put("Content-Length", "0")


def _ok(answer: WholeAnswer) -> None:
    if answer.status == 204 and answer.method == "OPTIONS":
        answer.status = 200
        answer.put("Content-Length", "0")


def _silent(answer: WholeAnswer) -> None:
    if answer.method == "HEAD":
        answer.put("Content-Length")


def _uncached(answer: WholeAnswer) -> None:
    if "no-store" in answer.get("Cache-Control"):
        answer.put("Cache-Control", "No-Store, max-age=0, must-revalidate")


_RFC_JSON: Final = "RFC 8259, 2 and 4"
DIFFERENCES: Final = (
    HonestDifference("set-cookie", "AWS's load balancers, for sticky sessions", ("balance", b"AWSALB="), _cookie),
    HonestDifference("connection-close", "RFC 9112, 9.6", ("kept", rb"(?i)connection: close"), _close),
    HonestDifference("http-1.0", "RFC 9110, 2.5", ("balance", rb"^HTTP/1\.0 200"), _close, _old),
    HonestDifference("http-1.0-kept-alive", "RFC 9112, 9.3", ("kept", rb"^HTTP/1\.0 200"), _keep, _old),
    HonestDifference(
        "chunked-files",
        "RFC 9112, 6.3",
        ("file", rb"(?i)transfer-encoding: chunked"),
        partial(_without_length, which=lambda answer: answer.is_file),
    ),
    HonestDifference(
        "chunked-errors",
        "RFC 9112, 6.3",
        ("refused", rb"(?i)transfer-encoding: chunked"),
        partial(_without_length, which=lambda answer: answer.status >= 400),
    ),
    HonestDifference(
        "chunked-answers",
        "RFC 9112, 6.3",
        ("balance", rb"(?i)transfer-encoding: chunked"),
        partial(_without_length, which=lambda answer: answer.status < 400 and answer.status != 204),
    ),
    HonestDifference(
        "gzip",
        "RFC 9110, 8.4",
        ("refused", rb"(?i)content-encoding: gzip"),
        partial(_packed, coding="gzip", pack=gzip.compress),
        comes_last=True,
    ),
    HonestDifference(
        "deflate",
        "RFC 9110, 8.4",
        ("refused", rb"(?i)content-encoding: deflate"),
        partial(_packed, coding="deflate", pack=zlib.compress),
        comes_last=True,
    ),
    HonestDifference(
        "brotli",
        "RFC 7932",
        ("refused", rb"(?i)content-encoding: br"),
        partial(_packed, coding="br", pack=brotli.compress),
        comes_last=True,
    ),
    HonestDifference("early-hints", "RFC 8297", ("balance", b"^HTTP/1.1 103 "), wire=_hints, comes_last=True),
    HonestDifference(
        "names-in-capitals-backwards", "RFC 9110, 5.1 and 5.3", ("balance", b"CONTENT-TYPE: "), wire=_shouted
    ),
    HonestDifference("no-reason-phrase", "RFC 9112, 4", ("balance", b"^HTTP/1.1 200 \r\n"), wire=_bare),
    HonestDifference("other-blanks-in-heads", "RFC 9112, 5.1", ("balance", b"content-type:app"), wire=_tight),
    HonestDifference("a-clock-of-its-own", "RFC 9110, 6.6.1", ("balance", b"01 Jan 2026"), wire=_late),
    HonestDifference("further-headers", "RFC 9110, 5.1", ("file", rb"(?i)via: 1\.1 cache"), _gateway),
    HonestDifference("further-members", "docs/facts/wire.md#responses", ("result", b'"request_id"'), _members),
    HonestDifference(
        "indented-json", _RFC_JSON, ("balance", rb'\{\n    "'), partial(_written, write=partial(json.dumps, indent=4))
    ),
    HonestDifference(
        "members-backwards-escaped",
        _RFC_JSON,
        ("taken", rb'\{"mask_interpretation"'),
        partial(_written, write=lambda found: json.dumps(dict(reversed(found.items())), separators=(",", ":"))),
    ),
    HonestDifference(
        "blanks-around-json",
        _RFC_JSON,
        ("balance", rb"\r\n\r\n\r\n \{"),
        partial(_written, write=lambda found: f"\r\n {json.dumps(found)}\t\n"),
    ),
    HonestDifference("types-with-parameters", "RFC 9110, 8.3.1", ("balance", b"/JSON ; Charset=UTF-8"), _typed),
    HonestDifference("any-header-by-cors", "Fetch, 3.3.3", ("balance", rb"(?i)expose-headers: \*"), _any),
    HonestDifference(
        "lists-on-several-lines", "RFC 9110, 5.3", ("balance", rb"(?is)expose-headers:.*expose-headers:"), _lines
    ),
    HonestDifference("relative-location", "RFC 9110, 10.2.2", ("taken", rb"(?i)location: /v1/painting/"), _nearby),
    HonestDifference("preferences-respelled", "RFC 7240, 2 and 3", ("preferred", b'wait="20" ,respond'), _applied),
    HonestDifference("a-longer-retry-after", "RFC 9110, 10.2.3", ("taken", rb"(?i)retry-after: 120"), _patient),
    HonestDifference("nosniff-twice", "Fetch, 3.6", ("file", b"NoSniff"), _sniffed),
    HonestDifference("no-store-respelled", "RFC 9111, 5.2", ("balance", b"No-Store"), _uncached),
    HonestDifference("uploads-are-201", "the form's store decides", ("uploaded", rb"^HTTP/1\.1 201 "), _created),
    HonestDifference("options-is-200", "RFC 9110, 9.3.7", ("asked-first", rb"^HTTP/1\.1 200 "), _ok),
    HonestDifference("head-without-length", "RFC 9110, 9.3.2", ("head", rb"(?is)^(?!.*content-length)"), _silent),
    HonestDifference(
        "files-are-redirected", "RFC 9110, 15.4.8", ("file", rb"^HTTP/1\.1 307 "), redirects_files=True
    ),
    HonestDifference(
        "files-on-another-host",
        "docs/contract-testing.md#hosts-that-differ",
        ("result", rb'"url": ?"http://(?!@here@)'),
        files_elsewhere=True,
    ),
    HonestDifference("ipv6-alone", "RFC 3986, 3.2.2", ("base", rb"\[::1\]"), host="::1"),
)  # fmt: skip


class _Rewriting:
    """A transport on which the heads of final answers are written anew; all else is the transport's own."""

    def __init__(self, transport: Any, rewrite: Callable[[list[bytes]], list[bytes]]) -> None:
        self._transport = transport
        self._rewrite = rewrite

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 1"):
            head, blank, rest = data.partition(b"\r\n\r\n")
            data = b"\r\n".join(self._rewrite(head.split(b"\r\n"))) + blank + rest
        self._transport.write(data)


def _connection(wires: Sequence[Wire]) -> type[BoundedConnection]:
    class RewrittenConnection(BoundedConnection):
        heard_http_1_1 = False

        def connection_made(self, transport: Any) -> None:
            super().connection_made(_Rewriting(transport, self._rewritten))  # type: ignore[arg-type]

        def on_headers_complete(self) -> None:
            self.heard_http_1_1 = self.parser.get_http_version() == "1.1"
            super().on_headers_complete()

        def _rewritten(self, lines: list[bytes]) -> list[bytes]:
            for wire in wires:
                lines = wire(lines, self)
            return lines

    return RewrittenConnection


class _Differing:
    """Our server's application, whose answers are changed before they are sent."""

    def __init__(self, inner: AsgiHost, changes: Sequence[Change], *, redirects_files: bool) -> None:
        self._inner = inner
        self._changes = changes
        self._redirects_files = redirects_files
        self.release_waits = inner.release_waits
        self.limits, self.load, self.proxies = inner.limits, inner.load, inner.proxies

    def refusal(self, error: OutpaintError) -> Response:
        made = self._inner.refusal(error)
        answer = WholeAnswer("", "", {}, made.status, list(made.headers), bytes(made.body))
        self._change(answer)
        return Response(answer.status, tuple(answer.headers), answer.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"].decode("latin-1")
        asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        answer = WholeAnswer(scope["method"], scope["path"], asked, 0, [], b"")
        if self._redirects_files and answer.is_file and answer.method in ("GET", "HEAD") and "edge=1" not in query:
            answer.status = 307
            to = f"{scope['raw_path'].decode('latin-1')}?{query}{'&' if query else ''}edge=1"
            answer.headers = [("Location", to), ("Content-Length", "0"), ("Access-Control-Allow-Origin", "*")]
            await _send(answer, send)
            return

        async def keep(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in message["headers"]]
                return
            answer.body += message.get("body", b"")
            if not message.get("more_body", False):
                self._change(answer)
                await _send(answer, send)

        await self._inner(scope, receive, keep)

    def _change(self, answer: WholeAnswer) -> None:
        if answer.method == "HEAD" and "json" in answer.get("Content-Type"):
            # Its body would be written in another way, and have another length.
            answer.put("Content-Length")
        for change in self._changes:
            change(answer)


async def _send(answer: WholeAnswer, send: Callable[[Any], Awaitable[None]]) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    size = _CHUNK if answer.in_pieces else max(len(answer.body), 1)
    for start in range(0, len(answer.body), size):
        await send({"type": "http.response.body", "body": answer.body[start : start + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def served_with(differences: Sequence[HonestDifference], app: AsgiHost) -> Iterator[str]:
    """The application over TCP with these differences, for as long as the block runs; its base URL."""
    in_order = sorted(differences, key=lambda one: one.comes_last)
    changes = [one.answer for one in in_order if one.answer is not None]
    connection = _connection([one.wire for one in in_order if one.wire is not None])
    host = next((one.host for one in differences if ":" in one.host), "127.0.0.1")
    differing = _Differing(app, changes, redirects_files=any(one.redirects_files for one in differences))
    with ExitStack() as stack:
        if any(one.files_elsewhere for one in differences):
            elsewhere = stack.enter_context(serving(differing, host, connection=connection))
            # Before any other, for the body may be packed then.
            changes.insert(0, lambda answer: _move_files(answer, elsewhere))
        yield stack.enter_context(serving(differing, host, connection=connection))


def _move_files(answer: WholeAnswer, elsewhere: str) -> None:
    if answer.document is not None:
        answer.say(re.sub(rb'https?://[^/"]+(?=/v1/files/)', elsewhere.encode(), answer.body))


@contextmanager
def honest_provider(*differences: HonestDifference) -> Iterator[TcpProvider]:
    """Our service with these differences, and all that cases need of a provider but other settings."""
    with tcp_provider(served=lambda app: served_with(differences, app)) as provider:
        provider.offers = provider.offers - {Need.SETTINGS}
        provider.name = " + ".join(one.name for one in differences)
        yield provider


def main(names: Sequence[str]) -> int:
    """Prove each difference alone on every case; 1 where one falls short."""
    from outpaint.conformance.verify.verification import verify_provider

    if unknown := set(names) - {one.name for one in DIFFERENCES}:
        sys.exit(f"there is no difference {min(unknown)}: choose from {', '.join(one.name for one in DIFFERENCES)}")
    fell_short = 0
    for one in DIFFERENCES:
        if not names or one.name in names:
            with honest_provider(one) as provider:
                found = verify_provider(provider)
            sys.stdout.write(f"{one.name}: {found.sentence} ({found.seconds:.1f} s)\n")
            for failure in found.failures:
                sys.stdout.write(f"  {failure.subject.id}: {failure.said}\n")
            fell_short += bool(found.exit_code)
    return min(fell_short, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
