"""What each floor names as public: it is what docs/python-api.md lists, and all that documents and help import."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("contracts", "painting", "functions", "mocks", "conformance")
PAGE = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted(path for path in (ROOT / "docs" / "examples").rglob("*") if path.is_file())
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor / "outpaint").rglob("*.py"))
IMPORT = re.compile(
    r"^[ \t>.]*(?:from[ \t]+(outpaint[\w.]*)[ \t]+import[ \t]+(?:\(([^)]*)\)|([^\n#]+))|import[ \t]+(outpaint[\w.]*))",
    re.MULTILINE,
)


def floor(name: str) -> ModuleType:
    return import_module(f"outpaint.{name}")


def not_public(text: str) -> list[str]:
    """What a text imports of outpaint and no floor names as public."""
    public = {f"outpaint.{name}": {*floor(name).__all__} for name in FLOORS} | {"outpaint": {*FLOORS}}
    wrong = []
    for module, several, listed, whole in IMPORT.findall(text):
        names = [name.split()[0] for name in (several or listed).split(",") if name.strip()]
        if whole:
            wrong += [whole] if whole not in public else []
        else:
            wrong += [f"{module}.{name}" for name in names if name not in public.get(module, ())]
    return wrong


def strings(path: Path) -> Iterator[str]:
    """Every text in a module: docstrings and what a command's help is made of."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def listed(name: str) -> list[str]:
    """The public names of a floor as the page lists them."""
    _, _, rest = PAGE.partition(f"<!-- {name} -->\n")
    return re.findall(r"^\| `(\w+)` \| \S", rest.partition(f"<!-- /{name} -->")[0], re.MULTILINE)


@pytest.mark.parametrize("path", [*PAGES, *EXAMPLES], ids=lambda path: path.name)
def test_documents_import_public_names_only(path: Path) -> None:
    assert not_public(path.read_text(encoding="utf-8")) == []


def test_docstrings_and_help_import_public_names_only() -> None:
    texts = [(path, text) for path in MODULES for text in strings(path)]
    assert any(IMPORT.search(text) for _, text in texts)
    assert {str(path.relative_to(ROOT)): wrong for path, text in texts if (wrong := not_public(text))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "from outpaint.mocks.world.world import World",
        "  from outpaint.mocks import (\n    World,\n    MockLedger,\n)",
        ">>> import outpaint.mocks.world",
        "from outpaint.painting import Canvas, Grain  # both",
    ],
)
def test_an_import_of_what_is_not_public_is_found(text: str) -> None:
    assert len(not_public(text)) == 1
    assert not_public("from outpaint.mocks import World, VirtualClock as Clock\nimport outpaint.mocks") == []


@pytest.mark.parametrize("name", FLOORS)
def test_the_page_lists_what_the_floor_names(name: str) -> None:
    assert listed(name) == floor(name).__all__


@pytest.mark.parametrize("name", FLOORS)
def test_every_public_name_is_what_its_module_has(name: str) -> None:
    module = floor(name)
    assert dir(module) == module.__all__ == sorted({*module.__all__})
    for public, home in module.HOMES.items():
        there = import_module(f"outpaint.{name}.{home}")
        assert getattr(module, public) is (there if home == public else vars(there)[public])


@pytest.mark.parametrize("name", FLOORS)
def test_no_public_name_is_a_module_of_another_meaning(name: str) -> None:
    # Importing a module below a package sets it as the package's attribute, over the name that is loaded lazily.
    for public, home in floor(name).HOMES.items():
        assert public == home or find_spec(f"outpaint.{name}.{public}") is None, f"{public} is a module, too"


@pytest.mark.parametrize("name", FLOORS)
def test_type_checkers_see_what_is_loaded_lazily(name: str) -> None:
    tree = ast.parse(inspect.getsource(floor(name)))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {}
    for line in block.body:
        assert isinstance(line, ast.ImportFrom)
        for one in line.names:
            if line.module is not None and line.module.startswith("outpaint."):
                assert one.name == one.asname, "said twice, a name is exported"
                home = line.module.removeprefix(f"outpaint.{name}").removeprefix(".")
                seen[one.name] = home or one.name
    assert seen == floor(name).HOMES


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'outpaint\.mocks' has no attribute 'MockLedger'$"):
        _ = floor("mocks").MockLedger


def test_importing_a_floor_imports_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); "
        f"import {', '.join(f'outpaint.{name}' for name in FLOORS)}; print(*set(sys.modules) - before)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(printed.split()) - {"__future__"} == {"outpaint", *(f"outpaint.{name}" for name in FLOORS)}


def test_inside_a_name_is_imported_from_its_own_module() -> None:
    # Through the table the linter would not see whose module it is, and an import at start could go in a circle.
    wrong = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in {f"outpaint.{name}" for name in FLOORS}:
                homes = floor(node.module.removeprefix("outpaint.")).HOMES
                names = [one.name for one in node.names if homes.get(one.name, one.name) != one.name]
                wrong += [f"{path.relative_to(ROOT)}: {name}" for name in names]
    assert wrong == []


@pytest.mark.parametrize("name", FLOORS)
def test_the_example_of_a_floor_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    section = PAGE.partition(f"## outpaint.{name}\n")[2].partition("\n## ")[0]
    (example,) = re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert f"from outpaint.{name} import " in example
    exec(compile(example, f"python-api.md, outpaint.{name}", "exec"), {})
