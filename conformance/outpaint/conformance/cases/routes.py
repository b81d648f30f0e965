"""Paths, ids and verbs: what is not there, and what is not taken."""

from __future__ import annotations

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import json_object, pending, rejected
from outpaint.conformance.proving.api import Api, finished, refused
from outpaint.conformance.proving.case import Severity, case
from outpaint.conformance.proving.expectations import contains, equal, one_of
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import BALANCE_PATH, OUTPAINT_PATH

_UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
_READ = {"balance": BALANCE_PATH, "poll": f"/v1/painting/{_UNKNOWN_ID}"}
_EACH_WRONG_ON_READ = [{"path": path, "method": method} for path in _READ for method in ("POST", "PUT", "DELETE")]
_EACH_WRONG_ON_OUTPAINT = [{"method": method} for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD")]


@case(
    clauses.NOT_FOUND,
    when="a path that does not exist is asked for",
    then="the answer is 404",
)
def an_unknown_path_is_404(api: Api) -> None:
    rejected(api.get("/v1/nothing"), 404)


@case(
    clauses.NOT_FOUND_CODES,
    when="a path that does not exist is asked for",
    then="the answer is 404 with the error code unknown_route",
    each=[
        {"path": "/"},
        {"path": "/v1"},
        {"path": "/v1/nothing"},
        {"path": "/v1/balance/"},
        {"path": "/v1/painting/"},
        {"path": "/v2/balance"},
        {"path": "/v1/painting/a/b"},
        {"path": "/%00"},
        {"path": "/../etc/passwd"},
    ],
    named=["root", "v1", "nothing", "balance-slash", "painting-slash", "v2", "two-ids", "zero-byte", "climbing"],
)
def an_unknown_path_has_its_code(api: Api, path: str) -> None:
    refused(api.get(path), ErrorCode.UNKNOWN_ROUTE)


@case(
    clauses.NOT_FOUND,
    when="a job is polled whose id was never given out",
    then="the answer is 404",
    severity=Severity.CRITICAL,
)
def an_unknown_id_is_404(api: Api) -> None:
    rejected(api.poll(_UNKNOWN_ID), 404)


@case(
    clauses.NOT_FOUND_CODES,
    when="a job is polled whose id was never given out",
    then="the error code is unknown_inference",
)
def an_unknown_id_has_its_code(api: Api) -> None:
    refused(api.poll(_UNKNOWN_ID), ErrorCode.UNKNOWN_INFERENCE)


@case(
    clauses.NOT_FOUND_CODES,
    when="a job is polled by what can be no id",
    then="the answer is 404 with the code of an unknown id or path",
    severity=Severity.MINOR,
    each=[{"id_": "1"}, {"id_": "x" * 300}, {"id_": "%00"}, {"id_": ".."}, {"id_": "a%20b"}, {"id_": "%F0%9F%9B%B6"}],
    named=["number", "long", "zero-byte", "climbing", "blank", "canoe"],
)
def a_strange_id_is_404(api: Api, id_: str) -> None:
    answer = api.poll(id_)
    equal(answer.status_code, 404, "the status")
    one_of(json_object(answer).get("error_code"), ("unknown_inference", "unknown_route"), "the error code")


@case(
    clauses.JOB_OWN_ACCOUNT,
    given="a job of another account",
    when="it is polled",
    then="the answer is 404",
    severity=Severity.CRITICAL,
    needs=[Need.SECOND_ACCOUNT],
    credits=1,
    each=[{"ended": False}, {"ended": True}],
    named=["posted", "ended"],
)
def another_accounts_job_is_404(api: Api, ended: bool) -> None:
    inference_id = pending(api.outpaint(mode="async"))
    if ended:
        api.end_of(inference_id)
    stranger = api.with_key(api.provider.second_key())
    refused(stranger.poll(inference_id), ErrorCode.UNKNOWN_INFERENCE)


@case(
    clauses.JOB_OWN_ACCOUNT,
    given="a job of another account",
    when="it is polled, and then an id never given out",
    then="the two bodies are the same: nothing tells a stranger that the job exists",
    severity=Severity.CRITICAL,
    needs=[Need.SECOND_ACCOUNT],
    credits=1,
)
def another_accounts_job_looks_unknown(api: Api) -> None:
    inference_id = pending(api.outpaint(mode="async"))
    stranger = api.with_key(api.provider.second_key())
    foreign, unknown = stranger.poll(inference_id), stranger.poll(_UNKNOWN_ID)
    equal((foreign.status_code, json_object(foreign)), (404, json_object(unknown)), "the status and body")


@case(
    clauses.JOB_OWN_ACCOUNT,
    given="a job that a stranger has polled",
    when="its owner polls it to its end",
    then="its pictures are there",
    severity=Severity.CRITICAL,
    needs=[Need.SECOND_ACCOUNT],
    credits=1,
)
def a_strangers_poll_changes_nothing(api: Api) -> None:
    inference_id = pending(api.outpaint(mode="async"))
    api.with_key(api.provider.second_key()).poll(inference_id)
    finished(api.end_of(inference_id))


@case(
    clauses.WRONG_VERB,
    when="another verb than POST is sent to outpaint",
    then="the answer is 405",
    each=_EACH_WRONG_ON_OUTPAINT,
)
def another_verb_on_outpaint_is_405(api: Api, method: str) -> None:
    equal(api.request(method, OUTPAINT_PATH).status_code, 405, "the status")


@case(
    clauses.ALLOW,
    when="another verb than POST is sent to outpaint",
    then="Allow names POST",
    severity=Severity.MINOR,
    each=_EACH_WRONG_ON_OUTPAINT,
)
def outpaint_allows_post(api: Api, method: str) -> None:
    contains(_words(api.request(method, OUTPAINT_PATH).headers.get("Allow", "")), "POST", "Allow")


@case(
    clauses.WRONG_VERB,
    when="a verb that writes is sent to what is only read",
    then="the answer is 405",
    each=_EACH_WRONG_ON_READ,
)
def another_verb_on_what_is_read_is_405(api: Api, path: str, method: str) -> None:
    rejected(api.request(method, _READ[path]), 405)


@case(
    clauses.ALLOW,
    when="a verb that writes is sent to what is only read",
    then="Allow names GET",
    severity=Severity.MINOR,
    each=_EACH_WRONG_ON_READ,
)
def what_is_read_allows_get(api: Api, path: str, method: str) -> None:
    contains(_words(api.request(method, _READ[path]).headers.get("Allow", "")), "GET", "Allow")


@case(
    clauses.ERROR_CODES,
    when="a verb that writes is sent to what is only read",
    then="the error code is method_not_allowed",
    severity=Severity.MINOR,
    each=_EACH_WRONG_ON_READ,
)
def a_405_has_its_code(api: Api, path: str, method: str) -> None:
    refused(api.request(method, _READ[path]), ErrorCode.METHOD_NOT_ALLOWED)


@case(
    clauses.WRONG_VERB,
    when="an invented verb is sent",
    then="the answer is 405, or 400 as no HTTP at all",
    severity=Severity.MINOR,
)
def an_invented_verb_is_405(api: Api) -> None:
    one_of(api.request("BREW", BALANCE_PATH).status_code, (400, 405), "the status")


@case(
    clauses.HEAD,
    when="HEAD is sent to the balance",
    then="the answer is 200 without a body",
    severity=Severity.MINOR,
)
def head_of_the_balance_is_200(api: Api) -> None:
    answer = api.request("HEAD", BALANCE_PATH)
    equal((answer.status_code, answer.content), (200, b""), "the status and body")


@case(
    clauses.HEAD,
    given="a job that has ended",
    when="HEAD is sent to its poll, and to one of an unknown id",
    then="the answers are 200 and 404, without a body",
    severity=Severity.MINOR,
    credits=1,
)
def head_of_a_poll_is_as_get(api: Api) -> None:
    inference_id = pending(api.outpaint(mode="async"))
    api.end_of(inference_id)
    for id_, status in ((inference_id, 200), (_UNKNOWN_ID, 404)):
        answer = api.request("HEAD", f"/v1/painting/{id_}")
        equal((answer.status_code, answer.content), (status, b""), "the status and body")


def _words(value: str) -> set[str]:
    return {word.strip() for word in value.split(",")}
