"""A mock for a real Chromium to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Final

import httpx
import pytest
from chromium import browser as browser
from PIL import Image
from playwright.sync_api import Browser, Page

from outpaint.functions.embedded.server import serving
from outpaint.mocks.transports.tcp_connection import MockConnection
from outpaint.mocks.transports.tcp_server import MockHost
from outpaint.mocks.world.world import World
from outpaint.mocks.world.world_options import WorldOptions
from outpaint.mocks.world.worlds import Worlds

SEE_MS: Final = 10_000
# The page asks for news each second; here nobody waits so long.
HASTE: Final = "const every = setInterval; setInterval = (run, pause, ...rest) => every(run, pause / 5, ...rest);"


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
    options = WorldOptions(start=datetime(2026, 1, 1, tzinfo=UTC))
    worlds = Worlds(options.world, lambda name, changes: replace(options, **changes).checked().world(name))
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
