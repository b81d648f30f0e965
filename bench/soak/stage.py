"""The servers of a soak, the accounts on them, and what hostile clients are given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from click.testing import CliRunner
from PIL import Image
from uploads import CONTENT_TYPE, form, mask_file

from outpaint.functions.operations.keys_command import keys
from soak.honest import Honest, Tenant, UnexpectedError
from soak.hostiles import Target
from soak.promises import CreditCheck
from soak.watched import Watched

CREDITS = 10**9
"""Of an account that is not to run out of them."""
TENANTS = 2
SERVE, MOCK = "serve", "mock"
_HOSTILE_WORLD = "hostiles"
_LARGE_SIDE = 2048
_PATIENCE_S = 60.0


@dataclass
class Stage:
    """A server with its accounts: `tenants` are for honest clients, the two keys for hostile ones."""

    server: Watched
    tenants: list[Tenant]
    hostile_prefix: str
    hostile_key: str
    broke_key: str

    async def target(self) -> Target:
        """What hostile clients are given; among it the path of a large picture that they paid for."""
        path = await _large_picture(self.server.url + self.hostile_prefix, self.hostile_key)
        return Target(self.server.name, self.server.port, self.hostile_prefix, self.hostile_key, self.broke_key, path)

    async def hostile_credits(self) -> list[CreditCheck]:
        """The credits of the hostile clients' accounts: one picture was paid for, and nothing else ever."""
        base = self.server.url + self.hostile_prefix
        async with aiohttp.ClientSession(trust_env=False) as session:
            found = []
            for name, key, expected in (
                ("the hostile clients' account", self.hostile_key, CREDITS - 1),
                ("the account without credits", self.broke_key, 0),
            ):
                async with session.get(f"{base}/v1/balance", headers={"X-Picsart-API-Key": key}) as answer:
                    found.append(CreditCheck(name, expected, (await answer.json())["credits"]))
        return found


@contextmanager
def stages(folder: Path) -> Iterator[list[Stage]]:
    """`outpaint serve` on a data folder and `outpaint mock`, each with its accounts, for as long as the block runs."""
    data = folder / "data"
    made = [_key(data, f"tenant-{number}", CREDITS) for number in range(TENANTS)]
    hostile_key, broke_key = _key(data, "hostile", CREDITS), _key(data, "broke", 0)
    # Without a rate limit to speak of: what bounds a client here is what the server can do.
    served = ["serve", "--data", str(data), "--painter", "flat", "--rate-limit", str(10**9)]
    mocked = ["mock", "--scenario", f"rate_limit({10**9}, 60)", "--credits", str(CREDITS)]
    with ExitStack() as stack:
        serve = stack.enter_context(Watched(SERVE, served, folder / "serve.err"))
        mock = stack.enter_context(Watched(MOCK, mocked, folder / "mock.err"))
        tenants = [Tenant(f"tenant-{number}", serve.url, key) for number, key in enumerate(made)]
        worlds = [Tenant(f"world-{number}", f"{mock.url}/t/world-{number}", "any") for number in range(TENANTS)]
        for tenant in worlds:
            # As test suites do between tests.
            tenant.renew = _poster(f"{tenant.base}/_mock/reset", {})
        prefix = f"/t/{_HOSTILE_WORLD}"
        asyncio.run(_poster(f"{mock.url}{prefix}/v1/balance", None, "any")())  # the first call makes the world
        asyncio.run(_poster(f"{mock.url}{prefix}/_mock/accounts", {"key": "broke", "credits": 0})())
        yield [
            Stage(serve, tenants, "", hostile_key, broke_key),
            Stage(mock, worlds, prefix, "hostile", "broke"),
        ]


def clients(stage: Stage) -> Honest:
    """The honest clients of a server."""
    return Honest(stage.tenants)


def _key(data: Path, name: str, credits_: int) -> str:
    """A new account's key, by `outpaint keys create`."""
    words = ["create", name, "--credits", str(credits_), "--data", str(data)]
    ran = CliRunner().invoke(keys, words, catch_exceptions=False)
    if ran.exit_code != 0:
        raise RuntimeError(f"outpaint keys {' '.join(words)} failed: {ran.output}")
    return ran.stdout.split()[0]


def _poster(url: str, body: dict[str, object] | None, key: str = "any") -> Callable[[], Coroutine[Any, Any, None]]:
    """A call that must be answered well; GET where there is no body."""

    async def call() -> None:
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.request(
                "GET" if body is None else "POST", url, json=body, headers={"X-Picsart-API-Key": key}
            ) as answer,
        ):
            if answer.status >= 300:
                raise UnexpectedError(f"{answer.status} of {url}")

    return call


async def _large_picture(base: str, key: str) -> str:
    """The path, with its signature, of a finished PNG of 12 MiB or more: noise all of which but an edge is kept."""
    pixels = np.random.default_rng(3).integers(0, 256, (_LARGE_SIDE, _LARGE_SIDE, 3), dtype=np.uint8)
    photo = _png(pixels)
    body = form(
        {"prompt": "x", "count": "1", "format": "PNG"},
        {"image": photo, "mask_image": mask_file(_LARGE_SIDE, _LARGE_SIDE - 32)},
    )
    headers = {"X-Picsart-API-Key": key, "Content-Type": CONTENT_TYPE}
    async with aiohttp.ClientSession(trust_env=False) as session:
        async with session.post(f"{base}/v1/painting/outpaint", data=BytesIO(body), headers=headers) as answer:
            said = await answer.json()
        until = time.monotonic() + _PATIENCE_S
        while answer.status == 202 and time.monotonic() < until:
            await asyncio.sleep(0.2)
            url = f"{base}/v1/painting/{said['inference_id']}"
            async with session.get(url, headers=headers) as answer:
                said = await answer.json()
    if answer.status != 200 or said["status"] != "success":
        raise RuntimeError(f"the large picture was answered with {answer.status}: {said}")
    return "/" + str(said["data"][0]["url"]).partition("//")[2].partition("/")[2]


def _png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
