"""The header Accept: when JSON satisfies it, errors as problem details; and correlation ids."""

from __future__ import annotations

from functools import partial

import httpx

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import media_type, parsed, refused, rejected
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import Severity, case, costs_nothing, minor, variants
from outpaint.conformance.proving.expectations import equal, holds
from outpaint.contracts import paths_and_headers
from outpaint.contracts.errors import ErrorCode, ProblemDetails
from outpaint.contracts.paths_and_headers import BALANCE_PATH

_JSON = "application/json"
_PROBLEM = "application/problem+json"
_UNMET = {
    "html": "text/html",
    "png": "image/png",
    "xml": "application/xml",
    "json-refused": "application/json;q=0",
    "any-text": "text/*",
}
_ASKING = {"alone": _PROBLEM, "behind-json": f"{_JSON}, {_PROBLEM}", "before-any": f"{_PROBLEM}, */*;q=0.1"}
_asking_for_problems = partial(
    case,
    clauses.PROBLEM_DETAILS,
    when="a bad request names problem details in Accept",
    each=variants(accept=_ASKING),
)


def _problem(api: Api, accept: str) -> tuple[httpx.Response, ProblemDetails]:
    answer = api.outpaint(count=11, headers={"Accept": accept})
    equal(answer.status_code, 422, "the status")
    return answer, parsed(answer, ProblemDetails)


@case(
    clauses.ACCEPT_MET,
    when="the balance is asked for with an Accept that JSON meets",
    then="the answer is 200",
    each=variants(
        accept={
            "any": "*/*",
            "any-application": "application/*",
            "json": "application/json",
            "second-choice": "text/html, application/json;q=0.1",
            "capitals": "APPLICATION/JSON",
            "empty": "",
        }
    ),
)
def what_json_meets_is_met(api: Api, accept: str) -> None:
    equal(api.get(BALANCE_PATH, headers={"Accept": accept}).status_code, 200, "the status")


@minor(
    clauses.ACCEPT_UNMET,
    when="the balance is asked for with an Accept that JSON cannot meet",
    then="the answer is 406",
    each=variants(accept=_UNMET),
)
def what_json_cannot_meet_is_406(api: Api, accept: str) -> None:
    rejected(api.get(BALANCE_PATH, headers={"Accept": accept}), 406)


@minor(
    clauses.ERROR_CODES,
    when="the balance is asked for with an Accept that JSON cannot meet",
    then="the error code is not_acceptable, and the field Accept",
    each=variants(accept=_UNMET),
)
def a_406_has_its_code(api: Api, accept: str) -> None:
    refused(api.get(BALANCE_PATH, headers={"Accept": accept}), ErrorCode.NOT_ACCEPTABLE, field="Accept")


@minor(
    clauses.ERROR_CODES,
    when="a picture is posted with an Accept that JSON cannot meet",
    then="the answer is 406, not_acceptable",
    each=variants(accept=_UNMET),
)
def a_post_that_json_cannot_meet_is_406(api: Api, accept: str) -> None:
    refused(api.outpaint(headers={"Accept": accept}), ErrorCode.NOT_ACCEPTABLE)


@costs_nothing(
    when="a picture is posted with an Accept that JSON cannot meet",
    then="nothing is charged",
    each=variants(accept=_UNMET),
)
def a_406_costs_nothing(api: Api, accept: str) -> None:
    with api.charged(0):
        rejected(api.outpaint(headers={"Accept": accept}), 406)


@_asking_for_problems(then="the error is labelled as problem details")
def problem_details_are_labelled(api: Api, accept: str) -> None:
    answer, _ = _problem(api, accept)
    equal(media_type(answer), _PROBLEM, "Content-Type")


@_asking_for_problems(then="the error has its type, title, status, detail, code and field")
def problem_details_are_complete(api: Api, accept: str) -> None:
    _, problem = _problem(api, accept)
    equal(problem.status, 422, "the member status")
    equal(problem.type, "urn:outpaint-kit:error:invalid_parameter", "type")
    equal(problem.error_code, ErrorCode.INVALID_PARAMETER, "error_code")
    holds(problem.title, "title is not empty")
    holds(
        problem.detail.startswith("count has wrong value 11"),
        f"detail begins with the field and its value: {problem.detail}",
    )
    equal(problem.field, "count", "field")


@_asking_for_problems(then="the error's instance is the correlation id", severity=Severity.MINOR)
def a_problems_instance_is_the_correlation_id(api: Api, accept: str) -> None:
    answer, problem = _problem(api, accept)
    equal(problem.instance, f"urn:uuid:{answer.headers.get(paths_and_headers.CORRELATION_ID)}", "instance")


@case(
    clauses.PROBLEM_DETAILS,
    when="a request without a key that names problem details is refused in another way",
    then="the error comes as problem details all the same",
    each={
        "404": {"method": "GET", "path": "/v1/nothing", "status": 404},
        "405": {"method": "PUT", "path": BALANCE_PATH, "status": 405},
        "401": {"method": "GET", "path": BALANCE_PATH, "status": 401},
    },
)
def every_refusal_can_be_a_problem(api: Api, method: str, path: str, status: int) -> None:
    answer = api.with_key(None).request(method, path, headers={"Accept": _PROBLEM})
    equal(answer.status_code, status, "the status")
    equal(media_type(answer), _PROBLEM, "Content-Type")


@minor(
    clauses.PROBLEM_DETAILS,
    when="a bad request ranks plain JSON above problem details",
    then="the error is plain JSON",
)
def who_ranks_plain_json_higher_gets_that(api: Api) -> None:
    answer = api.get("/v1/nothing", headers={"Accept": f"{_JSON}, {_PROBLEM};q=0.5"})
    equal(answer.status_code, 404, "the status")
    equal(media_type(answer), _JSON, "Content-Type")


@case(
    clauses.PROBLEM_DETAILS,
    when="the balance is asked for with problem details in Accept",
    then="the answer is 200 in plain JSON",
)
def results_are_plain_json(api: Api) -> None:
    answer = api.get(BALANCE_PATH, headers={"Accept": _PROBLEM})
    equal(answer.status_code, 200, "the status")
    equal(media_type(answer), _JSON, "Content-Type")


@case(
    clauses.ERRORS_IN_JSON,
    when="a path that does not exist is asked for without any Accept",
    then="the error is plain JSON",
)
def errors_are_json_without_an_accept(api: Api) -> None:
    answer = api.send(httpx.Request("GET", api.client.base_url.join("/v1/nothing")))
    equal(media_type(answer), _JSON, "Content-Type")


@case(clauses.OWN_CORRELATION, when="twelve requests are made", then="each answer has a correlation id of its own")
def correlation_ids_differ(api: Api) -> None:
    ids = {api.get(BALANCE_PATH).headers.get(paths_and_headers.CORRELATION_ID) for _ in range(12)}
    equal(len(ids), 12, "the number of different correlation ids")
