"""POST /v1/painting/outpaint, waiting for the pictures."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from outpaint_contracts.pictures import MaskSource
from outpaint_contracts.responses import StatusWord
from wire_kit import pictures
from wire_kit.api import OUTPAINT, Api, result_of


def test_a_request_with_the_least_it_needs_is_answered_with_two_jpgs(api: Api) -> None:
    answer = api.request("POST", OUTPAINT, files={"image": pictures.canvas()}, data={"prompt": "a lake"})
    result = result_of(answer)
    assert result.status is StatusWord.SUCCESS
    assert len(result.data) == 2
    for item in result.data:
        assert pictures.decode(api.fetch(item.url).content).format == "JPEG"


@pytest.mark.parametrize("count", [1, 3, 10])
def test_as_many_pictures_come_back_as_were_asked_for(api: Api, count: int) -> None:
    result = result_of(api.outpaint(count=count))
    assert len(result.data) == count
    assert len({item.id for item in result.data}) == count


@pytest.mark.parametrize(("wanted", "pillow"), [("JPG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WEBP")])
def test_pictures_come_in_the_format_that_was_asked_for(api: Api, wanted: str, pillow: str) -> None:
    item = result_of(api.outpaint(format=wanted)).data[0]
    picture = pictures.decode(api.fetch(item.url).content)
    assert picture.format == pillow
    assert picture.size == pictures.SIZE
    assert item.id.endswith(f".{wanted.lower()}")


def test_an_item_has_an_id_a_url_an_end_and_a_seed(api: Api) -> None:
    asked_at = datetime.now(UTC)
    item = result_of(api.outpaint(seed=7)).data[0]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.png", item.id)
    assert item.url.startswith(("http://", "https://"))
    assert item.expires_at.utcoffset() == timedelta(0)
    # Another provider's clock may be ahead: by days in the cases that move it.
    assert item.expires_at > asked_at + timedelta(hours=23)
    assert item.seed == 7


def test_the_vendors_members_stand_where_its_clients_look_for_them(api: Api) -> None:
    document = api.outpaint(count=2).json()
    assert document["status"] == "success"
    assert [set(item) >= {"id", "url"} for item in document["data"]] == [True, True]


def test_the_answer_is_json_that_is_not_cached(api: Api) -> None:
    answer = api.outpaint()
    assert answer.headers["Content-Type"] == "application/json"
    assert "no-store" in answer.headers["Cache-Control"]


def test_the_result_says_who_painted_and_whether_the_prompt_was_read(api: Api) -> None:
    painter = result_of(api.outpaint()).painter
    assert painter.name
    assert painter.model
    assert isinstance(painter.reads_prompt, bool)


def test_the_result_says_what_was_taken_for_the_mask_and_how_much_is_painted(api: Api) -> None:
    interpretation = result_of(api.outpaint()).mask_interpretation
    assert interpretation.source is MaskSource.IMAGE_ALPHA
    left, top, right, bottom = pictures.KEEP_BOX
    width, height = pictures.SIZE
    kept = (right - left) * (bottom - top) / (width * height)
    assert interpretation.painted_share == pytest.approx(1 - kept, abs=0.01)


def test_a_sync_request_can_be_polled_too(api: Api) -> None:
    first = result_of(api.outpaint())
    again = result_of(api.poll(first.inference_id))
    assert [item.id for item in again.data] == [item.id for item in first.data]
    assert again.painter == first.painter
    assert again.mask_interpretation == first.mask_interpretation
