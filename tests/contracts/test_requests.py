"""What a body may say, in every spelling, and the words in which it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import Format, MaskMode
from outpaint.contracts.profiles import WarningCode
from outpaint.contracts.requests import (
    IMAGE_FIELDS,
    MASK_FIELDS,
    MAX_SEED,
    FieldValue,
    IdSource,
    Mode,
    OutpaintRequest,
    Upload,
    UrlSource,
    read_leniently,
)

URL = "https://example.com/a.png"
FILE = Upload(b"bytes", "a.png")


def fields(**values: FieldValue) -> dict[str, list[FieldValue]]:
    return {"image": [FILE], "prompt": ["a field"], **{name: [value] for name, value in values.items()}}


def refused(given_fields: dict[str, list[FieldValue]]) -> OutpaintError:
    with pytest.raises(OutpaintError) as caught:
        OutpaintRequest.from_fields(given_fields)
    return caught.value


def test_the_defaults_are_the_vendors() -> None:
    request = OutpaintRequest.from_fields(fields())
    assert (request.wish.count, request.wish.format, request.mode) == (2, Format.JPG, Mode.SYNC)
    assert (request.wish.seed, request.wish.negative_prompt, request.wish.mask_mode) == (None, "", MaskMode.AUTO)


def test_numbers_and_words_are_read_from_form_text() -> None:
    request = OutpaintRequest.from_fields(fields(count="3", format="png", mode="ASYNC", seed="7", mask_mode="Alpha"))
    assert (request.wish.count, request.wish.format, request.mode) == (3, Format.PNG, Mode.ASYNC)
    assert (request.wish.seed, request.wish.mask_mode) == (7, MaskMode.ALPHA)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "0"),
        ("count", "11"),
        ("count", "two"),
        ("count", "2.0"),
        ("count", 2.5),
        ("count", float("inf")),
        ("count", 1e300),
        ("count", True),
        ("count", "٣"),
        ("format", "gif"),
        ("format", 1),
        ("mode", "auto"),
        ("seed", "-1"),
        ("seed", MAX_SEED + 1),
        ("mask_mode", "white"),
        ("prompt", "   "),
        ("prompt", 5),
        ("prompt", "x" * 20_001),
        ("prompt", "half a \ud83d pair"),
        ("negative_prompt", "x" * 20_001),
    ],
)
def test_a_wrong_value_is_named_in_the_vendors_words(name: str, value: FieldValue) -> None:
    error = refused(fields(**{name: value}))
    assert error.code is ErrorCode.INVALID_PARAMETER
    assert error.field == name
    assert error.detail.startswith(f"{name} has wrong value ")
    assert len(error.detail) < 300


@pytest.mark.parametrize("name", ["count", "format", "mode", "seed", "mask_mode", "mask_url", "image_url"])
def test_an_empty_optional_field_counts_as_left_out(name: str) -> None:
    assert OutpaintRequest.from_fields(fields(**{name: ""})) == OutpaintRequest.from_fields(fields())


def test_the_body_beats_the_query_and_the_query_beats_the_default() -> None:
    assert OutpaintRequest.from_fields(fields(mode="sync"), query_mode="async").mode is Mode.SYNC
    assert OutpaintRequest.from_fields(fields(), query_mode="async").mode is Mode.ASYNC


SOURCES: dict[str, tuple[FieldValue, object]] = {
    "file": (FILE, FILE),
    "url": (URL, UrlSource(URL)),
    "id": ("some-id", IdSource("some-id")),
}


@pytest.mark.parametrize(("name", "kind"), MASK_FIELDS.items())
def test_every_spelling_of_the_mask_is_read(name: str, kind: str) -> None:
    value, expected = SOURCES[kind]
    request = OutpaintRequest.from_fields(fields(**{name: value}))
    assert request.mask == expected
    assert request.mask_field == name


@pytest.mark.parametrize(("name", "kind"), IMAGE_FIELDS.items())
def test_every_way_to_send_the_image_is_read(name: str, kind: str) -> None:
    value, expected = SOURCES[kind]
    request = OutpaintRequest.from_fields({"prompt": ["x"], name: [value]})
    assert request.image == expected


@given(st.lists(st.sampled_from(sorted(IMAGE_FIELDS)), min_size=2, max_size=3, unique=True))
def test_more_than_one_image_is_a_conflict(names: list[str]) -> None:
    given_fields: dict[str, list[FieldValue]] = {"prompt": ["x"]}
    given_fields |= {name: [SOURCES[IMAGE_FIELDS[name]][0]] for name in names}
    error = refused(given_fields)
    assert error.code is ErrorCode.CONFLICTING_PARAMETERS
    assert error.field in names


@given(st.lists(st.sampled_from(sorted(MASK_FIELDS)), min_size=2, max_size=6, unique=True))
def test_more_than_one_mask_is_a_conflict_whatever_the_spelling(names: list[str]) -> None:
    error = refused(fields(**{name: SOURCES[MASK_FIELDS[name]][0] for name in names}))
    assert error.code is ErrorCode.CONFLICTING_PARAMETERS


@pytest.mark.parametrize("name", ["prompt", "count", "image"])
def test_a_field_sent_twice_is_a_conflict(name: str) -> None:
    given_fields = fields(count="2")
    given_fields[name] = given_fields[name] * 2
    error = refused(given_fields)
    assert (error.code, error.field) == (ErrorCode.CONFLICTING_PARAMETERS, name)


@pytest.mark.parametrize("missing", ["image", "prompt"])
def test_what_is_required_is_named(missing: str) -> None:
    given_fields = fields()
    del given_fields[missing]
    error = refused(given_fields)
    assert (error.code, error.field) == (ErrorCode.MISSING_PARAMETER, missing)


def test_an_exhausted_file_handle_is_told_so() -> None:
    error = refused(fields(image=Upload(b"", "a.png")))
    assert error.field == "image"
    assert "no bytes" in error.detail


def test_text_where_a_file_belongs_and_a_file_where_text_belongs() -> None:
    assert refused(fields(image=URL)).field == "image"
    assert refused(fields(prompt=FILE)).field == "prompt"


def test_an_address_may_be_2083_characters_and_a_data_uri_longer() -> None:
    long = "https://example.com/" + "a" * (2083 - 20)
    assert OutpaintRequest.from_fields({"prompt": ["x"], "image_url": [long]}).image == UrlSource(long)
    assert refused({"prompt": ["x"], "image_url": [long + "a"]}).field == "image_url"
    data = "data:image/png;base64," + "A" * 5000
    picture = DataUri("data:image/png;base64", bytes(3750))
    assert OutpaintRequest.from_fields({"prompt": ["x"], "image_url": [data]}).image == picture
    assert OutpaintRequest.from_fields({"prompt": ["x"], "image_url": [picture]}).image == picture


@pytest.mark.parametrize("around", [("", "\n"), (" \t", "\r\n"), ("\0", "  ")])
def test_what_stands_around_an_address_is_none_of_it(around: tuple[str, str]) -> None:
    before, behind = around
    assert OutpaintRequest.from_fields(fields(mask_url=before + URL + behind)).mask == UrlSource(URL)
    long = "https://example.com/".ljust(2083, "a")
    assert OutpaintRequest.from_fields(fields(mask_url=before + long + behind)).mask == UrlSource(long)
    assert OutpaintRequest.from_fields(fields(mask_url=before + behind)).mask is None
    assert OutpaintRequest.from_fields(fields(mask_url=f"{before}data:;base64,/w{behind}")).mask == DataUri(
        "data:;base64", b"\xff"
    )


def test_unknown_fields_are_reported_not_refused() -> None:
    given_fields = fields(flavour="salt", count="1")
    assert OutpaintRequest.from_fields(given_fields).wish.count == 1
    assert OutpaintRequest.unknown_fields(given_fields) == ("flavour",)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=50), st.builds(Upload, st.binary(max_size=9))
)


@given(
    st.dictionaries(
        st.sampled_from(["image", "image_url", "mask", "mask_image_id", "prompt", "count", "seed", "format", "x"]),
        st.lists(VALUES, max_size=2),
    )
)
def test_whatever_the_fields_hold_the_answer_is_a_request_or_a_typed_error(
    given_fields: dict[str, list[FieldValue]],
) -> None:
    try:
        request = OutpaintRequest.from_fields(given_fields)
    except OutpaintError as error:
        assert error.field is not None  # noqa: PT017 - either outcome is fine, as long as it is typed
        error.detail.encode("utf-8")
    else:
        assert 1 <= request.wish.count <= 10
        assert request.wish.prompt.strip()


@given(
    words=st.lists(st.sampled_from(["JPEG", "jpeg", " Jpeg\t", "JPG", "png", "GIF", "", 1, None, FILE]), max_size=3),
    others=st.dictionaries(st.sampled_from(["prompt", "count", "colour"]), st.lists(st.just("JPEG"), max_size=2)),
)
def test_one_word_for_a_format_is_read_as_another_and_nothing_else_is(
    words: list[FieldValue], others: dict[str, list[FieldValue]]
) -> None:
    sent = {**others, "format": words} if words else others
    read, said = read_leniently(sent)
    is_other = [isinstance(word, str) and word.strip().upper() == "JPEG" for word in words]
    assert {name: values for name, values in read.items() if name != "format"} == others
    assert list(read.get("format", [])) == [
        "JPG" if other else word for word, other in zip(words, is_other, strict=True)
    ]
    assert [warning.code for warning in said] == ([WarningCode.FORMAT_WORD] if any(is_other) else [])


def test_without_leniency_the_other_word_is_refused_with_the_right_one() -> None:
    assert refused(fields(format="JPEG")).detail == "format has wrong value JPEG: the word for that format is JPG"
