"""Seeds (our extension): which picture is made from which, and that one seed makes one picture."""

from __future__ import annotations

from typing import Final

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import refused, result_of
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, critical, minor, refused_by_us_costs_nothing, variants
from outpaint.conformance.proving.expectations import differ, equal, holds, within
from outpaint.conformance.proving.field_clauses import FIELD_CLAUSES
from outpaint.contracts.errors import ErrorCode

_WRONG: Final = {"negative": "-1", "33-bits": "4294967296", "fraction": "1.0", "letters": "abc"}


@case(
    FIELD_CLAUSES["seed"],
    when="a seed is no whole number of 32 bits",
    then="the refusal is invalid_parameter and names the seed",
    each=variants(seed=_WRONG),
)
def seed_out_of_range_is_refused(api: Api, seed: str) -> None:
    refused(api.outpaint(seed=seed), ErrorCode.INVALID_PARAMETER, field="seed")


@refused_by_us_costs_nothing(
    when="every wrong seed that these cases know is posted", then="each is refused and nothing is charged"
)
def wrong_seeds_cost_nothing(api: Api) -> None:
    with api.charged(0):
        for name, seed in _WRONG.items():
            within(api.outpaint(seed=seed).status_code, 400, 499, f"the status of {name}")


@case(
    clauses.SEEDS,
    when="three pictures are asked for with a seed",
    then="the items' seeds count on from it",
    credits=3,
)
def picture_i_is_made_from_seed_plus_i(api: Api) -> None:
    result = result_of(api.outpaint(seed=41, count=3))
    equal(result.seed, 41, "the request's seed")
    equal([item.seed for item in result.data], [41, 42, 43], "the items' seeds")


@minor(
    clauses.SEED_AFTER_LAST,
    when="two pictures are asked for with the last seed that there is",
    then="the second is made from 0",
    credits=2,
)
def seeds_wrap_at_two_to_the_32(api: Api) -> None:
    result = result_of(api.outpaint(seed=2**32 - 1, count=2))
    equal([item.seed for item in result.data], [2**32 - 1, 0], "the items' seeds")


@case(
    clauses.SEED_REPEATS,
    given="a picture that was made among others",
    when="its seed is sent alone",
    then="the same file comes back",
    credits=4,
)
def seed_makes_the_same_picture_again(api: Api) -> None:
    answer = api.outpaint(seed=5, count=3)
    among = api.files_of(answer)
    alone = api.picture(seed=result_of(answer).data[1].seed)
    holds(alone == among[1], "both files are the same, byte for byte")


@critical(clauses.VARIANTS, when="five pictures are asked for at once", then="no two of them are the same", credits=5)
def variants_differ(api: Api) -> None:
    files = [drawn_pictures.decode(data).tobytes() for data in api.files_of(api.outpaint(count=5))]
    equal(len(set(files)), 5, "the number of different pictures")


@case(
    clauses.VARIANTS,
    when="the same request is posted twice without a seed",
    then="each is given a seed of its own, and no two pictures are the same",
    credits=4,
)
def requests_without_a_seed_differ(api: Api) -> None:
    answers = [api.outpaint(count=2) for _ in range(2)]
    first, second = (result_of(answer) for answer in answers)
    differ(first.seed, second.seed, "the second seed")
    files = [data for answer in answers for data in api.files_of(answer)]
    equal(len(set(files)), 4, "the number of different files")
