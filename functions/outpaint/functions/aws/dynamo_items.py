"""Converts accounts, keys, jobs, claims and counters to the DynamoDB table's items and back (docs/adr/0020).

| pk | item |
|---|---|
| `KEY#<digest>` | an account, under the digest of its first key |
| `KEY#<digest>` with `opens` | a further key; `opens` is the pk of its account |
| `ACCOUNT#<id>`, `NAME#<name>` with `opens` | refers from an account's id or name to the pk of its item |
| `JOB#<id>` | a job; with `unended` while it has not ended, and `purge_at` once it has |
| `CLAIM#<account>#<key>` | an idempotency key in use |
| `LIMIT#<account>#<window>` | how many requests an account has made in a window, and the last count of each caller |
| `LIMIT#<account>#uploads#<window>` | how many upload forms it has had in a window, in the same way |
| `MOVEMENT#<id>` | a change of credits by an operator, so that it is made once |
| `SWEEP` | where the next sweep goes on: `since`, in seconds since the epoch |

Keys and jobs have `listed`, the hash key of an index that sorts them by `created_at` (docs/adr/0035). Times are numbers
of seconds since the epoch; `purge_at` is the table's time to live.
"""

from __future__ import annotations

import math
from typing import Any, Final, Literal
from zlib import crc32

from outpaint.contracts.inference import CompletionLocations, InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.masks_and_formats import MaskInterpretation
from outpaint.functions.aws.dynamo_table import Item, as_item
from outpaint.functions.service.records import Account, Claim, Job

UNENDED_INDEX: Final = "unended"
LISTED_INDEX: Final = "listed"
"""Indexes, each named as the attribute that is its hash key."""
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
"""Parameters of CreateTable; template.yaml has the same, which a test asserts."""
SHARDS: Final = tuple(str(number) for number in range(8))
"""The partitions of `unended`: DynamoDB takes 1,000 writes a second in each."""
LISTED_KEYS: Final = "keys"
LISTED_JOBS: Final = tuple(f"jobs{shard}" for shard in SHARDS)
"""The partitions of `listed`, for keys and for jobs."""
PURGE_MARGIN_S: Final = 3600
"""What has expired is purged this much later, so that no clock that runs ahead loses what others still need."""
_DAY_S: Final = 86_400


_Kind = Literal["KEY", "ACCOUNT", "NAME", "JOB", "CLAIM", "LIMIT", "MOVEMENT", "SWEEP"]


def pk_of(kind: _Kind, *parts: str | int) -> str:
    """The key of an item, as the table above writes it."""
    return "#".join([kind, *map(str, parts)])


def purge_at(expires_at: float) -> int:
    """When the table may delete what expires then."""
    return math.ceil(expires_at) + PURGE_MARGIN_S


def shard_of(inference_id: str) -> str:
    """The shard that a job's entries in the indexes are in."""
    return SHARDS[crc32(inference_id.encode()) % len(SHARDS)]


def account_item(account: Account, digest: str, now: float) -> Item:
    """An account under its first key."""
    return as_item(
        {
            "pk": pk_of("KEY", digest),
            "account_id": account.id,
            "account_name": account.name,
            "credits": account.credits,
            "allowed": account.allowed,
            "loopback_only": account.loopback_only,
            "created_at": now,
            "listed": LISTED_KEYS,
        }
    )


def further_key_item(digest: str, opens: str, now: float) -> Item:
    """A further key to the account whose pk is `opens`."""
    return as_item({"pk": pk_of("KEY", digest), "opens": opens, "created_at": now, "listed": LISTED_KEYS})


def movement_item(movement_id: str, account_id: str, amount: int, now: float) -> Item:
    """A change of an account's credits by an operator, kept for a day: long after whatever may repeat it."""
    return as_item(
        {
            "pk": pk_of("MOVEMENT", movement_id),
            "account_id": account_id,
            "amount": amount,
            "purge_at": purge_at(now + _DAY_S),
        }
    )


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
    shard = shard_of(job.id)
    return as_item(
        {
            "pk": pk_of("JOB", job.id),
            "account_id": job.account_id,
            "paid_by": paid_by,
            "job_state": job.state,
            "created_at": job.created_at,
            "deadline_at": job.deadline_at,
            "expires_at": job.expires_at,
            "price": job.price,
            "inference_request": job.request,
            "interpretation": job.interpretation,
            "attempts": job.attempts,
            "idempotency_key": job.idempotency_key,
            "manifest": job.manifest,
            "failure": job.failure,
            "locations": job.locations,
            "listed": f"jobs{shard}",
            "unended": None if job.state.ended else shard,
            # Never purged while it has not ended, for its credits would be lost with it.
            "purge_at": purge_at(job.expires_at) if job.state.ended else None,
        }
    )


def job_of(item: Item) -> Job:
    """The job that an item holds."""
    manifest, failure, key = item.get("manifest"), item.get("failure"), item.get("idempotency_key")
    locations = item.get("locations")
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
        locations=None if locations is None else CompletionLocations.model_validate_json(locations["S"]),
    )


def claim_item(claim: Claim) -> Item:
    """A claim on an idempotency key."""
    return as_item(
        {
            "pk": pk_of("CLAIM", claim.account_id, claim.key),
            "account_id": claim.account_id,
            "idempotency_key": claim.key,
            "fingerprint": claim.fingerprint,
            "inference_id": claim.inference_id,
            "running_until": claim.running_until,
            "expires_at": claim.expires_at,
            "purge_at": purge_at(claim.expires_at),
        }
    )


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
