"""Pact's own engine reads our files: our providers keep the web shop's pact over TCP, and broken ones do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from outpaint_mocks.faces.server import thread_server
from outpaint_mocks.pact.public_staging import PublicProvider
from outpaint_mocks.pact.reading import read_pact
from outpaint_mocks.pact.state_server import state_server
from outpaint_mocks.pact.verifying import verify
from outpaint_mocks.world import World
from pact import Verifier


@pytest.fixture(autouse=True)
def _nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACT_DO_NOT_TRACK", "true")


def verified(file: Path, url: str, states: str) -> dict[str, bool]:
    """What the plain verifier says of each interaction, as a provider's team would call it."""
    verifier = (
        Verifier("outpaint", host="127.0.0.1")
        .add_transport(url=url)
        .state_handler(states, body=True, teardown=False)
        .set_request_timeout(30_000)
        .add_source(file)
    )
    failed = False
    try:
        verifier.verify()
    except RuntimeError:
        failed = True
    found = {one["description"]: one["result"] == "OK" for one in verifier.results["interactionResults"]}
    assert failed == (not all(found.values()))
    return found


def test_the_local_server_keeps_it(web_shop_pact: Path, local_provider: Any) -> None:
    with local_provider() as provider, state_server(provider.stage) as states:
        found = verified(web_shop_pact, provider.url, states)
    assert len(found) == len(json.loads(web_shop_pact.read_text())["interactions"])
    assert [description for description, kept in found.items() if not kept] == []


def test_the_mock_server_keeps_it_with_its_own_states(web_shop_pact: Path) -> None:
    world = World("verified")
    with thread_server() as server, server.serving(world) as served:
        found = verified(web_shop_pact, served.url, f"{served.url}/_mock/pact/state")
    assert [description for description, kept in found.items() if not kept] == []
    sent = world.calls.submits.where(lambda call: (call.head.header("content-type") or "").startswith("multipart/"))
    # The pictures came as they were sent: binary, in a form.
    assert {call.mask_sha256 is not None for call in sent} == {True, False}
    assert all(call.image.size == (64, 64) for call in sent if call.image_sha256 is not None)


def _without_data(status: int, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
    if status == 202:
        document = json.loads(body)
        del document["data"]
        body = json.dumps(document).encode()
    return status, headers, body


def _without_retry_after(status: int, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
    return status, [pair for pair in headers if not (status == 202 and pair[0].lower() == b"retry-after")], body


def _credits_as_text(status: int, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
    document = json.loads(body) if body.startswith(b"{") else {}
    return status, headers, json.dumps({"credits": "many"}).encode() if "credits" in document else body


def _pictures_of_another_kind(status: int, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
    return status, headers, b"<html></html>" if body.startswith(b"\x89PNG") else body


def _one_picture_less(status: int, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
    document = json.loads(body) if body.startswith(b"{") else {}
    if len(document.get("data", ())) > 1:
        body = json.dumps(document | {"data": document["data"][1:]}).encode()
    return status, headers, body


def _other_status(status: int, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
    return {422: 400, 402: 403}.get(status, status), headers, body


BROKEN: dict[str, tuple[Any, str]] = {
    "data is missing": (_without_data, "202 processing"),
    "no header says when to come again": (_without_retry_after, "202 processing"),
    "credits are a text": (_credits_as_text, "GET the balance -> 200"),
    "a picture is a page": (_pictures_of_another_kind, "200 image/png"),
    "a picture is missing": (_one_picture_less, "200 success with 2 JPG"),
    "a status is another": (_other_status, "422 invalid_parameter"),
}


@pytest.mark.parametrize("bug", BROKEN)
def test_a_broken_server_does_not(web_shop_pact: Path, local_provider: Any, bug: str, tmp_path: Path) -> None:
    change, word = BROKEN[bug]
    document = json.loads(web_shop_pact.read_text())
    # Only what the bug is about, and something that it does not touch.
    document["interactions"] = [
        one
        for one in document["interactions"]
        if word in one["description"] or one["description"].endswith("401 unknown_key of X-Picsart-API-Key")
    ]
    file = tmp_path / "pact.json"
    file.write_text(json.dumps(document))
    with local_provider(change) as provider, state_server(provider.stage) as states:
        found = verified(file, provider.url, states)
    broken = [description for description, kept in found.items() if not kept]
    assert broken
    assert all(word in description for description in broken)


def test_a_provider_that_is_no_mock_is_verified_as_far_as_a_key_reaches(
    web_shop_pact: Path, local_provider: Any
) -> None:
    with local_provider() as provider:
        key = provider.stage("an account with credits", {"credits": 50})["api_key"]
        verdict = verify(read_pact(web_shop_pact), f"{provider.url}/v1", key)
    assert verdict.holds, verdict.broken
    assert any("200 success with 2 JPG" in description for description in verdict.kept)
    assert {why for _, why in verdict.left_out} >= {"'a job that is processing' takes more than an API key"}
    assert len(verdict.kept) + len(verdict.left_out) == len(read_pact(web_shop_pact).interactions)


def test_a_state_that_cannot_be_had_fails_its_interaction(
    web_shop_pact: Path, local_provider: Any, tmp_path: Path
) -> None:
    document = json.loads(web_shop_pact.read_text())
    document["interactions"] = [one for one in document["interactions"] if "402" in one["description"]]
    file = tmp_path / "pact.json"
    file.write_text(json.dumps(document))
    with local_provider() as provider:
        key = provider.stage("an account with credits", {"credits": 50})["api_key"]
        with state_server(PublicProvider(provider.url, key).stage) as states:
            assert not any(verified(file, provider.url, states).values())
