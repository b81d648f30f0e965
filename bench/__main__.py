"""Speed and memory beside plain references, measured in the same run: `make bench`, or `python bench NAME...`.

Nothing here passes or fails: it prints what was seen on this machine, and `--write` puts it into
docs/benchmarks.md, in place of what this command wrote there before.
"""

from __future__ import annotations

import argparse

import balance
import bodies
import memory
import migan
import overhead
from report import Section, machine, put

MEASUREMENTS = {
    "multipart": overhead.form_reading,
    "overhead": overhead.sync_request,
    "network": migan.network,
    "endpoint": migan.endpoint,
    "memory": memory.measure,
    "balance": balance.measure,
    "bodies": bodies.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(MEASUREMENTS)} (default: all)"
    )
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MEASUREMENTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(MEASUREMENTS)}")
    if options.write and options.names:
        parser.error("--write puts all of them in place of what was there: leave the names out")
    print(machine(), flush=True)
    sections: list[Section] = []
    for name in options.names or MEASUREMENTS:
        print(f"\n{name} ...", end="", flush=True)
        section = MEASUREMENTS[name]()
        print(f"\r{section.text()}", flush=True)
        sections.append(section)
    if options.write:
        page = put("bench", machine() + "\n\n" + "\n".join(section.markdown() for section in sections))
        print(f"\nwritten to {page}")


main()
