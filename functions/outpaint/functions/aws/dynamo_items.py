"""Accounts, jobs and claims as items of the table, and back; how the table is laid out is written in docs/adr/0020.

| pk | what it is |
|---|---|
| `KEY#<digest>` | an account, under the digest of its first key |
| `KEY#<digest>` with `opens` | a further key: the pk of the account it opens |
| `ACCOUNT#<id>`, `NAME#<name>` with `opens` | the way from an account's id or name to its item |
| `JOB#<id>` | a job; with `unended` while it has not ended, and `purge_at` once it has |
| `CLAIM#<account>#<key>` | an idempotency key in use |
| `LIMIT#<account>#<window>` | how many requests an account has made in a window |

Keys and jobs carry `listed`, by which an operator finds them in the order they were made (docs/adr/0035).
Times are numbers of seconds since the epoch; `purge_at` is the table's time to live.
"""

from __future__ import annotations

import math
from typing import Any, Final
from zlib import crc32

from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.masks_and_formats import MaskInterpretation
from outpaint.functions.aws.dynamo_table import Item
from outpaint.functions.service.records import Account, Claim, Job

UNENDED_INDEX: Final = "unended"
LISTED_INDEX: Final = "listed"
TABLE: Final[dict[str, Any]] = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "unended", "AttributeType": "S"},
        {"AttributeName": "listed", "AttributeType": "S"},
        {"AttributeName": "created_at", "AttributeType": "N"},
    ],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": name,
            "KeySchema": [
                {"AttributeName": name, "KeyType": "HASH"},
                {"AttributeName": "created_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        for name in (UNENDED_INDEX, LISTED_INDEX)
    ],
}
"""The table in the words of CreateTable; template.yaml says the same, and a test holds them together."""
SHARDS: Final = tuple(str(number) for number in range(8))
"""An index of jobs is spread over this many partitions, of which each takes 1,000 writes a second."""
LISTED_KEYS: Final = "keys"
LISTED_JOBS: Final = tuple(f"jobs{shard}" for shard in SHARDS)
"""Where keys and jobs stand in the index `listed`."""
PURGE_MARGIN_S: Final = 3600
"""What has expired is purged this much later, so that no clock that runs ahead loses what others still need."""


def key_pk(digest: str) -> str:
    """Where a key, or the account under its first key, lies."""
    return f"KEY#{digest}"


def account_pk(account_id: str) -> str:
    """Where the way to an account lies."""
    return f"ACCOUNT#{account_id}"


def name_pk(name: str) -> str:
    """Where the way to the account of a name lies, of which there is one."""
    return f"NAME#{name}"


def job_pk(inference_id: str) -> str:
    """Where a job lies."""
    return f"JOB#{inference_id}"


def claim_pk(account_id: str, key: str) -> str:
    """Where the claim on an idempotency key lies."""
    return f"CLAIM#{account_id}#{key}"


def limit_pk(account_id: str, window: int) -> str:
    """Where an account's counter for a window lies."""
    return f"LIMIT#{account_id}#{window}"


def text(value: str) -> dict[str, Any]:
    """A string as DynamoDB writes it."""
    return {"S": value}


def number(value: float) -> dict[str, Any]:
    """A number as DynamoDB writes it; `repr` keeps every digit of a float."""
    return {"N": repr(value)}


def purge_at(expires_at: float) -> dict[str, Any]:
    """When the table may forget what expires then."""
    return number(math.ceil(expires_at) + PURGE_MARGIN_S)


def account_item(account: Account, digest: str, now: float) -> Item:
    """An account under its first key."""
    return {
        "pk": text(key_pk(digest)),
        "account_id": text(account.id),
        "account_name": text(account.name),
        "credits": number(account.credits),
        "allowed": {"BOOL": account.allowed},
        "loopback_only": {"BOOL": account.loopback_only},
        "created_at": number(now),
        "listed": text(LISTED_KEYS),
    }


def further_key_item(digest: str, opens: str, now: float) -> Item:
    """A further key to the account that lies at `opens`."""
    return {
        "pk": text(key_pk(digest)),
        "opens": text(opens),
        "created_at": number(now),
        "listed": text(LISTED_KEYS),
    }


def digest_of(item: Item) -> str:
    """The digest of the key that an item is of."""
    return str(item["pk"]["S"]).removeprefix("KEY#")


def account_of(item: Item) -> Account:
    """The account that an item holds."""
    return Account(
        id=item["account_id"]["S"],
        name=item["account_name"]["S"],
        credits=int(item["credits"]["N"]),
        allowed=item["allowed"]["BOOL"],
        loopback_only=item["loopback_only"]["BOOL"],
    )


def job_item(job: Job, paid_by: str) -> Item:
    """A job; `paid_by` is the pk of the account that its price was taken from."""
    item = {
        "pk": text(job_pk(job.id)),
        "account_id": text(job.account_id),
        "paid_by": text(paid_by),
        "job_state": text(job.state),
        "created_at": number(job.created_at),
        "deadline_at": number(job.deadline_at),
        "expires_at": number(job.expires_at),
        "price": number(job.price),
        "inference_request": text(job.request.model_dump_json()),
        "interpretation": text(job.interpretation.model_dump_json()),
        "attempts": number(job.attempts),
        "listed": text(f"jobs{shard_of(job.id)}"),
    }
    if job.idempotency_key is not None:
        item["idempotency_key"] = text(job.idempotency_key)
    if job.manifest is not None:
        item["manifest"] = text(job.manifest.model_dump_json())
    if job.failure is not None:
        item["failure"] = text(job.failure.model_dump_json())
    if job.state.ended:
        item["purge_at"] = purge_at(job.expires_at)
    else:
        # Never purged while it has not ended, for its credits would be lost with it.
        item["unended"] = text(shard_of(job.id))
    return item


def job_of(item: Item) -> Job:
    """The job that an item holds."""
    manifest, failure, key = item.get("manifest"), item.get("failure"), item.get("idempotency_key")
    return Job(
        id=item["pk"]["S"].removeprefix("JOB#"),
        account_id=item["account_id"]["S"],
        state=JobState(item["job_state"]["S"]),
        created_at=float(item["created_at"]["N"]),
        deadline_at=float(item["deadline_at"]["N"]),
        expires_at=float(item["expires_at"]["N"]),
        price=int(item["price"]["N"]),
        request=InferenceRequest.model_validate_json(item["inference_request"]["S"]),
        interpretation=MaskInterpretation.model_validate_json(item["interpretation"]["S"]),
        idempotency_key=None if key is None else key["S"],
        attempts=int(item["attempts"]["N"]),
        manifest=None if manifest is None else Manifest.model_validate_json(manifest["S"]),
        failure=None if failure is None else InferenceFailure.model_validate_json(failure["S"]),
    )


def claim_item(claim: Claim) -> Item:
    """A claim."""
    return {
        "pk": text(claim_pk(claim.account_id, claim.key)),
        "account_id": text(claim.account_id),
        "idempotency_key": text(claim.key),
        "fingerprint": text(claim.fingerprint),
        "inference_id": text(claim.inference_id),
        "running_until": number(claim.running_until),
        "expires_at": number(claim.expires_at),
        "purge_at": purge_at(claim.expires_at),
    }


def claim_of(item: Item) -> Claim:
    """The claim that an item holds."""
    return Claim(
        account_id=item["account_id"]["S"],
        key=item["idempotency_key"]["S"],
        fingerprint=item["fingerprint"]["S"],
        inference_id=item["inference_id"]["S"],
        running_until=float(item["running_until"]["N"]),
        expires_at=float(item["expires_at"]["N"]),
    )


def shard_of(inference_id: str) -> str:
    """The partition of an index in which a job stands."""
    return SHARDS[crc32(inference_id.encode()) % len(SHARDS)]
