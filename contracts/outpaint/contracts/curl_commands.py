"""A request as the words of a curl command, and the parts of the form that it sent."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from outpaint.contracts.paths_and_headers import API_KEY

KEY_VARIABLE: Final = "OUTPAINT_KEY"
"""The environment variable that has the API key in a command which does not show it."""
_SENT_BY_CURL: Final = frozenset(
    {"host", "accept-encoding", "connection", "content-length", "user-agent", "transfer-encoding", "expect"}
)
_LONGEST_BODY: Final = 2000
_BOUNDARY: Final = re.compile(r'(?i)^multipart/form-data;.*?boundary=(?:"([^"]+)"|([^";\s]+))')
_NAME: Final = re.compile(rb'(?i)content-disposition:[^\r\n]*?[; ]name="([^"]*)"')
_FILE_NAME: Final = re.compile(rb'(?i)content-disposition:[^\r\n]*?[; ]filename="([^"]*)"')
_MEDIA_TYPE: Final = re.compile(rb"(?i)(?:^|\r\n)content-type:[ \t]*([^\r\n]*)")


@dataclass(frozen=True, slots=True)
class SentPart:
    """A field or a file of a form; `filename` is None for a field, `media_type` where none was sent."""

    name: str
    data: bytes
    filename: str | None = None
    media_type: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether it was sent as a file."""
        return self.filename is not None

    @property
    def text(self) -> str:
        """Its text; bytes that are not UTF-8 are replaced."""
        return self.data.decode("utf-8", "replace")

    @property
    def file_name(self) -> str:
        """A name under which its bytes may be saved anywhere."""
        return f"{re.sub(r'[^A-Za-z0-9_-]', '_', self.name) or 'file'}.bin"


def form_parts(headers: Sequence[tuple[str, str]], body: bytes) -> tuple[SentPart, ...]:
    """The parts of a multipart form in their order; `headers` have names in lower case.

    None where it is another body, or no whole form: then only the body as it is says what was sent.
    """
    found = _BOUNDARY.match(next((value for name, value in headers if name == "content-type"), ""))
    if found is None:
        return ()
    delimiter = b"--" + (found[1] or found[2]).encode("latin-1")
    first, *pieces = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if first.strip() or not pieces or not pieces[-1].startswith(b"--"):
        return ()
    parts = []
    for piece in pieces[:-1]:
        head, blank, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name, filename, media_type = (pattern.search(head) for pattern in (_NAME, _FILE_NAME, _MEDIA_TYPE))
        if not blank or name is None:
            return ()
        parts.append(
            SentPart(
                name[1].decode("utf-8", "replace"),
                data,
                None if filename is None else filename[1].decode("utf-8", "replace"),
                None if media_type is None else media_type[1].decode("latin-1").strip(),
            )
        )
    return tuple(parts)


def curl_options(
    method: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    *,
    saved: Callable[[SentPart], str],
    saved_body: str = "body.bin",
    key: str | None = f"${KEY_VARIABLE}",
    longest_body: int = _LONGEST_BODY,
) -> list[str]:
    """The options of a curl command that sends the request, each with its value, quoted for a POSIX shell.

    `headers` have names in lower case; those that curl sends by itself are left out. `saved` is what stands behind the
    `@` of a part that was a file, `saved_body` of a body that is no short text. `key` is what stands for the value of
    the API key, inside double quotes; None has it as it is.
    """
    options = []
    if method == "HEAD":
        options.append("-I")
    elif method not in ("GET", "POST") or (method == "POST" and not body) or (method == "GET" and body):
        options.append(f"-X {shlex.quote(method)}")
    parts = _sayable(form_parts(headers, body))
    for name, value in headers:
        if name == API_KEY.lower() and key is not None:
            options.append(f'-H "{API_KEY}: {key}"')
        elif (
            name not in _SENT_BY_CURL and (name, value) != ("accept", "*/*") and not (parts and name == "content-type")
        ):
            # Without a value curl would leave the header out; with a semicolon it sends it empty.
            options.append(f"-H {shlex.quote(f'{name}: {value}' if value else f'{name};')}")
    for part in parts:
        if part.is_file:
            options.append(f"-F {shlex.quote(f'{part.name}=@{saved(part)}')}")
        else:
            options.append(f"--form-string {shlex.quote(f'{part.name}={part.text}')}")
    if body and not parts:
        options.append(_body(body, saved_body, longest_body))
    return options


def _sayable(parts: tuple[SentPart, ...]) -> tuple[SentPart, ...]:
    """The parts, where options can say them as they were sent; else none."""
    for part in parts:
        if not part.name or set(part.name) & set('=;"\\'):
            return ()
        if not part.is_file and (b"\0" in part.data or part.text.encode() != part.data):
            return ()
    return parts


def _body(body: bytes, saved_body: str, longest: int) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > longest or not text.replace("\n", "").isprintable():
        return f"--data-binary {shlex.quote(f'@{saved_body}')}"
    # Data that begins with @ would name a file.
    return f"{'--data-raw' if text.startswith('@') else '--data-binary'} {shlex.quote(text)}"
