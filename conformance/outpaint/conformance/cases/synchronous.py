"""Requests that are waited for: how many pictures come back, in which form, and what the answer says of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import (
    finished,
    is_own_file,
    media_type,
    only_picture,
    result_of,
    says_the_same,
    words_of,
)
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import Severity, case, critical, minor, variants
from outpaint.conformance.proving.expectations import contains, differ, equal, holds, within
from outpaint.conformance.proving.picture_structure import structure_of
from outpaint.contracts.masks_and_formats import Format, MaskSource

_PILLOW_FORMATS = {Format.JPG: "JPEG", Format.PNG: "PNG", Format.WEBP: "WEBP"}
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_one_picture = partial(case, when="a picture is asked for", credits=1)
_in_each_format = partial(case, when="a picture is asked for in a format", credits=1, each=variants(wanted=Format))
_our_members = partial(case, clauses.RESULT_OUR_MEMBERS)


@critical(
    clauses.DEFAULTS,
    when="a picture and a prompt are posted, and nothing else",
    then="the answer is 200 with two pictures",
    credits=2,
)
def two_pictures_by_default(api: Api) -> None:
    equal(len(finished(api.outpaint(count=None, format=None))), 2, "the number of pictures")


@case(
    clauses.DEFAULTS,
    when="a picture and a prompt are posted, and nothing else",
    then="the pictures are JPGs",
    credits=2,
)
def jpg_by_default(api: Api) -> None:
    for data in api.files_of(api.outpaint(count=None, format=None)):
        equal(drawn_pictures.decode(data).format, "JPEG", "the format")


@critical(
    clauses.COUNT,
    when="a number of pictures is asked for",
    then="as many come back",
    credits=10,
    each=variants(count=[1, 3, 10]),
)
def as_many_as_asked(api: Api, count: int) -> None:
    equal(len(finished(api.outpaint(count=count))), count, "the number of pictures")


@critical(
    clauses.RESULT_IDS,
    when="a number of pictures is asked for",
    then="no two of them have an id in common",
    credits=10,
    each=variants(count=[3, 10]),
)
def pictures_have_ids_of_their_own(api: Api, count: int) -> None:
    equal(len({item.id for item in finished(api.outpaint(count=count))}), count, "the number of different ids")


@critical(
    clauses.RESULT_BODY,
    when="three pictures are asked for",
    then="no two of them have a url in common",
    credits=3,
)
def pictures_have_urls_of_their_own(api: Api) -> None:
    equal(len({item.url for item in finished(api.outpaint(count=3))}), 3, "the number of different urls")


@critical(
    clauses.RESULT_IDS,
    when="the same is posted twice",
    then="no picture of the second has an id of the first",
    credits=4,
)
def ids_are_never_given_twice(api: Api) -> None:
    first, second = ({item.id for item in finished(api.outpaint(count=2))} for _ in range(2))
    equal(first & second, set(), "the ids that both have")


@critical(
    clauses.RESULT_OUR_MEMBERS,
    when="the same is posted twice, and then the first job polled",
    then="each is a job of its own, and the poll has the first one's pictures",
    credits=2,
)
def each_request_is_its_own_job(api: Api) -> None:
    first, second = (result_of(api.outpaint()) for _ in range(2))
    differ(second.inference_id, first.inference_id, "the second inference_id")
    says_the_same(result_of(api.poll(first.inference_id)), first)


@_in_each_format(
    clauses.FORMAT, then="it comes in that format, as one whole and still picture", severity=Severity.CRITICAL
)
def pictures_come_in_the_format(api: Api, wanted: Format) -> None:
    data = api.picture(format=wanted)
    equal(drawn_pictures.decode(data).format, _PILLOW_FORMATS[wanted], "the format")
    holds(not structure_of(data).moves, "it has one frame")


@_in_each_format(clauses.SIZE_KEPT, then="it comes in the size that was sent", severity=Severity.CRITICAL)
def pictures_keep_their_size(api: Api, wanted: Format) -> None:
    equal(drawn_pictures.decode(api.picture(format=wanted)).size, drawn_pictures.SIZE, "the size")


@_in_each_format(clauses.RESULT_IDS, then="its id is a UUID with the extension of that format")
def ids_end_in_the_extension(api: Api, wanted: Format) -> None:
    item = only_picture(api.outpaint(format=wanted))
    wanted_id = rf"{_UUID}\.{wanted.extension}"
    holds(re.fullmatch(wanted_id, item.id), f"the id {item.id} is a UUID and .{wanted.extension}")


@critical(
    clauses.RESULT_BODY,
    when="two pictures are asked for",
    then="the answer is 200 with status success, and an id and a url for each",
    credits=2,
)
def vendors_members_are_in_their_place(api: Api) -> None:
    equal(len(finished(api.outpaint(count=2))), 2, "the number of pictures")


@_one_picture(clauses.RESULT_BODY, then="its url is a whole address", severity=Severity.CRITICAL)
def urls_are_absolute(api: Api) -> None:
    url = only_picture(api.outpaint()).url
    holds(url.startswith(("http://", "https://")), f"the url {url} begins with http:// or https://")


@_one_picture(clauses.RESULT_BODY, then="the answer is labelled as JSON")
def result_is_json(api: Api) -> None:
    answer = api.outpaint()
    finished(answer)
    equal(media_type(answer), "application/json", "Content-Type")


@_one_picture(clauses.NOT_CACHED, then="the answer is not to be cached")
def result_is_not_cached(api: Api) -> None:
    contains(words_of(api.outpaint(), "Cache-Control"), "no-store", "Cache-Control")


@_our_members(
    when="three pictures are asked for",
    then="the result has every member that ours adds, in its declared type",
    credits=3,
)
def result_has_our_members(api: Api) -> None:
    equal(len(result_of(api.outpaint(count=3)).data), 3, "the number of pictures")


@_one_picture(
    clauses.URL_END,
    then="its expires_at is in UTC, and about 24 hours ahead where the API serves the file itself",
)
def expires_at_is_a_day_ahead(api: Api) -> None:
    asked_at = datetime.now(UTC)
    for item in result_of(api.outpaint()).data:
        equal(item.expires_at.utcoffset(), timedelta(0), "the offset of expires_at")
        hours = 23 if is_own_file(item.url, api.client.base_url) else 0
        # Another provider's clock may be ahead: by days in the cases that move it.
        holds(item.expires_at > asked_at + timedelta(hours=hours), f"{item.expires_at} is {hours} hours ahead or more")


@_our_members(when="a picture is asked for with seed 7", then="it tells its seed, and so does the result", credits=1)
def result_tells_the_seed(api: Api) -> None:
    result = result_of(api.outpaint(seed=7))
    equal([item.seed for item in result.data], [7], "the seeds of the pictures")
    equal(result.seed, 7, "the seed of the result")


@_one_picture(
    clauses.RESULT_OUR_MEMBERS,
    then="the result says who painted, by name and model, and whether the prompt was read",
    severity=Severity.MINOR,
)
def result_names_the_painter(api: Api) -> None:
    answer = api.outpaint()
    painter = result_of(answer).painter
    holds(painter.name, "the painter's name is not empty")
    holds(painter.model, "the painter's model is not empty")
    holds(isinstance(answer.json()["painter"]["reads_prompt"], bool), "reads_prompt is true or false")


@_our_members(
    when="a picture with a transparent part is sent without a mask",
    then="the result says that its transparency was taken for the mask",
    credits=1,
)
def result_says_what_the_mask_was(api: Api) -> None:
    equal(result_of(api.outpaint()).mask_interpretation.source, MaskSource.IMAGE_ALPHA, "the source of the mask")


@minor(
    clauses.RESULT_OUR_MEMBERS,
    when="a picture with a transparent part is sent",
    then="the result says how much of it was painted",
    credits=1,
)
def result_says_how_much_was_painted(api: Api) -> None:
    left, top, right, bottom = drawn_pictures.KEEP_BOX
    width, height = drawn_pictures.SIZE
    painted = 1 - (right - left) * (bottom - top) / (width * height)
    share = result_of(api.outpaint()).mask_interpretation.painted_share
    within(share, painted - 0.01, painted + 0.01, "the painted share")


@critical(
    clauses.SYNC_POLLED,
    given="a request that was answered with its pictures",
    when="its job is polled",
    then="the poll is 200 with the same pictures",
    credits=2,
)
def a_sync_job_can_be_polled(api: Api) -> None:
    first = result_of(api.outpaint(count=2))
    again = result_of(api.poll(first.inference_id))
    equal(again.inference_id, first.inference_id, "inference_id")
    equal([item.id for item in again.data], [item.id for item in first.data], "the ids")


@minor(
    clauses.SYNC_POLLED,
    given="a request that was answered with its pictures",
    when="its job is polled three times",
    then="each poll says the same: of the pictures and their seeds, of painter and mask",
    credits=2,
)
def a_poll_says_the_same_as_the_answer(api: Api) -> None:
    first = result_of(api.outpaint(count=2))
    for _ in range(3):
        says_the_same(result_of(api.poll(first.inference_id)), first)
