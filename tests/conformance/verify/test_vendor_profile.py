"""The vendor's profile beside a server of the vendor's shape: a client of the one is a client of the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
import vendor_server
from PIL import Image
from wire_kit.mocks import respx_provider

from outpaint.conformance.verify.case_runner import Outcome
from outpaint.conformance.verify.case_selection import Selection
from outpaint.conformance.verify.remote_provider import RemoteProvider
from outpaint.conformance.verify.verification import verify_provider
from outpaint.contracts.profiles import WireProfile
from outpaint.functions.command_line.exit_codes import ExitCode
from outpaint.mocks.transports.tcp_server import thread_server
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World

STREAM = BytesIO()
PICTURE = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
PICTURE.paste((20, 120, 200, 255), (16, 12, 48, 36))
PICTURE.save(STREAM, "PNG")
SENT: dict[str, Any] = {"image": ("a.png", STREAM.getvalue(), "application/octet-stream")}
ANY_SERVERS = {"date", "server", "connection", "vary"}


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    with vendor_server.vendor_server() as url:
        yield url


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    world = World(profile=WireProfile.VENDOR, clock=VirtualClock.ticking(scale=50))
    with thread_server() as server, server.serving(world) as served:
        yield f"{served.url}/v1"


def shape(value: Any) -> Any:
    """Names and types of JSON, without the values."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    return [shape(item) for item in value[:1]] if isinstance(value, list) else type(value).__name__


def headers_of(answer: httpx.Response) -> set[str]:
    return {name.lower() for name in answer.headers if not name.lower().startswith("access-control-")} - ANY_SERVERS


def told(answer: httpx.Response) -> tuple[int, Any, set[str]]:
    return answer.status_code, shape(answer.json()), headers_of(answer)


def a_clients_day(url: str) -> list[tuple[int, Any, set[str]]]:
    """What a client of the vendor's does, as it is answered: the official clients' requests among it."""
    seen = []
    with httpx.Client(base_url=url, headers={"X-Picsart-API-Key": vendor_server.KEY}, trust_env=False) as client:
        seen.append(told(client.get("/balance")))
        form = {"prompt": "a lake", "count": "2", "format": "PNG", "negative_prompt": "", "mode": "sync"}
        done = client.post("/painting/outpaint", data=form, files=SENT)
        seen.append(told(done))
        for item in done.json()["data"]:
            assert re.fullmatch(r"[0-9a-f-]{36}\.png", item["id"])
            assert Image.open(BytesIO(httpx.get(item["url"], trust_env=False).content)).size == (64, 48)
        taken = client.post("/painting/outpaint", data={**form, "mode": "async"}, files=SENT)
        seen.append(told(taken))
        inference_id = taken.json()["inference_id"]
        while (polled := client.get(f"/painting/{inference_id}")).status_code == 202:
            assert polled.json()["data"] == []
        seen.append(told(polled))
        seen.append(told(client.post("/painting/outpaint", data=form, files=SENT, headers={"Prefer": "respond-async"})))
        ours = {"Idempotency-Key": "one", "Accept": "application/problem+json, application/json"}
        before = client.get("/balance").json()["credits"]
        for _ in range(2):
            answer = client.post(
                "/painting/outpaint", data=form | {"seed": "-7", "mask_mode": "?"}, files=SENT, headers=ours
            )
            seen.append(told(answer))
        assert before - client.get("/balance").json()["credits"] == 4
        seen.append(told(client.post("/painting/outpaint", data=form | {"count": "11"}, files=SENT, headers=ours)))
        seen.append(told(client.post("/painting/outpaint", data=form)))
        seen.append(told(client.post("/painting/outpaint", content=b"{", headers={"Content-Type": "application/json"})))
        seen.append(told(client.post("/painting/outpaint", content=b"x", headers={"Content-Type": "text/plain"})))
        seen.append(told(client.get("/painting/no-such-job")))
        seen.append(told(client.get("/balance/")))
        seen.append(told(client.post("/painting/outpaint", data=form | {"format": "JPEG"}, files=SENT)))
        seen.append(told(client.post("/uploads", json={})))
        seen.append(told(client.get("/balance", headers={"Accept": "application/problem+json"})))
        seen.append(told(client.get("/balance", headers={"X-Picsart-API-Key": ""})))
        seen.append(told(client.post("/balance")))
    return seen


def test_a_client_of_the_mock_in_the_vendors_profile_is_answered_by_the_vendor_alike(vendor: str, mock: str) -> None:
    for number, (ours, theirs) in enumerate(zip(a_clients_day(mock), a_clients_day(vendor), strict=True)):
        assert ours == theirs, f"exchange {number}"


def test_a_server_of_the_vendors_shape_is_proven_in_the_vendors_profile(vendor: str) -> None:
    provider = RemoteProvider(vendor, vendor_server.KEY)
    found = verify_provider(provider, selection=Selection(profile=WireProfile.VENDOR), jobs=2)
    assert not found.failures, [(one.subject.id, one.said) for one in found.failures]
    assert found.exit_code is ExitCode.PROVEN, found.sentence
    seen = {aspect.name: aspect for aspect in found.coverage}
    assert seen["headers"].missed == ()
    assert seen["error codes"].of == 0


def test_the_mock_in_the_vendors_profile_is_proven_with_all_that_cases_need_of_one() -> None:
    with respx_provider(profile=WireProfile.VENDOR) as provider:
        found = verify_provider(provider, selection=Selection(profile=WireProfile.VENDOR), jobs=2)
    assert not found.failures, [(one.subject.id, one.said) for one in found.failures]
    assert found.exit_code is ExitCode.PROVEN, found.sentence
    seen = {aspect.name: aspect for aspect in found.coverage}
    assert seen["body fields"].missed == ()


def test_in_our_profile_it_is_broken_for_what_it_lacks(vendor: str) -> None:
    provider = RemoteProvider(vendor, vendor_server.KEY)
    areas = Selection(only=["asynchronous.*", "always.*", "fields.wrong-value-is-422"])
    results = verify_provider(provider, selection=areas, jobs=2).results
    failed = {one.subject.id for one in results if one.outcome in (Outcome.FAILED, Outcome.FAILED_ALIKE)}
    assert {"always.retry-after", "asynchronous.location-leads-to-the-poll"} <= failed
    assert "always.error-code-fits-the-status" in failed


def test_a_mock_that_sends_one_thing_of_ours_is_told_apart(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from outpaint.contracts import paths_and_headers, profiles

    monkeypatch.setattr(
        profiles, "VENDOR_ANSWER_HEADERS", paths_and_headers.VENDOR_ANSWER_HEADERS | {"retry-after", "location"}
    )
    with thread_server() as server, server.serving(World(profile=WireProfile.VENDOR)) as served:
        ours = a_clients_day(f"{served.url}/v1")
    assert any(one != other for one, other in zip(ours, a_clients_day(vendor), strict=True))
    assert json.dumps([sorted(names) for _, _, names in ours]).count("retry-after") >= 2
