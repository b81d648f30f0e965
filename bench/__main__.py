"""Speed and memory beside plain references, measured in the same run: `make bench`, or `python bench NAME...`.

Nothing here passes or fails: it prints what was seen on this machine, and `--write` puts it into
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import balance
import endpoint
import memory
import multipart
import network
import overhead
from report import Section, machine

MEASUREMENTS = {
    "multipart": multipart.measure,
    "overhead": overhead.measure,
    "network": network.measure,
    "endpoint": endpoint.measure,
    "memory": memory.measure,
    "balance": balance.measure,
}
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
MOCKS = "<!-- made by make bench-mocks -->"
"""Where the tables of bench/mocks begin, which stay as they are."""
HEAD = """# Benchmarks

Each figure stands beside a plain reference from the same run, because a machine's speed varies and its ratios
hardly do. Made by `make bench WRITE=1`; nothing is asserted on time.

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(MEASUREMENTS)} (default: all)"
    )
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MEASUREMENTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(MEASUREMENTS)}")
    print(machine(), flush=True)
    sections: list[Section] = []
    for name in options.names or MEASUREMENTS:
        print(f"\n{name} ...", end="", flush=True)
        section = MEASUREMENTS[name]()
        print(f"\r{section.text()}", flush=True)
        sections.append(section)
    if options.write:
        text = HEAD + machine() + "\n\n" + "\n".join(section.markdown() for section in sections)
        before = PAGE.read_text("utf-8") if PAGE.exists() else ""
        _, mark, tables = before.partition(MOCKS)
        PAGE.write_text(f"{text}\n{mark}{tables}" if mark else text, "utf-8")
        print(f"\nwritten to {PAGE.relative_to(Path.cwd())}" if PAGE.is_relative_to(Path.cwd()) else f"\n{PAGE}")


main()
