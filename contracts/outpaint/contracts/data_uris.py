"""Pictures inside `data:` URIs (RFC 2397): decoded from base64 piece by piece, so that no text of one is ever held."""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from typing import Final, Self
from urllib.parse import unquote_to_bytes

SCHEME: Final = b"data:"
PIECE: Final = 64 * 1024
"""Bytes of text that are decoded at a time: so few that no other thread waits long for the interpreter."""
_MAX_NEEDLESS: Final = 256 * 1024
_MAX_LABEL: Final = 2083
_SHOWN: Final = 40
_BASE64: Final = b";base64"
_NO_BASE64: Final = "a data: URI must be data:image/...;base64,..."
_DAMAGED: Final = "the base64 in this data: URI is damaged"
_WASTEFUL: Final = "its base64 is percent-encoded where it need not be"
_BLANK_IS_PLUS: Final = bytes.maketrans(b" ", b"+")
# All that clients encode of base64; a white bitmap has little else. None makes another escape of what stands around it.
_COMMON_ESCAPES: Final = [
    (escape, bytes((letter,)))
    for letter in b"+/="
    for escape in dict.fromkeys((b"%%%02X" % letter, b"%%%02x" % letter))
]


class PercentDecoder:
    """Decodes percent-encoding (RFC 3986, 2.1) that comes in pieces, cut anywhere, as `unquote_to_bytes` does.

    `is_wasteful` once it met so many escapes that are none of base64 that they take notable time.
    """

    def __init__(self) -> None:
        self._cut = b""
        self._needless = 0

    @property
    def is_wasteful(self) -> bool:
        """Whether whoever has no use for other characters should stop."""
        return self._needless > _MAX_NEEDLESS

    def feed(self, text: bytes) -> bytes:
        """The bytes of the next piece, but for an escape that it cuts."""
        text = self._cut + text
        place = text.rfind(b"%", -2)
        self._cut = text[place:] if place >= 0 else b""
        text = text[:place] if place >= 0 else text
        if b"%" not in text:
            return text
        for escape, letter in _COMMON_ESCAPES:
            text = text.replace(escape, letter)
        others = text.count(b"%")
        self._needless += others
        return unquote_to_bytes(text) if others else text

    def end(self) -> bytes:
        """What is left: the beginning of an escape, which stays as it is."""
        left, self._cut = self._cut, b""
        return left


class Digest:
    """The SHA-256 of bytes that never change; computed at the first question, for large pictures take a while."""

    __slots__ = ("_hex",)

    def __init__(self) -> None:
        self._hex = ""

    def of(self, data: bytes) -> str:
        """The digest (hex) of `data`, which are the same each time."""
        self._hex = self._hex or sha256(data).hexdigest()
        return self._hex


@dataclass(frozen=True, slots=True)
class DataUri:
    """A picture inside a request, which counts as an upload (docs/facts/wire.md#request-fields).

    `label` is what stands before the URI's comma. `fault` is what is wrong with the URI, a clause for an error's
    detail, and None where `data` are the picture's bytes, of which there is one at least.
    """

    label: str
    data: bytes = field(repr=False)
    fault: str | None = None
    _digest: Digest = field(default_factory=Digest, init=False, repr=False, compare=False)

    @property
    def sha256(self) -> str:
        """The SHA-256 (hex) of the picture's bytes, computed once."""
        return self._digest.of(self.data)

    @classmethod
    def of(cls, text: str) -> Self:
        """The picture of a whole URI; the caller has seen that it begins with `data:`, in any case of letters."""
        reader = DataUriReader()
        for start in range(0, len(text), PIECE):
            reader.feed(text[start : start + PIECE].encode("utf-8", "surrogatepass"))
        return cls(reader.label, *reader.end())

    @property
    def shown_label(self) -> str:
        """The label as far as an error's detail shows it."""
        return self.label[:_SHOWN]

    @property
    def text(self) -> str:
        """The URI; of one with a fault, one without bytes, which is refused like it."""
        return f"{self.label},{binascii.b2a_base64(self.data, newline=False).decode()}"

    @staticmethod
    def begins(text: bytes | str) -> bool:
        """Whether text is a `data:` URI by its first letters."""
        start = text[: len(SCHEME)]
        return (start if isinstance(start, bytes) else start.encode("utf-8", "surrogatepass")).lower() == SCHEME


class DataUriReader:
    """Decodes a `data:` URI that comes in pieces, cut anywhere; once it has a fault, the rest is not looked at."""

    def __init__(self) -> None:
        self._label = bytearray()
        self._in_payload = False
        self._data = BytesIO()
        self._rest = b""
        self._percent = PercentDecoder()
        self._padding = 0
        self._fault: str | None = None

    @property
    def label(self) -> str:
        """The text before the comma, as far as one is taken."""
        return self._label[:_MAX_LABEL].decode("utf-8", "replace")

    def feed(self, text: bytes) -> None:
        """The next bytes of the URI's text; they may be longer than `PIECE`."""
        if self._fault is not None:
            return
        start = 0
        if not self._in_payload:
            comma = text.find(b",")
            self._label += text if comma < 0 else text[:comma]
            if comma < 0 and len(self._label) <= _MAX_LABEL:
                return
            self._in_payload, start = True, comma + 1
            if not self._label.lower().endswith(_BASE64) or len(self._label) > _MAX_LABEL:
                self._fail(_NO_BASE64)
                return
        while start < len(text) and self._fault is None:
            self._decode(text[start : start + PIECE])
            start += PIECE

    def end(self) -> tuple[bytes, str | None]:
        """The picture's bytes and the URI's fault; one of them is empty."""
        if self._fault is None and not self._in_payload:
            self._fail(_NO_BASE64)
        if self._fault is None:
            self._end_payload()
        data = self._data.getvalue()
        if self._fault is None and not data:
            self._fail("the data: URI holds no bytes")
        return data, self._fault

    def _end_payload(self) -> None:
        lacking = -len(self._rest) % 4
        # Padding that nothing needs does no harm.
        if self._percent.end() or (self._rest and lacking != self._padding):
            self._fail(_DAMAGED)
        elif self._rest:
            self._write(self._rest + b"=" * lacking)

    def _decode(self, text: bytes) -> None:
        text = self._percent.feed(text)
        if self._percent.is_wasteful:
            self._fail(_WASTEFUL)
            return
        # A form body sent without percent-encoding turns '+' into a blank; no other reading of it is possible.
        text = text.translate(_BLANK_IS_PLUS)
        # How much padding a whole text needs is known at its end; nothing may follow it.
        unpadded = text.rstrip(b"=")
        if b"=" in unpadded or (self._padding and unpadded):
            self._fail(_DAMAGED)
            return
        self._padding += len(text) - len(unpadded)
        letters = self._rest + unpadded
        whole = len(letters) & ~3
        self._rest = letters[whole:]
        self._write(letters[:whole])

    def _write(self, groups: bytes) -> None:
        try:
            self._data.write(binascii.a2b_base64(groups, strict_mode=True))
        except binascii.Error:
            self._fail(_DAMAGED)

    def _fail(self, fault: str) -> None:
        self._fault, self._data = fault, BytesIO()
