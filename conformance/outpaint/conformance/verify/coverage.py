"""How much of the contract a verification saw, and when that is too little to call anything proven."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.proving.provider import Need
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import JOB_ERRORS, ErrorCode
from outpaint.contracts.openapi import document
from outpaint.contracts.paths_and_headers import BALANCE_PATH, INFERENCE_PATH, OUTPAINT_PATH
from outpaint.contracts.profiles import WireProfile, vendor_members
from outpaint.contracts.responses import VENDOR_ANSWERS

_ANSWERS: Final = ("Result", "Accepted", "FailedJob", "Balance", "UploadTicket", "ErrorBody", "ProblemDetails")
_JSON: Final = ("application/json", "application/problem+json")
_FEWEST_CODES: Final = 8
"""Of the error codes that need no control over the provider there are more than twice as many."""


class Transition(StrEnum):
    """A step in a job's life, as a client sees it."""

    FINISHED_AT_ONCE = "POST -> 200 with pictures"
    TAKEN = "POST -> 202"
    FAILED_AT_ONCE = "POST -> the job's own error"
    STILL_RUNNING = "202 -> 202"
    SUCCEEDED = "202 -> 200 success"
    FAILED = "202 -> 200 error"
    STAYS_SUCCEEDED = "200 success -> 200 success"
    STAYS_FAILED = "200 error -> 200 error"
    FORGOTTEN = "200 -> 404"
    REPLAYED = "POST with a key again -> the first one's job"


@dataclass(frozen=True, slots=True)
class ContractOperation:
    """A method and a path template of the API."""

    name: str
    method: str
    pattern: re.Pattern[str]


@cache
def api_operations() -> tuple[ContractOperation, ...]:
    """Every operation, those without a variable in their path first: the first that fits a path is meant."""
    found = [
        # The API may be below any path.
        ContractOperation(f"{method.upper()} {path}", method.upper(), re.compile(f"{pattern}$"))
        for path, methods in document()["paths"].items()
        for pattern in [re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))]
        for method in methods
    ]
    return tuple(sorted(found, key=lambda operation: "{" in operation.name))


@cache
def _declared_statuses() -> tuple[str, ...]:
    return tuple(
        f"{method.upper()} {path} {status}"
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        for status in operation["responses"]
    )


@cache
def _declared_headers() -> tuple[str, ...]:
    return tuple(document()["components"]["headers"])


@cache
def _answer_fields() -> tuple[str, ...]:
    """`Model.member.member` for every member of every JSON body that is answered; `[]` means any item."""
    schemas = document()["components"]["schemas"]
    return tuple(f"{model}.{path}" for model in _ANSWERS for path in _declared_members(schemas, schemas[model]))


def operation_of(method: str, path: str, status: int) -> ContractOperation | None:
    """The operation that a request was for.

    405 is an answer of the path's operation, whatever method was sent to it.
    """
    found = (one for one in api_operations() if one.pattern.search(path) is not None)
    return next((one for one in found if status == 405 or one.method == method), None)


def _model_of(operation: ContractOperation, status: int, media_type: str, body: Mapping[str, Any]) -> str | None:
    """The model that an answer's JSON body is to be read by, None where the contract has none for it."""
    if status >= 400:
        return "ProblemDetails" if media_type == "application/problem+json" else "ErrorBody"
    if status == 202:
        return "Accepted"
    if operation.name.endswith("/balance"):
        return "Balance"
    if operation.name.endswith("/uploads"):
        return "UploadTicket"
    return "FailedJob" if body.get("status") == "error" else "Result"


def _members_of(value: Any) -> Iterator[str]:
    """The paths of all members that are present and not null."""
    if isinstance(value, dict):
        for name, member in value.items():
            if member is not None:
                yield str(name)
                yield from (f"{name}{rest}" for rest in _below(member))


def _below(member: Any) -> Iterator[str]:
    if isinstance(member, list):
        for item in member:
            yield from (f"[].{path}" for path in _members_of(item))
    else:
        yield from (f".{path}" for path in _members_of(member))


def _declared_members(schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    for name, member in schema.get("properties", {}).items():
        yield name
        found = _resolved(schemas, member)
        if found.get("type") == "array" and found.get("maxItems") != 0:
            yield from (f"{name}[].{path}" for path in _declared_members(schemas, _resolved(schemas, found["items"])))
        else:
            yield from (f"{name}.{path}" for path in _declared_members(schemas, found))


def _resolved(schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Mapping[str, Any] = schemas[reference.rpartition("/")[2]]
    return found


@dataclass(frozen=True, slots=True)
class Aspect:
    """One aspect of the contract, such as its error codes: what of it was seen, and what was not."""

    name: str
    seen: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def of(self) -> int:
        """How much there is to see."""
        return len(self.seen) + len(self.missed)


class SeenOfContract:
    """Notes what each exchange shows of the contract. Safe for many threads."""

    def __init__(self, profile: WireProfile = WireProfile.OURS) -> None:
        self._profile = profile
        self._lock = threading.Lock()
        self._what: dict[str, set[str]] = {aspect: set() for aspect in _UNIVERSE}
        self._jobs: dict[str, str] = {}
        self.answers = 0

    def note(self, exchange: ObservedExchange) -> None:
        operation = operation_of(exchange.method, exchange.path, exchange.status)
        document = _document(exchange)
        with self._lock:
            self.answers += 1
            self._what[_HEADERS].update(name for name in _declared_headers() if exchange.header(name) is not None)
            if document is not None and (code := document.get("error_code")) is not None:
                self._what[_CODES].add(str(code))
            if operation is None:
                return
            self._what[_STATUSES].add(f"{operation.name} {exchange.status}")
            if document is None:
                return
            model = _model_of(operation, exchange.status, exchange.media_type, document)
            self._what[_FIELDS].update(f"{model}.{path}" for path in _members_of(document))
            steps = _steps(operation, exchange, document, self._jobs)
            self._what[_TRANSITIONS].update(step.value for step in steps)

    def aspects(self) -> tuple[Aspect, ...]:
        """What was seen and missed, in the contract's order."""
        with self._lock:
            return tuple(
                Aspect(
                    name,
                    tuple(one for one in there if one in self._what[name]),
                    tuple(one for one in there if one not in self._what[name]),
                )
                for name, every in _UNIVERSE.items()
                for there in [_in_profile(name, every(), self._profile)]
            )


_STATUSES: Final = "statuses"
_HEADERS: Final = "headers"
_FIELDS: Final = "body fields"
_CODES: Final = "error codes"
_TRANSITIONS: Final = "job transitions"
_UNIVERSE: Final[Mapping[str, Callable[[], Iterable[str]]]] = {
    _STATUSES: _declared_statuses,
    _HEADERS: _declared_headers,
    _FIELDS: _answer_fields,
    _CODES: lambda: tuple(code.value for code in ErrorCode),
    _TRANSITIONS: lambda: tuple(step.value for step in Transition),
}


def _in_profile(aspect: str, every: Iterable[str], profile: WireProfile) -> tuple[str, ...]:
    """What there is to see of an aspect in a profile; what else a provider shows is not looked at."""
    if profile is WireProfile.OURS:
        return tuple(every)
    if aspect == _STATUSES:
        paths = tuple(f" {path} " for path in (OUTPAINT_PATH, INFERENCE_PATH, BALANCE_PATH))
        return tuple(one for one in every if any(path in one for path in paths))
    if aspect == _HEADERS:
        return tuple(one for one in every if one.lower() in names.VENDOR_ANSWER_HEADERS)
    if aspect == _FIELDS:
        sent = {f"{model.__name__}.{path}" for model in VENDOR_ANSWERS for path in vendor_members(model)}
        return tuple(one for one in every if one in sent)
    if aspect == _CODES:
        return ()
    return tuple(one for one in every if one != Transition.REPLAYED)


def too_little(
    aspects: Iterable[Aspect], *, answers: int, ran: int, selected: int, offers: frozenset[Need], narrow: bool
) -> tuple[str, ...]:
    """Why a run without failures proves nothing, a sentence each; none where it saw enough.

    `ran` is how many of the `selected` cases passed or failed; `narrow`, whether a part of the contract was chosen, so
    that not all of it need be seen.
    """
    if not answers:
        return ("The provider was asked nothing.",)
    reasons = []
    if 2 * ran < selected:
        reasons.append(f"Only {ran} of {selected} cases could run: a verdict takes half of them.")
    if narrow:
        return tuple(reasons)
    seen = {aspect.name: set(aspect.seen) for aspect in aspects}
    steps, statuses = seen[_TRANSITIONS], seen[_STATUSES]
    wanted = [
        (Transition.FINISHED_AT_ONCE, "No request was answered 200 with pictures."),
        (Transition.TAKEN, "No request was answered 202."),
        (Transition.SUCCEEDED, "No job was polled from 202 to its pictures."),
    ]
    if Need.HELD_JOBS in offers:
        wanted.append((Transition.STILL_RUNNING, "No poll met a job that was still running."))
    if Need.FAILING_JOBS in offers:
        wanted.append((Transition.FAILED, "No poll met a job that had failed."))
    reasons += [sentence for step, sentence in wanted if step.value not in steps]
    if not any(status.startswith("GET /v1/balance 200") for status in statuses):
        reasons.append("No balance was seen.")
    codes = len(seen[_CODES])
    # The vendor's own errors have no typed codes: there, statuses speak.
    refusals = len({status.rpartition(" ")[2] for status in statuses if status[-3] == "4"})
    if codes < _FEWEST_CODES and refusals < 3:
        reasons.append(f"Hardly any refusal was seen: {codes} error codes and {refusals} kinds of 4xx.")
    return tuple(reasons)


def _steps(
    operation: ContractOperation, exchange: ObservedExchange, document: Mapping[str, Any], jobs: dict[str, str]
) -> list[Transition]:
    """The steps of a job that an answer shows; `jobs` is the state that each was last seen in, and is updated."""
    if operation.method == "POST" and operation.name.endswith("/outpaint"):
        return _submitted(exchange, document, jobs)
    if not operation.name.endswith("{inference_id}"):
        return []
    inference_id = exchange.path.rpartition("/")[2]
    before = jobs.get(inference_id)
    if exchange.status == 404:
        return [Transition.FORGOTTEN] if before in ("success", "error") else []
    if exchange.status == 202:
        jobs[inference_id] = "running"
        return [Transition.STILL_RUNNING] if before == "running" else []
    word = document.get("status")
    if exchange.status != 200 or word not in ("success", "error"):
        return []
    jobs[inference_id] = word
    moved = {
        ("running", "success"): Transition.SUCCEEDED,
        ("running", "error"): Transition.FAILED,
        ("success", "success"): Transition.STAYS_SUCCEEDED,
        ("error", "error"): Transition.STAYS_FAILED,
    }.get((before or "", word))
    return [] if moved is None else [moved]


def _submitted(exchange: ObservedExchange, document: Mapping[str, Any], jobs: dict[str, str]) -> list[Transition]:
    inference_id = document.get("inference_id") or document.get("transaction_id")
    if exchange.status not in (200, 202):
        return [Transition.FAILED_AT_ONCE] if str(document.get("error_code")) in JOB_ERRORS else []
    found = []
    if (exchange.header(names.IDEMPOTENT_REPLAYED) or "").lower() == "true":
        found.append(Transition.REPLAYED)
    if exchange.status == 202:
        found.append(Transition.TAKEN)
        jobs[str(inference_id)] = "running"
    elif document.get("data"):
        found.append(Transition.FINISHED_AT_ONCE)
        jobs[str(inference_id)] = "success"
    return found


def _document(exchange: ObservedExchange) -> dict[str, Any] | None:
    if exchange.media_type not in _JSON:
        return None
    try:
        found = json.loads(exchange.body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
