"""The parts of a multipart form that was sent, as far as it can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from outpaint_contracts.proving.exchange import Exchange


@dataclass(frozen=True, slots=True)
class FormPart:
    """A field or a file of a form."""

    name: str
    data: bytes
    is_file: bool

    @property
    def text(self) -> str:
        """The value of a field."""
        return self.data.decode("utf-8", "replace")

    @property
    def file_name(self) -> str:
        """What a curl line calls its file."""
        return f"{re.sub(r'[^A-Za-z0-9_-]', '_', self.name) or 'file'}.bin"


def form_parts(exchange: Exchange) -> tuple[FormPart, ...]:
    """The parts in their order; none where it was no such form, or one that nobody could read."""
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
                FormPart(name[1].decode("utf-8", "replace"), data.removesuffix(b"\r\n"), b"filename=" in head.lower())
            )
    return tuple(parts)
