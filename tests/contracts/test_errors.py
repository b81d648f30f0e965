"""Every code has a status, a word and a title, and its bodies carry them."""

from __future__ import annotations

import json

import pytest

from outpaint.contracts.errors import ERROR_KINDS, ErrorBody, ErrorCode, ErrorKind, OutpaintError, ProblemDetails


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_has_its_kind(code: ErrorCode) -> None:
    error = OutpaintError(code, "what is wrong", field="prompt")
    body = json.loads(ErrorBody.of(error).model_dump_json())
    assert body == {
        "status": "error",
        "detail": "what is wrong",
        "message": ERROR_KINDS[code].message,
        "code": ERROR_KINDS[code].status.value,
        "error_code": code.value,
        "field": "prompt",
    }
    problem = json.loads(ProblemDetails.of(error, correlation_id="abc").model_dump_json())
    assert problem["type"] == f"urn:outpaint-kit:error:{code.value}"
    assert problem["status"] == ERROR_KINDS[code].status.value
    assert problem["instance"] == "urn:uuid:abc"
    assert problem["title"] == ERROR_KINDS[code].title
    assert problem["detail"] == "what is wrong"


@pytest.mark.parametrize("kind", ERROR_KINDS.values(), ids=list(ERROR_KINDS))
def test_every_kind_says_the_way_out_behind_its_title(kind: ErrorKind) -> None:
    # Both stand in one sentence of the docs and of a mock's errors.
    assert kind.title[0].isupper()
    assert not kind.title.endswith(".")
    assert kind.remedy[0].islower()
    assert not kind.remedy.endswith(".")


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        (ErrorCode.UNKNOWN_KEY, 401, "token_error"),
        (ErrorCode.INSUFFICIENT_CREDITS, 402, "Payment Required"),
        (ErrorCode.INVALID_PARAMETER, 422, "Validation Failed"),
    ],
)
def test_the_vendors_words(code: ErrorCode, status: int, message: str) -> None:
    assert (ERROR_KINDS[code].status, ERROR_KINDS[code].message) == (status, message)


def test_no_word_hangs_on_the_pythons_version() -> None:
    # http.HTTPStatus of Python 3.13 calls these Content Too Large and Unprocessable Content.
    words = {kind.status.value: kind.message for kind in ERROR_KINDS.values() if kind.status.value in (413, 422)}
    assert words == {413: "Request Entity Too Large", 422: "Validation Failed"}


def test_every_declared_status_can_be_answered() -> None:
    declared = {400, 401, 402, 403, 404, 405, 406, 413, 415, 431, 422, 429, 500, 503, 504}
    assert declared <= {kind.status.value for kind in ERROR_KINDS.values()}


def test_a_long_or_broken_value_is_shown_short_and_as_text() -> None:
    error = OutpaintError.wrong_value("prompt", "\ud800" + "x" * 500, "no")
    assert len(error.detail) < 150
    error.detail.encode("utf-8")
