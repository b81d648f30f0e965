"""Writes what in docs/ comes from the code, tables of pages, pages of cases and the map of modules: `make docs`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import case_pages
import tables

DOCS = Path(__file__).parent
ROOT = DOCS.parent
CASES = DOCS / "cases"


def made() -> dict[Path, str]:
    """Every page that comes from the code, wholly or in part, as it should read."""
    pages = {DOCS / name: tables.written(name, (DOCS / name).read_text(encoding="utf-8")) for name in tables.PAGES}
    pages |= {CASES / name: text for name, text in case_pages.pages().items()}
    return pages | {DOCS / "modules.md": module_map()}


def left_over() -> set[Path]:
    """Pages of areas that there no longer are."""
    return set(CASES.rglob("*.md")) - made().keys()


def module_map() -> str:
    """docs/modules.md: a heading for each floor from the top, below it one for each package that it holds."""
    lines = [
        "# The modules",
        "Where to look for something, or to put it: every module with the first sentence of its docstring, one floor "
        "after the other from the top ([architecture.md](architecture.md) draws them), packages by name. Made from "
        "the code by `make docs`. What may be imported by users is in [python-api.md](python-api.md); tests lie in "
        "tests/, in folders named like the floors, and the local clouds in functions/local_cloud.",
    ]
    for floor in reversed(tables.FLOORS):
        for package in _packages(ROOT / floor / "outpaint" / floor):
            place = package.relative_to(ROOT / floor)
            lines += ["", f"{'##' if package.name == floor else '###'} {'.'.join(place.parts)}"]
            lines.append(_says(package / "__init__.py"))
            modules = [path for path in sorted(package.glob("*.py")) if path.name != "__init__.py"]
            if modules:
                rows = [(f"[{path.stem}](../{path.relative_to(ROOT).as_posix()})", _says(path)) for path in modules]
                lines += ["", tables.table(("module", ""), rows)]
    return "\n".join(lines) + "\n"


def _packages(floor: Path) -> Iterator[Path]:
    """The folder of the floor, then those of all packages below it, by name."""
    yield from sorted(path.parent for path in floor.rglob("__init__.py"))


def _says(module: Path) -> str:
    """The first sentence of a module; read from its source, for an import may need an extra."""
    place = module.relative_to(ROOT).as_posix()
    return tables.first_sentence(ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))), place)


if __name__ == "__main__":
    for path in left_over():
        path.unlink()
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
