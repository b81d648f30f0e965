"""The URLs of finished pictures."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest
from wire_kit import pictures
from wire_kit.api import Api, result_of
from wire_kit.providers import Provider


def changed(url: str, **values: str) -> str:
    parts = urlsplit(url)
    query = {name: found[0] for name, found in parse_qs(parts.query).items()} | values
    return urlunsplit(parts._replace(query=urlencode(query)))


@pytest.fixture
def url(api: Api) -> str:
    """The URL of a finished picture."""
    return result_of(api.outpaint()).data[0].url


@pytest.mark.parametrize(
    ("wanted", "media_type"), [("JPG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_a_url_is_fetched_without_a_key_and_says_what_it_is(api: Api, wanted: str, media_type: str) -> None:
    answer = api.fetch(result_of(api.outpaint(format=wanted)).data[0].url)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == media_type
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_url_works_as_often_as_it_is_fetched(api: Api, url: str) -> None:
    assert api.fetch(url).content == api.fetch(url).content


def test_head_on_a_url_tells_the_length_without_the_bytes(api: Api, url: str) -> None:
    answer = api.client.head(url)
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["Content-Length"] == str(len(api.fetch(url).content))


def test_a_url_whose_signature_was_changed_is_403(api: Api, url: str) -> None:
    signature = parse_qs(urlsplit(url).query)["signature"][0]
    other = ("0" if signature[0] != "0" else "1") + signature[1:]
    assert api.fetch(changed(url, signature=other)).status_code == 403


def test_a_url_whose_end_was_put_off_is_403(api: Api, url: str) -> None:
    expires = int(parse_qs(urlsplit(url).query)["expires"][0])
    assert api.fetch(changed(url, expires=str(expires + 1))).status_code == 403


@pytest.mark.parametrize(
    "values",
    [
        {"signature": ""},
        {"expires": ""},
        {"expires": "soon"},
        {"expires": "9" * 400},
        {"signature": "ü"},
        {"expires": "٣"},
    ],
)
def test_a_url_with_nonsense_in_it_is_403(api: Api, url: str, values: dict[str, str]) -> None:
    assert api.fetch(changed(url, **values)).status_code == 403


def test_a_url_without_its_query_is_403(api: Api, url: str) -> None:
    assert api.fetch(url.partition("?")[0]).status_code == 403


def test_a_signature_opens_no_other_file(api: Api, url: str) -> None:
    other = result_of(api.outpaint()).data[0].url
    moved = urlunsplit(urlsplit(other)._replace(query=urlsplit(url).query))
    assert api.fetch(moved).status_code == 403


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "inputs%2Fx%2Fimage", "%00", "x" * 500])
def test_a_path_made_up_leads_nowhere(api: Api, name: str) -> None:
    assert api.fetch(f"/v1/files/{name}").status_code in (403, 404)


def test_a_url_works_until_expires_at_and_not_longer(provider: Provider, api: Api) -> None:
    item = result_of(api.outpaint()).data[0]
    provider.advance(24 * 3600 - 60)
    assert api.fetch(item.url).status_code == 200
    provider.advance(120)
    assert api.fetch(item.url).status_code in (403, 404)


def test_a_poll_gives_urls_that_work(api: Api) -> None:
    first = result_of(api.outpaint(count=2))
    again = result_of(api.poll(first.inference_id))
    assert [api.fetch(item.url).content for item in again.data] == [api.fetch(item.url).content for item in first.data]


def test_urls_lead_to_the_host_the_client_spoke_to(api: Api, url: str) -> None:
    assert urlsplit(url).netloc == urlsplit(str(api.client.base_url)).netloc


def test_a_result_can_be_sent_on_by_its_id(api: Api) -> None:
    earlier = result_of(api.outpaint(format="PNG")).data[0]
    result = result_of(api.outpaint(image=None, image_id=earlier.id, mask=pictures.alpha_mask()))
    sent, received = api.fetch(earlier.url).content, api.fetch(result.data[0].url).content
    assert pictures.changed_pixels(sent, received) == 0


def test_another_accounts_result_cannot_be_sent_on(provider: Provider, api: Api) -> None:
    earlier = result_of(api.outpaint(format="PNG")).data[0]
    other = api.with_key(provider.second_key())
    with other.charged(0):
        answer = other.outpaint(image=None, image_id=earlier.id, mask=pictures.alpha_mask())
    assert answer.status_code == 422
    assert answer.json()["field"] == "image_id"
