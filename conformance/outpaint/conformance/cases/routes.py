"""Paths, ids and methods that do not exist or are not allowed."""

from __future__ import annotations

from functools import partial

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import (
    READING_AND_WRITING,
    finished,
    json_object,
    members_of,
    pending,
    refused,
    rejected,
    words_of,
)
from outpaint.conformance.proving.api import UNKNOWN_ID, Api
from outpaint.conformance.proving.case import Severity, case, critical, minor, variants
from outpaint.conformance.proving.expectations import contains, differ, equal, one_of
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorBody, ErrorCode
from outpaint.contracts.paths_and_headers import BALANCE_PATH, INFERENCE_PATH, OUTPAINT_PATH, WARNING

_READ = {"balance": BALANCE_PATH, "poll": INFERENCE_PATH.format(inference_id=UNKNOWN_ID)}
_wrong_on_read = partial(
    case,
    when="a method that writes is sent to what is only read",
    each=variants(path=[*_READ], method=["POST", "PUT", "DELETE"]),
)
_OF_CONNECTIONS = {"connection", "keep-alive", "date"}
_wrong_on_outpaint = partial(
    case,
    when="another method than POST is sent to outpaint",
    each=variants(method=["GET", "PUT", "PATCH", "DELETE", "HEAD"]),
)
_others_job = partial(
    critical,
    clauses.JOB_OWN_ACCOUNT,
    needs=[Need.SECOND_ACCOUNT],
    credits=1,
    given="a job of another account",
)


@case(clauses.NOT_FOUND, when="a path that does not exist is asked for", then="the answer is 404")
def an_unknown_path_is_404(api: Api) -> None:
    rejected(api.get("/v1/nothing"), 404)


@case(
    clauses.NOT_FOUND_CODES,
    when="a path that does not exist is asked for",
    then="the answer is 404 with the error code unknown_route",
    each=variants(
        path={
            "root": "/",
            "v1": "/v1",
            "nothing": "/v1/nothing",
            "two-slashes": "/v1/balance//",
            "slashes-inside": "/v1//balance",
            "painting-slash": "/v1/painting/",
            "v2": "/v2/balance",
            "two-ids": "/v1/painting/a/b",
            "zero-byte": "/%00",
            "climbing": "/../etc/passwd",
        }
    ),
)
def an_unknown_path_has_its_code(api: Api, path: str) -> None:
    refused(api.get(path), ErrorCode.UNKNOWN_ROUTE)


@critical(clauses.NOT_FOUND, when="a job is polled whose id was never given out", then="the answer is 404")
def an_unknown_id_is_404(api: Api) -> None:
    rejected(api.poll(UNKNOWN_ID), 404)


@case(
    clauses.NOT_FOUND_CODES,
    when="a job is polled whose id was never given out",
    then="the error code is unknown_inference",
)
def an_unknown_id_has_its_code(api: Api) -> None:
    refused(api.poll(UNKNOWN_ID), ErrorCode.UNKNOWN_INFERENCE)


@minor(
    clauses.NOT_FOUND_CODES,
    when="a job is polled by what can be no id",
    then="the answer is 404 with the code of an unknown id or path",
    each=variants(
        id_={
            "number": "1",
            "long": "x" * 300,
            "zero-byte": "%00",
            "climbing": "..",
            "blank": "a%20b",
            "canoe": "%F0%9F%9B%B6",
        }
    ),
)
def a_strange_id_is_404(api: Api, id_: str) -> None:
    answer = api.poll(id_)
    equal(answer.status_code, 404, "the status")
    one_of(json_object(answer).get("error_code"), ("unknown_inference", "unknown_route"), "the error code")


@_others_job(
    when="it is polled, and HEAD sent to its poll",
    then="both answers are 404",
    each=variants(ended={"posted": False, "ended": True}),
)
def another_accounts_job_is_404(api: Api, ended: bool) -> None:
    inference_id = api.start()
    if ended:
        api.end_of(inference_id)
    stranger = api.with_key(api.provider.second_key())
    refused(stranger.poll(inference_id), ErrorCode.UNKNOWN_INFERENCE)
    path = INFERENCE_PATH.format(inference_id=inference_id)
    equal(stranger.request("HEAD", path).status_code, 404, "the status of HEAD")


@_others_job(
    when="it is polled, and then an id never given out",
    then="the two bodies are the same, and have the same headers: nothing tells a stranger that the job exists",
)
def another_accounts_job_looks_unknown(api: Api) -> None:
    inference_id = api.start()
    stranger = api.with_key(api.provider.second_key())
    foreign, unknown = stranger.poll(inference_id), stranger.poll(UNKNOWN_ID)
    equal(foreign.status_code, 404, "the status")
    equal(members_of(foreign, ErrorBody), members_of(unknown, ErrorBody), "the body")
    told, usual = ({name.lower() for name in answer.headers} for answer in (foreign, unknown))
    equal(told - _OF_CONNECTIONS, usual - _OF_CONNECTIONS, "the names of the headers")


@_others_job(
    given="a job that a stranger has polled",
    when="its owner polls it to its end",
    then="its pictures are there",
)
def a_strangers_poll_changes_nothing(api: Api) -> None:
    inference_id = api.start()
    api.with_key(api.provider.second_key()).poll(inference_id)
    finished(api.end_of(inference_id))


@_wrong_on_outpaint(clauses.WRONG_VERB, then="the answer is 405")
def another_verb_on_outpaint_is_405(api: Api, method: str) -> None:
    equal(api.request(method, OUTPAINT_PATH).status_code, 405, "the status")


@_wrong_on_outpaint(clauses.ALLOW, then="Allow names POST", severity=Severity.MINOR)
def outpaint_allows_post(api: Api, method: str) -> None:
    contains(words_of(api.request(method, OUTPAINT_PATH), "Allow"), "post", "Allow")


@_wrong_on_read(clauses.WRONG_VERB, then="the answer is 405")
def another_verb_on_what_is_read_is_405(api: Api, path: str, method: str) -> None:
    rejected(api.request(method, _READ[path]), 405)


@_wrong_on_read(clauses.ALLOW, then="Allow names GET, and no method that is 405 too", severity=Severity.MINOR)
def what_is_read_allows_get(api: Api, path: str, method: str) -> None:
    answer = api.request(method, _READ[path])
    contains(words_of(answer, "Allow"), "get", "Allow")
    for named in sorted(words_of(answer, "Allow") & READING_AND_WRITING):
        status = api.request(named.upper(), _READ[path]).status_code
        differ(status, 405, f"the status of {named.upper()}, which Allow names")


@_wrong_on_read(clauses.ERROR_CODES, then="the error code is method_not_allowed", severity=Severity.MINOR)
def a_405_has_its_code(api: Api, path: str, method: str) -> None:
    refused(api.request(method, _READ[path]), ErrorCode.METHOD_NOT_ALLOWED)


@minor(clauses.WRONG_VERB, when="an invented method is sent", then="the answer is 405, or 400 as no HTTP at all")
def an_invented_verb_is_405(api: Api) -> None:
    one_of(api.request("BREW", BALANCE_PATH).status_code, (400, 405), "the status")


@minor(clauses.HEAD, when="HEAD is sent to the balance", then="the answer is 200 without a body")
def head_of_the_balance_is_200(api: Api) -> None:
    answer = api.request("HEAD", BALANCE_PATH)
    equal((answer.status_code, answer.content), (200, b""), "the status and body")


@minor(
    clauses.HEAD,
    given="a job that has ended",
    when="HEAD is sent to its poll, and to one of an unknown id",
    then="the answers are 200 and 404, without a body",
    credits=1,
)
def head_of_a_poll_is_as_get(api: Api) -> None:
    inference_id = api.start()
    api.end_of(inference_id)
    for id_, status in ((inference_id, 200), (UNKNOWN_ID, 404)):
        answer = api.request("HEAD", INFERENCE_PATH.format(inference_id=id_))
        equal((answer.status_code, answer.content), (status, b""), "the status and body")


@case(
    clauses.ENCODED_SLASH,
    when="a path is asked for with a slash of it as %2F",
    then="the answer is 404",
    each=variants(path={"balance": "/v1%2Fbalance", "lower-case": "/v1%2fbalance", "first": "/%2Fv1/balance"}),
)
def an_encoded_slash_parts_no_path(api: Api, path: str) -> None:
    rejected(api.get(path), 404)


@minor(
    clauses.SLASH_AT_END,
    when="the balance is asked for with a slash at the end of the path",
    then="the answer is 200, and a warning says that the slash was not counted",
    each=variants(path={"path": f"{BALANCE_PATH}/", "path-and-query": f"{BALANCE_PATH}/?x=1"}),
)
def a_slash_at_the_end_is_not_counted(api: Api, path: str) -> None:
    answer = api.get(path)
    equal(answer.status_code, 200, "the status")
    contains(answer.headers.get(WARNING, ""), "slash", WARNING)


@minor(
    clauses.SLASH_AT_END,
    when="a picture is posted and its job polled, each with a slash at the end of the path",
    then="the job is taken and ends with its picture, and every answer has the warning",
    credits=1,
)
def a_job_may_be_asked_for_with_slashes_at_the_end(api: Api) -> None:
    wish = {"image_url": drawn_pictures.data_uri(drawn_pictures.canvas()), "prompt": "a lake", "count": 1}
    taken = api.request("POST", f"{OUTPAINT_PATH}/", json=wish | {"mode": "async"})
    inference_id = pending(taken)
    polled = api.end_of(f"{inference_id}/")
    equal(len(finished(polled)), 1, "the number of pictures")
    for answer in (taken, polled):
        contains(answer.headers.get(WARNING, ""), "slash", WARNING)
