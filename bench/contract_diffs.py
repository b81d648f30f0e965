"""Compares `outpaint contract diff` with other tools on the edits in tests/conformance/diff/edits.

`python bench/contract_diffs.py PYTHON` prints a table in Markdown. PYTHON is one with
`api-schema-diff==1.0.4 breakwatch==0.1.0`, each of which it asks about every edit, in one process: some seconds each.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track

from outpaint.conformance.diff.diff_rules import DiffVerdict
from outpaint.conformance.diff.operation_diff import compare

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "conformance" / "diff"))
from edits.edit import all_edits

TOOLS = ("api-schema-diff", "breakwatch")
# Runs in the other Python: each tool's verdict on old.json and each new document, as JSON lines.
ASKING = r"""
import json, sys
from pathlib import Path
from typer.testing import CliRunner
import schema_diff.cli, breakwatch.cli

def called(app, *words):
    done = CliRunner().invoke(app, list(map(str, words)))
    return "fails" if done.exit_code not in (0, 1) or (done.exception and not isinstance(done.exception, SystemExit)) \
        else "found" if done.exit_code else "missed"

folder = Path(sys.argv[1])
for new in sorted(folder.glob("*.new.json")):
    old = new.with_name(new.name.replace(".new.json", ".old.json"))
    print(json.dumps({
        "edit": new.name.removesuffix(".new.json"),
        "api-schema-diff": called(schema_diff.cli.app, old, new),
        "breakwatch": called(breakwatch.cli.app, "diff", old, new),
    }), flush=True)
"""


def main() -> None:
    edits = all_edits()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for one in edits:
            (folder / f"{one.name}.old.json").write_text(json.dumps(one.old()), encoding="utf-8")
            (folder / f"{one.name}.new.json").write_text(json.dumps(one.made()), encoding="utf-8")
        verdicts = {}
        with subprocess.Popen([sys.argv[1], "-c", ASKING, scratch], stdout=subprocess.PIPE, text=True) as asking:
            assert asking.stdout is not None
            for line in track(asking.stdout, "Edits", total=len(edits), console=Console(stderr=True)):
                row = json.loads(line)
                verdicts[row["edit"]] = row
        if asking.returncode != 0:
            sys.exit("the tools could not be asked: what they said stands above")
    for one in edits:
        found = compare(one.old(), one.made()).verdict is DiffVerdict.BREAKING
        verdicts[one.name]["outpaint contract diff"] = "found" if found else "missed"
    breaking = [one for one in edits if one.verdict is DiffVerdict.BREAKING]
    others = [one for one in edits if one.verdict is not DiffVerdict.BREAKING]
    print("| tool | breaking edits found | false alarms | could not read |\n|---|---|---|---|")
    for name in ("outpaint contract diff", *TOOLS):
        found, alarms = (sum(verdicts[one.name][name] == "found" for one in some) for some in (breaking, others))
        failed = sum(row[name] == "fails" for row in verdicts.values())
        print(f"| {name} | {found} of {len(breaking)} | {alarms} of {len(others)} | {failed} |")
    print(f"\n| breaking edit | {' | '.join(TOOLS)} |\n|---|{'---|' * len(TOOLS)}")
    for one in breaking:
        print(f"| {one.name.replace('_', ' ')} | {' | '.join(verdicts[one.name][name] for name in TOOLS)} |")


if __name__ == "__main__":
    main()
