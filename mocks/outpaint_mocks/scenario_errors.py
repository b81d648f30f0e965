"""What an error says that a scenario asks for without words of its own."""

from __future__ import annotations

from outpaint_contracts.errors import ERROR_KINDS, ErrorCode


def asked_for(code: ErrorCode) -> str:
    """The detail of such an error."""
    title = ERROR_KINDS[code].title
    return f"{title[:1].lower()}{title[1:]}, as a mock scenario asked for"
