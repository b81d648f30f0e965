"""Our backups of moto's transactions: quick, and as good as its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from local_cloud.moto_process import small_backups
from moto import mock_aws

from outpaint.functions.aws import dynamo_items

_TABLE = "ledger"


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws(), small_backups():
        client = get_session().create_client("dynamodb", region_name="us-east-1")
        client.create_table(TableName=_TABLE, **dynamo_items.TABLE)
        client.put_item(TableName=_TABLE, Item={"pk": {"S": "one"}, "credits": {"N": "5"}})
        client.put_item(TableName=_TABLE, Item={"pk": {"S": "two"}})
        yield client


def _credits(dynamodb: Any, pk: str) -> str | None:
    item = dynamodb.get_item(TableName=_TABLE, Key={"pk": {"S": pk}}).get("Item")
    return None if item is None else item.get("credits", {}).get("N", "")


def _steps(*, wanted: str) -> list[dict[str, Any]]:
    """An update, an item that is new, one that goes, and a condition on one that is there or not."""
    return [
        {
            "Update": {
                "TableName": _TABLE,
                "Key": {"pk": {"S": "one"}},
                "UpdateExpression": "SET credits = :seven",
                "ExpressionAttributeValues": {":seven": {"N": "7"}},
            }
        },
        {"Put": {"TableName": _TABLE, "Item": {"pk": {"S": "new"}}}},
        {"Delete": {"TableName": _TABLE, "Key": {"pk": {"S": "two"}}}},
        {
            "ConditionCheck": {
                "TableName": _TABLE,
                "Key": {"pk": {"S": wanted}},
                "ConditionExpression": "attribute_exists(pk)",
            }
        },
    ]


def test_a_transaction_that_fails_changes_nothing(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="TransactionCanceled"):
        dynamodb.transact_write_items(TransactItems=_steps(wanted="missing"))
    assert [_credits(dynamodb, pk) for pk in ("one", "two", "new")] == ["5", "", None]


def test_a_transaction_that_holds_is_done_whole(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=_TABLE, Item={"pk": {"S": "there"}})
    dynamodb.transact_write_items(TransactItems=_steps(wanted="there"))
    assert [_credits(dynamodb, pk) for pk in ("one", "two", "new")] == ["7", None, ""]
