"""No credential gets into anything that is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from outpaint.conformance.proving.expectations import Unmet
from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.verify.case_runner import Outcome
from outpaint.conformance.verify.redacted_runs import redacted_exchange
from outpaint.conformance.verify.text_reports import as_json, as_junit, print_table
from outpaint.conformance.verify.verification import verify_provider
from outpaint.conformance.verify.verification_page import as_page
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.redaction import Redaction

from .conftest import GOOD_HEADERS, MadeUpProvider, made_up

# Keys as they are given out: visible ASCII without what a header cannot begin or end with.
# They begin like nothing in a report's own words, of which a key could otherwise be made up.
KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=12, max_size=40).map("k7-".__add__)
SIGNATURES = st.text("0123456789abcdefABCDEF+/=", min_size=16, max_size=64).map("5f/".__add__)


def reports(provider: MadeUpProvider, *texts: str) -> list[str]:
    """Every report on a case that fails and repeats everything it was told."""

    def act(api: object) -> None:
        answer = api.post_json({"said": list(texts)})  # type: ignore[attr-defined]
        api.get(f"/v1/files/x?{urlencode({'token': texts[0]})}")  # type: ignore[attr-defined]
        raise Unmet(f"seen {texts} and {answer.text}")

    found = verify_provider(provider, [made_up("area.leaks", act)], jobs=1)
    failed = [result for result in found.results if result.outcome is Outcome.FAILED]
    assert "area.leaks" in [result.subject.id for result in failed]
    console = Console(record=True, width=100_000, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with console.file:
        print_table(found, console)
    return [as_json(found), as_junit(found), as_page(found), console.export_text()]


@settings(deadline=None, max_examples=40)
@given(key=KEYS, signature=SIGNATURES)
def test_no_report_holds_a_key_a_cookie_or_a_signature(key: str, signature: str) -> None:
    """The provider repeats the key in every place there is; each report is searched for it as it is and as written."""
    signed = f"https://files.test/a.png?expires=1&signature={quote(signature, safe='')}"

    def leak(request: httpx.Request) -> httpx.Response:
        body = {
            "detail": f"unknown key {key}",
            "url": signed,
            "fields": {"policy": signature, "x-amz-signature": signature},
            "authorization": key,
        }
        echoed = {
            "Set-Cookie": f"session={key}",
            "X-Echo": request.headers.get(API_KEY, ""),
            "Link": signed,
        }
        return httpx.Response(401, json=body, headers=GOOD_HEADERS | echoed)

    for report in reports(MadeUpProvider(leak, key=key), key, signed):
        for secret in (key, signature):
            shapes = {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]}
            assert not any(shape in report for shape in shapes)
        assert "[redacted]" in report


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://h/a.png?expires=5&signature=abc123", "https://h/a.png?expires=5&signature=[redacted]"),
        ("https://b/k?X-Amz-Signature=ab12&X-Amz-Date=5", "https://b/k?X-Amz-Signature=[redacted]&X-Amz-Date=5"),
        (r'{"url":"https:\/\/h?a=1\u0026signature=ff"}', r'{"url":"https:\/\/h?a=1\u0026signature=[redacted]"}'),
        ('{"X-Amz-Credential": "AKIA/x", "n": 1}', '{"X-Amz-Credential": "[redacted]", "n": 1}'),
        ('{"policy":"a\\"b"}', '{"policy":"[redacted]"}'),
        ("the signature of a method", "the signature of a method"),
        ("signature mismatch: policy says no", "signature mismatch: policy says no"),
    ],
)
def test_what_signs_is_struck_out_and_nothing_else(text: str, kept: str) -> None:
    assert Redaction().text(text) == kept


def test_a_form_that_sends_a_ticket_on_keeps_its_fields_to_itself() -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="policy"\r\n\r\nc2VjcmV0\r\n--b--\r\n'
    assert b"c2VjcmV0" not in Redaction().content(form, "")


def test_a_short_key_is_struck_out_as_a_word_only() -> None:
    assert Redaction(["dev"]).text("key dev, development") == "key [redacted], development"


def test_pictures_stay_as_they_are() -> None:
    data = bytes(range(256)) * 4
    redaction = Redaction(["some-key-or-other"])
    assert redaction.content(data, "image/png") == data
    assert redaction.content(data, "") == data


def test_headers_that_carry_credentials_are_struck_out() -> None:
    exchange = ObservedExchange("GET", "https://h/", "/", (("authorization", "Bearer x"),), b"", 200, (), b"", 0.0)
    cleaned = redacted_exchange(replace(exchange, headers=(("set-cookie", "a=b"), ("x-fine", "yes"))), Redaction())
    assert cleaned.request_headers == (("authorization", "[redacted]"),)
    assert cleaned.headers == (("set-cookie", "[redacted]"), ("x-fine", "yes"))
