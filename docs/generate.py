"""Writes what in docs/ comes from the code, the tables of its pages and the pages of the cases: `make docs`."""

from __future__ import annotations

from pathlib import Path

import case_pages
import tables

DOCS = Path(__file__).parent
CASES = DOCS / "cases"


def made() -> dict[Path, str]:
    """Every page that comes from the code, wholly or in part, as it should read."""
    pages = {DOCS / name: tables.written(name, (DOCS / name).read_text(encoding="utf-8")) for name in tables.PAGES}
    return pages | {CASES / name: text for name, text in case_pages.pages().items()}


def left_over() -> set[Path]:
    """Pages of areas that there no longer are."""
    return set(CASES.rglob("*.md")) - made().keys()


if __name__ == "__main__":
    for path in left_over():
        path.unlink()
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
