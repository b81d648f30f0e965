"""Everything of the contract that can be seen on the wire, read off its OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.openapi import document

_ANSWERS: Final = ("Result", "Accepted", "FailedJob", "Balance", "UploadTicket", "ErrorBody", "ProblemDetails")


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
class Operation:
    """A verb and a path template of the API."""

    name: str
    verb: str
    pattern: re.Pattern[str]


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation; of several that fit a path the first counts, and those without a variable come first."""
    found = [
        Operation(f"{verb.upper()} {path}", verb.upper(), re.compile(_below_any_base(path)))
        for path, verbs in document()["paths"].items()
        for verb in verbs
    ]
    return tuple(sorted(found, key=lambda operation: "{" in operation.name))


@cache
def statuses() -> tuple[str, ...]:
    """`VERB path status` for every answer that is declared."""
    return tuple(
        f"{verb.upper()} {path} {status}"
        for path, verbs in document()["paths"].items()
        for verb, operation in verbs.items()
        for status in operation["responses"]
    )


@cache
def headers() -> tuple[str, ...]:
    """The name of every header that is declared."""
    return tuple(document()["components"]["headers"])


@cache
def error_codes() -> tuple[str, ...]:
    """Every typed error code."""
    return tuple(code.value for code in ErrorCode)


@cache
def fields() -> tuple[str, ...]:
    """`Model.member.member` for every member of every JSON body that is answered; `[]` stands for any item."""
    schemas = document()["components"]["schemas"]
    return tuple(f"{model}.{path}" for model in _ANSWERS for path in _members(schemas, schemas[model]))


def operation_of(method: str, path: str, status: int) -> Operation | None:
    """The operation that a request was for; the API may lie below any path.

    405 is an answer of the path's operation, whatever verb was sent to it.
    """
    found = (one for one in operations() if one.pattern.search(path) is not None)
    return next((one for one in found if status == 405 or one.verb == method), None)


def model_of(operation: Operation, status: int, media_type: str, body: Mapping[str, Any]) -> str | None:
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


def members_of(value: Any) -> Iterator[str]:
    """The paths of all members that are there and not null."""
    if isinstance(value, dict):
        for name, member in value.items():
            if member is not None:
                yield str(name)
                yield from (f"{name}{rest}" for rest in _below(member))


def _below(member: Any) -> Iterator[str]:
    if isinstance(member, list):
        for item in member:
            yield from (f"[].{path}" for path in members_of(item))
    else:
        yield from (f".{path}" for path in members_of(member))


def _members(schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    for name, member in schema.get("properties", {}).items():
        yield name
        found = _resolved(schemas, member)
        if found.get("type") == "array" and found.get("maxItems") != 0:
            yield from (f"{name}[].{path}" for path in _members(schemas, _resolved(schemas, found["items"])))
        else:
            yield from (f"{name}.{path}" for path in _members(schemas, found))


def _resolved(schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Mapping[str, Any] = schemas[reference.rpartition("/")[2]]
    return found


def _below_any_base(path: str) -> str:
    return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "$"
