"""The vendor's profile: whatever is asked, nothing of ours is read or answered, in every way to choose it."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.contracts.profiles import LENIENCIES, WarningCode, WireProfile
from outpaint.functions.http.messages import RequestHead, Waiting
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.pact.pact_file import pact_of
from outpaint.mocks.pact.provider_states import StateName
from outpaint.mocks.world.mock_answers import MockResponse
from outpaint.mocks.world.world import World
from outpaint.mocks.world.world_options import WorldOptions
from outpaint.mocks.world.worlds import Worlds

# By hand from docs/facts, and not from the lists that the code reads.
MEMBERS: Final = {"status", "data", "inference_id", "message", "detail", "code", "credits"}
OF_PICTURES: Final = {"id", "url"}
HEADERS: Final = {
    "content-type",
    "content-length",
    "allow",
    "vary",
    "preference-applied",
    "x-picsart-correlation-id",
    "x-picsart-ratelimit-limit",
    "x-picsart-ratelimit-available",
    "x-picsart-ratelimit-reset-time",
    "x-picsart-credit-available",
}
FORM: Final = ("content-type", "multipart/form-data; boundary=b")


def form(picture: bytes, **fields: str) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {"prompt": "a lake", "count": "1", "mode": "async", **fields}.items()
    ]
    image = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + picture + b"\r\n"
    return b"".join((*parts, image, b"--b--\r\n"))


def ask(world: World, method: str, path: str, *headers: tuple[str, str], body: bytes = b"") -> MockResponse:
    own = () if any(name == "x-picsart-api-key" for name, _ in headers) else (("x-picsart-api-key", "anyone"),)
    head = RequestHead(method, path, headers=(*own, *headers))
    answer = MockApplication(world).respond(head, body)
    assert not isinstance(answer, Waiting)
    return answer


def is_the_vendors(answer: MockResponse) -> bool:
    names = {name.lower() for name, _ in answer.headers}
    if {name for name in names if not name.startswith("access-control-")} - HEADERS:
        return False
    if "access-control-expose-headers" in names:
        return False
    if not answer.body or answer.header("content-type") != "application/json":
        return answer.header("content-type") in (None, "image/png", "image/jpeg")
    document = json.loads(answer.body)
    items = document.get("data", [])
    members = MEMBERS - ({"code"} if answer.status == 422 else set())
    return document.keys() <= members and all(item.keys() <= OF_PICTURES for item in items)


@pytest.fixture(scope="module")
def picture() -> bytes:
    from outpaint.conformance.proving.drawn_pictures import canvas

    return canvas()


REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["submit", "poll", "balance", "nowhere", "uploads", "uploads/x", "preflight", "broken", "file", "verb"]
        ),
        st.sampled_from(
            [
                (),
                (("accept", "application/problem+json"),),
                (("accept", "text/html"),),
                (("idempotency-key", "one"),),
                (("idempotency-key", ""), ("prefer", "wait=5")),
                (("prefer", "respond-async, wait=1"), ("origin", "https://app.example")),
                (("x-picsart-api-key", "second"),),
            ]
        ),
        st.sampled_from([{}, {"seed": "-1"}, {"mask_mode": "?"}, {"colour": "red"}, {"count": "11"}, {"mode": "sync"}]),
    ),
    max_size=8,
)
TROUBLE = st.sampled_from(["succeed", "error", "fail", "error(retry_after=7, code=rate_limited)", "credits(0)"])


@given(requests=REQUESTS, trouble=TROUBLE, code=st.sampled_from(ErrorCode))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_nothing_of_ours_is_answered(
    picture: bytes, requests: list[Any], trouble: str, code: ErrorCode
) -> None:
    world = World(profile=WireProfile.VENDOR)
    world.scenarios.always(f"{trouble}({code})" if trouble == "error" else trouble)
    known, url = "x", "/v1/files/x"
    for what, headers, fields in requests:
        method, path, body = "GET", f"/v1/{what}", b""
        if what == "submit":
            method, path, body, headers = "POST", "/v1/painting/outpaint", form(picture, **fields), (FORM, *headers)
        elif what == "broken":
            method, path, body, headers = "POST", "/v1/painting/outpaint", b"--b", (FORM, *headers)
        elif what == "preflight":
            method, path = "OPTIONS", "/v1/painting/outpaint"
        elif what == "poll":
            path = f"/v1/painting/{known}"
        elif what == "file":
            path = url.partition("?")[0]
        elif what == "verb":
            method, path = "DELETE", "/v1/balance"
        answer = ask(world, method, path, *headers, body=body)
        assert is_the_vendors(answer), (what, answer)
        if what.startswith("uploads"):
            assert answer.status == 404 or trouble != "succeed"
        if answer.body and answer.status in (200, 202):
            known = json.loads(answer.body).get("inference_id", known)
            url = next((item["url"] for item in json.loads(answer.body).get("data", [])), url)


def test_an_idempotency_key_makes_a_second_job_and_is_paid_again(picture: bytes) -> None:
    ids = {}
    for profile in WireProfile:
        world = World(profile=profile)
        sent = [
            json.loads(
                ask(world, "POST", "/v1/painting/outpaint", FORM, ("idempotency-key", "one"), body=form(picture)).body
            )["inference_id"]
            for _ in range(2)
        ]
        ids[profile] = len(set(sent))
    assert ids == {WireProfile.OURS: 1, WireProfile.VENDOR: 2}


def test_fields_of_ours_are_ignored_and_kept_as_a_warning_for_the_report(picture: bytes) -> None:
    world = World(profile=WireProfile.VENDOR)
    answer = ask(world, "POST", "/v1/painting/outpaint", FORM, body=form(picture, seed="x", mask_mode="?"))
    assert answer.status == 202
    (call,) = world.calls
    assert [str(warning) for warning in call.warnings] == ["unknown fields ignored: seed, mask_mode"]
    nested = json.dumps({"image_id": "a.png", "prompt": "a lake", "seed": {"any": "thing"}}).encode()
    said = ask(world, "POST", "/v1/painting/outpaint", ("content-type", "application/json"), body=nested)
    assert b"seed" not in said.body


def test_what_is_not_the_apis_spelling_is_refused_with_its_sentence(picture: bytes) -> None:
    asked: list[tuple[str, str, dict[str, str], int, str]] = [
        ("GET", "/v1/balance/", {}, 404, "leave out the slash at its end"),
        ("GET", "/v1/painting/no-job/", {}, 404, "leave out the slash at its end"),
        ("POST", "/v1/painting/outpaint/", {}, 404, "leave out the slash at its end"),
        ("POST", "/v1/painting/outpaint", {"format": "jpeg"}, 422, "the word for that format is JPG"),
    ]
    theirs, ours = World(profile=WireProfile.VENDOR), World()
    for method, path, fields, status, says in asked:
        body = form(picture, **fields) if method == "POST" else b""
        refused = ask(theirs, method, path, FORM, body=body)
        code = WarningCode.FORMAT_WORD if fields else WarningCode.PATH_SLASH
        assert refused.status == status == LENIENCIES[code].refused_with
        assert says in json.loads(refused.body)["detail"]
        for world, scenario in ((theirs, "profile(ours)"), (ours, "")):
            heard = (("x-mock-scenario", scenario),) if scenario else ()
            taken = ask(world, method, path, FORM, *heard, body=body)
            assert taken.header("X-Outpaint-Warning"), (path, taken)
            assert taken.status == (404 if "no-job" in path else 200 if method == "GET" else 202)
    assert all(not call.warnings for call in theirs.calls if call.profile is WireProfile.VENDOR)


def test_a_header_chooses_for_one_call_and_a_scenario_for_the_world(picture: bytes) -> None:
    world = World()
    by_header = ask(world, "GET", "/v1/painting/no-job", ("x-mock-scenario", "profile(vendor)"))
    assert "error_code" not in json.loads(by_header.body)
    assert "error_code" in json.loads(ask(world, "GET", "/v1/painting/no-job").body)
    with world.scenarios.always("profile(vendor)"):
        assert is_the_vendors(ask(world, "POST", "/v1/painting/outpaint", FORM, body=form(picture)))
        ours = ask(world, "GET", "/v1/balance", ("x-mock-scenario", "profile(ours)"))
        assert "X-Content-Type-Options" in dict(ours.headers)


def test_a_preflight_in_the_vendors_profile_allows_what_it_asks_for_but_prefer() -> None:
    asked = ("access-control-request-headers", "prefer,x-picsart-plugin,idempotency-key")
    allowed = ask(World(profile=WireProfile.VENDOR), "OPTIONS", "/v1/painting/outpaint", asked).header(
        "Access-Control-Allow-Headers"
    )
    names = {name.strip().lower() for name in (allowed or "").split(",")}
    assert "x-picsart-plugin" in names
    assert names.isdisjoint({"prefer", "idempotency-key"})


def test_an_option_chooses_and_another_word_is_refused() -> None:
    assert WorldOptions(profile="vendor").checked().world("w").profile is WireProfile.VENDOR
    with pytest.raises(OutpaintError, match="use ours or vendor"):
        WorldOptions(profile="full").checked()


def test_a_refusal_before_any_world_has_the_profile_of_the_default_one() -> None:
    worlds = Worlds(
        lambda name: WorldOptions(profile="vendor").world(name), lambda name, _: WorldOptions().world(name), 3
    )
    answer = MockApplication(worlds).respond(RequestHead("GET", "/t/bad name!/v1/balance"))
    assert not isinstance(answer, Waiting)
    assert answer.status >= 400
    assert is_the_vendors(answer), answer


def test_a_scenario_chooses_the_word_of_an_async_post_alone(picture: bytes) -> None:
    world = World()
    scenario = ("x-mock-scenario", "accepted_word(success); manual")
    taken = json.loads(ask(world, "POST", "/v1/painting/outpaint", FORM, scenario, body=form(picture)).body)
    assert (taken["status"], taken["data"]) == ("success", [])
    polled = ask(world, "GET", f"/v1/painting/{taken['inference_id']}")
    assert (polled.status, json.loads(polled.body)["status"]) == (202, "processing")
    fell = ask(world, "POST", "/v1/painting/outpaint", FORM, scenario, body=form(picture, mode="sync"))
    assert (fell.status, json.loads(fell.body)["status"]) == (202, "processing")


def test_a_pact_of_the_vendors_profile_holds_nothing_of_ours(picture: bytes) -> None:
    world = World(profile=WireProfile.VENDOR)
    taken = json.loads(ask(world, "POST", "/v1/painting/outpaint", FORM, body=form(picture)).body)
    ask(world, "GET", f"/v1/painting/{taken['inference_id']}")
    ask(world, "POST", "/v1/painting/outpaint", FORM, body=form(picture, count="11"))
    with world.scenarios.always("fail(timed_out)"):
        failing = json.loads(ask(world, "POST", "/v1/painting/outpaint", FORM, body=form(picture)).body)
        ask(world, "GET", f"/v1/painting/{failing['inference_id']}")
    world.scenarios.next("error(insufficient_credits)")
    ask(world, "POST", "/v1/painting/outpaint", FORM, body=form(picture))
    pact = pact_of(world, "shop", "outpaint")
    assert pact.left_out == ()
    interactions = json.loads(pact.text())["interactions"]
    for one in interactions:
        assert one["response"]["body"]["content"].keys() <= MEMBERS
        assert {name.lower() for name in one["response"]["headers"]} <= HEADERS
    states = {state["name"] for one in interactions for state in one["providerStates"]}
    assert {StateName.FAILED, StateName.PROCESSING} & states == {StateName.FAILED}
    assert StateName.POOR_ACCOUNT in states


def test_what_sets_a_limit_is_named_but_not_by_the_vendor(picture: bytes) -> None:
    limits = ServiceSettings(pictures=PictureLimits(max_side=50), limit_names={"max_side": "--limit max_side=..."})
    said = {}
    for profile in WireProfile:
        answer = ask(World(profile=profile, settings=limits), "POST", "/v1/painting/outpaint", FORM, body=form(picture))
        said[profile.value] = json.loads(answer.body)["detail"].partition("resize it")[2]
    assert said == {"ours": " (the limit is set by --limit max_side=...)", "vendor": ""}
