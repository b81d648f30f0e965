"""What stands in a pact that the mock wrote, and that it stays the same."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpaint.contracts.errors import OutpaintError
from outpaint.mocks.pact.interactions import Interaction, interaction_of
from outpaint.mocks.pact.pact_file import Pact, pact_of
from outpaint.mocks.pact.provider_states import StateName
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.world.web_sources import picture_for
from outpaint.mocks.world.world import World

KEY = "a-consumers-secret"
PHOTO = picture_for("https://example.com/photo.png")


def api(world: World, **options: Any) -> httpx.Client:
    return httpx.Client(
        transport=OutpaintTransport(world),
        base_url="http://mock.test/v1",
        headers={"X-Picsart-API-Key": KEY} | options.pop("headers", {}),
        **options,
    )


def grown(world: World, **sent: Any) -> httpx.Response:
    with api(world) as client:
        return client.post(
            "/painting/outpaint", **({"files": {"image": ("a.png", PHOTO)}, "data": {"prompt": "x"}} | sent)
        )


def only(world: World) -> dict[str, Any]:
    (interaction,) = pact_of(world, "shop").interactions
    return interaction.document


def test_two_runs_give_the_same_bytes(web_shop_pact: Path, run_suite: Any) -> None:
    done, again = run_suite("--outpaint-consumer", "web-shop", reverse=True)
    assert done.returncode == 0, done.stdout
    assert again.read_bytes() == web_shop_pact.read_bytes()


def test_no_credentials_are_in_it(web_shop_pact: Path) -> None:
    text = web_shop_pact.read_text()
    bodies = [
        base64.b64decode(body["content"])
        for one in json.loads(text)["interactions"]
        for body in (one["request"].get("body"), one["response"].get("body"))
        if body is not None and body["encoded"] == "base64"
    ]
    assert bodies
    for secret in ("web-shops-secret-key-4711", "f00d", "X-Amz-Signature", "X-Mock-Scenario", "mock_"):
        assert secret not in text
        assert all(secret.encode() not in body for body in bodies)


def test_it_is_a_version_4_file_with_states_of_ours(web_shop_pact: Path) -> None:
    document = json.loads(web_shop_pact.read_text())
    assert document["metadata"]["pactSpecification"]["version"] == "4.0"
    assert (document["consumer"]["name"], document["provider"]["name"]) == ("web-shop", "outpaint")
    states = {state["name"] for one in document["interactions"] for state in one["providerStates"]}
    assert states <= {name.value for name in StateName}
    assert states >= {
        "an account with credits",
        "an account without enough credits",
        "an account at its rate limit",
        "a job that is processing",
        "a job that succeeded",
        "a job that failed",
        "a picture whose URL has expired",
        "a painter that takes longer than a request waits",
    }
    descriptions = [one["description"] for one in document["interactions"]]
    assert descriptions == sorted(descriptions)
    assert len({one["key"] for one in document["interactions"]}) == len(descriptions)
    assert not [name for name in descriptions if "404" in name], "its test was left out by its marker"


def test_polls_of_one_kind_are_one_interaction() -> None:
    world = World()
    world.scenarios.next("polls(3)")
    with api(world) as client:
        id_ = grown(world).json()["inference_id"]
        while client.get(f"/painting/{id_}").status_code == 202:
            pass
    pact = pact_of(world, "shop")
    assert [one.description.partition(" -> ")[2] for one in pact.interactions] == [
        "200 success with 2 JPG",
        "202 processing",
        "202 processing",
    ]
    polled = pact.interactions[1].document
    assert polled["request"]["generators"]["path"]["expression"] == "/v1/painting/${inference_id}"
    assert id_ not in pact.text()


@settings(max_examples=25)
@given(
    prompts=st.lists(st.text("abc xyz", min_size=1).filter(str.strip), min_size=2, max_size=4),
    boundary=st.from_regex(r"[a-z0-9]{8,30}", fullmatch=True),
    name=st.sampled_from(["a.png", "tmp8f2.png", "photo"]),
)
def test_order_boundary_and_names_leave_no_trace(prompts: list[str], boundary: str, name: str) -> None:
    texts = []
    for order, edge in ((prompts, boundary), (list(reversed(prompts)), "fixed")):
        world = World()
        for prompt in order:
            headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
            grown(world, files={"image": (name, PHOTO)}, data={"prompt": prompt}, headers=headers)
        texts.append(pact_of(world, "shop").text())
        assert len(pact_of(world, "shop").interactions) == 1
    assert texts[0] == texts[1]


def test_a_multipart_body_is_matched_field_by_field() -> None:
    world = World()
    grown(world, data={"prompt": "x", "count": "1", "api_key": KEY}, headers={"Prefer": "wait=9"})
    request = only(world)["request"]
    assert request["body"]["encoded"] == "base64"
    body = base64.b64decode(request["body"]["content"])
    assert PHOTO in body
    assert b"api_key" not in body, "what means nothing is not in the contract"
    rules = request["matchingRules"]["body"]
    assert rules["$.image"]["matchers"] == [{"match": "contentType", "value": "image/png"}]
    assert rules["$.prompt"]["matchers"] == [{"match": "type"}]
    assert "$.count" not in rules, "how many pictures are asked for is how many come"
    assert "boundary" in request["matchingRules"]["header"]["Content-Type"]["matchers"][0]["regex"]
    assert request["headers"]["Prefer"] == ["wait=9"]


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("gateway(502)", "no provider promises gateway"),
        ("wrong_shape", "no provider promises wrong_shape"),
        ("reset(after)", "no provider promises reset"),
    ],
)
def test_what_no_provider_promises_is_left_out(scenario: str, reason: str) -> None:
    world = World()
    world.scenarios.next(scenario, on="balance")
    with api(world) as client, contextlib.suppress(httpx.HTTPError):
        client.get("/balance")
    pact = pact_of(world, "shop")
    assert not pact.interactions
    assert reason in pact.left_out[0].reason
    with pytest.raises(OutpaintError, match="there is no pact to write"):
        pact.write("never.json")


def test_a_key_outside_its_header_keeps_a_call_out() -> None:
    world = World()
    grown(world, data={"prompt": f"paint {KEY}"})
    (left_out,) = pact_of(world, "shop").left_out
    assert "API key" in left_out.reason


def test_a_replay_and_a_call_without_its_body_are_left_out() -> None:
    world = World()
    for _ in range(2):
        grown(world, headers={"Idempotency-Key": "order-1"})
    assert len(pact_of(world, "shop").interactions) == 1
    assert "repeats a request" in pact_of(world, "shop").left_out[0].reason
    bare = World(body_bytes=0)
    grown(bare)
    assert "no longer kept" in pact_of(bare, "shop").left_out[0].reason


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_what_asks_nothing_of_its_own_is_left_out(method: str) -> None:
    world = World()
    id_ = grown(world).json()["inference_id"]
    with api(world) as client:
        client.request(method, f"/painting/{id_}")
    assert [method in one.call for one in pact_of(world, "shop").left_out] == [True]


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ({"json": {"image_url": "https://u.example/a.png?sig=1", "prompt": "x"}}, "application/json"),
        ({"data": {"image_url": "https://u.example/a.png?sig=1", "prompt": "x"}}, "application/x-www-form-urlencoded"),
    ],
)
def test_an_address_loses_its_query_and_is_a_state(sent: dict[str, Any], kind: str) -> None:
    world = World()
    with api(world) as client:
        client.post("/painting/outpaint", **sent)
    document = only(world)
    assert document["request"]["body"]["contentType"] == kind
    assert "sig" not in json.dumps(document["request"])
    assert document["providerStates"][1] == {
        "name": "pictures behind the addresses that are sent",
        "params": {"addresses": ["https://u.example/a.png"]},
    }


@pytest.mark.parametrize("name", ["", " ", "x" * 201])
def test_a_consumer_has_a_name(name: str) -> None:
    with pytest.raises(OutpaintError, match="1 to 200 characters"):
        Pact.of(name, "outpaint", ())


def test_the_fixture_gives_the_pact_of_its_test(outpaint_api: Any, outpaint_pact: Any, tmp_path: Path) -> None:
    httpx.get("https://genai-api.picsart.io/v1/balance", headers={"X-Picsart-API-Key": KEY})
    pact = outpaint_pact("shop", provider="picsart")
    assert [one.description for one in pact.interactions] == ["GET the balance -> 200"]
    assert json.loads(pact.write(tmp_path / "pact.json").read_text())["provider"] == {"name": "picsart"}


def test_workers_hand_their_interactions_over(tmp_path: Path) -> None:
    from outpaint.mocks.pact.pact_session import PactSession

    world = World()
    with api(world) as client:
        client.get("/balance")
    handed: dict[str, Any] = {}
    worker = PactSession(tmp_path / "w.json", "shop", handed)
    worker.add(world)
    worker.pytest_sessionfinish(0)
    assert not (tmp_path / "w.json").exists()
    controller = PactSession(tmp_path / "c.json", "shop", None)
    controller.pytest_testnodedown(type("Node", (), {"workeroutput": handed}))
    controller.pytest_sessionfinish(0)
    assert (tmp_path / "c.json").read_text() == pact_of(world, "shop").text()
    assert isinstance(interaction_of(world.calls.last), Interaction)


@pytest.mark.parametrize("status", [pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED])
def test_a_run_that_did_not_pass_writes_nothing(tmp_path: Path, status: int) -> None:
    from outpaint.mocks.pact.pact_session import PactSession

    world = World()
    with api(world) as client:
        client.get("/balance")
    session = PactSession(tmp_path / "pact.json", "shop", None)
    session.add(world)
    session.pytest_sessionfinish(status)
    assert not (tmp_path / "pact.json").exists()
