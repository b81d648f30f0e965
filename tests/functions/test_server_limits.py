"""Limits as texts: what is read, and what is refused by name."""

import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.embedded.server_limits import ServerLimits, every_limit, in_force, read_limits
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
    changed = read_limits(["max_side=16384", "max_area=64000000"], ServerLimits)
    pictures = ServiceSettings(**changed.settings).pictures
    assert (pictures.max_side, pictures.max_area) == (16384, 64_000_000)
    assert changed.server == ServerLimits()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sides=3", "max_side"),
        ("max_side", "NAME=VALUE"),
        ("max_side=0", "max_side has wrong value 0"),
        ("max_side=wide", "max_side has wrong value wide"),
        ("bodies_in_flight=3QiB", "the units are"),
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
