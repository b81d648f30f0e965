"""A 429 is waited out as it asks, within bounds; a client that only proves things is no burden."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from outpaint.conformance.verify import remote_provider
from outpaint.conformance.verify.remote_provider import LONGEST_WAIT_S, MOST_WAITS, RetryingClient, SharedPause


class Clock:
    """Time that goes on by sleeping alone."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(remote_provider, "time", found)
    return found


def ask(*answers: httpx.Response, content: bytes | Iterator[bytes] = b"body") -> tuple[httpx.Response, list[bytes]]:
    bodies: list[bytes] = []
    left = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return next(left)

    with RetryingClient(SharedPause(), transport=httpx.MockTransport(answer), base_url="https://h.test") as client:
        return client.post("/v1", content=content), bodies


def limited(**headers: str) -> httpx.Response:
    return httpx.Response(429, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_it_waits_as_it_is_told_and_sends_the_same_again(clock: Clock) -> None:
    answer, bodies = ask(limited(Retry_After="7"), httpx.Response(200))
    assert answer.status_code == 200
    assert clock.slept == [7.0]
    assert bodies == [b"body", b"body"]


def test_without_a_word_it_waits_a_second(clock: Clock) -> None:
    answer, _ = ask(limited(), limited(Retry_After="soon"), httpx.Response(200))
    assert answer.status_code == 200
    assert clock.slept == [1.0, 1.0]


def test_the_vendors_own_header_counts_too(clock: Clock) -> None:
    ask(limited(X_Picsart_Ratelimit_Reset_Time="3"), httpx.Response(200))
    assert clock.slept == [3.0]


def test_too_long_a_wait_is_passed_on(clock: Clock) -> None:
    answer, _ = ask(limited(Retry_After=str(int(LONGEST_WAIT_S) + 1)))
    assert answer.status_code == 429
    assert clock.slept == []


def test_it_gives_up_in_the_end(clock: Clock) -> None:
    answer, bodies = ask(*[limited(Retry_After="1") for _ in range(MOST_WAITS + 1)])
    assert answer.status_code == 429
    assert len(bodies) == MOST_WAITS + 1


def test_other_answers_are_not_touched(clock: Clock) -> None:
    for status in (200, 202, 422, 503):
        answer, bodies = ask(httpx.Response(status, headers={"Retry-After": "9"}))
        assert (answer.status_code, len(bodies)) == (status, 1)
    assert clock.slept == []


def test_everybody_waits_for_the_same_pause(clock: Clock) -> None:
    pause = SharedPause()
    pause.begin(5)
    pause.begin(2)
    pause.wait()
    assert clock.slept == [5.0]
