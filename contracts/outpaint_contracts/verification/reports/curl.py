"""A request as a curl line that a person can run: the key comes of `$OUTPAINT_KEY`."""

from __future__ import annotations

import shlex
from typing import Final

from outpaint_contracts.headers import API_KEY
from outpaint_contracts.proving.exchange import Exchange
from outpaint_contracts.verification.reports.multipart import FormPart, form_parts

_BY_ITSELF: Final = frozenset(
    {"host", "accept-encoding", "connection", "content-length", "user-agent", "accept", "transfer-encoding"}
)
_LONGEST_BODY: Final = 2000


def as_curl(exchange: Exchange) -> str:
    """The request on one line; files that it sent are named `@FIELD.bin`, and their sizes told behind it."""
    words = ["curl", "-sS", "-i"]
    if exchange.method not in ("GET", "POST"):
        words += ["-I"] if exchange.method == "HEAD" else ["-X", exchange.method]
    elif exchange.method == "POST" and not exchange.request_body:
        words += ["-X", "POST"]
    parts = form_parts(exchange)
    for name, value in exchange.request_headers:
        if name == API_KEY.lower():
            # In double quotes, so that the shell fills it in.
            words.append(f'-H "{API_KEY}: $OUTPAINT_KEY"')
        elif name not in _BY_ITSELF and not (parts and name == "content-type"):
            words += ["-H", shlex.quote(f"{name}: {value}")]
    words += _form(parts) if parts else _body(exchange)
    words.append(shlex.quote(exchange.url))
    sizes = ", ".join(f"{part.file_name}: {len(part.data):,} bytes" for part in parts if part.is_file)
    return " ".join(words) + (f"  # {sizes}" if sizes else "")


def _form(parts: tuple[FormPart, ...]) -> list[str]:
    words = []
    for part in parts:
        if part.is_file:
            words += ["-F", shlex.quote(f"{part.name}=@{part.file_name}")]
        else:
            words += ["--form-string", shlex.quote(f"{part.name}={part.text}")]
    return words


def _body(exchange: Exchange) -> list[str]:
    if not exchange.request_body:
        return []
    try:
        text = exchange.request_body.decode("utf-8")
    except UnicodeDecodeError:
        return ["--data-binary", "@body.bin"]
    if len(text) > _LONGEST_BODY or not text.isprintable():
        return ["--data-binary", "@body.bin"]
    return ["--data-binary", shlex.quote(text)]
