"""The page docs/modules.md, made from the code: every module of each floor with the first sentence of its docstring."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tables import FLOORS, first_sentence, table

ROOT = Path(__file__).parents[1]


def page() -> str:
    """The whole page: a heading for each floor from the top, below it one for each package that it holds."""
    lines = [
        "# The modules",
        "Where to look for something, or to put it: every module with the first sentence of its docstring, one floor "
        "after the other from the top ([architecture.md](architecture.md) draws them), packages by name. Made from "
        "the code by `make docs`. What may be imported by users is in [python-api.md](python-api.md); tests lie in "
        "tests/, in folders named like the floors, and the local clouds in functions/local_cloud.",
    ]
    for floor in reversed(FLOORS):
        for package in _packages(ROOT / floor / "outpaint" / floor):
            place = package.relative_to(ROOT / floor)
            lines += ["", f"{'##' if package.name == floor else '###'} {'.'.join(place.parts)}"]
            lines.append(_says(package / "__init__.py"))
            modules = [path for path in sorted(package.glob("*.py")) if path.name != "__init__.py"]
            if modules:
                rows = [(f"[{path.stem}](../{path.relative_to(ROOT).as_posix()})", _says(path)) for path in modules]
                lines += ["", table(("module", ""), rows)]
    return "\n".join(lines) + "\n"


def _packages(floor: Path) -> Iterator[Path]:
    """The folder of the floor, then those of all packages below it, by name."""
    yield from sorted(path.parent for path in floor.rglob("__init__.py"))


def _says(module: Path) -> str:
    """The first sentence of a module; read from its source, for an import may need an extra."""
    place = module.relative_to(ROOT).as_posix()
    return first_sentence(ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))), place)
