"""Compares `outpaint contract diff` with other tools on the edits of tests/contracts/comparison/test_edits.py.

`python bench/contract_diffs.py FOLDER` prints a table in Markdown. FOLDER is where the others are installed:
`npm install openapi-diff@0.24.1`, `npm install @useoptic/optic@1.0.9` (with `"overrides": {"ajv": "8.12.0"}`),
`npm install specmatic@2.55.1` (needs Java), and `pip install api-schema-diff==1.0.4 breakwatch==0.1.0` into FOLDER/v.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from outpaint_contracts.comparison import Verdict, compare
from outpaint_contracts.exporting.openapi_3_0 import downgraded

EDITS = Path(__file__).parents[1] / "tests" / "contracts" / "comparison" / "test_edits.py"
LIMIT_S = 20
SEEN, UNSEEN, FAILED = "breaking", "passes", "fails"
Tool = Callable[[Path, Path, Path], str]


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command's end; one that takes longer than `LIMIT_S` is one that failed."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, "", "")


def openapi_diff(folder: Path, old: Path, new: Path) -> str:
    """openapi-diff of npm: 1 for breaking; its own failures end so too, without a verdict."""
    done = run("node", folder / "node_modules/.bin/openapi-diff", old, new)
    said = done.stdout + done.stderr
    if done.returncode == 0:
        return UNSEEN
    return SEEN if "reaking changes found" in said else FAILED


def optic(folder: Path, old: Path, new: Path) -> str:
    """Optic, on documents without the links' request bodies, which its own schema of 3.1 refuses."""
    for file in (old, new):
        document = json.loads(file.read_text(encoding="utf-8"))
        for operation in (verb for path in document["paths"].values() for verb in path.values()):
            for response in operation["responses"].values():
                for link in response.get("links", {}).values():
                    link.pop("requestBody", None)
        file.write_text(json.dumps(document), encoding="utf-8")
    done = run("node", folder / "o/node_modules/.bin/optic", "diff", old, new, "--check", cwd=old.parent)
    if "invalid openapi" in done.stdout + done.stderr or done.returncode not in (0, 1):
        return FAILED
    return SEEN if done.returncode == 1 else UNSEEN


def specmatic(folder: Path, old: Path, new: Path) -> str:
    done = run("java", "-jar", folder / "node_modules/specmatic/specmatic.jar", "compare", old, new)
    said = done.stdout + done.stderr
    if "is not backward compatible" in said or "NOT backward compatible" in said:
        return SEEN
    return UNSEEN if done.returncode == 0 else FAILED


def api_schema_diff(folder: Path, old: Path, new: Path) -> str:
    done = run(folder / "v/bin/api-schema-diff", old, new, "--format", "json")
    if "Traceback" in done.stderr or done.returncode > 1:
        return FAILED
    return SEEN if done.returncode == 1 else UNSEEN


def breakwatch(folder: Path, old: Path, new: Path) -> str:
    done = run(folder / "v/bin/breakwatch", "diff", old, new)
    if "Traceback" in done.stderr or done.returncode > 1:
        return FAILED
    return SEEN if done.returncode == 1 else UNSEEN


TOOLS: dict[str, tuple[Tool, str]] = {
    "openapi-diff": (openapi_diff, "3.0"),
    "optic": (optic, "3.1"),
    "specmatic": (specmatic, "3.0"),
    "api-schema-diff": (api_schema_diff, "3.1"),
    "breakwatch": (breakwatch, "3.1"),
}


def edits() -> Any:
    spec = importlib.util.spec_from_file_location("test_edits", EDITS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["test_edits"] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    folder, names = Path(sys.argv[1]).resolve(), sys.argv[2:] or list(TOOLS)
    module = edits()
    verdicts: dict[str, dict[str, str]] = {}
    seconds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        for one in module.EDITS:
            row: dict[str, str] = {}
            for version in ("3.0", "3.1"):
                documents = [module.document(), module.edited(one)]
                try:
                    shown = [downgraded(document) for document in documents] if version == "3.0" else documents
                except ValueError:
                    shown = []
                files = [Path(scratch) / name for name in ("old.json", "new.json")]
                for file, document in zip(files, shown, strict=False):
                    file.write_text(json.dumps(document), encoding="utf-8")
                for name in names:
                    tool, reads = TOOLS[name]
                    if reads == version:
                        begun = time.perf_counter()
                        row[name] = tool(folder, *files) if shown else FAILED
                        seconds[name] += time.perf_counter() - begun
            begun = time.perf_counter()
            found = compare(module.document(), module.edited(one)).verdict
            seconds["ours"] += time.perf_counter() - begun
            row["ours"] = found.value
            verdicts[one.name] = row
            print(one.name, one.verdict.value, row, file=sys.stderr, flush=True)
    print("| tool | breaking edits found | false alarms | could not read | seconds an edit |")
    print("|---|---|---|---|---|")
    breaking = [one for one in module.EDITS if one.verdict is Verdict.BREAKING]
    others = [one for one in module.EDITS if one.verdict is not Verdict.BREAKING]
    for name in ("ours", *names):
        found = sum(verdicts[one.name][name] == SEEN for one in breaking)
        alarms = sum(verdicts[one.name][name] == SEEN for one in others)
        failed = sum(verdicts[one.name][name] == FAILED for one in module.EDITS)
        cost = seconds[name] / len(module.EDITS)
        print(f"| {name} | {found} of {len(breaking)} | {alarms} of {len(others)} | {failed} | {cost:.2f} |")
    print("\n| breaking edit | " + " | ".join(names) + " |")
    print("|---|" + "---|" * len(names))
    for one in breaking:
        marks = {SEEN: "found", UNSEEN: "missed", FAILED: "fails"}
        print(f"| {one.name.replace('_', ' ')} | " + " | ".join(marks[verdicts[one.name][n]] for n in names) + " |")


if __name__ == "__main__":
    main()
