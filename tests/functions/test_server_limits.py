"""Limits as texts: what is read, and what is refused by name."""

import json

import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import Allowance
from outpaint.contracts.profiles import WireProfile
from outpaint.functions.embedded.server_limits import (
    ServerLimits,
    every_limit,
    in_force,
    option_names,
    read_limits,
    read_picture_limits,
)
from outpaint.functions.http.answers import Accept, Answers
from outpaint.functions.http.messages import RequestHead
from outpaint.functions.service.service import ServiceSettings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("bodies_in_flight=1000", 1000),
        ("bodies-in-flight = 64MiB", 64 * 2**20),
        ("bodies_in_flight=1.5GB", 1_500_000_000),
        ("bodies_in_flight=2kib", 2048),
    ],
)
def test_a_server_limit_is_a_number_with_or_without_a_unit(text: str, value: int) -> None:
    assert read_limits([text], ServerLimits).server == ServerLimits(bodies_in_flight=value)


def test_a_limit_of_the_service_becomes_a_setting_of_it() -> None:
    assert read_limits(["stored_bytes_per_account=1GiB"], ServerLimits).settings == {"stored_bytes_per_account": 2**30}


def test_a_limit_of_pictures_becomes_a_setting_of_the_service() -> None:
    changed = read_limits(["max_side=8192", "max_area=40000000"], ServerLimits)
    pictures = ServiceSettings(**changed.settings).pictures
    assert (pictures.max_side, pictures.max_area) == (8192, 40_000_000)
    assert changed.server == ServerLimits()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sides=3", "max_side"),
        ("max_side", "NAME=VALUE"),
        ("max_side=0", "max_side has wrong value 0"),
        ("max_side=wide", "max_side has wrong value wide"),
        ("bodies_in_flight=3QiB", "the units are"),
        ("max_area=200000000", "max_area has wrong value 200000000"),
    ],
)
def test_what_sets_no_limit_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(OutpaintError) as refused:
        read_limits([text], ServerLimits)
    assert refused.value.code is ErrorCode.INVALID_PARAMETER
    assert said in str(refused.value)


def test_every_limit_that_can_be_set_can_be_shown() -> None:
    shown = in_force(ServerLimits(bodies_in_flight=7), ServiceSettings())
    assert shown.keys() == every_limit().keys()
    assert shown["bodies_in_flight"] == 7


def test_limits_of_pictures_alone_are_read_like_others() -> None:
    limits = read_picture_limits(["max-side=9000", "max_bytes=64MiB"])
    assert (limits.max_side, limits.max_bytes, limits.max_area) == (9000, 64 * 2**20, 64_000_000)
    for text, said in (("connections=3", "max_side"), ("max_side=0", "max_side has wrong value 0")):
        with pytest.raises(OutpaintError) as refused:
            read_picture_limits([text])
        assert said in refused.value.detail


def test_the_option_that_a_refusal_names_sets_the_limit() -> None:
    names = option_names(every_limit())
    assert names.keys() == every_limit().keys()
    for name, option in names.items():
        word, text = option.split()
        assert word == "--limit"
        read_limits([text.replace("...", "0.5" if name == "max_missing" else "1024")], ServerLimits)


@pytest.mark.parametrize("accepted", ["application/json", "application/problem+json"])
def test_a_refusal_names_what_sets_its_limit_and_in_the_vendors_profile_nothing_of_ours(accepted: str) -> None:
    settings = ServiceSettings(limit_names={"max_side": "the knob"})
    over = OutpaintError(ErrorCode.DIMENSIONS_OUT_OF_RANGE, "image is wide", field="image", limit="max_side")
    said = {}
    for profile in WireProfile:
        answers = Answers(
            settings,
            RequestHead("POST", "/v1/painting/outpaint"),
            "an-id",
            Allowance(limit=9, available=9, reset_in=0, credits=0),
            Accept.parse([accepted], profile),
            profile=profile,
        )
        for name, error in {"named": over, "no limit": OutpaintError(over.code, over.detail)}.items():
            said[profile.value, name] = json.loads(answers.error(error).body)["detail"]
    assert said == {
        ("ours", "named"): "image is wide (the limit is set by the knob)",
        ("ours", "no limit"): "image is wide",
        ("vendor", "named"): "image is wide",
        ("vendor", "no limit"): "image is wide",
    }
