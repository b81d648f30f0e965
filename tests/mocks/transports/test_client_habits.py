"""The habits of the vendor's official clients (docs/facts/wire.md#client-habits), on every transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpaint.contracts import paths_and_headers

if TYPE_CHECKING:
    from conftest import Transport  # type: ignore[import-not-found]

VENDOR_HEADERS = (
    paths_and_headers.CORRELATION_ID,
    paths_and_headers.RATE_LIMIT,
    paths_and_headers.RATE_AVAILABLE,
    paths_and_headers.RATE_RESET,
    paths_and_headers.CREDIT_AVAILABLE,
)


def test_a_get_may_claim_to_be_multipart_without_boundary_or_body(transport: Transport) -> None:
    answer = transport.balance(headers={"Content-Type": "multipart/form-data"})
    assert answer.status_code == 200
    assert list(answer.json()) == ["credits"]  # the Python SDK unpacks it into a class of one field


def test_an_issued_id_is_found_from_the_first_moment(transport: Transport) -> None:
    """Clients poll through a 404 as "not ready"; an issued id never answers one."""
    accepted = transport.submit(headers={"X-Mock-Scenario": "polls(3)", "Prefer": "respond-async"}).json()
    statuses = [transport.poll(accepted["inference_id"]).status_code for _ in range(4)]
    assert statuses == [202, 202, 202, 200]
    assert transport.poll("00000000-0000-4000-8000-000000000000").status_code == 404


def test_a_client_that_polls_through_404_ends_well(transport: Transport) -> None:
    accepted = transport.submit(headers={"X-Mock-Scenario": "polls(1)", "Prefer": "respond-async"}).json()
    transport.world.scenarios.next("error(unknown_inference)")
    statuses = []
    while (status := transport.poll(accepted["inference_id"]).status_code) != 200:
        statuses.append(status)
    assert statuses == [404, 202]


def test_the_data_of_a_202_can_be_iterated(transport: Transport) -> None:
    accepted = transport.submit(headers={"X-Mock-Scenario": "polls(1)", "Prefer": "respond-async"})
    assert accepted.status_code == 202
    body = accepted.json()
    assert [item["url"] for item in body["data"]] == []
    assert body["inference_id"] == body["transaction_id"]
    assert int(accepted.headers["Retry-After"]) >= 1


def test_sleeping_on_reset_time_gets_a_client_on(transport: Transport) -> None:
    """The TypeScript SDK sleeps on it: an int32 of seconds from now."""
    transport.world.scenarios.always("rate_limit(2, 30)")
    assert [transport.balance().status_code for _ in range(3)] == [200, 200, 429]
    seconds = int(transport.balance().headers[paths_and_headers.RATE_RESET])
    assert 1 <= seconds <= 30
    transport.world.clock.advance(seconds)
    assert transport.balance().status_code == 200


def test_every_answer_has_the_vendors_headers(transport: Transport) -> None:
    answers = [
        transport.balance(),
        transport.submit(),
        transport.call("GET", "/nothing"),
        transport.submit(fields={"count": "99"}),
        transport.balance(headers={"X-Mock-Scenario": "error(internal)"}),
        transport.balance(headers={"X-Mock-Scenario": "error(rate_limited)"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 422, 500, 429]
    for answer in answers:
        assert all(name in answer.headers for name in VENDOR_HEADERS)


def test_the_python_sdks_form_of_a_request(transport: Transport) -> None:
    """Octet-stream parts, a whole path as file name, an empty negative_prompt, and `mask` instead of mask_image."""
    from io import BytesIO

    from PIL import Image

    mask = Image.new("L", (96, 64), 0)
    mask.paste(255, (10, 10, 50, 40))
    stream = BytesIO()
    mask.save(stream, "PNG")
    opaque = BytesIO()
    Image.new("RGB", (96, 64), (10, 200, 30)).save(opaque, "PNG")
    answer = transport.call(
        "POST",
        "/painting/outpaint",
        files={
            "image": ("/home/someone/a picture.png", opaque.getvalue(), "application/octet-stream"),
            "mask": ("C:\\masks\\m.png", stream.getvalue(), "application/octet-stream"),
        },
        data={"prompt": "hills", "negative_prompt": "", "count": "1", "format": "JPG", "mode": "sync"},
    )
    assert answer.status_code == 200
    call = transport.world.calls.submits.last
    assert call.mask is not None
    assert call.mask.size == (96, 64)


def test_an_exhausted_file_handle_is_told_so(transport: Transport) -> None:
    answer = transport.submit(image=b"")
    assert answer.status_code == 422
    assert "image" in answer.json()["detail"]


def test_two_urls_come_as_a_plain_form(transport: Transport) -> None:
    answer = transport.call(
        "POST",
        "/painting/outpaint",
        data={
            "image_url": "https://pictures.test/a.png",
            "prompt": "hills",
            "negative_prompt": "",
            "count": "1",
        },
    )
    assert answer.status_code == 200
    assert transport.world.calls.submits.last.image.size == (512, 384)
