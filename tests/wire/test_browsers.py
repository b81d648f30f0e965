"""Pages in a browser: the preflight, and what their scripts may read; and the documents a person opens."""

from __future__ import annotations

import json

import pytest
from outpaint_contracts import headers, openapi
from wire_kit.api import BALANCE, OUTPAINT, Api, result_of

ORIGIN = {"Origin": "https://app.example"}


def words(value: str) -> set[str]:
    return {word.strip().lower() for word in value.split(",")}


@pytest.mark.parametrize(("path", "verb"), [(OUTPAINT, "POST"), ("/v1/painting/some-id", "GET"), (BALANCE, "GET")])
def test_a_preflight_needs_no_key_and_allows_our_headers(api: Api, path: str, verb: str) -> None:
    asked = f"{headers.API_KEY}, {headers.PREFER}, {headers.IDEMPOTENCY_KEY}, Content-Type".lower()
    answer = api.with_key(None).request(
        "OPTIONS",
        path,
        headers={**ORIGIN, "Access-Control-Request-Method": verb, "Access-Control-Request-Headers": asked},
    )
    assert answer.status_code in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", ORIGIN["Origin"])
    assert verb.lower() in words(answer.headers["Access-Control-Allow-Methods"])
    assert words(asked) <= words(answer.headers["Access-Control-Allow-Headers"])


def test_scripts_may_read_our_headers_on_success_and_on_errors(api: Api) -> None:
    for answer in (api.outpaint(headers=ORIGIN), api.with_key(None).get(BALANCE, headers=ORIGIN)):
        exposed = words(answer.headers["Access-Control-Expose-Headers"])
        assert {name.lower() for name in headers.EXPOSED} <= exposed


def test_result_files_may_be_read_by_scripts(api: Api) -> None:
    url = result_of(api.outpaint()).data[0].url
    assert api.client.get(url, headers=ORIGIN).headers["Access-Control-Allow-Origin"] in ("*", ORIGIN["Origin"])


@pytest.mark.parametrize("path", [OUTPAINT, BALANCE, "/v1/painting/some-id", "/openapi.json"])
def test_options_tells_what_a_path_takes(api: Api, path: str) -> None:
    answer = api.with_key(None).request("OPTIONS", path)
    assert answer.status_code in (200, 204)
    assert "OPTIONS" in answer.headers["Allow"]


def test_the_api_description_is_served(api: Api) -> None:
    answer = api.with_key(None).get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert json.loads(answer.text) == openapi.document()


@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml,*/*;q=0.8", "*/*", "text/html"])
def test_the_documentation_is_served_as_a_page_without_files_from_elsewhere(api: Api, accept: str) -> None:
    answer = api.with_key(None).get("/docs", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<script" not in answer.text
    assert 'src="http' not in answer.text
