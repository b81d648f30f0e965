"""What every answer must have (docs/facts/wire.md#headers): checks with ids, made on each exchange of every case."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from types import NoneType
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import ANY_HEADER, is_own_file, model_of, no_json
from outpaint.conformance.proving.case import Severity, Subject
from outpaint.conformance.proving.clauses import Clause
from outpaint.conformance.proving.expectations import Unmet, contains, equal, holds, lacks, within
from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.proving.picture_structure import structure_of
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ERROR_KINDS, ErrorBody, ProblemDetails
from outpaint.contracts.masks_and_formats import Format
from outpaint.contracts.paths_and_headers import FILE_PATH, INFERENCE_PATH

_COUNTERS: Final = (names.RATE_LIMIT, names.RATE_AVAILABLE, names.RATE_RESET, names.CREDIT_AVAILABLE)
_READABLE: Final = (names.CORRELATION_ID, *_COUNTERS, names.RETRY_AFTER)
_INT32: Final = 2**31 - 1
_LONGEST_WINDOW_S: Final = 3600
_PROBLEM: Final = "application/problem+json"
_PLAIN: Final = "application/json"
_CHARSET: Final = re.compile(r';\s*charset\s*=\s*"?([^";\s]*)', re.IGNORECASE)
_PICTURES: Final = frozenset(wanted.media_type for wanted in Format)
# The API may be below any path.
_API_PATH: Final = re.compile(r"/v1/(painting/.+|balance)$")
_FILES: Final = FILE_PATH.partition("{")[0]


@dataclass(frozen=True, slots=True)
class AnswerCheck(Subject):
    """One promise about every answer: `applies` says to which exchanges, `judge` raises `Unmet` where it is broken."""

    applies: Callable[[ObservedExchange], bool]
    judge: Callable[[ObservedExchange], None]


_CHECKS: Final[list[AnswerCheck]] = []


def broken(exchange: ObservedExchange) -> list[tuple[AnswerCheck, Unmet]]:
    """The checks that this exchange breaks, each with what was seen."""
    found = []
    for check in _CHECKS:
        if check.applies(exchange):
            try:
                check.judge(exchange)
            except Unmet as unmet:
                found.append((check, unmet))
    return found


def checks() -> tuple[AnswerCheck, ...]:
    """Every check, in the order of this text."""
    return tuple(_CHECKS)


def _check(
    guards: Clause, then: str, severity: Severity, applies: Callable[[ObservedExchange], bool] = lambda _: True
) -> Callable[[Callable[[ObservedExchange], None]], Callable[[ObservedExchange], None]]:
    def register(judge: Callable[[ObservedExchange], None]) -> Callable[[ObservedExchange], None]:
        id_ = f"always.{judge.__name__.replace('_', '-')}"
        _CHECKS.append(AnswerCheck(id_, guards, "", "any request was made", then, severity, applies, judge))
        return judge

    return register


def _has_error_body(exchange: ObservedExchange) -> bool:
    return exchange.status >= 400 and exchange.method != "HEAD"


def _declares_its_length(exchange: ObservedExchange) -> bool:
    coded = exchange.header("Content-Encoding") is not None  # then httpx has decoded the body
    return exchange.header("Content-Length") is not None and exchange.method != "HEAD" and not coded


def _number(exchange: ObservedExchange, name: str) -> int:
    value = exchange.header(name)
    if value is None:
        raise Unmet(f"{name}: missing", cause=f"the header {name}")
    if re.fullmatch(r"[0-9]+", value) is None or int(value) > _INT32:
        raise Unmet(f"{name}: expected a whole number of 32 bits, got {value!r}", cause=f"the header {name}")
    return int(value)


@_check(clauses.CORRELATION, "it carries a correlation id", Severity.MAJOR)
def correlation_id(exchange: ObservedExchange) -> None:
    holds(exchange.header(names.CORRELATION_ID), f"{names.CORRELATION_ID} is there and not empty")


@_check(clauses.COUNTERS, "its rate and credit headers are whole numbers of 32 bits", Severity.MAJOR)
def counters_are_numbers(exchange: ObservedExchange) -> None:
    for name in _COUNTERS:
        _number(exchange, name)


@_check(clauses.RESET_FROM_NOW, "its reset time is seconds from now, never an epoch", Severity.CRITICAL)
def reset_time_is_seconds_from_now(exchange: ObservedExchange) -> None:
    # A client sleeps on it: an epoch would have it sleep for decades.
    within(_number(exchange, names.RATE_RESET), 0, _LONGEST_WINDOW_S, names.RATE_RESET)


@_check(clauses.COUNTERS, "no more requests are available than the limit says", Severity.MINOR)
def available_is_within_the_limit(exchange: ObservedExchange) -> None:
    within(_number(exchange, names.RATE_AVAILABLE), 0, _number(exchange, names.RATE_LIMIT), names.RATE_AVAILABLE)


@_check(
    clauses.BROWSERS_READ,
    "a script of any origin may read it and its headers, and cannot have cookies sent along",
    Severity.MAJOR,
)
def browsers_can_read_it(exchange: ObservedExchange) -> None:
    allowed = exchange.header("Access-Control-Allow-Origin")
    holds(allowed, "Access-Control-Allow-Origin is there")
    if allowed != "*":
        vary = exchange.words("Vary")
        holds(vary & {"origin", "*"}, f"Vary names Origin, for it is {allowed} that is allowed")
    exposed = exchange.words("Access-Control-Expose-Headers")
    for name in () if ANY_HEADER in exposed else _READABLE:
        contains(exposed, name.lower(), "Access-Control-Expose-Headers")
    equal(exchange.header("Access-Control-Allow-Credentials"), None, "Access-Control-Allow-Credentials")


@_check(
    clauses.RETRY_AFTER,
    "it says when to come back, in whole seconds of at least 1",
    Severity.MAJOR,
    lambda exchange: exchange.status in (202, 429, 503),
)
def retry_after(exchange: ObservedExchange) -> None:
    within(_number(exchange, names.RETRY_AFTER), 1, _LONGEST_WINDOW_S, names.RETRY_AFTER)


@_check(
    clauses.LOCATION,
    "it says where its job is polled",
    Severity.MAJOR,
    lambda exchange: exchange.status == 202 and exchange.method != "HEAD",
)
def a_202_says_where_to_poll(exchange: ObservedExchange) -> None:
    location = exchange.header("Location")
    holds(location, "Location is there")
    document = _json_of(exchange)
    inference_id = document.get("inference_id") if isinstance(document, dict) else None
    leads_there = unquote(urlsplit(location or "").path).endswith(INFERENCE_PATH.format(inference_id=inference_id))
    holds(leads_there, f"Location leads to the job {inference_id} (it is {location})")


@_check(
    clauses.ALLOW,
    "it says which methods the path takes, and the one that was sent is not among them",
    Severity.MINOR,
    lambda exchange: exchange.status == 405,
)
def allow_on_405(exchange: ObservedExchange) -> None:
    holds(exchange.header("Allow"), "Allow is there and not empty")
    lacks(exchange.words("Allow"), exchange.method.lower(), "Allow")


@_check(clauses.KEY_SCHEME, "it says how to authenticate", Severity.MINOR, lambda exchange: exchange.status == 401)
def www_authenticate_on_401(exchange: ObservedExchange) -> None:
    # AWS's front doors rename it, and nothing behind them can prevent that (docs/facts/aws.md#front-doors).
    said = exchange.header("WWW-Authenticate") or exchange.header("x-amzn-Remapped-WWW-Authenticate")
    holds(said, "WWW-Authenticate is there and not empty")


@_check(clauses.HEAD, "it has no body", Severity.MINOR, lambda exchange: exchange.method == "HEAD")
def head_has_no_body(exchange: ObservedExchange) -> None:
    equal(exchange.body, b"", "the body of an answer to HEAD")


@_check(clauses.LENGTH, "its length is the one it declares", Severity.MAJOR, _declares_its_length)
def length_is_the_declared_one(exchange: ObservedExchange) -> None:
    equal(exchange.header("Content-Length"), str(len(exchange.body)), "Content-Length")


@_check(clauses.ERROR_BODY, "its body has the declared shape, in JSON", Severity.MAJOR, _has_error_body)
def error_has_its_shape(exchange: ObservedExchange) -> None:
    api_answers_json(exchange)
    document = _json_of(exchange)
    holds(isinstance(document, dict), "the body is an object")
    holds(isinstance(document.get("detail"), str), "detail is text")
    for name, kind in (("message", str), ("code", int)):
        holds(isinstance(document.get(name), kind | NoneType), f"{name}, where it is there, is of its type")


@_check(clauses.ERROR_CODES, "its status, message and typed code belong together", Severity.MAJOR, _has_error_body)
def error_code_fits_the_status(exchange: ObservedExchange) -> None:
    document, body = _error_of(exchange)
    kind = ERROR_KINDS[body.error_code]
    equal(exchange.status, kind.status.value, f"the status of {body.error_code}")
    if isinstance(body, ProblemDetails):
        equal(body.status, exchange.status, "the member status")
        holds(document["type"].endswith(body.error_code), "the problem's type ends in the error code")
    else:
        equal(body.code, exchange.status, "the member code")
        equal(document["status"], "error", "the member status")
        equal(document["message"], kind.message, "the member message")


@_check(clauses.ERROR_DETAIL, "its detail is one line that tells no secrets", Severity.MINOR, _has_error_body)
def error_detail_is_one_line(exchange: ObservedExchange) -> None:
    _, body = _error_of(exchange)
    holds(body.detail, "detail is not empty")
    equal(len(body.detail.splitlines()), 1, "the number of lines of detail")
    holds(b"Traceback" not in exchange.body, "the body has no traceback")


def _says_json(exchange: ObservedExchange) -> bool:
    # A gateway may label what has no body.
    has_body = exchange.method != "HEAD" and exchange.status != HTTPStatus.NO_CONTENT
    return has_body and exchange.media_type in (_PLAIN, _PROBLEM)


def _has_no_content(exchange: ObservedExchange) -> bool:
    return exchange.method in ("HEAD", "OPTIONS")


def _is_of_the_api(exchange: ObservedExchange) -> bool:
    return _API_PATH.search(exchange.path) is not None and not _has_no_content(exchange)


@_check(clauses.JSON_ANSWERS, "its body is JSON where it says so", Severity.MAJOR, _says_json)
def json_is_json(exchange: ObservedExchange) -> None:
    _json_of(exchange)


@_check(clauses.JSON_FORM, "every reader reads the same in its JSON", Severity.MAJOR, _says_json)
def json_is_interoperable(exchange: ObservedExchange) -> None:
    charset = _CHARSET.search(exchange.header("Content-Type") or "")
    if charset is not None:
        equal(charset[1].lower(), "utf-8", "the charset in Content-Type")
    try:
        text = exchange.body.decode()
    except UnicodeDecodeError as error:
        raise Unmet(f"the body: expected UTF-8, got {exchange.body[:20]!r} ({error})") from None
    holds(not text.startswith("\ufeff"), "the body has no byte order mark")
    try:
        json.loads(text, object_pairs_hook=_object_of_single_members, parse_constant=_refuse_constant)
    except ValueError:
        return  # json_is_json says so


def _object_of_single_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unmet(f"an object: names a member twice: {[name for name, _ in pairs]}")
    return found


def _refuse_constant(name: str) -> None:
    raise Unmet(f"a number: {name} is none in JSON")


@_check(clauses.JSON_ANSWERS, "it is JSON, and says so, on the API's own routes", Severity.MAJOR, _is_of_the_api)
def api_answers_json(exchange: ObservedExchange) -> None:
    if exchange.media_type not in (_PLAIN, _PROBLEM):
        says = f"Content-Type: expected {_PLAIN} or {_PROBLEM}, got {exchange.media_type!r}"
        raise Unmet(says, cause=no_json(exchange.status))


def _is_private(exchange: ObservedExchange) -> bool:
    is_file = _FILES in exchange.path or exchange.path.endswith(names.UPLOADS_PATH)
    return _is_of_the_api(exchange) or (is_file and not _has_no_content(exchange))


@_check(
    clauses.NOT_CACHED,
    "on the API's own routes no cache may keep it, but for a file that of its client",
    Severity.MAJOR,
    _is_private,
)
def private_answers_are_not_kept(exchange: ObservedExchange) -> None:
    words = exchange.words("Cache-Control")
    may_be_kept = _FILES in exchange.path and "private" in words
    holds(may_be_kept or "no-store" in words, f"Cache-Control forbids caches to keep it (it is {sorted(words)})")
    shared = {word for word in words if word == "public" or word.startswith("s-maxage")}
    equal(shared, set(), "what Cache-Control allows caches that many share")


def _is_picture(exchange: ObservedExchange) -> bool:
    return exchange.status == 200 and exchange.method == "GET" and exchange.media_type in _PICTURES


@_check(
    clauses.FILES_WHOLE,
    "the file of a picture is what its label says, is whole, and ends where the picture does",
    Severity.MAJOR,
    _is_picture,
)
def picture_files_are_whole(exchange: ObservedExchange) -> None:
    found = structure_of(exchange.body)
    equal(exchange.media_type, found.media_type, "Content-Type")
    equal(found.bytes_after_end, 0, "the bytes after the picture's end")


@_check(
    clauses.PREFER_SYNTAX,
    "it says of no preference that it was applied but of those that were sent",
    Severity.MINOR,
    lambda exchange: exchange.header(names.PREFERENCE_APPLIED) is not None,
)
def preferences_applied_were_asked_for(exchange: ObservedExchange) -> None:
    asked = _preferences(value for name, value in exchange.request_headers if name == names.PREFER.lower())
    for name in sorted(_preferences([exchange.header(names.PREFERENCE_APPLIED) or ""])):
        contains(asked, name, "the preferences that were sent")


def _preferences(lines: Iterable[str]) -> set[str]:
    """The names of preferences, in lower case, without their values and parameters."""
    return {re.split("[=;]", one)[0].strip().lower() for line in lines for one in line.split(",")} - {""}


@_check(
    clauses.REPLAY_FLAG,
    "it is marked as a replay only where an idempotency key was sent",
    Severity.MAJOR,
    lambda exchange: exchange.header(names.IDEMPOTENT_REPLAYED) is not None,
)
def replays_had_a_key(exchange: ObservedExchange) -> None:
    contains({name for name, _ in exchange.request_headers}, names.IDEMPOTENCY_KEY.lower(), "the request's headers")


def _result_of(exchange: ObservedExchange) -> dict[str, Any]:
    """The body of a result with pictures; empty for any other answer, and for one that the cases say is none."""
    if exchange.status != 200 or b'"data"' not in exchange.body or not _is_of_the_api(exchange):
        return {}
    try:
        document = json.loads(exchange.body)
    except ValueError:
        return {}
    items = document.get("data") if isinstance(document, dict) else None
    whole = isinstance(items, list) and all(isinstance(item, dict) for item in items) and items
    return document if whole else {}


def _has_pictures(exchange: ObservedExchange) -> bool:
    return bool(_result_of(exchange))


@_check(clauses.RESULT_IDS, "no two of its pictures have an id or a url in common", Severity.CRITICAL, _has_pictures)
def pictures_are_told_apart(exchange: ObservedExchange) -> None:
    items = _result_of(exchange)["data"]
    for name in ("id", "url"):
        equal(len({str(item.get(name)) for item in items}), len(items), f"the number of different values of {name}")


@_check(clauses.FILE_NAMED, "the url of each of its pictures leads to that picture", Severity.CRITICAL, _has_pictures)
def urls_name_their_pictures(exchange: ObservedExchange) -> None:
    for item in _result_of(exchange)["data"]:
        url = str(item.get("url"))
        if is_own_file(url, httpx.URL(exchange.url)):
            equal(urlsplit(url).path.rpartition("/")[2], item.get("id"), "the file that the url names")


@_check(clauses.SEEDS, "the seeds of its pictures count on from its own", Severity.MAJOR, _has_pictures)
def seeds_count_on(exchange: ObservedExchange) -> None:
    result = _result_of(exchange)
    first, items = result.get("seed"), result["data"]
    if type(first) is int:  # what is no seed the cases name
        expected = [(first + number) % 2**32 for number in range(len(items))]
        equal([item.get("seed") for item in items], expected, "the seeds of its pictures")


def _json_of(exchange: ObservedExchange) -> Any:
    try:
        return json.loads(exchange.body)
    except ValueError:
        says = f"the body: no JSON: {exchange.body[:100]!r}"
        raise Unmet(says, cause=no_json(exchange.status)) from None


def _error_of(exchange: ObservedExchange) -> tuple[dict[str, Any], ErrorBody | ProblemDetails]:
    api_answers_json(exchange)
    document = _json_of(exchange)
    if exchange.media_type == _PROBLEM:
        return document, model_of(exchange.body, ProblemDetails, exchange.status)
    return document, model_of(exchange.body, ErrorBody, exchange.status)
