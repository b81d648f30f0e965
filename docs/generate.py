"""Writes what in docs/ comes from the code, tables of pages, pages of cases and the map of modules: `make docs`."""

from __future__ import annotations

from pathlib import Path

import case_pages
import module_map
import tables

DOCS = Path(__file__).parent
CASES = DOCS / "cases"


def made() -> dict[Path, str]:
    """Every page that comes from the code, wholly or in part, as it should read."""
    pages = {DOCS / name: tables.written(name, (DOCS / name).read_text(encoding="utf-8")) for name in tables.PAGES}
    pages |= {CASES / name: text for name, text in case_pages.pages().items()}
    return pages | {DOCS / "modules.md": module_map.page()}


def left_over() -> set[Path]:
    """Pages of areas that there no longer are."""
    return set(CASES.rglob("*.md")) - made().keys()


if __name__ == "__main__":
    for path in left_over():
        path.unlink()
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
