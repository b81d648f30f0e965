"""A deployed stack, as those who call it and those who look after it know it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from outpaint_functions.aws.clients import Clients
from outpaint_functions.aws.key_ring import DynamoKeyRing
from outpaint_functions.aws.table import Table
from outpaint_functions.service.authentication import key_digest
from outpaint_functions.service.keys import new_key
from outpaint_functions.service.records import Account

CREDITS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the deployed stack answers, and what it is made of."""

    url: str
    outputs: Mapping[str, str]

    def open_account(self, name: str) -> str:
        """A new account's first key."""
        key = new_key()
        ring = DynamoKeyRing(Table(Clients(), self.outputs["TableName"]))
        ring.open_account(Account(id=secrets.token_hex(8), name=name, credits=CREDITS), key_digest(key), time.time())
        return key
