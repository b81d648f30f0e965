"""Every check of the consumer report, kept by one client and broken by another."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from outpaint.contracts.profiles import WireProfile
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.report.client_checks import CHECKS
from outpaint.mocks.report.findings import CheckOutcome, ReportVerdict
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World

Script = Callable[[Any], None]


def retries_after(seconds: float) -> Script:
    def script(client: Any) -> None:
        client.scenario("error(unavailable, retry_after=7)")
        client.submit(idem="k")
        client.sleep(seconds)
        client.submit(idem="k")

    return script


def after_429(seconds: float) -> Script:
    def script(client: Any) -> None:
        client.scenario("error(rate_limited, retry_after=9)", on="balance")
        client.balance()
        client.sleep(seconds)
        client.submit()

    return script


def after_lost_connection(seconds: float) -> Script:
    def script(client: Any) -> None:
        client.scenario("reset(after)", on="submit")
        client.submit(idem="k")
        client.sleep(seconds)
        client.submit(idem="k")

    return script


def failing_with_pauses(*pauses: float) -> Script:
    def script(client: Any) -> None:
        client.scenario("gateway(502)", on="balance", times=len(pauses))
        for seconds in pauses:
            client.balance()
            client.sleep(seconds)
        client.balance()

    return script


def failing_times(times: int) -> Script:
    def script(client: Any) -> None:
        client.scenario("error(internal)", on="balance", times=times)
        for place in range(times):
            client.balance()
            client.sleep(1.5**place)

    return script


def polling_every(seconds: float) -> Script:
    def script(client: Any) -> None:
        client.scenario("polls(3)")
        inference_id = client.job()
        for _ in range(4):
            client.sleep(seconds)
            client.poll(inference_id)

    return script


def sent_again_after_202(client: Any) -> None:
    client.scenario("polls(1)")
    client.job(idem=None)
    client.sleep(5)
    client.submit(idem=None)


def submits_twice(client: Any) -> None:
    client.submit()
    client.submit()


def polled_after_202(client: Any) -> None:
    client.scenario("polls(1)")
    inference_id = client.job(idem=None)
    client.sleep(5)
    client.poll(inference_id)
    client.submit(idem=None)


def leaves_running(client: Any) -> None:
    client.scenario("polls(5)")
    client.poll(client.job())


def never_polls(client: Any) -> None:
    client.job()


def polls_on_after_success(client: Any) -> None:
    inference_id, _ = client.done()
    client.sleep(2)
    client.poll(inference_id)


def polls_on_after_failure(client: Any) -> None:
    client.scenario("fail(painting_failed)")
    inference_id = client.job()
    for _ in range(2):
        client.sleep(2)
        client.poll(inference_id)


def polls_again_for_a_new_url(client: Any) -> None:
    client.scenario("expired_url(times=1)")
    inference_id, url = client.done()
    client.fetch(url)
    client.poll(inference_id)


def repeats_unknown_outcome(idem: str | None) -> Script:
    def script(client: Any) -> None:
        client.scenario("reset(after)", on="submit")
        client.submit(idem=None if idem is None else "first")
        client.sleep(1)
        client.submit(idem=idem)

    return script


def two_wishes_under_one_key(client: Any) -> None:
    client.submit("a", idem="one")
    client.submit("b", idem="one")


def tries_again_after_failed_job(idem: str) -> Script:
    def script(client: Any) -> None:
        client.scenario("fail(painting_failed)")
        inference_id = client.job(idem="first")
        client.sleep(2)
        client.poll(inference_id)
        client.sleep(2)
        client.submit(idem=idem)

    return script


def tries_again_after_failed_sync_job(client: Any) -> None:
    client.scenario("fail(timed_out)")
    client.submit(idem="first", mode="sync")
    client.submit(idem="first", mode="sync")


def after_402(*, look: bool) -> Script:
    def script(client: Any) -> None:
        client.scenario("error(insufficient_credits)")
        client.submit()
        if look:
            client.balance()
        client.submit()

    return script


def after_refusal(prompt: str) -> Script:
    def script(client: Any) -> None:
        client.submit("a field", count="99")
        client.submit(prompt, count="99" if prompt == "a field" else "1")

    return script


def keyed_url(query: str) -> Script:
    return lambda client: client.submit(query=query)


def fields(**more: Any) -> Script:
    return lambda client: client.submit(**more)


def fetches_late(client: Any) -> None:
    _, url = client.done()
    client.sleep(25 * 3600)
    client.fetch(url)


def never_fetches(client: Any) -> None:
    client.done()
    client.sleep(25 * 3600)


def fetches(client: Any) -> None:
    _, url = client.done()
    client.fetch(url)


def refused_url(*, again: bool) -> Script:
    def script(client: Any) -> None:
        client.scenario("expired_url(times=1)")
        _, url = client.done()
        client.fetch(url)
        if again:
            client.fetch(url)

    return script


def broken_picture(how: str, *, again: bool) -> Script:
    def script(client: Any) -> None:
        _, url = client.done()
        client.scenario(how, on="file")
        client.fetch(url)
        if again:
            client.fetch(url)

    return script


def polling_as_told(client: Any) -> None:
    client.scenario("polls(1)")
    inference_id = client.job(idem=None)
    client.sleep(2)
    client.poll(inference_id)


def polling_by_itself(client: Any) -> None:
    client.scenario("polls(2)")
    inference_id = client.job(idem=None)
    for seconds in (0.7, 1.1, 3.3):
        client.sleep(seconds)
        client.poll(inference_id)


def asks_for_an_upload(client: Any) -> None:
    client.ask_for_upload()


KEPT: list[tuple[str, Script]] = [
    ("retry_after", retries_after(7)),
    ("rate_limit", after_429(9)),
    ("hammering", after_lost_connection(1)),
    ("back_off", failing_with_pauses(1, 2, 4)),
    ("gives_up", failing_times(10)),
    ("polling_pace", polling_every(0.5)),
    ("poll_as_asked", polling_every(2)),
    ("follows_202", polled_after_202),
    ("follows_202", submits_twice),
    ("job_left", polling_every(2)),
    ("stops_at_end", polling_every(2)),
    ("stops_at_end", polls_again_for_a_new_url),
    ("idempotency_key", fields()),
    ("same_key_on_retry", repeats_unknown_outcome("first")),
    ("one_key_one_request", retries_after(7)),
    ("new_key_after_failure", tries_again_after_failed_job("second")),
    ("payment_required", after_402(look=True)),
    ("blind_repeat", after_refusal("another wish")),
    ("key_in_header", keyed_url("mode=async")),
    ("known_fields", fields()),
    ("fetched_in_time", fetches),
    ("renews_urls", refused_url(again=False)),
    ("broken_pictures", broken_picture("cut(100, lying)", again=True)),
    ("leans_on_ours", fields(idem=None)),
    ("leans_on_ours", polling_by_itself),
]
BROKEN: list[tuple[str, Script]] = [
    ("retry_after", retries_after(6)),
    ("rate_limit", after_429(8)),
    ("hammering", after_lost_connection(0.01)),
    ("back_off", failing_with_pauses(1, 1, 1)),
    ("back_off", failing_with_pauses(8, 4, 2, 1)),
    ("gives_up", failing_times(11)),
    ("polling_pace", polling_every(0.25)),
    ("poll_as_asked", polling_every(1)),
    ("follows_202", sent_again_after_202),
    ("job_left", leaves_running),
    ("job_left", never_polls),
    ("stops_at_end", polls_on_after_success),
    ("stops_at_end", polls_on_after_failure),
    ("idempotency_key", fields(idem=None)),
    ("same_key_on_retry", repeats_unknown_outcome("second")),
    ("same_key_on_retry", repeats_unknown_outcome(None)),
    ("one_key_one_request", two_wishes_under_one_key),
    ("new_key_after_failure", tries_again_after_failed_job("first")),
    ("new_key_after_failure", tries_again_after_failed_sync_job),
    ("payment_required", after_402(look=False)),
    ("blind_repeat", after_refusal("a field")),
    ("key_in_header", keyed_url("api_key=secret")),
    ("key_in_header", keyed_url("whatever=anyone")),
    ("known_fields", fields(colour="red")),
    ("fetched_in_time", fetches_late),
    ("fetched_in_time", never_fetches),
    ("renews_urls", refused_url(again=True)),
    ("broken_pictures", broken_picture("cut(100, lying)", again=False)),
    ("broken_pictures", broken_picture("cut(100, honest)", again=False)),
    ("broken_pictures", broken_picture("reset(during)", again=False)),
    ("leans_on_ours", fields()),
    ("leans_on_ours", fields(idem=None, seed="4")),
    ("leans_on_ours", fields(idem=None, headers=(("accept", "application/problem+json"),))),
    ("leans_on_ours", polling_as_told),
    ("leans_on_ours", asks_for_an_upload),
]


def test_every_check_is_kept_and_broken_here() -> None:
    codes = {check.code for check in CHECKS}
    assert codes == {code for code, _ in KEPT} == {code for code, _ in BROKEN}


@pytest.mark.parametrize(("code", "script"), KEPT, ids=[f"{code}-{n}" for n, (code, _) in enumerate(KEPT)])
def test_a_client_that_keeps_a_rule_passes_its_check(client: Any, code: str, script: Script) -> None:
    script(client)
    result = client.says(code)
    assert result.outcome is CheckOutcome.PASSED, result
    assert result.judged >= 1


@pytest.mark.parametrize(("code", "script"), BROKEN, ids=[f"{code}-{n}" for n, (code, _) in enumerate(BROKEN)])
def test_a_client_that_breaks_a_rule_fails_its_check_with_evidence(client: Any, code: str, script: Script) -> None:
    script(client)
    result = client.says(code)
    assert result.outcome is CheckOutcome.FAILED, result
    assert result.failed >= 1
    numbers = {call.number for call in client.world.calls}
    for finding in result.findings:
        assert finding.calls
        assert set(finding.calls) <= numbers
        assert f"#{finding.calls[0]}" in finding.text


def test_a_check_that_nothing_speaks_of_says_so(client: Any) -> None:
    client.balance()
    report = client.report()
    assert report.verdict is ReportVerdict.PASSED
    for result in report.checks:
        if result.code != "key_in_header":
            assert result.outcome is CheckOutcome.NOT_APPLICABLE
            assert result.note


def test_an_empty_journal_judges_nothing(client: Any) -> None:
    report = client.report()
    assert report.verdict is ReportVerdict.NOTHING_JUDGED
    with pytest.raises(AssertionError, match="nothing was judged"):
        report.assert_passed()


def test_a_clock_that_stands_still_leaves_pauses_unjudged(client: Any) -> None:
    client.scenario("polls(3)")
    inference_id = client.job()
    for _ in range(3):
        client.poll(inference_id)
    result = client.says("polling_pace")
    assert result.outcome is CheckOutcome.NOT_APPLICABLE
    assert "the clock stood still" in result.note


def test_a_clock_that_goes_has_pauses_judged(make_client: Callable[..., Any]) -> None:
    client = make_client(World(clock=VirtualClock.ticking()))
    client.scenario("polls(3)")
    inference_id = client.job()
    client.poll(inference_id)
    client.poll(inference_id)
    assert client.says("polling_pace").outcome is CheckOutcome.FAILED


def test_a_client_of_the_vendor_is_not_judged_by_what_the_vendor_lacks(make_client: Callable[..., Any]) -> None:
    client = make_client(World(profile=WireProfile.VENDOR))
    polling_by_itself(client)
    client.scenario("error(unavailable)")
    client.submit(idem=None)
    client.sleep(1)
    client.done(idem=None)
    report = client.report()
    assert report.profile is WireProfile.VENDOR
    assert not report.failures
    for code in ("retry_after", "poll_as_asked", "idempotency_key", "same_key_on_retry", "one_key_one_request"):
        assert report.of(code).note == "it is about what the vendor does not have"
    assert client.report(WireProfile.OURS).of("leans_on_ours").outcome is CheckOutcome.NOT_APPLICABLE


def test_unknown_fields_are_found_where_no_header_says_so(make_client: Callable[..., Any]) -> None:
    client = make_client(World(profile=WireProfile.VENDOR))
    client.submit(idem=None, colour="red", seed="4")
    (finding,) = client.says("known_fields").findings
    assert "colour, seed" in finding.text


def test_a_poll_for_new_urls_by_expires_at_is_leaning(make_client: Callable[..., Any]) -> None:
    for tries_the_old in (True, False):
        client = make_client(World(settings=ServiceSettings(url_lifetime=60)))
        inference_id, url = client.done(idem=None)
        client.sleep(61)
        if tries_the_old:
            assert client.fetch(url).status == 403
        client.poll(inference_id)
        found = [finding.text for finding in client.says("leans_on_ours").findings if "expires_at" in finding.text]
        assert bool(found) is not tries_the_old


def test_interleaved_jobs_are_told_apart(client: Any) -> None:
    client.world.scenarios.always("polls(2)")
    ids = [client.job(prompt=f"job {n}") for n in range(5)]
    for _ in range(3):
        client.sleep(2)
        for inference_id in ids:
            client.poll(inference_id)
    report = client.report()
    assert report.failures == ()
    assert report.of("polling_pace").judged == 10


def test_keys_are_told_apart(make_client: Callable[..., Any]) -> None:
    one = make_client()
    other = make_client(one.world, key="someone-else")
    one.scenario("error(rate_limited, retry_after=30)")
    one.submit()
    one.sleep(1)
    other.submit()
    assert one.says("rate_limit").outcome is CheckOutcome.NOT_APPLICABLE


def test_calls_that_were_on_their_way_are_not_blamed(make_client: Callable[..., Any]) -> None:
    """Two workers of one account: the second sent before the first had its 429."""
    client = make_client()
    client.scenario("error(rate_limited, retry_after=30); latency(3)")
    client.submit("one")
    client.world.clock.restore((client.world.clock.now() - 2, 0.0))
    client.submit("two")
    assert client.says("rate_limit").outcome is CheckOutcome.NOT_APPLICABLE


def test_a_good_client_passes_strictly(client: Any) -> None:
    client.scenario("polls(1)")
    inference_id = client.job()
    client.sleep(2)
    client.poll(inference_id)
    client.sleep(2)
    answer = client.poll(inference_id)
    for item in json.loads(answer.body)["data"]:
        client.fetch(item["url"])
    client.report().assert_passed(strict=True)


def test_the_assertion_tells_what_is_wrong_and_can_be_told_to_ignore_it(client: Any) -> None:
    polls_on_after_success(client)
    report = client.report()
    with pytest.raises(AssertionError, match=r"error stops_at_end: .*\n    #2 was answered with the job's end; it was"):
        report.assert_passed()
    report.assert_passed(ignore=["stops_at_end"])
    with pytest.raises(LookupError, match="there is no check stop_at_end: there are retry_after"):
        report.assert_passed(ignore=["stop_at_end"])


def test_warnings_fail_only_a_strict_assertion(client: Any) -> None:
    client.submit(idem=None)
    report = client.report()
    assert report.verdict is ReportVerdict.PASSED
    report.assert_passed()
    with pytest.raises(AssertionError, match="warning idempotency_key"):
        report.assert_passed(strict=True)
