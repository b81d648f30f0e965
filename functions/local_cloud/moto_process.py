"""moto's server on loopback, for S3, DynamoDB, SNS and SQS: `python -m local_cloud.moto_process PORT`.

Calls are answered one at a time: moto's transactions are several steps in Python, which two threads would mix.
"""

from __future__ import annotations

import copy
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from local_cloud.processes import LOOPBACK


class _OneAtATime:
    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            return self._application(environ, start_response)


@contextmanager
def small_backups() -> Iterator[None]:
    """While the block runs, a transaction copies the items that it names, where moto copies the whole table.

    With a few thousand items moto's copy takes seconds, longer than our functions wait for DynamoDB. Only one call may
    run at a time.
    """
    named: list[DynamoType] = []
    write = DynamoDBBackend.transact_write_items

    def transact_write_items(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        named[:] = _named(self, transact_items)
        write(self, transact_items)

    def backup(table: Table, memo: dict[int, Any]) -> Table:  # noqa: ARG001 - deepcopy's signature
        kept = copy.copy(table)
        kept.items = defaultdict(dict, table.items)
        for key in named:
            if key in kept.items:
                kept.items[key] = copy.deepcopy(kept.items[key])
        return kept

    with (
        patch.object(DynamoDBBackend, "transact_write_items", transact_write_items),
        patch.object(Table, "__deepcopy__", backup, create=True),
    ):
        yield


def _named(backend: DynamoDBBackend, items: list[dict[str, Any]]) -> Iterator[DynamoType]:
    """The hash keys of the items that a transaction names."""
    for item in items:
        for operation in item.values():
            table = backend.tables.get(operation["TableName"])
            where = operation.get("Key") or operation.get("Item") or {}
            if table is not None and table.hash_key_attr in where:
                yield DynamoType(where[table.hash_key_attr])


def main() -> None:
    """Serve until the process is ended."""
    application = _OneAtATime(DomainDispatcherApplication(create_backend_app))
    with small_backups():
        make_server(LOOPBACK, int(sys.argv[1]), application, threaded=True).serve_forever()


if __name__ == "__main__":
    main()
