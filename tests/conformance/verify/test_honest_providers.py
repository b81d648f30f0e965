"""Honest providers stay green: each difference is on the wire, and no case or promise is red for it."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import honest_providers
import httpx
import pytest
from honest_providers import DIFFERENCES, HonestDifference, honest_provider

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving import drawn_pictures
from outpaint.conformance.proving.raw_requests import FormPart, multipart, multipart_type, send_raw
from outpaint.conformance.verify.case_selection import Selection
from outpaint.conformance.verify.verification import verify_provider
from outpaint.contracts.paths_and_headers import BALANCE_PATH, OUTPAINT_PATH, UPLOADS_PATH
from outpaint.functions.command_line.exit_codes import ExitCode

BY_NAME = {one.name: one for one in DIFFERENCES}
# Each group is proven at once; what cannot be true of one provider is in different ones.
GROUPS = (
    ("set-cookie", "connection-close", "early-hints", "gzip", "names-in-capitals-backwards", "further-members",
     "any-header-by-cors", "relative-location", "chunked-files", "nosniff-twice"),
    ("http-1.0", "no-reason-phrase", "indented-json", "types-with-parameters", "a-longer-retry-after",
     "uploads-are-201", "head-without-length", "a-clock-of-its-own", "preferences-respelled", "deflate"),
    ("files-are-redirected", "chunked-answers", "chunked-errors", "brotli", "members-backwards-escaped",
     "lists-on-several-lines", "options-is-200", "further-headers", "no-store-respelled"),
    ("files-on-another-host", "ipv6-alone", "http-1.0-kept-alive", "blanks-around-json", "other-blanks-in-heads"),
)  # fmt: skip
ABOUT_ANSWERS = {
    "accept", "asynchronous", "browsers", "credits", "failed-jobs", "fields", "idempotency", "preferences", "raw-http",
    "result-files", "routes", "synchronous", "uploads",
}  # fmt: skip
FAMILIES = tuple({case.family: case for case in reversed(all_cases()) if case.area in ABOUT_ANSWERS}.values())
"""The first variant of each case in the areas that read answers in their own ways; `make honest` has all cases."""
PICTURE = drawn_pictures.data_uri(drawn_pictures.canvas())


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def evidence(*differences: HonestDifference) -> Mapping[str, bytes]:
    """What a provider with these differences says to a few requests, byte for byte; its host is `@here@`."""
    with honest_provider(*differences) as provider, provider.client() as client:
        key, address = provider.key(), provider.address()
        here = client.base_url.netloc

        def said(method: str, target: str, *lines: str, body: bytes = b"") -> bytes:
            head = [f"{method} {target} HTTP/1.1", f"Host: {here.decode()}", f"X-Picsart-API-Key: {key}", *lines]
            head += ["Accept-Encoding: gzip, deflate, br", f"Content-Length: {len(body)}", "Connection: close"]
            return send_raw(address, "\r\n".join([*head, "", ""]).encode() + body).replace(here, b"@here@")

        def posted(*lines: str, **more: object) -> bytes:
            request = client.build_request("POST", OUTPAINT_PATH, json={"image_url": PICTURE, "prompt": "a", **more})
            return said("POST", OUTPAINT_PATH, "Content-Type: application/json", *lines, body=request.read())

        url = urlsplit(
            client.post(
                OUTPAINT_PATH, json={"image_url": PICTURE, "prompt": "a"}, headers={"X-Picsart-API-Key": key}
            ).json()["data"][0]["url"]
        )
        ticket = client.post(
            UPLOADS_PATH, json={"content_type": "image/png"}, headers={"X-Picsart-API-Key": key}
        ).json()
        form = multipart(
            *(FormPart(name, value) for name, value in ticket["fields"].items()),
            FormPart("file", drawn_pictures.canvas(), "a.png"),
        )
        store = urlsplit(ticket["url"])
        return {
            "base": str(client.base_url).encode(),
            "balance": said("GET", BALANCE_PATH),
            "kept": kept(address, f"GET {BALANCE_PATH} HTTP/1.1\r\nHost: x\r\nX-Picsart-API-Key: {key}\r\n\r\n"),
            "refused": said("GET", "/v1/nothing"),
            "head": said("HEAD", f"{url.path}?{url.query}"),
            "asked-first": said("OPTIONS", BALANCE_PATH, "Origin: https://a", "Access-Control-Request-Method: GET"),
            "result": posted(count=1),
            "taken": posted(mode="async"),
            "preferred": posted("Prefer: respond-async, wait=20", count=1),
            "file": said("GET", f"{url.path}?{url.query}"),
            "uploaded": said("POST", f"{store.path}?{store.query}", f"Content-Type: {multipart_type()}", body=form),
        }


def kept(address: tuple[str, int], request: str) -> bytes:
    """The head of an answer on a connection that its client would go on using."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request.encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        return received


@pytest.fixture(scope="module")
def ours() -> Mapping[str, bytes]:
    return evidence()


@pytest.mark.parametrize("name", BY_NAME)
def test_a_difference_is_on_the_wire(name: str, ours: Mapping[str, bytes]) -> None:
    if name == "ipv6-alone" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    exchange, pattern = BY_NAME[name].shown_by
    theirs = evidence(BY_NAME[name])[exchange]
    assert re.search(pattern, theirs), theirs
    assert not re.search(pattern, ours[exchange])


def test_every_difference_is_proven() -> None:
    assert sorted(name for group in GROUPS for name in group) == sorted(BY_NAME)
    assert len(BY_NAME) >= 20


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0])
def test_an_honest_provider_is_proven(group: tuple[str, ...]) -> None:
    wanted = [name for name in group if name != "ipv6-alone" or has_ipv6()]
    with honest_provider(*map(BY_NAME.__getitem__, wanted)) as provider:
        found = verify_provider(provider, FAMILIES, jobs=4)
    assert not found.failures, [(one.subject.id, one.said) for one in found.failures]
    assert found.exit_code is ExitCode.PROVEN, found.sentence


def test_a_balance_that_says_more_is_one_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor's SDK unpacks it into one field, so this is no honest difference; it is one fault."""

    def more(answer: honest_providers.WholeAnswer) -> None:
        if answer.path == BALANCE_PATH and answer.status == 200 and (document := answer.document) is not None:
            answer.say(httpx.Response(200, json={**document, "plan": "pro"}).content)

    dishonest = HonestDifference("a plan beside the credits", "nothing", ("balance", b"plan"), more)
    with honest_provider(dishonest) as provider:
        found = verify_provider(provider, FAMILIES, selection=Selection(only=["credits", "keys"]), jobs=4)
    assert [one.subject.id for one in found.failures] == ["credits.balance-has-one-member"]
