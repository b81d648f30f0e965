"""Calls on the one DynamoDB table, and their retries when two transactions touch the same item."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError
from pydantic import BaseModel

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.aws.aws_clients import Clients, code_of, typed_errors

Item = dict[str, dict[str, Any]]
Value = str | float | BaseModel | frozenset[str]
Action = tuple[str, dict[str, Any]]
"""A write by DynamoDB's name for it (Put, Update, Delete), and its parameters without the table."""
_T = TypeVar("_T")

_WHAT: Final = "the database"
_FAILED: Final = "ConditionalCheckFailed"
_CONFLICTS: Final = frozenset({"TransactionConflictException", "TransactionInProgressException"})
# Eight tries, about 1.5 s of waiting in all: an account that submits 500 times a minute does not get near.
_TRIES: Final = 8
_FIRST_WAIT_S: Final = 0.02
_LONGEST_WAIT_S: Final = 0.4
BATCH: Final = 100
"""Items that one call gets at most."""
_PAGE: Final = 1000
"""Keys that one query reads at most: a page of a megabyte would be ten thousand, in each partition."""
# Seeded by the system at each number: a generator of this process would be the same in every copy of a snapshot.
_RANDOM: Final = random.SystemRandom()


def attribute(value: Value) -> dict[str, Any]:
    """A value as DynamoDB writes it: a model as its JSON text, a float with all of its digits."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, frozenset):
        return {"SS": sorted(value)}
    if isinstance(value, int | float):
        return {"N": repr(value)}
    return {"S": value.model_dump_json() if isinstance(value, BaseModel) else value}


def as_item(values: Mapping[str, Value | None]) -> Item:
    """The attributes of an item; those that are None are left out."""
    return {name: attribute(value) for name, value in values.items() if value is not None}


def put(item: Item, condition: str, **values: Value) -> Action:
    """Store an item on a condition, whose `:names` are the values."""
    return "Put", {"Item": item, **_expression(values, ConditionExpression=condition)}


def update(pk: str, expression: str, condition: str = "", **values: Value) -> Action:
    """Update an item by an expression on a condition; the `:names` in both are the values."""
    expressions = _expression(values, UpdateExpression=expression, ConditionExpression=condition)
    return "Update", {"Key": _key(pk), **expressions}


def delete(pk: str, condition: str, **values: Value) -> Action:
    """Delete an item on a condition, whose `:names` are the values."""
    return "Delete", {"Key": _key(pk), **_expression(values, ConditionExpression=condition)}


def _expression(values: Mapping[str, Value], **expressions: str) -> dict[str, Any]:
    given = {"ExpressionAttributeValues": {f":{name}": attribute(value) for name, value in values.items()}}
    return {name: part for name, part in {**expressions, **given}.items() if part}


class ConditionRefused(Exception):  # noqa: N818 - an outcome that the callers handle, not an error
    """A condition did not hold; `reasons` has one entry per action, None where its condition held.

    An entry is the item for which the condition failed, empty where there was none.
    """

    def __init__(self, reasons: list[Item | None]) -> None:
        super().__init__(f"{sum(reason is not None for reason in reasons)} conditions did not hold")
        self.reasons = reasons


class Table:
    """Calls on one table whose only key is `pk`; each raises `OutpaintError` UNAVAILABLE or INTERNAL.

    botocore repeats a call whose answer was lost, after it may have been carried out. So every write is conditional,
    and its caller tells from the item in `ConditionRefused` whether that was its own (docs/adr/0046).

    A transaction that conflicts with another on the same item is repeated here after a short random `sleep`
    (seconds): botocore leaves that to its caller.
    """

    def __init__(self, clients: Clients, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clients = clients
        self._name = name
        self._sleep = sleep

    def get(self, pk: str) -> Item | None:
        """The item as it is now, consistently read."""
        with typed_errors(_WHAT):
            answer = self._clients.dynamodb.get_item(TableName=self._name, Key=_key(pk), ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def update(self, action: Action) -> Item:
        """Carry out an update; the whole item after it. Raises `ConditionRefused`."""
        _, parameters = action
        returned = {"ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        answer = self._write("update_item", TableName=self._name, **returned, **parameters)
        item: Item = answer.get("Attributes", {})
        return item

    def transact(self, *actions: Action) -> None:
        """Carry out all of the actions or none. Raises `ConditionRefused`."""
        common = {"TableName": self._name, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        self._write("transact_write_items", TransactItems=[{kind: {**common, **rest}} for kind, rest in actions])

    def get_many(self, pks: Iterable[str]) -> Iterator[Item]:
        """The items under these keys, in no order; those that are gone are left out.

        Raises `OutpaintError` UNAVAILABLE where the table left some of them unread however often it was asked.
        """
        for chunk in chunks(pks):
            wanted: dict[str, Any] = {self._name: {"Keys": [_key(pk) for pk in chunk], "ConsistentRead": True}}
            for attempt in range(_TRIES):
                with typed_errors(_WHAT):
                    answer = self._clients.dynamodb.batch_get_item(RequestItems=wanted)
                yield from answer["Responses"].get(self._name, [])
                wanted = answer.get("UnprocessedKeys", {})
                if not wanted:
                    break
                if attempt == _TRIES - 1:
                    raise OutpaintError.unavailable(f"{_WHAT} is too busy just now: try again in a moment")
                self._sleep(_wait(attempt))

    def query(self, index: str, partition: str, *, since: float = 0.0, newest_first: bool = False) -> Iterator[Item]:
        """What an index holds of one of its partitions from `since` on, by `created_at`, page after page."""
        parameters = {
            "TableName": self._name,
            "IndexName": index,
            "KeyConditionExpression": f"{index} = :partition AND created_at >= :since",
            "ExpressionAttributeValues": {":partition": attribute(partition), ":since": attribute(since)},
            "ScanIndexForward": not newest_first,
            "Limit": _PAGE,
        }
        while True:
            with typed_errors(_WHAT):
                answer = self._clients.dynamodb.query(**parameters)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        call = getattr(self._clients.dynamodb, operation)
        with typed_errors(_WHAT):
            for attempt in range(_TRIES):
                try:
                    answer: dict[str, Any] = call(**parameters)
                except ClientError as error:
                    refused = _refusal(error)
                    if refused is not None:
                        raise refused from None
                    if not _is_conflict(error) or attempt == _TRIES - 1:
                        raise
                    self._sleep(_wait(attempt))
                else:
                    return answer
        raise AssertionError("unreachable")


def chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    """The values in lists of at most `BATCH` (`itertools.batched` of Python 3.12)."""
    rest = iter(values)
    while chunk := list(islice(rest, BATCH)):
        yield chunk


def _refusal(error: ClientError) -> ConditionRefused | None:
    if code_of(error) == "ConditionalCheckFailedException":
        return ConditionRefused([error.response.get("Item", {})])
    reasons = error.response.get("CancellationReasons", [])
    if any(reason.get("Code") == _FAILED for reason in reasons):
        return ConditionRefused(
            [reason.get("Item", {}) if reason.get("Code") == _FAILED else None for reason in reasons]
        )
    return None


def _is_conflict(error: ClientError) -> bool:
    if code_of(error) == "TransactionCanceledException":
        # No condition failed, so it was another transaction, or not enough throughput: both pass.
        return not any(reason.get("Code") == "ValidationError" for reason in error.response["CancellationReasons"])
    return code_of(error) in _CONFLICTS


def _key(pk: str) -> Item:
    return {"pk": {"S": pk}}


def _wait(attempt: int) -> float:
    # Spreads out those that met.
    return _RANDOM.uniform(0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt))
