"""Uploads (our extension): POST /v1/uploads gives a ticket, whose form takes a picture that is then sent by its id."""

from __future__ import annotations

import time
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import finished, parsed, refused, result_of
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, costs_nothing, critical, minor, variants
from outpaint.conformance.proving.expectations import NotOffered, differ, equal, holds, one_of, within
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorBody, ErrorCode
from outpaint.contracts.masks_and_formats import MaskSource
from outpaint.contracts.paths_and_headers import UPLOADS_PATH
from outpaint.contracts.responses import UploadTicket

_TAKEN = (200, 201, 204)  # which of them a store answers to a form that it takes is its own choice
_upload = partial(case, clauses.UPLOADS)
_fence = partial(critical, clauses.UPLOADS_FENCE)


def _asked(api: Api, document: Any) -> httpx.Response:
    """The answer to a request for a ticket. Raises `NotOffered` where the host takes no uploads."""
    answer = api.request("POST", UPLOADS_PATH, json=document)
    if answer.status_code == 404:
        raise NotOffered(f"there is nothing at {UPLOADS_PATH}: this host takes no uploads")
    return answer


def _ticket(api: Api, content_type: str = "image/png") -> UploadTicket:
    answer = _asked(api, {"content_type": content_type})
    equal(answer.status_code, 200, "the status")
    return parsed(answer, UploadTicket)


def _send(api: Api, ticket: UploadTicket, data: bytes, url: str | None = None) -> httpx.Response:
    """Send a file by its ticket; not observed, because the store that answers may be another host than the API."""
    return api.client.post(url or ticket.url, data=ticket.fields, files={"file": ("picture", data)})


def _own_ticket(api: Api) -> UploadTicket:
    """A ticket of a host that takes uploads itself. Raises `NotOffered` where another store does."""
    ticket = _ticket(api)
    if urlsplit(ticket.url).netloc.encode() != api.client.base_url.netloc:
        raise NotOffered("another store, such as S3, takes this host's uploads, and a form until it ends")
    return ticket


def _sent(api: Api, data: bytes) -> str:
    """The id of a picture that was uploaded."""
    ticket = _ticket(api)
    one_of(_send(api, ticket, data).status_code, _TAKEN, "the status of the upload")
    return ticket.id


@_upload(
    when="a ticket for a JPEG is asked for",
    then="it names an id that ends in .jpg and the most bytes that are taken",
)
def ticket_names_its_file_and_its_limit(api: Api) -> None:
    ticket = _ticket(api, "image/jpeg")
    holds(ticket.id.endswith(".jpg"), "the id ends in .jpg")
    holds(ticket.max_bytes > 0, "some bytes are taken")


@minor(clauses.UPLOADS, when="a ticket is asked for", then="its form ends later than now, and not after its file")
def ticket_names_its_end(api: Api) -> None:
    ticket = _ticket(api)
    holds(time.time() < ticket.expires_at.timestamp(), "the form ends later than now")
    later = (ticket.expires_at - ticket.file_expires_at).total_seconds()
    holds(later <= 1, "the form does not end after its file")


@critical(clauses.UPLOADS, when="a picture is sent ahead", then="nothing is charged", watches_account=True)
def upload_costs_nothing(api: Api) -> None:
    with api.charged(0):
        _sent(api, drawn_pictures.canvas())


@critical(
    clauses.UPLOADS,
    given="a picture that was sent ahead",
    when="its id is posted",
    then="it is painted as if it had been sent along",
    credits=2,
)
def picture_sent_ahead_is_painted_like_one_sent_along(api: Api) -> None:
    ahead = api.picture(image=None, image_id=_sent(api, drawn_pictures.canvas()), seed=5)
    holds(ahead == api.picture(seed=5), "both files are the same, byte for byte")


@_upload(
    given="a mask that was sent ahead",
    when="its id is posted, in either spelling",
    then="it is read by its alpha",
    credits=1,
    each=variants(name=["mask_id", "mask_image_id"]),
)
def mask_sent_ahead_counts_under_both_names(api: Api, name: str) -> None:
    answer = api.outpaint(**{name: _sent(api, drawn_pictures.canvas())})
    equal(result_of(answer).mask_interpretation.source, MaskSource.MASK_ALPHA, "what the mask was read from")


@_upload(given="a picture that was sent ahead", when="its id is posted twice", then="it works both times", credits=2)
def id_works_more_than_once(api: Api) -> None:
    id_ = _sent(api, drawn_pictures.canvas())
    for _ in range(2):
        finished(api.outpaint(image=None, image_id=id_))


@case(
    clauses.IDS,
    given="a ticket whose file has not come yet",
    when="its id is posted",
    then="the refusal is invalid_parameter and names image_id",
)
def id_before_its_file_came_is_refused(api: Api) -> None:
    refused(api.outpaint(image=None, image_id=_ticket(api).id), ErrorCode.INVALID_PARAMETER, field="image_id")


@costs_nothing(given="a ticket whose file has not come yet", when="its id is posted", then="nothing is charged")
def id_before_its_file_came_costs_nothing(api: Api) -> None:
    with api.charged(0):
        answer = api.outpaint(image=None, image_id=_ticket(api).id)
        within(answer.status_code, 400, 499, "the status")


@_fence(
    given="a picture that another account sent ahead",
    when="its id is posted as an image, and as a mask in either spelling",
    then="it is not there",
    needs=[Need.SECOND_ACCOUNT],
)
def another_accounts_upload_is_not_there(api: Api) -> None:
    id_ = _sent(api, drawn_pictures.canvas())
    other = api.with_key(api.provider.second_key())
    refused(other.outpaint(image=None, image_id=id_), ErrorCode.INVALID_PARAMETER, field="image_id")
    for name in ("mask_id", "mask_image_id"):
        refused(other.outpaint(**{name: id_}), ErrorCode.INVALID_PARAMETER, field=name)


@_upload(
    when="a ticket is asked for without saying what for",
    then="the refusal is missing_parameter and names content_type",
    each=variants(body={"left-out": {}, "blank": {"content_type": ""}}),
)
def ticket_needs_a_content_type(api: Api, body: dict[str, str]) -> None:
    refused(_asked(api, body), ErrorCode.MISSING_PARAMETER, field="content_type")


@_upload(
    when="a ticket is asked for what is none of the pictures that are taken",
    then="the refusal is invalid_parameter and names content_type",
    each=variants(
        value={"gif": "image/gif", "html": "text/html", "no-type": "png", "svg": "image/svg+xml", "number": 5}
    ),
)
def ticket_is_given_for_pictures_only(api: Api, value: object) -> None:
    refused(_asked(api, {"content_type": value}), ErrorCode.INVALID_PARAMETER, field="content_type")


@_fence(when="a ticket is asked for without a key", then="the refusal is missing_key")
def ticket_needs_a_key(api: Api) -> None:
    refused(_asked(api.with_key(None), {"content_type": "image/png"}), ErrorCode.MISSING_KEY)


@case(
    clauses.UPLOADS_FENCE,
    given="a ticket for a JPEG",
    when="something else is sent by it",
    then="the store refuses it, or the request that names it is refused; the API's own store looks and refuses",
)
def file_of_another_type_is_not_taken(api: Api) -> None:
    ticket = _ticket(api, "image/jpeg")
    sent = _send(api, ticket, b"<svg/>").status_code
    if urlsplit(ticket.url).netloc.encode() == api.client.base_url.netloc:
        within(sent, 400, 499, "the status of the upload")
        refused(api.outpaint(image=None, image_id=ticket.id), ErrorCode.INVALID_PARAMETER, field="image_id")
    else:
        # Another store, such as S3, compares the label with its form and does not look into the file.
        answer = api.outpaint(image=None, image_id=ticket.id)
        within(answer.status_code, 400, 499, "the status")
        equal(parsed(answer, ErrorBody).field, "image_id", "the offending field")


@_fence(
    given="two tickets",
    when="one's form is sent to the other's address, or to its own with any of its parameters changed",
    then="each has an id of its own, and the store refuses each by 403",
)
def changed_form_is_not_taken(api: Api) -> None:
    ticket, other = _ticket(api), _ticket(api)
    differ(other.id, ticket.id, "the second ticket's id")
    moved = ticket.url.replace(ticket.id, other.id)
    if moved == ticket.url:
        raise NotOffered("this host's forms carry the id in a field")
    equal(_send(api, ticket, drawn_pictures.canvas(), moved).status_code, 403, "the status of the upload")
    url = urlsplit(ticket.url)
    if url.netloc.encode() != api.client.base_url.netloc:
        return  # another store, such as S3, signs in its own way
    parameters = dict(parse_qsl(url.query))
    for name, value in parameters.items():
        changed = url._replace(query=urlencode({**parameters, name: f"{value}0"})).geturl()
        sent = _send(api, ticket, drawn_pictures.canvas(), changed)
        equal(sent.status_code, 403, f"the status of an upload with another {name}")


@critical(
    clauses.PAID_FIRST,
    given="an account without credits",
    when="a ticket is asked for",
    then="the refusal is insufficient_credits",
    needs=[Need.ACCOUNTS],
)
def who_cannot_pay_gets_no_ticket(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(0))
    refused(_asked(own, {"content_type": "image/png"}), ErrorCode.INSUFFICIENT_CREDITS)


@case(
    clauses.UPLOADS_ONCE,
    given="a picture that was sent ahead",
    when="the very same is sent by the same form, as after an answer that was lost",
    then="it is taken again",
)
def same_file_may_be_sent_again(api: Api) -> None:
    ticket = _own_ticket(api)
    for _ in range(2):
        one_of(_send(api, ticket, drawn_pictures.canvas()).status_code, _TAKEN, "the status of the upload")


@critical(
    clauses.UPLOADS_ONCE,
    given="a picture that was sent ahead",
    when="another is sent by the same form",
    then="it is refused by 403, url_expired, and the first is the one that is painted",
    credits=2,
)
def form_stores_one_file(api: Api) -> None:
    ticket = _own_ticket(api)
    one_of(_send(api, ticket, drawn_pictures.canvas()).status_code, _TAKEN, "the status of the upload")
    refused(_send(api, ticket, drawn_pictures.canvas((32, 32), (8, 8, 24, 24))), ErrorCode.URL_EXPIRED)
    ahead = api.picture(image=None, image_id=ticket.id, seed=5)
    holds(ahead == api.picture(seed=5), "the first picture was painted")


@critical(
    clauses.UPLOADS_ONCE,
    given="a form",
    when="four pictures are sent by it at the same moment",
    then="exactly one is taken",
)
def race_for_a_form_stores_one_file(api: Api) -> None:
    ticket = _own_ticket(api)
    pictures = [drawn_pictures.canvas((32, 32), (8, 8, 16 + number, 24)) for number in range(4)]
    statuses = api.at_once(4, lambda one: _send(one, ticket, pictures.pop()).status_code)
    taken = [status for status in statuses if status in _TAKEN]
    equal((len(taken), statuses.count(403)), (1, 3), "how many were taken, and refused by 403")


@case(
    clauses.STORAGE_LIMIT,
    given="a provider where an account may have as many bytes stored as one picture has",
    when="two pictures are sent ahead",
    then="the second, or its ticket, is refused by 429, storage_full",
    needs=[Need.SETTINGS],
)
def uploads_stay_within_what_an_account_may_store(api: Api) -> None:
    picture = drawn_pictures.canvas()
    with api.configured(stored_bytes_per_account=len(picture)) as own:
        for last in (False, True):
            answer = _asked(own, {"content_type": "image/png"})
            if answer.status_code == 200:
                answer = _send(own, parsed(answer, UploadTicket), picture)
            elif not last:
                break  # a host whose store takes uploads counts the largest file for each form
            if not last:
                one_of(answer.status_code, _TAKEN, "the status of the first upload")
        refused(answer, ErrorCode.STORAGE_FULL)


@_fence(
    given="a provider that takes pictures of 10,000 bytes at most",
    when="a larger file is sent by a form of its",
    then="the ticket names that limit, and the form refuses the file by 413",
    needs=[Need.SETTINGS],
)
def file_over_the_limit_is_not_taken(api: Api) -> None:
    with api.configured(pictures={"max_bytes": 10_000}) as own:
        ticket = _own_ticket(own)
        equal(ticket.max_bytes, 10_000, "max_bytes")
        larger = drawn_pictures.canvas() + bytes(10_000)
        equal(_send(own, ticket, larger).status_code, 413, "the status of the upload")
