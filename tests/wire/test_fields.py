"""Every field of the request: what is taken, what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from outpaint_contracts import headers
from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.pictures import MaskSource
from wire_kit import pictures
from wire_kit.api import OUTPAINT, Api, refused, result_of


@pytest.mark.parametrize("spelling", ["mask_image", "mask"])
def test_both_spellings_of_the_mask_file_are_taken(api: Api, spelling: str) -> None:
    result = result_of(api.outpaint(image=pictures.photo(), **{spelling: pictures.alpha_mask()}))
    assert result.mask_interpretation.source is MaskSource.MASK_ALPHA


@pytest.mark.parametrize("spelling", ["mask_image_url", "mask_url"])
def test_both_spellings_of_the_mask_address_are_taken(api: Api, spelling: str) -> None:
    mask = pictures.data_uri(pictures.alpha_mask())
    result = result_of(api.outpaint(image=pictures.photo(), **{spelling: mask}))
    assert result.mask_interpretation.source is MaskSource.MASK_ALPHA


@pytest.mark.parametrize("spelling", ["mask_image_id", "mask_id"])
def test_both_spellings_of_the_mask_id_are_taken(api: Api, spelling: str) -> None:
    # An earlier result serves as a mask by its brightness.
    earlier = result_of(api.outpaint(format="PNG"))
    result = result_of(api.outpaint(image=pictures.photo(), **{spelling: earlier.data[0].id}))
    assert result.mask_interpretation.source is MaskSource.MASK_LUMINANCE


@pytest.mark.parametrize(
    "masks",
    [
        {"mask": pictures.alpha_mask(), "mask_image": pictures.alpha_mask()},
        {"mask": pictures.alpha_mask(), "mask_url": pictures.data_uri(pictures.alpha_mask())},
        {"mask_url": "https://example.com/a.png", "mask_image_url": "https://example.com/a.png"},
        {"mask_id": "a.png", "mask_image_id": "a.png"},
        {"mask_image": pictures.alpha_mask(), "mask_id": "a.png"},
    ],
    ids=lambda masks: " and ".join(masks),
)
def test_two_masks_at_once_are_refused(api: Api, masks: dict[str, Any]) -> None:
    with api.charged(0):
        detail = refused(api.outpaint(image=pictures.photo(), **masks), ErrorCode.CONFLICTING_PARAMETERS)
    assert all(name in detail for name in masks)


@pytest.mark.parametrize(
    "images",
    [
        {"image_url": "https://example.com/a.png"},
        {"image_id": "a.png"},
        {"image": None, "image_url": "https://example.com/a.png", "image_id": "a.png"},
    ],
    ids=lambda images: " and ".join(images),
)
def test_two_images_at_once_are_refused(api: Api, images: dict[str, Any]) -> None:
    with api.charged(0):
        refused(api.outpaint(**images), ErrorCode.CONFLICTING_PARAMETERS)


def test_no_image_is_refused(api: Api) -> None:
    with api.charged(0):
        refused(api.outpaint(image=None), ErrorCode.MISSING_PARAMETER, field="image")


def test_no_prompt_is_refused(api: Api) -> None:
    with api.charged(0):
        refused(api.outpaint(prompt=None), ErrorCode.MISSING_PARAMETER, field="prompt")


@pytest.mark.parametrize("prompt", ["", "   ", "\t\n"])
def test_a_blank_prompt_is_refused(api: Api, prompt: str) -> None:
    with api.charged(0):
        answer = api.outpaint(prompt=prompt)
    assert answer.status_code == 422
    assert answer.json()["field"] == "prompt"


@pytest.mark.parametrize("prompt", ["ü", "山の湖", "🏔️ and 🛶", "a\u200db", "x" * 20_000])
def test_a_prompt_may_be_any_text(api: Api, prompt: str) -> None:
    result_of(api.outpaint(prompt=prompt))


def test_a_prompt_of_more_than_20000_characters_is_refused(api: Api) -> None:
    with api.charged(0):
        refused(api.outpaint(prompt="x" * 20_001), ErrorCode.INVALID_PARAMETER, field="prompt")


@pytest.mark.parametrize("negative_prompt", ["", "people, text"])
def test_a_negative_prompt_is_taken_empty_or_not(api: Api, negative_prompt: str) -> None:
    result_of(api.outpaint(negative_prompt=negative_prompt))


@pytest.mark.parametrize("count", ["0", "11", "-1", "1.5", "1e1", "two", "0x2", "٣", "99999999999999999999999", "NaN"])
def test_a_count_that_is_no_whole_number_from_1_to_10_is_refused(api: Api, count: str) -> None:
    with api.charged(0):
        detail = refused(api.outpaint(count=count), ErrorCode.INVALID_PARAMETER, field="count")
    assert detail.startswith("count has wrong value ")


def test_the_refusal_of_a_value_is_worded_as_the_vendor_words_it(api: Api) -> None:
    document = api.outpaint(count=11).json()
    assert document["status"] == "error"
    assert document["message"] == "Validation Failed"
    assert document["detail"].startswith("count has wrong value 11: ")
    assert document["code"] == 422
    assert document["error_code"] == "invalid_parameter"
    assert document["field"] == "count"


@pytest.mark.parametrize("wanted", ["jpg", "Png", " WEBP "])
def test_a_format_may_be_written_in_any_case(api: Api, wanted: str) -> None:
    assert result_of(api.outpaint(format=wanted)).data[0].id.endswith(wanted.strip().lower())


@pytest.mark.parametrize("wanted", ["GIF", "JPEG ", "image/png", "1"])
def test_a_format_we_do_not_write_is_refused(api: Api, wanted: str) -> None:
    with api.charged(0):
        refused(api.outpaint(format=wanted), ErrorCode.INVALID_PARAMETER, field="format")


@pytest.mark.parametrize("mode", ["auto", "later", "1"])
def test_a_mode_that_does_not_exist_is_refused_auto_too(api: Api, mode: str) -> None:
    with api.charged(0):
        refused(api.outpaint(mode=mode), ErrorCode.INVALID_PARAMETER, field="mode")
        refused(api.outpaint(params={"mode": mode}), ErrorCode.INVALID_PARAMETER, field="mode")


@pytest.mark.parametrize("seed", ["-1", "4294967296", "1.0", "abc"])
def test_a_seed_that_is_no_32_bit_number_is_refused(api: Api, seed: str) -> None:
    with api.charged(0):
        refused(api.outpaint(seed=seed), ErrorCode.INVALID_PARAMETER, field="seed")


def test_picture_i_is_made_from_seed_plus_i(api: Api) -> None:
    result = result_of(api.outpaint(seed=41, count=3))
    assert result.seed == 41
    assert [item.seed for item in result.data] == [41, 42, 43]


def test_seeds_wrap_at_two_to_the_32(api: Api) -> None:
    result = result_of(api.outpaint(seed=2**32 - 1, count=2))
    assert [item.seed for item in result.data] == [2**32 - 1, 0]


def test_the_same_seed_makes_the_same_picture_alone_or_among_others(api: Api) -> None:
    among = result_of(api.outpaint(seed=5, count=3))
    alone = result_of(api.outpaint(seed=among.data[1].seed, count=1))
    assert api.fetch(among.data[1].url).content == api.fetch(alone.data[0].url).content


def test_variants_differ_and_so_do_requests_without_a_seed(api: Api) -> None:
    first, second = (result_of(api.outpaint(count=2)) for _ in range(2))
    files = [api.fetch(item.url).content for item in (*first.data, *second.data)]
    assert first.seed != second.seed
    assert len(set(files)) == len(files)


@pytest.mark.parametrize(
    ("mode", "source"),
    [
        ("auto", MaskSource.MASK_LUMINANCE),
        ("luminance", MaskSource.MASK_LUMINANCE),
        ("inverted_luminance", MaskSource.MASK_INVERTED_LUMINANCE),
    ],
)
def test_mask_mode_says_how_the_mask_is_read(api: Api, mode: str, source: MaskSource) -> None:
    result = result_of(api.outpaint(image=pictures.photo(), mask=pictures.luminance_mask(), mask_mode=mode))
    assert result.mask_interpretation.source is source


@pytest.mark.parametrize("mask_mode", ["invert", "yes"])
def test_a_mask_mode_that_does_not_exist_is_refused(api: Api, mask_mode: str) -> None:
    with api.charged(0):
        refused(api.outpaint(mask_mode=mask_mode), ErrorCode.INVALID_PARAMETER, field="mask_mode")


def test_unknown_fields_are_accepted_and_named_in_a_warning(api: Api) -> None:
    answer = api.outpaint(strength="0.7", colour="blue")
    result_of(answer)
    assert "strength" in answer.headers[headers.WARNING]
    assert "colour" in answer.headers[headers.WARNING]


def test_an_unknown_file_is_accepted_and_named_in_a_warning(api: Api) -> None:
    answer = api.outpaint(reference=b"whatever")
    result_of(answer)
    assert "reference" in answer.headers[headers.WARNING]


@pytest.mark.parametrize(
    "name", ["naïve", "a\r\nSet-Cookie: x=1", "x" * 4000, "☃"], ids=["latin", "crlf", "long", "snowman"]
)
def test_a_strange_unknown_name_makes_no_strange_header(api: Api, name: str) -> None:
    answer = api.post_form(
        {"image_url": pictures.data_uri(pictures.canvas()), "prompt": "a lake", "count": "1", name: "1"}
    )
    result_of(answer)
    assert "Set-Cookie" not in answer.headers
    assert len(answer.headers[headers.WARNING]) < 1000


def test_a_known_request_has_no_warning(api: Api) -> None:
    assert headers.WARNING not in api.outpaint().headers


@pytest.mark.parametrize("name", ["prompt", "count", "format", "mode", "seed"])
def test_a_field_sent_twice_is_refused(api: Api, name: str) -> None:
    fields = {"prompt": "a lake", "count": "1", "format": "PNG", "mode": "sync", "seed": "1"}
    with api.charged(0):
        answer = api.request(
            "POST", OUTPAINT, files={"image": pictures.canvas()}, data={**fields, name: [fields[name], fields[name]]}
        )
    refused(answer, ErrorCode.CONFLICTING_PARAMETERS, field=name)


def test_an_image_sent_twice_is_refused(api: Api) -> None:
    with api.charged(0):
        answer = api.request(
            "POST",
            OUTPAINT,
            files=[("image", ("a.png", pictures.canvas())), ("image", ("b.png", pictures.canvas()))],
            data={"prompt": "a lake"},
        )
    refused(answer, ErrorCode.CONFLICTING_PARAMETERS, field="image")


def test_an_image_sent_as_text_is_refused_with_a_hint(api: Api) -> None:
    with api.charged(0):
        detail = refused(api.outpaint(image="https://example.com/a.png"), ErrorCode.INVALID_PARAMETER, field="image")
    assert "image_url" in detail


def test_a_prompt_sent_as_a_file_is_refused_with_a_hint(api: Api) -> None:
    with api.charged(0):
        refused(api.outpaint(prompt=b"a lake"), ErrorCode.INVALID_PARAMETER, field="prompt")


def test_field_names_are_not_matched_in_another_case(api: Api) -> None:
    with api.charged(0):
        answer = api.outpaint(prompt=None, Prompt="a lake")
    refused(answer, ErrorCode.MISSING_PARAMETER, field="prompt")
