"""Request counters in DynamoDB."""

from __future__ import annotations

from outpaint_functions.aws import items
from outpaint_functions.aws.items import number
from outpaint_functions.aws.table import Table


class DynamoLimits:
    """The Limits port: one item for an account's window, which the table's time to live forgets."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def count(self, account_id: str, window: int, expires_at: float) -> int:
        """Add one to the account's counter for this window and return it, this request included."""
        counted = self._table.update(
            items.limit_pk(account_id, window),
            UpdateExpression="ADD requests :one SET purge_at = :purge_at",
            ExpressionAttributeValues={":one": number(1), ":purge_at": items.purge_at(expires_at)},
            ReturnValues="UPDATED_NEW",
        )
        return int(counted["requests"]["N"])
