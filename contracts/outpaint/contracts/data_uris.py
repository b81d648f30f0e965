"""Pictures inside `data:` URIs (RFC 2397): decoded from base64 piece by piece, so that no text of one is ever held."""

from __future__ import annotations

import binascii
import re
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
_BASE64: Final = re.compile(rb"; *base64[ \x0c]*\Z", re.IGNORECASE)
_NO_BASE64: Final = "a data: URI must be data:image/...;base64,..."
_DAMAGED: Final = "the base64 in this data: URI is damaged"
_WASTEFUL: Final = "its base64 is percent-encoded where it need not be"
# What browsers drop of an address, in and around it (URL standard, 4.4), and of base64 (Infra standard, 6).
_REMOVED: Final = b"\t\n\r"
AROUND: Final = bytes(range(0x21))
"""The bytes that may stand before an address and behind it: C0 controls and blanks."""
_WHITE_SPACE: Final = b"\t\n\x0c\r "
_AT_THE_END: Final = b"=" + bytes(range(0x20))
_LETTERS: Final = bytes.maketrans(b"-_", b"+/")
# All that clients encode of base64 and its lines; a white bitmap has little else. None makes another escape of what
# stands around it.
_COMMON_ESCAPES: Final = [
    (escape, bytes((letter,)))
    for letter in b"+/=\r\n "
    for escape in dict.fromkeys((b"%%%02X" % letter, b"%%%02x" % letter))
]


def without_surroundings(address: str) -> str:
    """An address without the controls and blanks around it, which browsers drop (URL standard, 4.4)."""
    return address.strip(AROUND.decode())


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
        """Whether text is a `data:` URI by its first letters, whatever browsers drop before them."""
        if isinstance(text, bytes):
            return text.lstrip(AROUND)[: len(SCHEME)].lower() == SCHEME
        return text.lstrip(AROUND.decode())[: len(SCHEME)].lower() == SCHEME.decode()


class DataUriReader:
    """Decodes a `data:` URI that comes in pieces, cut anywhere; once it has a fault, the rest is not looked at.

    Read as browsers read one: by the WHATWG's URL standard, 4.4 (what stands around it, tabs and line breaks within it,
    a fragment), its Fetch standard, 6 (where the label ends), and its Infra standard, 6 (forgiving-base64: white space
    and missing padding are nothing). Beyond that base64url is taken (RFC 4648, 5), and padding that is too long or too
    short: it says nothing that the length does not.
    """

    def __init__(self) -> None:
        self._label = bytearray()
        self._in_payload = False
        self._data = BytesIO()
        self._rest = b""
        self._percent = PercentDecoder()
        self._escaped = False
        """Whether an escape has come."""
        self._ended = False
        """Whether nothing but padding and what stands behind the URI may follow."""
        self._over = False
        """Whether what comes is the fragment."""
        self._fault: str | None = None

    @property
    def label(self) -> str:
        """The text before the comma, as far as one is taken."""
        return self._label[:_MAX_LABEL].decode("utf-8", "replace")

    def feed(self, text: bytes) -> None:
        """The next bytes of the URI's text; they may be longer than `PIECE`."""
        if self._fault is not None or self._over:
            return
        start, end = 0, text.find(b"#")
        if end < 0:
            end = len(text)
        else:
            self._over = True
        if not self._in_payload:
            comma = text.find(b",", 0, end)
            label = text[: end if comma < 0 else comma].translate(None, _REMOVED)
            self._label += label if self._label else label.lstrip(AROUND)
            if comma < 0 and len(self._label) <= _MAX_LABEL:
                return
            self._in_payload, start = True, comma + 1
            if len(self._label) > _MAX_LABEL or not _BASE64.search(self._label):
                self._fail(_NO_BASE64)
                return
        while start < end and self._fault is None:
            self._decode(text[start : min(end, start + PIECE)])
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
        if self._percent.end() or len(self._rest) == 1:
            self._fail(_DAMAGED)
        elif self._rest:
            self._write(self._rest + b"=" * (4 - len(self._rest)))

    def _decode(self, text: bytes) -> None:
        self._escaped = self._escaped or b"%" in text
        if self._escaped:
            text = self._percent.feed(text.translate(None, _REMOVED))
        if self._percent.is_wasteful:
            self._fail(_WASTEFUL)
            return
        text = text.translate(_LETTERS, _WHITE_SPACE)
        letters = text.rstrip(_AT_THE_END)
        if letters and self._ended:
            self._fail(_DAMAGED)
            return
        self._ended = self._ended or len(letters) < len(text)
        letters = self._rest + letters
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
