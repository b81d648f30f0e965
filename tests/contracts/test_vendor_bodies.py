"""Bodies as the vendor's clients read them: what is promised suffices, and what breaks the promise is told."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from outpaint.conformance.proving.answer_reading import failed, only_picture, pending, rejected
from outpaint.conformance.proving.expectations import Unmet

PICTURE = {"id": "a.png", "url": "https://files.test/a.png"}


@pytest.mark.parametrize("word", ["processing", "success"])
def test_a_202_with_no_more_than_the_vendor_promises_is_read(word: str) -> None:
    answer = httpx.Response(202, json={"status": word, "inference_id": "x", "data": []})
    assert pending(answer) == "x"


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, {"status": "processing", "inference_id": "x", "data": []}, "the status"),
        (202, {"status": "done", "inference_id": "x", "data": []}, "the status word"),
        (202, {"status": "processing", "inference_id": "x"}, "data"),
        (202, {"status": "processing", "inference_id": "x", "data": None}, "data"),
        (202, {"status": "processing", "inference_id": "x", "data": [PICTURE]}, "data"),
        (202, {"status": "processing", "data": []}, "inference_id"),
        (202, {"status": "processing", "inference_id": "", "data": []}, "inference_id"),
        (202, {"status": "processing", "inference_id": 7, "data": []}, "inference_id"),
        (202, ["processing"], "JSON object"),
    ],
)
def test_a_202_that_breaks_the_promise_is_told(status: int, body: Any, told: str) -> None:
    with pytest.raises(Unmet, match=told):
        pending(httpx.Response(status, json=body))


def test_what_is_no_json_is_told() -> None:
    with pytest.raises(Unmet, match="no JSON"):
        pending(httpx.Response(202, content=b"<html>"))


def test_the_only_picture_is_read_and_a_second_is_told() -> None:
    assert only_picture(httpx.Response(200, json={"status": "success", "data": [PICTURE]})).id == "a.png"
    with pytest.raises(Unmet, match="number of pictures"):
        only_picture(httpx.Response(200, json={"status": "success", "data": [PICTURE, PICTURE]}))


def test_a_failed_job_is_read() -> None:
    assert failed(httpx.Response(200, json={"status": "error", "message": "m", "detail": "d"})) == ("m", "d")
    with pytest.raises(Unmet, match="detail"):
        failed(httpx.Response(200, json={"status": "error", "message": "m"}))
    with pytest.raises(Unmet, match="status word"):
        failed(httpx.Response(200, json={"status": "success", "data": []}))


def test_a_refusal_needs_a_detail_and_the_message_only_where_it_was_asked_for() -> None:
    answer = httpx.Response(402, json={"detail": "no credits"})
    assert rejected(answer, 402) == "no credits"
    with pytest.raises(Unmet, match="message"):
        rejected(answer, 402, message="Payment Required")
    with pytest.raises(Unmet, match="the status"):
        rejected(answer, 401)
    with pytest.raises(Unmet, match="detail"):
        rejected(httpx.Response(402, json={"detail": ""}), 402)
