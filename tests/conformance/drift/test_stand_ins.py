"""A stand-in has everything of a picture but its pixels."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from outpaint.conformance.drift.recorded_bodies import facts_of, stand_in
from outpaint.conformance.drift.recording_file import Damage, RecordedPicture

SIZES = st.tuples(st.integers(1, 150), st.integers(1, 150))


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def close(one: RecordedPicture, other: RecordedPicture) -> bool:
    """The same but for pixels on the edge of two cells of the layout."""
    if one.model_dump(exclude={"bytes", "sha256", "layout"}) != other.model_dump(exclude={"bytes", "sha256", "layout"}):
        return False
    pairs = zip("".join(one.layout), "".join(other.layout), strict=True)
    return not any({first, second} == {"#", "."} for first, second in pairs)


def all_but_the_file(picture: RecordedPicture) -> dict[str, Any]:
    return picture.model_dump(exclude={"bytes", "sha256"})


@settings(deadline=None)
@given(SIZES, st.sampled_from([("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("PNG", "LA"), ("PNG", "P"),
                               ("JPEG", "RGB"), ("JPEG", "L"), ("WEBP", "RGB"), ("BMP", "RGB")]),
       st.binary(min_size=3, max_size=3))  # fmt: skip
def test_facts_of_a_stand_in_are_those_of_the_picture(size: tuple[int, int], kind: tuple[str, str], c: bytes) -> None:
    format_, mode = kind
    image = Image.new("RGB", size, (100 + c[0] // 8, 90 + c[1] // 8, 200)).convert(mode)
    facts = facts_of(saved(image, format_))
    again = facts_of(stand_in(facts))
    assert all_but_the_file(again) == all_but_the_file(facts)
    assert again.sha256 != facts.sha256


@settings(deadline=None)
@given(SIZES, st.integers(0, 150), st.integers(0, 150), st.sampled_from(["PNG", "WEBP"]))
def test_what_is_transparent_stays_so(size: tuple[int, int], left: int, top: int, format_: str) -> None:
    image = Image.new("RGBA", size, (120, 130, 140, 255))
    image.paste((0, 0, 0, 0), (left, top, *size)) if left < size[0] and top < size[1] else None
    facts = facts_of(saved(image, format_, **({"lossless": True} if format_ == "WEBP" else {})))
    again = facts_of(stand_in(facts))
    assert close(again, facts)
    before, after = (
        Image.open(io.BytesIO(data)).convert("RGBA").getchannel("A").getextrema()
        for data in (saved(image, "PNG"), stand_in(facts))
    )
    assert before == after


@settings(deadline=None)
@given(SIZES, st.integers(0, 149))
def test_a_mask_stays_a_mask(size: tuple[int, int], left: int) -> None:
    image = Image.new("L", size, 0)
    if left < size[0]:
        image.paste(255, (left, 0, *size))
    facts = facts_of(saved(image, "PNG"), is_mask=True)
    assert facts.reads == "luminance"
    assert close(facts_of(stand_in(facts), is_mask=True), facts)


def test_the_same_picture_has_the_same_stand_in_and_another_another() -> None:
    first, second = (facts_of(saved(Image.new("RGB", (40, 30), (shade, 90, 80)), "PNG")) for shade in (50, 51))
    assert stand_in(first) == stand_in(first)
    assert stand_in(first) != stand_in(second)


def test_orientation_frames_and_damage_are_kept() -> None:
    image = Image.new("RGB", (40, 30), (90, 80, 70))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = facts_of(saved(image, "JPEG", exif=exif))
    assert facts_of(stand_in(turned)).orientation == turned.orientation == 6
    frames = [Image.new("RGB", (40, 30), (shade, 0, 0)) for shade in (10, 200)]
    moving = facts_of(saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    assert facts_of(stand_in(moving)).frames == moving.frames == 2
    half = facts_of(saved(Image.effect_noise((90, 90), 50), "PNG")[:500])
    assert half.damage is Damage.TRUNCATED
    assert facts_of(stand_in(half)).damage is Damage.TRUNCATED


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", bytes(5000)])
def test_what_is_no_picture_is_replaced_by_what_is_none(data: bytes) -> None:
    facts = facts_of(data)
    assert facts.damage is Damage.UNREADABLE
    assert facts_of(stand_in(facts)).damage is Damage.UNREADABLE


def test_a_picture_too_large_to_draw_keeps_its_size() -> None:
    facts = RecordedPicture(format="PNG", mode="RGB", width=40_000, height=30_000, bytes=9_000_000, sha256="ab" * 32)
    again = facts_of(stand_in(facts))
    assert (again.format, again.width, again.height) == ("PNG", 40_000, 30_000)
    facts = facts.model_copy(update={"width": 10_000, "height": 9_000})
    again = facts_of(stand_in(facts))
    assert (again.format, again.width, again.height) == ("PNG", 10_000, 9_000)


def test_a_file_can_be_as_large_as_it_was() -> None:
    facts = facts_of(saved(Image.new("RGB", (40, 30)), "PNG"))
    assert len(stand_in(facts, 50_000)) == 50_000


def test_kept_pixels_are_given_back() -> None:
    data = saved(Image.effect_noise((40, 30), 50), "PNG")
    assert stand_in(facts_of(data, keep=True)) == data
