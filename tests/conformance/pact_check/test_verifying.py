"""Pact's own engine reads our files: our providers keep the web shop's pact over TCP, and broken ones do not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pact import Verifier

from outpaint.conformance.pact_check.pact_reading import read_pact
from outpaint.conformance.pact_check.pact_verifying import PublicProvider, state_server, verify
from outpaint.mocks.pact.pact_file import pact_of
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.transports.tcp_server import thread_server
from outpaint.mocks.world.web_sources import picture_for
from outpaint.mocks.world.world import World


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
    sent = world.calls.submits.where(
        lambda call: (call.request_head.header("content-type") or "").startswith("multipart/")
    )
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
    assert not verdict.broken
    assert verdict.kept
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


@contextmanager
def answering(content_type: str, body: bytes) -> Iterator[str]:
    """A server that answers every GET with a body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


PNG = picture_for("https://example.com/other.png")


@pytest.mark.parametrize(
    ("image", "label", "count", "kept"),
    [
        (PNG, "image/png", "1", True),
        (PNG, "application/octet-stream", "1", True),
        (PNG, "image/png", "2", False),
        (b"GIF89a" + bytes(40), "image/png", "1", False),
    ],
)
def test_the_engine_matches_forms_by_our_rules(
    tmp_path: Path, image: bytes, label: str, count: str, kept: bool
) -> None:
    """The rules of a multipart request, put to the engine on an answer, which it matches in the same way."""
    world = World()
    with httpx.Client(transport=OutpaintTransport(world), headers={"X-Picsart-API-Key": "a-key"}) as client:
        form = {"prompt": "hills", "count": "1", "format": "PNG"}
        client.post("http://mock.test/v1/painting/outpaint", files={"image": ("a.png", PNG)}, data=form)
    request = pact_of(world, "shop").interactions[0].document["request"]
    rules = request["matchingRules"]
    interaction = {
        "type": "Synchronous/HTTP",
        "description": "a form",
        "request": {"method": "GET", "path": "/form"},
        "response": {
            "status": 200,
            "headers": {"Content-Type": request["headers"]["Content-Type"]},
            "body": request["body"],
            "matchingRules": {"body": rules["body"], "header": {"Content-Type": rules["header"]["Content-Type"]}},
        },
    }
    file = tmp_path / "form.json"
    document = {"consumer": {"name": "shop"}, "provider": {"name": "outpaint"}, "interactions": [interaction]}
    file.write_text(json.dumps(document | {"metadata": {"pactSpecification": {"version": "4.0"}}}))
    sent = httpx.Request(
        "POST",
        "http://mock.test",
        # Another order, another name, another boundary, and more than was agreed upon.
        data={"count": count, "format": "PNG", "prompt": "something\nelse", "seed": "7"},
        files={"image": ("tmp8z1.bin", image, label)},
    )
    with answering(sent.headers["Content-Type"], sent.read()) as url:
        verifier = Verifier("outpaint", host="127.0.0.1").add_transport(url=url).add_source(file)
        try:
            verifier.verify()
        except RuntimeError:
            assert not kept
        else:
            assert kept
