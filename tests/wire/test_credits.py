"""What a request costs, and when nothing is charged."""

from __future__ import annotations

import pytest
from outpaint_contracts import headers
from outpaint_contracts.errors import ErrorCode, OutpaintError
from wire_kit.api import BALANCE, Api, accepted_of, failure_of, refused, result_of
from wire_kit.providers import Provider


@pytest.mark.parametrize("count", [1, 4])
def test_a_picture_costs_a_credit(api: Api, count: int) -> None:
    with api.charged(count):
        result_of(api.outpaint(count=count))


def test_the_header_tells_the_credits_before_the_requests_own_charge(provider: Provider, api: Api) -> None:
    own = api.with_key(provider.exact_key(10))
    assert own.outpaint(count=3).headers[headers.CREDIT_AVAILABLE] == "10"
    assert own.outpaint(count=3).headers[headers.CREDIT_AVAILABLE] == "7"
    assert own.get(BALANCE).headers[headers.CREDIT_AVAILABLE] == "4"


def test_a_running_jobs_credits_are_already_taken_off(provider: Provider, api: Api) -> None:
    with provider.hold(), api.charged(2):
        accepted = accepted_of(api.outpaint(mode="async", count=2))
    with api.charged(0):
        api.end_of(accepted.inference_id)


def test_too_few_credits_are_402_and_stay(provider: Provider, api: Api) -> None:
    own = api.with_key(provider.exact_key(2))
    with own.charged(0):
        answer = own.outpaint(count=3)
    refused(answer, ErrorCode.INSUFFICIENT_CREDITS)
    assert answer.json()["message"] == "Payment Required"
    result_of(own.outpaint(count=2))
    refused(own.outpaint(count=1), ErrorCode.INSUFFICIENT_CREDITS)
    assert own.balance() == 0


def test_no_credits_are_enough_to_ask_for_the_balance(provider: Provider, api: Api) -> None:
    assert api.with_key(provider.exact_key(0)).balance() == 0


def test_polling_costs_nothing(api: Api) -> None:
    accepted = accepted_of(api.outpaint(mode="async"))
    with api.charged(0):
        api.end_of(accepted.inference_id)
        api.poll(accepted.inference_id)


def test_a_failed_job_gives_its_credits_back(provider: Provider, api: Api) -> None:
    with provider.failing(OutpaintError(ErrorCode.PAINTING_FAILED, "the brush broke: try again")), api.charged(0):
        accepted = accepted_of(api.outpaint(mode="async", count=5))
        failure_of(api.end_of(accepted.inference_id))


def test_another_accounts_credits_are_not_touched(provider: Provider, api: Api) -> None:
    other = api.with_key(provider.second_key())
    with other.charged(0):
        result_of(api.outpaint())


def test_credits_spent_at_once_never_go_below_nothing(provider: Provider, api: Api) -> None:
    own = api.with_key(provider.exact_key(3))
    with provider.hold():
        answers = [own.outpaint(mode="async", count=2) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202, 402, 402]
        assert own.balance() == 1
    own.end_of(accepted_of(answers[0]).inference_id)
