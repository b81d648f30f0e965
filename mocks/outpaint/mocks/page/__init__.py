"""The page to look at a mock by: a few small files, served as they lie here."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import outpaint.functions.http as http_core

_TYPES: Final = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript"}
_HERE: Final = Path(__file__).parent


@cache
def page_file(name: str) -> tuple[str, bytes] | None:
    """Media type and bytes of one of the page's files, the page itself under the empty name; None for any other."""
    path = _files().get(name or "index.html")
    return None if path is None else (_TYPES[path.suffix], path.read_bytes())


@cache
def _files() -> dict[str, Path]:
    """Every file by its name; what it looks like begins with the style of the API's own documentation."""
    own = {path.name: path for path in _HERE.iterdir() if path.suffix in _TYPES}
    return {**own, "base.css": Path(next(iter(http_core.__path__))) / "docs_page.css"}
