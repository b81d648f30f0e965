"""Jobs, Accounts and Limits in DynamoDB."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from outpaint.contracts.inference import InferenceFailure, Manifest
from outpaint.contracts.job_states import ENDED, JobState, sources_of
from outpaint.functions.aws import dynamo_items
from outpaint.functions.aws.dynamo_items import number, text
from outpaint.functions.aws.dynamo_table import ConditionRefused, Item, Table, chunks
from outpaint.functions.service.ports import AlreadyClaimed
from outpaint.functions.service.records import GIVES_BACK, Account, Claim, Job, insufficient

_UNENDED: Final = frozenset(set(JobState) - ENDED)
_REMEMBERED: Final = 10_000
_LOOKED_UP_TOGETHER: Final = 100


class DynamoLedger:
    """The Accounts and Jobs ports on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        # Where accounts lie, which never changes: a job is created right after its account was looked up.
        self._paid_by: dict[str, str] = {}

    # Accounts

    def by_key_digest(self, digest: str) -> Account | None:
        """The account whose key has this SHA-256 (hex): one read for its first key, two for a further one."""
        item = self._table.get(dynamo_items.key_pk(digest))
        if item is None or "revoked_at" in item:
            return None
        if "opens" in item:
            item = self._table.get(item["opens"]["S"])
            if item is None:
                return None
        account = dynamo_items.account_of(item)
        self._remember(account.id, item["pk"]["S"])
        return account

    # Jobs

    def create(self, job: Job, claim: Claim | None, now: float) -> None:
        """Claim the key, take the price and store the job: all or nothing."""
        paid_by = self._where_paid(job.account_id)
        if paid_by is None:
            raise insufficient(job.price, 0)
        actions = [
            (
                "Update",
                {
                    "Key": {"pk": text(paid_by)},
                    "UpdateExpression": "ADD credits :taken",
                    "ConditionExpression": "credits >= :price",
                    "ExpressionAttributeValues": {":taken": number(-job.price), ":price": number(job.price)},
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                },
            ),
            (
                "Put",
                {
                    "Item": dynamo_items.job_item(job, paid_by),
                    "ConditionExpression": "attribute_not_exists(pk)",
                },
            ),
        ]
        if claim is not None:
            actions.append(
                (
                    "Put",
                    {
                        "Item": dynamo_items.claim_item(claim),
                        "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
                        "ExpressionAttributeValues": {":now": number(now)},
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    },
                )
            )
        try:
            self._table.transact(*actions)
        except ConditionRefused as refused:
            account, stored, held = (*refused.reasons, None)[:3]
            if stored is not None:
                # An earlier try of this very call was answered too late to be heard: it is done.
                return
            if held is not None:
                raise AlreadyClaimed(dynamo_items.claim_of(held)) from None
            available = account.get("credits", {"N": "0"}) if account is not None else {"N": "0"}
            raise insufficient(job.price, int(available["N"])) from None

    def find(self, inference_id: str, now: float) -> Job | None:
        """The job, whoever owns it, unless it has expired."""
        job = self._job(inference_id)
        return job if job is not None and job.expires_at > now else None

    def find_claim(self, account_id: str, key: str, now: float) -> Claim | None:
        """The live claim on an idempotency key."""
        item = self._table.get(dynamo_items.claim_pk(account_id, key))
        claim = None if item is None else dynamo_items.claim_of(item)
        return claim if claim is not None and claim.expires_at > now else None

    def finish_claim(self, account_id: str, key: str, inference_id: str) -> None:
        """Record that the claiming request has been answered."""
        with contextlib.suppress(ConditionRefused):  # the key is free again, or another's
            self._table.update(
                dynamo_items.claim_pk(account_id, key),
                UpdateExpression="SET running_until = :over",
                ConditionExpression="inference_id = :id",
                ExpressionAttributeValues={":over": number(0.0), ":id": text(inference_id)},
            )

    def move(
        self,
        inference_id: str,
        to: JobState,
        *,
        manifest: Manifest | None = None,
        failure: InferenceFailure | None = None,
        expires_at: float | None = None,
        release_claim: bool = False,
    ) -> Job | None:
        """Move the job if it stands in one of `sources_of(to)`, else change nothing and return None.

        One write, or a read and a transaction where credits are given back or a claim is released.
        """
        if not sources_of(to):
            return None
        if to in GIVES_BACK or release_claim:
            return self._move_together(inference_id, to, manifest, failure, expires_at, release_claim)
        # The time of purging hangs on when the job expires: known by every caller but those that end nothing.
        job = self._job(inference_id) if to.ended and expires_at is None else None
        change = _move(to, manifest, failure, expires_at if job is None else job.expires_at)
        try:
            return dynamo_items.job_of(
                self._table.update(dynamo_items.job_pk(inference_id), ReturnValues="ALL_NEW", **change)
            )
        except ConditionRefused:
            return None

    def begin_again(self, inference_id: str) -> Job | None:
        """Count one more attempt of a job that has not ended."""
        condition, values = _stands_in(_UNENDED)
        try:
            return dynamo_items.job_of(
                self._table.update(
                    dynamo_items.job_pk(inference_id),
                    UpdateExpression="ADD attempts :one",
                    ConditionExpression=condition,
                    ExpressionAttributeValues={":one": number(1), **values},
                    ReturnValues="ALL_NEW",
                )
            )
        except ConditionRefused:
            return None

    def unended(self) -> Iterator[Job]:
        """Every job that has not ended, oldest first; read in hundreds as they are asked for."""
        shards = [self._unended_keys(shard) for shard in dynamo_items.SHARDS]
        for chunk in chunks(heapq.merge(*shards), _LOOKED_UP_TOGETHER):
            # The index may lag behind: how a job stands is read from the table itself.
            jobs = [dynamo_items.job_of(item) for item in self._table.get_many(pk for _, pk in chunk)]
            yield from sorted((job for job in jobs if not job.state.ended), key=lambda job: (job.created_at, job.id))

    def latest(self) -> Iterator[Job]:
        """The newest jobs first, expired ones included, for people to look at; read in hundreds as asked for."""
        shards = [self._listed_keys(shard) for shard in dynamo_items.LISTED_JOBS]
        for chunk in chunks(heapq.merge(*shards), _LOOKED_UP_TOGETHER):
            jobs = [dynamo_items.job_of(item) for item in self._table.get_many(pk for _, pk in chunk)]
            yield from sorted(jobs, key=lambda job: (-job.created_at, job.id))

    def purge(self, now: float) -> int:  # noqa: ARG002 - the table itself does it
        """Nothing to do: the table's time to live forgets what has expired, at no cost."""
        return 0

    # What they share

    def _job(self, inference_id: str) -> Job | None:
        item = self._table.get(dynamo_items.job_pk(inference_id))
        return None if item is None else dynamo_items.job_of(item)

    def _remember(self, account_id: str, pk: str) -> None:
        if len(self._paid_by) >= _REMEMBERED:
            self._paid_by.clear()
        self._paid_by[account_id] = pk

    def _where_paid(self, account_id: str) -> str | None:
        if account_id not in self._paid_by:
            way = self._table.get(dynamo_items.account_pk(account_id))
            if way is None:
                return None
            self._remember(account_id, way["opens"]["S"])
        return self._paid_by.get(account_id)

    def _unended_keys(self, shard: str) -> Iterator[tuple[float, str]]:
        found = self._table.query(
            IndexName=dynamo_items.UNENDED_INDEX,
            KeyConditionExpression="unended = :shard",
            ExpressionAttributeValues={":shard": text(shard)},
        )
        for item in found:
            yield float(item["created_at"]["N"]), item["pk"]["S"]

    def _listed_keys(self, shard: str) -> Iterator[tuple[float, str]]:
        found = self._table.query(
            IndexName=dynamo_items.LISTED_INDEX,
            KeyConditionExpression="listed = :shard",
            ExpressionAttributeValues={":shard": text(shard)},
            ScanIndexForward=False,
        )
        for item in found:
            yield -float(item["created_at"]["N"]), item["pk"]["S"]

    def _move_together(
        self,
        inference_id: str,
        to: JobState,
        manifest: Manifest | None,
        failure: InferenceFailure | None,
        expires_at: float | None,
        release_claim: bool,
    ) -> Job | None:
        item = self._table.get(dynamo_items.job_pk(inference_id))
        job = None if item is None else dynamo_items.job_of(item)
        if item is None or job is None or job.state not in sources_of(to):
            return None
        until = job.expires_at if expires_at is None else expires_at
        key = {"pk": text(dynamo_items.job_pk(inference_id))}
        moved = ("Update", {"Key": key, **_move(to, manifest, failure, until)})
        together = []
        if to in GIVES_BACK:
            together.append(_give_back(item["paid_by"]["S"], job.price))
        if release_claim and job.idempotency_key is not None:
            together.append(_release(dynamo_items.claim_pk(job.account_id, job.idempotency_key), inference_id))
        while True:
            try:
                self._table.transact(moved, *together)
            except ConditionRefused as refused:
                if refused.reasons[0] is not None:
                    return None
                # The claim is another job's by now, or the account was deleted by hand: the job ends all the same.
                together = [
                    action for action, reason in zip(together, refused.reasons[1:], strict=True) if reason is None
                ]
            else:
                return replace(
                    job,
                    state=to,
                    manifest=manifest or job.manifest,
                    failure=failure or job.failure,
                    expires_at=until,
                )


def _stands_in(states: frozenset[JobState]) -> tuple[str, Item]:
    values = {f":from{number_}": text(state) for number_, state in enumerate(sorted(states))}
    return f"job_state IN ({', '.join(values)})", values


def _move(
    to: JobState, manifest: Manifest | None, failure: InferenceFailure | None, expires_at: float | None
) -> dict[str, Any]:
    """The update of a job's item, on condition that it may move there."""
    condition, values = _stands_in(sources_of(to))
    assignments = ["job_state = :to"]
    values[":to"] = text(to)
    for name, value in (("manifest", manifest), ("failure", failure)):
        if value is not None:
            assignments.append(f"{name} = :{name}")
            values[f":{name}"] = text(value.model_dump_json())
    if expires_at is not None:
        assignments.append("expires_at = :expires_at")
        values[":expires_at"] = number(expires_at)
    remove = ""
    if to.ended:
        remove = " REMOVE unended"
        if expires_at is not None:
            assignments.append("purge_at = :purge_at")
            values[":purge_at"] = dynamo_items.purge_at(expires_at)
    return {
        "UpdateExpression": f"SET {', '.join(assignments)}{remove}",
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }


def _give_back(paid_by: str, price: int) -> tuple[str, dict[str, Any]]:
    return (
        "Update",
        {
            "Key": {"pk": text(paid_by)},
            "UpdateExpression": "ADD credits :price",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":price": number(price)},
        },
    )


def _release(claim_pk: str, inference_id: str) -> tuple[str, dict[str, Any]]:
    return (
        "Delete",
        {
            "Key": {"pk": text(claim_pk)},
            "ConditionExpression": "attribute_not_exists(pk) OR inference_id = :id",
            "ExpressionAttributeValues": {":id": text(inference_id)},
        },
    )


class DynamoLimits:
    """The Limits port: one item for an account's window, which the table's time to live forgets."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def count(self, account_id: str, window: int, expires_at: float) -> int:
        """Add one to the account's counter for this window and return it, this request included."""
        counted = self._table.update(
            dynamo_items.limit_pk(account_id, window),
            UpdateExpression="ADD requests :one SET purge_at = :purge_at",
            ExpressionAttributeValues={":one": number(1), ":purge_at": dynamo_items.purge_at(expires_at)},
            ReturnValues="UPDATED_NEW",
        )
        return int(counted["requests"]["N"])
