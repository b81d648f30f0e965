"""Fifteen requests that a strict mock answers as the service would; prints what each of them got."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Transport  # type: ignore[import-not-found]

PATH = "/painting/outpaint"


def _two_jobs(transport: Transport) -> str:
    scenario = {"X-Mock-Scenario": "sequence(processing*2, success)", "Prefer": "respond-async"}
    jobs = [transport.submit(headers=scenario).json()["inference_id"] for _ in range(2)]
    return " ".join(str(transport.poll(job).status_code) for _ in range(3) for job in jobs)


def _status(answer: Any) -> str:
    return str(answer.status_code)


def _code(answer: Any) -> str:
    return f"{answer.status_code} {answer.json()['error_code']}"


CHECKS: tuple[tuple[str, Callable[[Transport], str], str], ...] = (
    (
        "text labelled image/png is refused",
        lambda via: _code(
            via.call("POST", PATH, data={"prompt": "x"}, files={"image": ("a.png", b"just text", "image/png")})
        ),
        "415 unsupported_image_type",
    ),
    (
        "a picture cut in half is refused",
        lambda via: _code(via.submit(image=_canvas(via)[:600])),
        "422 unreadable_image",
    ),
    (
        "a picture with nothing to paint is refused",
        lambda via: _code(via.submit(image=_opaque())),
        "422 nothing_to_paint",
    ),
    ("mode=async is answered 202", lambda via: _status(via.submit(fields={"mode": "async"})), "202"),
    ("an id that was never issued is 404", lambda via: _status(via.poll("0" * 8)), "404"),
    (
        "a wrong enum is refused",
        lambda via: _code(via.submit(fields={"format": "GIF"})),
        "422 invalid_parameter",
    ),
    (
        "a count out of range is refused",
        lambda via: _code(via.submit(fields={"count": "11"})),
        "422 invalid_parameter",
    ),
    (
        "a missing prompt is refused",
        lambda via: _code(via.submit(fields={"prompt": ""})),
        "422 invalid_parameter",
    ),
    (
        "a missing picture is refused",
        lambda via: _code(via.call("POST", PATH, data={"prompt": "x", "count": "1"})),
        "422 missing_parameter",
    ),
    (
        "two sources of one picture are refused",
        lambda via: _code(via.submit(fields={"image_url": "https://a.test/b.png"})),
        "422 conflicting_parameters",
    ),
    (
        "a missing key is 401",
        lambda via: _status(via.call("GET", "/balance", headers={"X-Picsart-API-Key": ""})),
        "401",
    ),
    ("a wrong verb is 405", lambda via: _status(via.call("PUT", PATH)), "405"),
    (
        "an unknown content type is 415",
        lambda via: _status(via.call("POST", PATH, content=b"<a/>", headers={"Content-Type": "application/xml"})),
        "415",
    ),
    (
        "a body that breaks off is 400",
        lambda via: _status(
            via.call(
                "POST", PATH, content=b"--b\r\nConten", headers={"Content-Type": "multipart/form-data; boundary=b"}
            )
        ),
        "400",
    ),
    ("two jobs go their own way", _two_jobs, "202 202 202 202 200 200"),
)


def _canvas(transport: Transport) -> bytes:
    from outpaint.mocks.world.web_sources import picture_for

    return picture_for("https://pictures.test/strict.png")


def _opaque() -> bytes:
    from io import BytesIO

    from PIL import Image

    stream = BytesIO()
    Image.new("RGB", (64, 64), (1, 2, 3)).save(stream, "PNG")
    return stream.getvalue()


def test_fifteen_of_fifteen(transport: Transport) -> None:
    """Run with -s to read the table."""
    got = [(what, ask(transport), wanted) for what, ask, wanted in CHECKS]
    right = sum(seen == wanted for _, seen, wanted in got)
    table = [f"{'ok' if seen == wanted else 'NO':3} {what:45} {seen}" for what, seen, wanted in got]
    print(f"\n{transport.name}: {right}/{len(CHECKS)}", *table, sep="\n")  # noqa: T201 - the table is what it is for
    assert right == len(CHECKS) == 15, "\n".join(table)
