"""The Accounts, Jobs and Limits ports in DynamoDB."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import secrets
import threading
from collections.abc import Iterable, Iterator
from typing import Final, Unpack

from outpaint.contracts.inference import CompletionLocations
from outpaint.contracts.job_states import ENDED, JobState, sources_of
from outpaint.functions.aws import dynamo_table
from outpaint.functions.aws.dynamo_items import (
    LISTED_INDEX,
    LISTED_JOBS,
    SHARDS,
    UNENDED_INDEX,
    account_of,
    claim_item,
    claim_of,
    job_item,
    job_of,
    pk_of,
    purge_at,
)
from outpaint.functions.aws.dynamo_table import Action, ConditionRefused, Item, Table, Value, chunks
from outpaint.functions.service.ports import AlreadyClaimed, UnreadableJobsError
from outpaint.functions.service.records import GIVES_BACK, Account, Claim, Job, JobChange, insufficient

_UNENDED: Final = frozenset(set(JobState) - ENDED)
_REMEMBERED: Final = 10_000


class DynamoLedger:
    """The Accounts and Jobs ports on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        # The pks of accounts, which never change: a job is created right after its account was looked up.
        self._account_pks: dict[str, str] = {}

    def by_key_digest(self, digest: str) -> Account | None:
        """One read for an account's first key, two for a further one."""
        item = self._table.get(pk_of("KEY", digest))
        if item is None or "revoked_at" in item:
            return None
        if "opens" in item:
            item = self._table.get(item["opens"]["S"])
            if item is None:
                return None
        account = account_of(item)
        self._remember(account.id, item["pk"]["S"])
        return account

    def free_credits(self, account_id: str) -> int:
        """One read, or two for an account that this process has not looked up by its key."""
        pk = self._account_pk(account_id)
        item = None if pk is None else self._table.get(pk)
        return 0 if item is None else account_of(item).credits

    def create(self, job: Job, claim: Claim | None, now: float) -> None:
        """One transaction."""
        paid_by = self._account_pk(job.account_id)
        if paid_by is None:
            raise insufficient(job.price, 0)
        actions = [
            dynamo_table.update(paid_by, "ADD credits :taken", "credits >= :price", taken=-job.price, price=job.price),
            dynamo_table.put(job_item(job, paid_by), "attribute_not_exists(pk)"),
        ]
        if claim is not None:
            free = "attribute_not_exists(pk) OR expires_at <= :now"
            actions.append(dynamo_table.put(claim_item(claim), free, now=now))
        try:
            self._table.transact(*actions)
        except ConditionRefused as refused:
            account, stored, held = (*refused.reasons, None)[:3]
            if stored is not None:
                # An earlier try of this very call was carried out, and its answer lost.
                return
            if held is not None:
                raise AlreadyClaimed(claim_of(held)) from None
            raise insufficient(job.price, int((account or {}).get("credits", {"N": "0"})["N"])) from None

    def find(self, inference_id: str, now: float) -> Job | None:
        item = self._table.get(pk_of("JOB", inference_id))
        job = None if item is None else job_of(item)
        return job if job is not None and job.expires_at > now else None

    def find_claim(self, account_id: str, key: str, now: float) -> Claim | None:
        item = self._table.get(pk_of("CLAIM", account_id, key))
        claim = None if item is None else claim_of(item)
        return claim if claim is not None and claim.expires_at > now else None

    def finish_claim(self, account_id: str, key: str, inference_id: str) -> None:
        with contextlib.suppress(ConditionRefused):  # the key is free again, or another's
            self._table.update(
                dynamo_table.update(
                    pk_of("CLAIM", account_id, key),
                    "SET running_until = :over",
                    "inference_id = :id",
                    over=0.0,
                    id=inference_id,
                )
            )

    def move(self, inference_id: str, to: JobState, **change: Unpack[JobChange]) -> Job | None:
        """One write, or a read and a transaction where credits are given back or a claim is released."""
        if not sources_of(to):
            return None
        if to in GIVES_BACK or change.get("release_claim"):
            return self._move_together(inference_id, to, change)
        if to.ended and change.get("expires_at") is None:
            # The time of purging depends on it. Only who ends nothing of its own leaves it out.
            job = self.find(inference_id, 0.0)
            change["expires_at"] = None if job is None else job.expires_at
        write = _write_id()
        return self._updated(_move(inference_id, to, change, write), write)

    def begin_again(self, inference_id: str, attempt: int, locations: CompletionLocations | None = None) -> Job | None:
        unended, states = _state_in(_UNENDED)
        known: dict[str, Value] = {} if locations is None else {"locations": locations}
        change = "REMOVE locations" if locations is None else ", locations = :locations"
        # No id of its own: to write the same try twice changes nothing.
        return self._updated(
            dynamo_table.update(
                pk_of("JOB", inference_id),
                f"SET attempts = :attempt {change}",
                f"attempts <= :attempt AND {unended}",
                attempt=attempt,
                **known,
                **states,
            )
        )

    def unended(self, since: float = 0.0) -> Iterator[Job]:
        """Read in hundreds as they are asked for."""
        # The index may lag behind.
        return (job for job in self._indexed(UNENDED_INDEX, SHARDS, since=since) if not job.state.ended)

    def latest(self) -> Iterator[Job]:
        """The newest jobs first, expired ones included, for people to look at; read in hundreds as asked for."""
        return self._indexed(LISTED_INDEX, LISTED_JOBS, newest_first=True)

    def purge(self, now: float) -> int:  # noqa: ARG002 - the table itself does it
        """Nothing to do: the table's time to live deletes what has expired, at no cost."""
        return 0

    def erase(self, inference_ids: Iterable[str]) -> int:
        """A read and one or two writes for each; the table's point-in-time recovery keeps what it kept before."""
        return sum(self._erase(id_) for id_ in inference_ids)

    # What they share

    def _erase(self, inference_id: str) -> bool:
        job = self.find(inference_id, 0.0)
        if job is None or not job.state.ended:
            return False
        if job.idempotency_key is not None:
            claim = pk_of("CLAIM", job.account_id, job.idempotency_key)
            with contextlib.suppress(ConditionRefused):  # it is gone, or another job's
                self._table.transact(dynamo_table.delete(claim, "inference_id = :id", id=inference_id))
        # An ended job never runs again. The claim goes first: without the job it could not be found any more.
        with contextlib.suppress(ConditionRefused):
            self._table.transact(dynamo_table.delete(pk_of("JOB", inference_id), "attribute_exists(pk)"))
        return True

    def _updated(self, action: Action, write: str | None = None) -> Job | None:
        """The job after an update; None where its condition does not hold."""
        try:
            return job_of(self._table.update(action))
        except ConditionRefused as refused:
            return _written(refused.reasons[0], write)

    def _remember(self, account_id: str, pk: str) -> None:
        if len(self._account_pks) >= _REMEMBERED:
            self._account_pks.clear()
        self._account_pks[account_id] = pk

    def _account_pk(self, account_id: str) -> str | None:
        if account_id not in self._account_pks:
            reference = self._table.get(pk_of("ACCOUNT", account_id))
            if reference is None:
                return None
            self._remember(account_id, reference["opens"]["S"])
        return self._account_pks.get(account_id)

    def _indexed(
        self, index: str, partitions: tuple[str, ...], *, since: float = 0.0, newest_first: bool = False
    ) -> Iterator[Job]:
        """The jobs in an index by their age; an index has keys alone, the jobs are read from the table.

        Raises `UnreadableJobsError` in the end: one item that is no job must not keep the sweep from all younger ones.
        """
        unreadable: list[str] = []
        sign = -1 if newest_first else 1

        def keys(partition: str) -> Iterator[tuple[float, str]]:
            for item in self._table.query(index, partition, since=since, newest_first=newest_first):
                yield sign * float(item["created_at"]["N"]), item["pk"]["S"]

        for chunk in chunks(heapq.merge(*map(keys, partitions))):
            jobs = []
            for item in self._table.get_many(pk for _, pk in chunk):
                try:
                    jobs.append(job_of(item))
                except (KeyError, ValueError):
                    unreadable.append(item["pk"]["S"].removeprefix("JOB#"))
            yield from sorted(jobs, key=lambda job: (sign * job.created_at, job.id))
        if unreadable:
            raise UnreadableJobsError(unreadable)

    def _move_together(self, inference_id: str, to: JobState, change: JobChange) -> Job | None:
        item = self._table.get(pk_of("JOB", inference_id))
        job = None if item is None else job_of(item)
        if item is None or job is None or job.state not in sources_of(to):
            return None
        after = job.moved(to, change)
        write = _write_id()
        move = _move(inference_id, to, {**change, "expires_at": after.expires_at}, write)
        together = []
        if to in GIVES_BACK:
            paid_by = item["paid_by"]["S"]
            together.append(dynamo_table.update(paid_by, "ADD credits :price", "attribute_exists(pk)", price=job.price))
        if change.get("release_claim") and job.idempotency_key is not None:
            pk = pk_of("CLAIM", job.account_id, job.idempotency_key)
            own = "attribute_not_exists(pk) OR inference_id = :id"
            together.append(dynamo_table.delete(pk, own, id=inference_id))
        while True:
            try:
                self._table.transact(move, *together)
            except ConditionRefused as refused:
                if refused.reasons[0] is not None:
                    return _written(refused.reasons[0], write)
                # The claim is another job's by now, or the account was deleted by hand: the job ends all the same.
                together = [
                    action for action, reason in zip(together, refused.reasons[1:], strict=True) if reason is None
                ]
            else:
                return after


class DynamoLimits:
    """The Limits port: one item for an account's window, which the table's time to live deletes.

    A thread of a process counts one request at a time. It leaves the number of its count in the item, under a name of
    its own, so a repeat of the same count is refused; the figure is then that of all counts so far.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._numbers = itertools.count(1)
        self._thread = threading.local()

    def count(self, account_id: str, window: int, expires_at: float) -> int:
        name = self._name()
        try:
            counted: Item | None = self._table.update(
                dynamo_table.update(
                    pk_of("LIMIT", account_id, window),
                    f"ADD requests :one SET purge_at = :purge_at, {name} = :number",
                    f"attribute_not_exists({name}) OR {name} <> :number",
                    one=1,
                    purge_at=purge_at(expires_at),
                    number=next(self._numbers),
                )
            )
        except ConditionRefused as refused:
            counted = refused.reasons[0]
        return int((counted or {})["requests"]["N"])

    def _name(self) -> str:
        """This thread's attribute, drawn at its first count: before that, a snapshot of the process may be copied."""
        try:
            name: str = self._thread.name
        except AttributeError:
            name = self._thread.name = f"by_{secrets.token_hex(4)}"
        return name


class SweepMark:
    """Where the next sweep goes on, whichever process makes it: an item of the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self) -> float:
        """The `since` of the next sweep; 0 where it begins with the oldest job."""
        item = self._table.get(pk_of("SWEEP"))
        return 0.0 if item is None else float(item["since"]["N"])

    def keep(self, since: float) -> None:
        """Write it down."""
        self._table.update(dynamo_table.update(pk_of("SWEEP"), "SET since = :since", since=since))


def _write_id() -> str:
    """An id for one write of a job; the job's item keeps the ids of the few writes that it has had."""
    return secrets.token_hex(4)


def _written(item: Item | None, write: str | None) -> Job | None:
    """The job, where this write was carried out before and its answer lost; None where another was in its way."""
    if not item or write not in item.get("writes", {}).get("SS", ()):
        return None
    return job_of(item)


def _state_in(states: frozenset[JobState]) -> tuple[str, dict[str, JobState]]:
    """The condition that a job is in one of these states, and its values."""
    values = {f"from{number}": state for number, state in enumerate(sorted(states))}
    return f"job_state IN ({', '.join(f':{name}' for name in values)})", values


def _move(inference_id: str, to: JobState, change: JobChange, write: str) -> Action:
    """The update of a job's item, on condition that it may move there; `write` is its id."""
    condition, states = _state_in(sources_of(to))
    expires_at = change.get("expires_at")
    purged = None if expires_at is None or not to.ended else purge_at(expires_at)
    new: dict[str, Value | None] = {"manifest": change.get("manifest"), "failure": change.get("failure")}
    new |= {"expires_at": expires_at, "purge_at": purged, "locations": change.get("locations")}
    values: dict[str, Value] = {name: value for name, value in new.items() if value is not None}
    assignments = ", ".join(["job_state = :to", *(f"{name} = :{name}" for name in values)])
    remove = " REMOVE unended" if to.ended else ""
    return dynamo_table.update(
        pk_of("JOB", inference_id),
        f"SET {assignments}{remove} ADD writes :writes",
        condition,
        to=to,
        writes=frozenset({write}),
        **values,
        **states,
    )
