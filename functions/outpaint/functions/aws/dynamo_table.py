"""The one DynamoDB table: its calls, and what to do when two of them meet."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from outpaint.functions.aws.aws_clients import Clients, code_of, told_as

Item = dict[str, dict[str, Any]]
_T = TypeVar("_T")

_WHAT: Final = "the database"
_FAILED: Final = "ConditionalCheckFailed"
_CONFLICTS: Final = frozenset({"TransactionConflictException", "TransactionInProgressException"})
# Eight tries, about 1.5 s of waiting in all: an account that submits 500 times a minute does not get near.
_TRIES: Final = 8
_FIRST_WAIT_S: Final = 0.02
_LONGEST_WAIT_S: Final = 0.4
_BATCH: Final = 100


class ConditionRefused(Exception):  # noqa: N818 - an outcome that the callers handle, not an error
    """A condition did not hold; `reasons` has one entry an action, None where its condition held.

    An entry is the item that stood in the way, empty where there was none or it was not asked for.
    """

    def __init__(self, reasons: list[Item | None]) -> None:
        super().__init__(f"{sum(reason is not None for reason in reasons)} conditions did not hold")
        self.reasons = reasons


class Table:
    """Calls on one table whose only key is `pk`; each raises `OutpaintError` UNAVAILABLE or INTERNAL.

    Two transactions that touch one item at a time get in each other's way and are asked again here, after a
    short random `sleep`: botocore leaves that to its caller.
    """

    def __init__(self, clients: Clients, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clients = clients
        self._name = name
        self._sleep = sleep

    def get(self, pk: str) -> Item | None:
        """The item as it stands now, consistently read."""
        with told_as(_WHAT):
            answer = self._clients.dynamodb.get_item(TableName=self._name, Key=_key(pk), ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def put(self, item: Item) -> None:
        """Store an item, replacing what stands under its key."""
        self._write("put_item", Item=item)

    def update(self, pk: str, **expression: Any) -> Item:
        """Update one item; what `ReturnValues` asks for. Raises `Refused` where its condition does not hold."""
        answer = self._write("update_item", Key=_key(pk), **expression)
        attributes: Item = answer.get("Attributes", {})
        return attributes

    def transact(self, *actions: tuple[str, dict[str, Any]]) -> None:
        """All of the actions or none: `("Put" | "Update" | "Delete", its parameters without the table)`.

        Raises `Refused` where a condition does not hold.
        """
        items = [{verb: {"TableName": self._name, **parameters}} for verb, parameters in actions]
        # botocore adds a token of its own, so that its retries of one call count once.
        self._try("transact_write_items", TransactItems=items)

    def get_many(self, pks: Iterable[str]) -> Iterator[Item]:
        """The items under these keys, in no order; those that are gone are left out."""
        for chunk in chunks(pks, _BATCH):
            wanted: dict[str, Any] = {self._name: {"Keys": [_key(pk) for pk in chunk], "ConsistentRead": True}}
            for attempt in range(_TRIES):
                with told_as(_WHAT):
                    answer = self._clients.dynamodb.batch_get_item(RequestItems=wanted)
                yield from answer["Responses"].get(self._name, [])
                wanted = answer.get("UnprocessedKeys", {})
                if not wanted:
                    break
                self._sleep(_wait(attempt))

    def query(self, **parameters: Any) -> Iterator[Item]:
        """The items of a query, page after page."""
        while True:
            with told_as(_WHAT):
                answer = self._clients.dynamodb.query(TableName=self._name, **parameters)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._try(operation, TableName=self._name, **parameters)

    def _try(self, operation: str, **parameters: Any) -> dict[str, Any]:
        call = getattr(self._clients.dynamodb, operation)
        with told_as(_WHAT):
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


def chunks(values: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """The values in lists of at most this size (`itertools.batched` of Python 3.12)."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
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
    # Spreads out those that met, so nothing hangs on how random it is.
    return random.uniform(0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt))  # noqa: S311
