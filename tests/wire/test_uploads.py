"""Pictures sent ahead of their request: POST /v1/uploads, then the form it answers, then the id."""

from __future__ import annotations

import time

import httpx
import pytest
from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.responses import UploadTicket
from wire_kit import pictures
from wire_kit.api import Api, refused, result_of
from wire_kit.providers import Provider

UPLOADS = "/v1/uploads"


def ticket_of(api: Api, content_type: str = "image/png") -> UploadTicket:
    answer = api.request("POST", UPLOADS, json={"content_type": content_type})
    assert answer.status_code == 200, answer.text
    return UploadTicket.model_validate(answer.json())


def send(api: Api, ticket: UploadTicket, data: bytes, url: str | None = None) -> httpx.Response:
    """Send a file by its ticket; the store that answers may be another host than ours, so nothing else is asked."""
    return api.client.post(url or ticket.url, data=ticket.fields, files={"file": ("picture", data)})


def sent(api: Api, data: bytes) -> str:
    """The id of a picture sent ahead."""
    ticket = ticket_of(api)
    answer = send(api, ticket, data)
    assert answer.status_code in (200, 201, 204), answer.text
    return ticket.id


def test_a_ticket_names_its_file_its_limit_and_its_end(api: Api) -> None:
    ticket = ticket_of(api, "image/jpeg")
    assert ticket.id.endswith(".jpg")
    assert ticket.max_bytes > 0
    assert time.time() < ticket.expires_at.timestamp() <= ticket.file_expires_at.timestamp() + 1


def test_a_ticket_costs_no_credits(api: Api) -> None:
    with api.charged(0):
        sent(api, pictures.canvas())


def test_a_picture_sent_ahead_is_painted_like_one_sent_along(api: Api) -> None:
    ahead = api.outpaint(image=None, image_id=sent(api, pictures.canvas()), seed=5)
    along = api.outpaint(seed=5)
    pair = [api.fetch(result_of(answer).data[0].url).content for answer in (ahead, along)]
    assert pair[0] == pair[1]


@pytest.mark.parametrize("name", ["mask_id", "mask_image_id"])
def test_a_mask_sent_ahead_counts_under_both_spellings(api: Api, name: str) -> None:
    answer = api.outpaint(**{name: sent(api, pictures.canvas())})
    assert result_of(answer).mask_interpretation.source == "mask_alpha"


def test_an_id_works_more_than_once(api: Api) -> None:
    id_ = sent(api, pictures.canvas())
    for _ in range(2):
        assert api.outpaint(image=None, image_id=id_).status_code == 200


def test_an_id_before_its_file_came_is_a_wrong_value(api: Api) -> None:
    with api.charged(0):
        refused(api.outpaint(image=None, image_id=ticket_of(api).id), ErrorCode.INVALID_PARAMETER, field="image_id")


def test_another_accounts_upload_is_not_there(provider: Provider, api: Api) -> None:
    id_ = sent(api, pictures.canvas())
    other = api.with_key(provider.second_key())
    refused(other.outpaint(image=None, image_id=id_), ErrorCode.INVALID_PARAMETER, field="image_id")


@pytest.mark.parametrize("body", [{}, {"content_type": ""}])
def test_a_ticket_needs_a_content_type(api: Api, body: dict[str, str]) -> None:
    refused(api.request("POST", UPLOADS, json=body), ErrorCode.MISSING_PARAMETER, field="content_type")


@pytest.mark.parametrize("value", ["image/gif", "text/html", "png", "image/svg+xml", 5])
def test_a_ticket_is_given_for_pictures_only(api: Api, value: object) -> None:
    answer = api.request("POST", UPLOADS, json={"content_type": value})
    refused(answer, ErrorCode.INVALID_PARAMETER, field="content_type")


def test_a_ticket_needs_a_key(api: Api) -> None:
    answer = api.with_key(None).request("POST", UPLOADS, json={"content_type": "image/png"})
    refused(answer, ErrorCode.MISSING_KEY)


def test_a_file_of_another_type_is_not_taken(api: Api) -> None:
    ticket = ticket_of(api, "image/jpeg")
    assert 400 <= send(api, ticket, b"<svg/>").status_code < 500
    refused(api.outpaint(image=None, image_id=ticket.id), ErrorCode.INVALID_PARAMETER, field="image_id")


def test_a_form_that_was_changed_is_not_taken(api: Api) -> None:
    ticket = ticket_of(api)
    other = ticket_of(api)
    moved = ticket.url.replace(ticket.id, other.id)
    if moved == ticket.url:
        pytest.skip("this provider's forms carry the id in a field")
    assert send(api, ticket, pictures.canvas(), moved).status_code == 403
