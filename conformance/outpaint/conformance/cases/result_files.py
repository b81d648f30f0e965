"""Result files: their URLs, how long these work, and results as the pictures of other requests."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import (
    finished,
    is_own_file,
    kept_exactly,
    media_type,
    only_picture,
    parsed,
    refused,
    result_of,
    sent_bytes,
    words_of,
)
from outpaint.conformance.proving.api import KEPT_S, UNKNOWN_ID, Api
from outpaint.conformance.proving.case import Severity, case, critical, minor, variants
from outpaint.conformance.proving.expectations import NotOffered, Unmet, contains, equal, holds, one_of, within
from outpaint.conformance.proving.picture_structure import structure_of
from outpaint.conformance.proving.provider import Need, is_near
from outpaint.contracts.errors import ErrorBody, ErrorCode
from outpaint.contracts.masks_and_formats import Format
from outpaint.contracts.paths_and_headers import FILE_PATH

_SIGNING_S = 5.0  # between asking for the time and signing by it
_HOUR_S = 3600
_UNKNOWN_FILE = f"{UNKNOWN_ID}.png"
_finished = partial(case, given="a finished picture", credits=1, when="its url is fetched")
_sent_on = partial(_finished, clauses.RESULT_REUSED, severity=Severity.CRITICAL)
_signed = partial(_finished, clauses.URL_SIGNED)
_own_file = partial(
    minor,
    given="a finished picture at a host that serves its files itself",
    when="its url is fetched",
    credits=1,
)


# Fetching


@_finished(
    clauses.URL_OPEN,
    when="its url is fetched without a key",
    then="the answer is 200 with a picture",
    severity=Severity.CRITICAL,
    each=variants(wanted=Format),
)
def a_url_needs_no_key(api: Api, wanted: Format) -> None:
    url = only_picture(api.outpaint(format=wanted)).url
    answer = api.fetch(url)
    equal(answer.status_code, 200, "the status")
    drawn_pictures.decode(answer.content)
    values = [value for found in parse_qs(urlsplit(url).query).values() for value in found]
    holds(api.key not in values, "the key is in no parameter of the url")


@_finished(
    clauses.FILE_HEADERS,
    then="Content-Type is that of its format, its bytes are of it too, and nothing comes after them",
    each=variants(wanted=Format),
)
def a_file_says_what_it_is(api: Api, wanted: Format) -> None:
    answer = api.fetch(only_picture(api.outpaint(format=wanted)).url)
    equal(media_type(answer), wanted.media_type, "Content-Type")
    found = structure_of(answer.content)
    equal(found.media_type, wanted.media_type, "the type of its bytes")
    equal(found.bytes_after_end, 0, "the bytes after the picture's end")


@case(
    clauses.URL_END,
    given="a finished picture whose url says when it ends",
    when="expires_at is read beside it",
    then="both say the same",
    credits=1,
)
def expires_at_is_what_the_url_says(api: Api) -> None:
    item = result_of(api.outpaint()).data[0]
    query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(item.url).query).items()}
    if "expires" in query:
        ends = float(query["expires"])
    elif "x-amz-date" in query and "x-amz-expires" in query:
        signed = datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        ends = signed.timestamp() + float(query["x-amz-expires"])
    else:
        raise NotOffered("this provider's URLs do not say when they end")
    within(item.expires_at.timestamp() - ends, -_SIGNING_S, _SIGNING_S, "seconds from the url's end to expires_at")


@_finished(
    clauses.FILE_HEADERS,
    then="Content-Length, where it does not come in chunks, is the number of its bytes",
    each=variants(wanted=Format),
)
def a_file_says_how_long_it_is(api: Api, wanted: Format) -> None:
    answer = api.fetch(only_picture(api.outpaint(format=wanted)).url)
    if "chunked" not in words_of(answer, "Transfer-Encoding"):
        equal(answer.headers.get("Content-Length"), str(sent_bytes(answer)), "Content-Length")


@_own_file(clauses.FILE_HEADERS, then="a browser is told not to take it for anything else")
def a_file_is_not_sniffed(api: Api) -> None:
    answer = api.fetch(_own_url(api))
    contains(words_of(answer, "X-Content-Type-Options"), "nosniff", "X-Content-Type-Options")


@_own_file(clauses.FILE_HEADERS, then="it may be cached by its client alone, and no longer than the url works")
def a_file_is_cached_no_longer_than_it_lives(api: Api) -> None:
    answer = api.fetch(_own_url(api))
    words = words_of(answer, "Cache-Control")
    holds("private" in words or "no-store" in words, f"Cache-Control is private (it is {words})")
    _kept_no_longer_than(answer, KEPT_S)


def _kept_no_longer_than(answer: httpx.Response, seconds: float) -> None:
    for word in words_of(answer, "Cache-Control"):
        if word.startswith("max-age="):
            within(int(word.removeprefix("max-age=")), 0, seconds, "max-age")


@_finished(
    clauses.URL_OPEN,
    when="its url is fetched, and again and again after another job of its account",
    then="the bytes are the same",
    severity=Severity.CRITICAL,
    credits=2,
)
def a_url_works_as_often_as_it_is_fetched(api: Api) -> None:
    url = only_picture(api.outpaint()).url
    first = api.fetch(url)
    finished(api.outpaint())
    for _ in range(3):
        again = api.fetch(url)
        equal((first.status_code, again.status_code), (200, 200), "the statuses")
        holds(again.content == first.content, "both answers have the same bytes")


@minor(
    clauses.HEAD,
    given="a finished picture at a host that serves its files itself",
    when="HEAD is sent to its url",
    then="the answer is 200 with its type and no bytes, and its length, where it says one, is that of the file",
    credits=1,
)
def head_tells_the_length(api: Api) -> None:
    url = _own_url(api)
    answer = api.fetch(url, method="HEAD")
    equal(answer.status_code, 200, "the status")
    equal(answer.content, b"", "the body")
    whole = api.fetch(url)
    # The length may be left out where it is known only when the bytes are made (RFC 9110, 9.3.2).
    expected = whole.headers.get("Content-Length", str(sent_bytes(whole)))
    one_of(answer.headers.get("Content-Length"), (None, expected), "Content-Length")
    equal(media_type(answer), media_type(whole), "Content-Type")


@_own_file(
    clauses.FILE_PARTS,
    when="ten bytes of its file are asked for",
    then="they come as 206, which says where they stand, or the whole file comes as 200",
)
def a_part_of_a_file_is_told_as_one(api: Api) -> None:
    url = _own_url(api)
    whole, part = api.fetch(url).content, api.fetch(url, headers={"Range": "bytes=5-14"})
    if part.status_code == 206:
        equal(part.headers.get("Content-Range"), f"bytes 5-14/{len(whole)}", "Content-Range")
        equal(part.content, whole[5:15], "the part")
    else:
        equal(part.status_code, 200, "the status")
        holds(part.content == whole, "the answer is the whole file")


@critical(
    clauses.URL_HOST,
    given="a host that serves its files itself",
    when="a picture is asked for",
    then="its url leads to the host that its client spoke to, or to another that has the file",
    credits=1,
)
def urls_lead_to_the_host_that_was_asked(api: Api) -> None:
    url, asked = only_picture(api.outpaint()).url, api.client.base_url
    if is_own_file(url, asked):
        equal(urlsplit(url).scheme, asked.scheme, "the scheme of the url")
        return
    found = api.fetch(url)
    equal(found.status_code, 200, f"the status of {url}, which leads elsewhere")
    # What a client elsewhere could not reach is the provider's own address, told by mistake.
    holds(is_near(str(asked)) or not is_near(url), f"{url} leads to where its client can reach it")
    raise NotOffered("its files are served by another host")


@critical(
    clauses.URL_ANEW,
    given="a job that has ended",
    when="it is polled twice",
    then="each url of each poll works, and leads to the same bytes",
    credits=2,
)
def a_poll_gives_urls_that_work(api: Api) -> None:
    inference_id = api.start(count=2)
    first, second = finished(api.end_of(inference_id)), finished(api.poll(inference_id))
    equal((len(first), len(second)), (2, 2), "the number of pictures")
    for earlier, later in zip(first, second, strict=True):
        was, now = api.fetch(earlier.url), api.fetch(later.url)
        equal((was.status_code, now.status_code), (200, 200), "the statuses")
        holds(was.content == now.content, "both polls lead to the same bytes")


@case(
    clauses.URL_ANEW,
    given="a job that has ended",
    when="it is polled twice",
    then="no url of the second poll ends sooner than that of the first",
    credits=1,
)
def a_poll_takes_no_time_away(api: Api) -> None:
    inference_id = api.start()
    first, second = (result_of(answer).data[0] for answer in (api.end_of(inference_id), api.poll(inference_id)))
    holds(second.expires_at >= first.expires_at, f"{second.expires_at} is no earlier than {first.expires_at}")


@case(
    clauses.URL_END,
    given="a job that has ended, at a host that serves its files itself",
    when="it is polled again an hour later",
    then="its url ends when it did before",
    needs=[Need.TIME],
    credits=1,
)
def a_poll_adds_no_time(api: Api) -> None:
    inference_id = api.start()
    first = result_of(api.end_of(inference_id)).data[0]
    if not is_own_file(first.url, api.client.base_url):
        raise NotOffered("its files are served by another host, which signs for a while at a time")
    api.provider.advance(_HOUR_S)
    equal(result_of(api.poll(inference_id)).data[0].expires_at, first.expires_at, "expires_at")


# Signatures and ends


@_signed(
    when="its url is fetched with a signature that is another at its beginning, late in it, or cut",
    then="each answer is 403",
    severity=Severity.CRITICAL,
)
def a_changed_signature_is_403(api: Api) -> None:
    url = _own_url(api)
    signature = _parameter(url, "signature")
    turned, late = {"0": "1"}, 3 * len(signature) // 4
    others = (
        turned.get(signature[0], "0") + signature[1:],
        signature[:late] + turned.get(signature[late], "0") + signature[late + 1 :],
        signature[:late],
    )
    for other in others:
        refused(api.fetch(_changed(url, signature=other)), ErrorCode.URL_NOT_SIGNED)


@_signed(when="its url is fetched with a later end", then="the answer is 403", severity=Severity.CRITICAL)
def an_end_that_was_put_off_is_403(api: Api) -> None:
    url = _own_url(api)
    later = int(_parameter(url, "expires")) + 1
    refused(api.fetch(_changed(url, expires=str(later))), ErrorCode.URL_NOT_SIGNED)


@_signed(
    when="its url is fetched with nonsense in it",
    then="the answer is 403",
    each={
        "no-signature": {"name": "signature", "value": ""},
        "no-end": {"name": "expires", "value": ""},
        "word": {"name": "expires", "value": "soon"},
        "huge": {"name": "expires", "value": "9" * 400},
        "letter": {"name": "signature", "value": "ü"},
        "foreign-digit": {"name": "expires", "value": "٣"},
    },
)
def nonsense_in_a_url_is_403(api: Api, name: str, value: str) -> None:
    equal(api.fetch(_changed(_own_url(api), **{name: value})).status_code, 403, "the status")


@_signed(when="its url is fetched without its query", then="the answer is 403", severity=Severity.CRITICAL)
def a_url_without_its_query_is_403(api: Api) -> None:
    equal(api.fetch(_own_url(api).partition("?")[0]).status_code, 403, "the status")


@critical(
    clauses.URL_SIGNED,
    given="two finished pictures",
    when="the one is fetched with the other's signature",
    then="the answer is 403",
    credits=2,
)
def a_signature_opens_no_other_file(api: Api) -> None:
    moved = urlunsplit(urlsplit(_own_url(api))._replace(query=urlsplit(_own_url(api)).query))
    equal(api.fetch(moved).status_code, 403, "the status")


@critical(
    clauses.URL_SIGNED,
    when="a file of an invented name is fetched",
    then="the answer is 403 or 404",
    each=variants(
        name={
            "climbing": "..%2F..%2Fetc%2Fpasswd",
            "inputs": "inputs%2Fx%2Fimage",
            "zero-byte": "%00",
            "long": "x" * 500,
        }
    ),
)
def an_invented_path_leads_nowhere(api: Api, name: str) -> None:
    one_of(api.fetch(FILE_PATH.format(file_id=name)).status_code, (403, 404), "the status")


@critical(
    clauses.FILES_LIVE,
    given="a finished picture at a host that serves its files itself",
    when="its url is fetched a minute before 24 hours are over",
    then="the answer is 200, and may be kept for no longer than that minute",
    needs=[Need.TIME],
    credits=1,
)
def a_url_works_for_24_hours(api: Api) -> None:
    url = _own_url(api)
    api.provider.advance(KEPT_S - 60)
    answer = api.fetch(url)
    equal(answer.status_code, 200, "the status")
    _kept_no_longer_than(answer, 60)


@_finished(
    clauses.FILES_LIVE,
    when="its url is fetched a minute after 24 hours are over",
    then="the answer is 403 or 404",
    severity=Severity.CRITICAL,
    needs=[Need.TIME],
)
def a_url_ends_after_24_hours(api: Api) -> None:
    url = only_picture(api.outpaint()).url
    api.provider.advance(KEPT_S + 60)
    one_of(api.fetch(url).status_code, (403, 404), "the status")


# Ids in other requests


@_sent_on(
    when="its id is sent as the image of another request, with a mask",
    then="what the mask keeps comes back unchanged",
    credits=2,
)
def a_result_can_be_sent_on(api: Api) -> None:
    earlier = only_picture(api.outpaint())
    later = only_picture(api.outpaint(image=None, image_id=earlier.id, mask=drawn_pictures.alpha_mask()))
    sent, received = api.fetch(earlier.url).content, api.fetch(later.url).content
    kept_exactly(sent, received)


@critical(
    clauses.RESULT_REUSED,
    given="a finished picture of another account",
    when="its id is sent as an image, and as a mask in either spelling",
    then="each answer is 422 for that field, and says what it says of an id never given out",
    needs=[Need.SECOND_ACCOUNT],
    credits=1,
)
def another_accounts_result_cannot_be_sent_on(api: Api) -> None:
    foreign_id = only_picture(api.outpaint()).id
    other = api.with_key(api.provider.second_key())
    for name in ("image_id", "mask_id", "mask_image_id"):
        sent = {"image": None, "mask": drawn_pictures.alpha_mask()} if name == "image_id" else {}
        foreign, unknown = (other.outpaint(**sent, **{name: id_}) for id_ in (foreign_id, _UNKNOWN_FILE))
        equal(foreign.status_code, 422, f"the status of {name}")
        said, said_of_unknown = parsed(foreign, ErrorBody), parsed(unknown, ErrorBody)
        equal(said.field, name, "the offending field")
        # Nothing tells a stranger that the id exists.
        equal(said.detail.replace(foreign_id, _UNKNOWN_FILE), said_of_unknown.detail, f"the detail of {name}")
        equal(said.error_code, said_of_unknown.error_code, f"the error code of {name}")


@critical(
    clauses.RESULT_REUSED,
    given="a finished picture of another account",
    when="its id is sent as an image",
    then="nothing is charged",
    needs=[Need.SECOND_ACCOUNT],
    credits=1,
    watches_account=True,
)
def another_accounts_result_costs_nothing(api: Api) -> None:
    earlier = only_picture(api.outpaint())
    other = api.with_key(api.provider.second_key())
    with other.charged(0):
        equal(other.outpaint(image=None, image_id=earlier.id).status_code, 422, "the status")


@_sent_on(
    when="its id is sent as an image a minute before 24 hours are over",
    then="it is painted",
    needs=[Need.TIME],
    credits=2,
)
def a_result_can_be_sent_on_for_24_hours(api: Api) -> None:
    earlier = only_picture(api.outpaint())
    api.provider.advance(KEPT_S - 60)
    finished(api.outpaint(image=None, image_id=earlier.id, mask=drawn_pictures.alpha_mask()))


@_sent_on(
    when="its id is sent as an image or a mask a minute after 24 hours are over",
    then="the refusal is invalid_parameter and names the field",
    needs=[Need.TIME],
    each=variants(name=["image_id", "mask_image_id"]),
)
def a_result_cannot_be_sent_on_after_24_hours(api: Api, name: str) -> None:
    earlier = only_picture(api.outpaint())
    api.provider.advance(KEPT_S + 60)
    sent = {"image": None, "mask": drawn_pictures.alpha_mask()} if name == "image_id" else {}
    refused(api.outpaint(**sent, **{name: earlier.id}), ErrorCode.INVALID_PARAMETER, field=name)


def _own_url(api: Api) -> str:
    """The URL of a new picture, at a host that signs its URLs as ours does."""
    url = only_picture(api.outpaint()).url
    if not is_own_file(url, api.client.base_url):
        raise NotOffered("its files are served by another host, which signs its URLs in its own way")
    return url


def _parameter(url: str, name: str) -> str:
    values = parse_qs(urlsplit(url).query).get(name)
    if not values:
        raise Unmet(f"the url: expected {name} in its query, got {url}")
    return values[0]


def _changed(url: str, **values: str) -> str:
    parts = urlsplit(url)
    query = {name: found[0] for name, found in parse_qs(parts.query).items()} | values
    return urlunsplit(parts._replace(query=urlencode(query)))
