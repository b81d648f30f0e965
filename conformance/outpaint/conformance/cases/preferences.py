"""The header `Prefer`: how long a request is waited for, and which preferences are said to be applied."""

from __future__ import annotations

import time
from functools import partial

import httpx

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import finished, pending, words_of
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import Severity, case, critical, minor, variants, with_held_job
from outpaint.conformance.proving.expectations import contains, equal, lacks, one_of, within
from outpaint.conformance.proving.provider import Need
from outpaint.contracts import paths_and_headers

_APPLIED = paths_and_headers.PREFERENCE_APPLIED
# Far beyond the second that is asked for, far below what a host waits by itself.
_LONGEST_ANSWER_S = 30.0
_wait = partial(case, clauses.PREFER_WAIT, credits=1)
_syntax = partial(case, clauses.PREFER_SYNTAX, credits=1)


def _applied(answer: httpx.Response) -> set[str]:
    """The preferences that are said to be applied, in any order and spelling that RFC 7240 allows."""
    return {"".join(word.replace('"', "").split()) for word in words_of(answer, _APPLIED)}


@case(clauses.PREFER_ASYNC, when="a picture is posted with Prefer: respond-async", then="the answer is 202", credits=1)
def respond_async_is_202(api: Api) -> None:
    pending(api.outpaint(headers={"Prefer": "respond-async"}))


@case(
    clauses.PREFER_ASYNC,
    when="a picture is posted with Prefer: respond-async",
    then="the answer says that it was applied",
    credits=1,
)
def respond_async_is_said_to_be_applied(api: Api) -> None:
    answer = api.outpaint(headers={"Prefer": "respond-async"})
    equal(_applied(answer), {"respond-async"}, _APPLIED)


@case(
    clauses.PREFER_BEATS_MODE,
    when="a picture is posted with mode sync and Prefer: respond-async",
    then="the answer is 202",
    credits=1,
)
def respond_async_beats_mode_sync(api: Api) -> None:
    pending(api.outpaint(mode="sync", headers={"Prefer": "respond-async"}))


@case(
    clauses.PREFER_BEATS_MODE,
    when="a picture is posted with mode async and Prefer: wait=20",
    then="the answer is 200 with the picture",
    credits=1,
)
def wait_beats_mode_async(api: Api) -> None:
    finished(api.outpaint(mode="async", headers={"Prefer": "wait=20"}))


@_wait(when="a picture is posted with Prefer: wait=20", then="the answer says that it was applied")
def wait_is_said_to_be_applied(api: Api) -> None:
    answer = api.outpaint(mode="async", headers={"Prefer": "wait=20"})
    equal(_applied(answer), {"wait=20"}, _APPLIED)


@_wait(when="a picture is posted with Prefer: respond-async, wait=20", then="the answer is 200 with the picture")
def both_together_wait(api: Api) -> None:
    finished(api.outpaint(headers={"Prefer": "respond-async, wait=20"}))


@_wait(when="a picture is posted with Prefer: respond-async, wait=20", then="the answer says that both were applied")
def both_are_said_to_be_applied(api: Api) -> None:
    answer = api.outpaint(headers={"Prefer": "respond-async, wait=20"})
    equal(_applied(answer), {"respond-async", "wait=20"}, _APPLIED)


@with_held_job(
    clauses.PREFER_WAIT,
    when="it is posted with Prefer: wait=1",
    then="the answer is 202 after about a second",
    credits=1,
    seconds=1,
)
def a_wait_that_runs_out_is_202(api: Api) -> None:
    with api.provider.hold():
        began = time.monotonic()
        pending(api.outpaint(headers={"Prefer": "wait=1"}))
        within(time.monotonic() - began, 0.5, _LONGEST_ANSWER_S, "the seconds until the answer")


@with_held_job(
    clauses.PREFER_WAIT,
    when="it is posted with Prefer: wait=1",
    then="the 202 says that the wait was applied",
    severity=Severity.MINOR,
    credits=1,
    seconds=1,
)
def a_wait_that_runs_out_is_said_to_be_applied(api: Api) -> None:
    with api.provider.hold():
        answer = api.outpaint(headers={"Prefer": "wait=1"})
    equal(_applied(answer), {"wait=1"}, _APPLIED)


@with_held_job(
    clauses.WAIT_LOSES_NOTHING,
    when="it is posted with Prefer: wait=1, let go after the 202, and polled to its end",
    then="all its pictures are there",
    severity=Severity.CRITICAL,
    credits=2,
    seconds=1,
)
def a_wait_that_runs_out_loses_nothing(api: Api) -> None:
    with api.provider.hold():
        inference_id = pending(api.outpaint(count=2, headers={"Prefer": "wait=1"}))
    equal(len(finished(api.end_of(inference_id))), 2, "the number of pictures")


@critical(
    clauses.WAIT_LOSES_NOTHING,
    given="a provider that lets sync requests wait for one second, and a job that cannot end yet",
    when="it is posted with mode sync, let go after the answer, and polled to its end",
    then="the answer was 202 after about a second, and all pictures are there",
    needs=[Need.SETTINGS, Need.HELD_JOBS],
    credits=2,
    seconds=1,
)
def a_sync_wait_that_runs_out_loses_nothing(api: Api) -> None:
    with api.configured(sync_wait=1) as own:
        with own.provider.hold():
            began = time.monotonic()
            inference_id = pending(own.outpaint(mode="sync", count=2))
            within(time.monotonic() - began, 0.5, _LONGEST_ANSWER_S, "the seconds until the answer")
        equal(len(finished(own.end_of(inference_id))), 2, "the number of pictures")


@_syntax(
    when="a picture is posted with respond-async in one of the ways that RFC 7240 allows",
    then="it is honoured and said to be applied",
    each=variants(
        prefer={
            "parameter": "respond-async;q=1",
            "capitals": "Respond-Async",
            "quoted-wait": 'wait="20", respond-async',
            "behind-another": "handling=lenient, respond-async",
            "behind-a-wait-of-0": "wait=0, respond-async",
        }
    ),
)
def preferences_are_read_as_the_rfc_writes_them(api: Api, prefer: str) -> None:
    answer = api.outpaint(headers={"Prefer": prefer})
    one_of(answer.status_code, (200, 202), "the status")
    contains(_applied(answer), "respond-async", _APPLIED)


@_syntax(
    when="a picture is posted with a preference that means nothing",
    then="it is waited for as without one, and nothing is said to be applied",
    each=variants(
        prefer={
            "empty": "",
            "wait": "wait",
            "wait-of-nothing": "wait=",
            "word": "wait=soon",
            "negative": "wait=-3",
            "zero": "wait=0",
            "fraction": "wait=1.5",
            "unknown": "return=minimal",
            "punctuation": ",,;=,",
        }
    ),
)
def what_means_nothing_is_ignored(api: Api, prefer: str) -> None:
    answer = api.outpaint(headers={"Prefer": prefer})
    finished(answer)
    lacks(answer.headers, _APPLIED, "the headers")


@minor(
    clauses.PREFER_MOST,
    when="a picture is posted with a wait beyond the maximum",
    then="it is waited for, and the maximum is said to be applied",
    credits=1,
)
def a_longer_wait_is_granted_the_maximum(api: Api) -> None:
    answer = api.outpaint(headers={"Prefer": "wait=100000"})
    finished(answer)
    equal(_applied(answer), {f"wait={api.provider.longest_wait}"}, _APPLIED)


@minor(
    clauses.PREFER_SYNTAX,
    when="a picture is posted with a preference on each of two header lines",
    then="both are said to be applied",
    credits=1,
)
def two_lines_are_one_list(api: Api) -> None:
    answer = api.outpaint(headers=[("Prefer", "wait=20"), ("Prefer", "respond-async")])
    equal(_applied(answer), {"respond-async", "wait=20"}, _APPLIED)
