"""axe-core, which finds what keeps people with assistive technology from a page (WCAG 2), for pages in a browser."""

from __future__ import annotations

import sys
import tarfile
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import npm_packages
import pytest
from playwright.sync_api import Page

PACKAGE: Final = "axe-core@4.14.1"
PACKAGE_SHA256: Final = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"


def axe_source() -> str:
    """The script, out of the npm package or as it was unpacked before; raises `NoPackageError`."""
    kept = Path(sys.prefix) / "share" / "outpaint-test-axe" / f"{PACKAGE}.js"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            package = npm_packages.fetch(PACKAGE, PACKAGE_SHA256, Path(scratch))
            with tarfile.open(fileobj=BytesIO(package)) as tar:
                member = tar.extractfile("package/axe.min.js")
                assert member is not None
                unpacked = Path(scratch) / "axe.js"
                unpacked.write_bytes(member.read())
            unpacked.replace(kept)
    return kept.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def axe_violations() -> Callable[[Page], list[str]]:
    """What a page does wrong as it is now: the rule, and each element that breaks it."""
    try:
        source = axe_source()
    except npm_packages.NoPackageError as reason:
        pytest.skip(f"the page was not examined: {reason}")

    def violations(page: Page) -> list[str]:
        page.evaluate(source)
        found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        assert len(found["passes"]) > 10, "the rules ran"
        return [
            f"{rule['id']}: {node['html'][:120]} ({node['failureSummary']})"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    return violations
