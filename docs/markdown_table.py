"""A table of Markdown, as docs/tables.py and docs/case_pages.py write all of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The table without a last line break; a row has a text for each column, in which a bar is escaped."""
    return "\n".join([_line(head), "|" + "---|" * len(head), *map(_line, rows)])


def _line(texts: Sequence[str]) -> str:
    cells = (text.replace("|", "\\|") for text in texts)
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)
