"""Jobs that end without pictures: the poll says so with 200, the waiting POST with the error itself."""

from __future__ import annotations

import pytest
from outpaint_contracts.errors import ERROR_KINDS, ErrorCode, OutpaintError
from outpaint_contracts.responses import StatusWord
from wire_kit.api import Api, accepted_of, failure_of, refused
from wire_kit.providers import Provider

BROKEN = OutpaintError(ErrorCode.PAINTING_FAILED, "the brush broke: try again")


def test_a_poll_on_a_failed_job_is_200_with_status_error(provider: Provider, api: Api) -> None:
    with provider.failing(BROKEN):
        accepted = accepted_of(api.outpaint(mode="async"))
        answer = api.end_of(accepted.inference_id)
    failure = failure_of(answer)
    assert failure.status is StatusWord.ERROR
    assert failure.inference_id == failure.transaction_id == accepted.inference_id
    assert failure.error_code is ErrorCode.PAINTING_FAILED
    assert failure.code == 500
    assert failure.message == ERROR_KINDS[ErrorCode.PAINTING_FAILED].message
    assert failure.detail == BROKEN.detail
    assert answer.json()["data"] == []


@pytest.mark.parametrize("code", [ErrorCode.PAINTING_FAILED, ErrorCode.TIMED_OUT, ErrorCode.UNAVAILABLE])
def test_a_waiting_post_whose_job_failed_answers_the_error(provider: Provider, api: Api, code: ErrorCode) -> None:
    with provider.failing(OutpaintError(code, "the brush broke: try again")), api.charged(0):
        refused(api.outpaint(mode="sync"), code)


def test_a_painter_that_breaks_in_an_unforeseen_way_ends_the_job_and_tells_no_secrets(
    provider: Provider, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with provider.failing(RuntimeError("s3cret at /home/painter")), api.charged(0):
        answer = api.outpaint()
    refused(answer, ErrorCode.PAINTING_FAILED)
    assert "s3cret" not in answer.text
    caplog.clear()


def test_a_failed_job_stays_failed(provider: Provider, api: Api) -> None:
    with provider.failing(BROKEN):
        accepted = accepted_of(api.outpaint(mode="async"))
        first = failure_of(api.end_of(accepted.inference_id))
    assert failure_of(api.poll(accepted.inference_id)) == first
