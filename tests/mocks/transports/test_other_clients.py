"""Clients that are not httpx's, over TCP, and an environment that names a proxy."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import pytest
import requests
import urllib3

from outpaint.mocks.transports.tcp_server import ServedWorld, ThreadServer
from outpaint.mocks.world.virtual_sleeps import VirtualSleeps
from outpaint.mocks.world.world import World

KEY = {"X-Picsart-API-Key": "anyone"}
FORM = {"image_url": "https://pictures.test/a.png", "prompt": "hills", "count": "1", "format": "PNG", "mode": "async"}
Ask = Callable[[str, str, dict[str, str] | None], tuple[int, bytes]]


def by_requests(method: str, url: str, form: dict[str, str] | None) -> tuple[int, bytes]:
    answer = requests.request(method, url, data=form, headers=KEY)
    return answer.status_code, answer.content


def by_urllib3(method: str, url: str, form: dict[str, str] | None) -> tuple[int, bytes]:
    with urllib3.PoolManager() as pool:
        answer = pool.request(method, url, fields=form, headers=KEY, retries=False)
        return answer.status, answer.data


def by_aiohttp(method: str, url: str, form: dict[str, str] | None) -> tuple[int, bytes]:
    async def go() -> tuple[int, bytes]:
        async with (
            aiohttp.ClientSession(headers=KEY, trust_env=True) as session,
            session.request(method, url, data=form) as answer,
        ):
            return answer.status, await answer.read()

    return asyncio.run(go())


def by_curl(method: str, url: str, form: dict[str, str] | None) -> tuple[int, bytes]:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    sent = [] if form is None else ["--data", urlencode(form)]
    command = [
        "curl",
        "-sS",
        "-X",
        method,
        "-H",
        "X-Picsart-API-Key: anyone",
        "-w",
        "%{stderr}%{http_code}",
        *sent,
        url,
    ]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return int(done.stderr), done.stdout


@pytest.fixture
def served(server: ThreadServer, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedWorld]:
    """A world over TCP, in an environment that names a proxy where nobody answers."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with server.serving(world) as served:
        yield served


@pytest.mark.parametrize("ask", [by_requests, by_urllib3, by_aiohttp, by_curl])
def test_a_client_gets_its_picture_whatever_proxy_there_is(served: ServedWorld, ask: Ask) -> None:
    served.scenarios.always("polls(1)")
    status, body = ask("POST", f"{served.base_url}/painting/outpaint", FORM)
    assert status == 202
    poll = f"{served.base_url}/painting/{json.loads(body)['inference_id']}"
    assert ask("GET", poll, None)[0] == 202
    status, body = ask("GET", poll, None)
    assert status == 200
    assert ask("GET", json.loads(body)["data"][0]["url"], None)[1].startswith(b"\x89PNG")
    assert [call.status for call in served.calls] == [202, 202, 200, 200]


def test_the_environment_is_as_it_was_afterwards(server: ThreadServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "intern.test")
    monkeypatch.delenv("NO_PROXY", raising=False)
    one, other = server.serving(World(uuid4().hex)), server.serving(World(uuid4().hex))
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "intern.test,127.0.0.1"
    other.__exit__(None, None, None)
    assert os.environ["no_proxy"] == "intern.test"
    assert "NO_PROXY" not in os.environ
    monkeypatch.setenv("no_proxy", "*")
    with server.serving(World(uuid4().hex)):
        assert os.environ["no_proxy"] == "*"


def test_the_pauses_of_urllib3s_retries_move_the_clock(server: ThreadServer, world: World) -> None:
    world.scenarios.next("error(unavailable, retry_after=30)", times=2)
    adapter = requests.adapters.HTTPAdapter(max_retries=urllib3.Retry(3, status_forcelist=[503]))
    with server.serving(world) as served, requests.Session() as session, VirtualSleeps(world.clock) as sleeps:
        session.mount("http://", adapter)
        assert session.get(f"{served.base_url}/balance", headers=KEY).status_code == 200
        assert sleeps.seconds == (30, 30)
    assert [call.status for call in world.calls] == [503, 503, 200]
    assert world.calls[2].at - world.calls[0].at == 60
