"""No credential gets into a recording, wherever it stands; pixels only where they are asked for."""

from __future__ import annotations

import base64
import io
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from wire_kit.consumer import png, post

from outpaint.conformance.drift.recorder import Recorder
from outpaint.conformance.drift.upstream import Upstream, UpstreamRequest
from outpaint.conformance.verify.case_selection import CreditBudget

from .conftest import KEY, PROXY, UPSTREAM, Sit

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60)
NAMES = st.sampled_from(["prompt", "image_url", "note", "x"])
PLACES = st.sampled_from(["form", "json", "json name", "query", "path", "header", "text", "urlencoded", "multipart"])


def told(asked: UpstreamRequest, answer: httpx.Response, **options: Any) -> str:
    """The recording's text after one exchange."""
    upstream = Upstream(UPSTREAM, timeout=5, transport=httpx.MockTransport(lambda _: answer))
    recorder = Recorder(upstream, PROXY, CreditBudget(None), **options)
    recorder.handle(asked)
    upstream.close()
    return recorder.recording().text()


def asked_with(secret: str, place: str, name: str) -> UpstreamRequest:
    """A request that carries a secret, besides its header, at some place."""
    headers, target, body, kind = [("X-Picsart-API-Key", secret)], "/v1/painting/outpaint", b"", ""
    if place in ("form", "urlencoded"):
        body, kind = f"{name}=a+{quote(secret, safe='')}+b".encode(), "application/x-www-form-urlencoded"
    elif place == "json":
        body, kind = json.dumps({name: [{"deep": f"a {secret} b"}]}).encode(), "application/json"
    elif place == "json name":
        body, kind = json.dumps({f"x{secret}": 1}).encode(), "application/json"
    elif place == "query":
        target += f"?{name}={quote(secret, safe='')}"
    elif place == "path":
        target = f"/v1/painting/{quote(secret, safe='')}"
    elif place == "header":
        headers.append(("X-Note", f"see {secret}"))
    elif place == "multipart":
        body = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{secret}\r\n--b--\r\n'.encode()
        kind = "multipart/form-data; boundary=b"
    else:
        body, kind = f"plain {secret}".encode(), "text/plain"
    if kind:
        headers.append(("Content-Type", kind))
    return UpstreamRequest("POST", target, headers, body)


@settings(deadline=None)
@given(secret=KEYS, place=PLACES, name=NAMES)
def test_a_key_is_nowhere_in_the_file(secret: str, place: str, name: str) -> None:
    answer = httpx.Response(422, json={"detail": f"bad {secret}", secret: secret}, headers={"X-Echo": secret})
    text = told(asked_with(secret, place, name), answer)
    assert secret not in text
    assert json.dumps(secret)[1:-1] not in text
    assert quote(secret, safe="") not in text


@settings(deadline=None)
@given(secret=KEYS, place=PLACES)
def test_the_key_of_the_environment_is_nowhere_in_the_file(secret: str, place: str) -> None:
    answer = httpx.Response(500, text=f"no {secret}", headers={"Content-Type": "text/html"})
    asked = asked_with(secret, place, "note")
    assert secret not in told(
        UpstreamRequest("GET", asked.target, [("X-Picsart-API-Key", "any")], b""), answer, key=secret
    )


@settings(deadline=None)
@given(secret=KEYS)
def test_other_credentials_neither(secret: str) -> None:
    headers = [("Authorization", f"Bearer {secret}"), ("Content-Type", "application/json")]
    answer = httpx.Response(200, json={"told": secret, "token": secret}, headers={"X-Echo": secret})
    assert secret not in told(UpstreamRequest("POST", "/v1/x", headers, json.dumps({"a": secret}).encode()), answer)
    cookies = httpx.Response(200, headers={"Set-Cookie": f"session={secret}"}, json={})
    assert secret not in told(UpstreamRequest("GET", "/v1/x", [("Cookie", secret)]), cookies)


@settings(deadline=None)
@given(signature=st.text("0123456789abcdef", min_size=16, max_size=64), name=st.sampled_from(
    ["signature", "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "Policy", "hmac", "sig", "token"]
))  # fmt: skip
def test_what_signs_a_url_is_struck_out(signature: str, name: str) -> None:
    url = f"https://store.test/a.png?expires=1767225600&{name}={signature}"
    answer = httpx.Response(200, json={"data": [{"id": "a.png", "url": url}]})
    body = json.dumps({"image_url": url}).encode()
    asked = UpstreamRequest("POST", "/v1/painting/outpaint", [("Content-Type", "application/json")], body)
    text = told(asked, answer)
    assert signature not in text
    assert "https://store.test/a.png?expires=1767225600&" in text
    assert signature not in told(asked, answer, follow=True)


def test_an_upload_tickets_fields_are_struck_out() -> None:
    fields = {"key": "uploads/a.png", "policy": "eyJhbGciOiJub25l", "x-amz-signature": "0a1b2c3d4e5f60718293"}
    answer = httpx.Response(200, json={"id": "a.png", "url": "https://store.test/", "fields": fields})
    text = told(UpstreamRequest("POST", "/v1/uploads", []), answer)
    assert not any(value in text for value in fields.values())
    assert all(name in text for name in fields)


def test_a_key_stays_itself_under_its_name(sit: Sit) -> None:
    sitting = sit()
    for key in (KEY, "another-key-of-theirs", KEY):
        sitting.api.get("/balance", headers={"X-Picsart-API-Key": key})
    assert [one.request.key for one in sitting.recording().exchanges] == ["key-1", "key-2", "key-1"]


def test_a_key_that_shows_up_late_is_struck_out_of_what_came_before(sit: Sit) -> None:
    sitting = sit()
    post(sitting.api, files={"image": png()}, data={"prompt": "my key is a-key-for-later-on", "count": "1"})
    assert "a-key-for-later-on" in sitting.recorder.recording().text()
    sitting.api.get("/balance", headers={"X-Picsart-API-Key": "a-key-for-later-on"})
    assert "a-key-for-later-on" not in sitting.recorder.recording().text()


def test_the_key_of_the_environment_goes_in_place_of_the_clients() -> None:
    sent: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("X-Picsart-API-Key"))
        return httpx.Response(200, json={"credits": 1})

    upstream = Upstream(UPSTREAM, timeout=5, transport=httpx.MockTransport(answer))
    recorder = Recorder(upstream, PROXY, CreditBudget(None), key=KEY)
    recorder.handle(UpstreamRequest("GET", "/v1/balance", [("x-picsart-api-key", "the-client-knows-none")]))
    recorder.handle(UpstreamRequest("GET", "/v1/balance", []))
    upstream.close()
    assert sent == [KEY, None]
    assert KEY not in recorder.recording().text()


# Pixels


def coloured() -> bytes:
    image = Image.effect_noise((64, 48), 80).convert("RGBA")
    image.paste((0, 0, 0, 0), (32, 0, 64, 48))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("how", ["multipart", "json", "urlencoded"])
def test_pixels_are_kept_only_where_they_are_asked_for(how: str, sit: Sit) -> None:
    data = coloured()
    uri = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    form = {"prompt": "a lake", "count": "1"}
    for keep in (False, True):
        sitting = sit(keep_pixels=keep)
        if how == "multipart":
            done = post(sitting.api, files={"image": ("a.png", data, "image/png")}, data=form)
        elif how == "json":
            done = post(sitting.api, json={"image_url": uri, "prompt": "a lake", "count": 1})
        else:
            done = post(sitting.api, data=form | {"image_url": uri})
        assert done.status_code == 200, done.text
        painted = sitting.api.get(done.json()["data"][0]["url"]).content
        text = sitting.recorder.recording().text()
        assert (base64.b64encode(data).decode() in text) is keep
        assert (base64.b64encode(painted).decode() in text) is keep
        assert base64.b64encode(data[40:100]).decode()[4:-4] not in text or keep


def test_a_client_that_writes_our_own_marks_is_scrubbed_all_the_same() -> None:
    body = json.dumps({"$picture": {"bytes": 1, "sha256": KEY}}).encode()
    asked = UpstreamRequest("POST", "/v1/x", [("X-Picsart-API-Key", KEY), ("Content-Type", "application/json")], body)
    assert KEY not in told(asked, httpx.Response(200, json={}))
