"""docs/benchmarks.md: each benchmark has a section between marks of its own, and leaves those of the others alone."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Each figure stands beside a plain reference from the same run, because a machine's speed varies and its ratios
hardly do. Nothing is asserted on time.
"""


def put(target: str, text: str, page: Path = PAGE) -> Path:
    """Write what `make TARGET` made where it stood before, or at the page's end; returns the page."""
    begin, end = f"<!-- made by make {target} -->", f"<!-- end of what make {target} made -->"
    old = page.read_text("utf-8") if page.exists() else HEAD
    before, found, rest = old.partition(begin)
    if found and end not in rest:
        raise ValueError(f"{page.name} has the mark {begin} and not {end}: put it where that section ends")
    after = rest.partition(end)[2].strip("\n")
    parts = [before.rstrip(), f"{begin}\n{text.strip()}\n{end}", after]
    page.write_text("\n\n".join(part for part in parts if part) + "\n", "utf-8")
    return page
