"""What an error says that a scenario asks for without words of its own."""

from __future__ import annotations

from outpaint_contracts.errors import ERROR_KINDS, ErrorCode


def asked_for(code: ErrorCode, result: str = "") -> str:
    """The detail of such an error; `result` says what else came of it."""
    kind = ERROR_KINDS[code]
    title = f"{kind.title[:1].lower()}{kind.title[1:]}"
    return f"{title}, as a mock scenario asked for{result}: {kind.remedy}"
