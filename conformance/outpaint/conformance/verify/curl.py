"""An exchange as a curl command, and the parts of the form that it sent."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Final

from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.contracts.paths_and_headers import API_KEY


@dataclass(frozen=True, slots=True)
class SentPart:
    """A field or a file of a form."""

    name: str
    data: bytes
    is_file: bool

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    @property
    def file_name(self) -> str:
        return f"{re.sub(r'[^A-Za-z0-9_-]', '_', self.name) or 'file'}.bin"


def form_parts(exchange: ObservedExchange) -> tuple[SentPart, ...]:
    """The parts of a multipart request in their order; none where it was another, or has no boundary."""
    kind = next((value for name, value in exchange.request_headers if name == "content-type"), "")
    found = re.search(r'(?i)^multipart/form-data;.*?boundary="?([^";]+)"?', kind)
    if found is None:
        return ()
    parts = []
    for piece in exchange.request_body.split(b"--" + found[1].encode("latin-1"))[1:]:
        head, blank, data = piece.partition(b"\r\n\r\n")
        name = re.search(rb'(?i)content-disposition:[^\r\n]*?[; ]name="([^"]*)"', head)
        if blank and name is not None:
            parts.append(
                SentPart(name[1].decode("utf-8", "replace"), data.removesuffix(b"\r\n"), b"filename=" in head.lower())
            )
    return tuple(parts)


_SENT_BY_CURL: Final = frozenset(
    {"host", "accept-encoding", "connection", "content-length", "user-agent", "accept", "transfer-encoding"}
)
_LONGEST_BODY: Final = 2000


def as_curl(exchange: ObservedExchange) -> str:
    """The request on one line; files that it sent are named `@FIELD.bin`, with their sizes in a comment behind it."""
    words = ["curl", "-sS", "-i"]
    if exchange.method not in ("GET", "POST"):
        words += ["-I"] if exchange.method == "HEAD" else ["-X", exchange.method]
    elif exchange.method == "POST" and not exchange.request_body:
        words += ["-X", "POST"]
    parts = form_parts(exchange)
    for name, value in exchange.request_headers:
        if name == API_KEY.lower():
            # In double quotes, so that the shell replaces the variable.
            words.append(f'-H "{API_KEY}: $OUTPAINT_KEY"')
        elif name not in _SENT_BY_CURL and not (parts and name == "content-type"):
            words += ["-H", shlex.quote(f"{name}: {value}")]
    words += _form(parts) if parts else _body(exchange)
    words.append(shlex.quote(exchange.url))
    sizes = ", ".join(f"{part.file_name}: {len(part.data):,} bytes" for part in parts if part.is_file)
    return " ".join(words) + (f"  # {sizes}" if sizes else "")


def _form(parts: tuple[SentPart, ...]) -> list[str]:
    words = []
    for part in parts:
        if part.is_file:
            words += ["-F", shlex.quote(f"{part.name}=@{part.file_name}")]
        else:
            words += ["--form-string", shlex.quote(f"{part.name}={part.text}")]
    return words


def _body(exchange: ObservedExchange) -> list[str]:
    if not exchange.request_body:
        return []
    try:
        text = exchange.request_body.decode("utf-8")
    except UnicodeDecodeError:
        return ["--data-binary", "@body.bin"]
    if len(text) > _LONGEST_BODY or not text.isprintable():
        return ["--data-binary", "@body.bin"]
    return ["--data-binary", shlex.quote(text)]
