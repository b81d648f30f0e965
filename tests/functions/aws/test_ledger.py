"""The ledger in DynamoDB keeps the rules that the ledgers in memory and in SQLite keep."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.inference import InferenceFailure
from outpaint_contracts.jobs import ENDED, JobState, sources_of
from outpaint_functions.aws.key_ring import AlreadyThere, DynamoKeyRing
from outpaint_functions.aws.ledger import GIVES_BACK, DynamoLedger
from outpaint_functions.aws.limits import DynamoLimits
from outpaint_functions.embedded.memory import MemoryLedger
from outpaint_functions.service.authentication import key_digest
from outpaint_functions.service.ports import AlreadyClaimed, Jobs
from outpaint_functions.service.records import Account, Claim, Job

NOW = 200.0
CREDITS = 20


@pytest.fixture
def ledger(cloud: Any) -> DynamoLedger:
    return DynamoLedger(cloud.table())


def _claim(job: Job, fingerprint: str = "f", until: float = 1000.0) -> Claim:
    assert job.idempotency_key is not None
    return Claim(job.account_id, job.idempotency_key, fingerprint, job.id, running_until=260.0, expires_at=until)


def _failure(job: Job) -> InferenceFailure:
    return InferenceFailure(inference_id=job.id, error_code=ErrorCode.PAINTING_FAILED, detail="it broke")


class TestAccounts:
    def test_are_found_by_any_of_their_keys_until_it_is_revoked(self, cloud: Any, ledger: DynamoLedger) -> None:
        ring = DynamoKeyRing(cloud.table())
        ann = Account("ann", "Ann", CREDITS)
        ring.add_key("Ann", key_digest("second"), 0, NOW, "unused")
        assert ledger.by_key_digest(key_digest("key")) == ann
        assert ledger.by_key_digest(key_digest("second")) == ann
        assert ledger.by_key_digest(key_digest("third")) is None
        ring.revoke(key_digest("key"), NOW)
        assert ledger.by_key_digest(key_digest("key")) is None
        assert ledger.by_key_digest(key_digest("second")) == ann
        ring.revoke(key_digest("second"), NOW)
        assert ledger.by_key_digest(key_digest("second")) is None

    def test_keys_are_stored_as_digests_alone(self, cloud: Any) -> None:
        DynamoKeyRing(cloud.table()).add_key("Ann", key_digest("a very secret key"), 0, NOW, "unused")
        everything = cloud.clients(watched=False).dynamodb.scan(TableName=cloud.settings.table)["Items"]
        assert "a very secret key" not in json.dumps(everything)

    @pytest.mark.parametrize(
        ("id_", "name", "key"), [("ann", "Bob", "other"), ("bob", "Ann", "other"), ("bob", "Bob", "key")]
    )
    def test_ids_names_and_keys_are_taken_once(self, cloud: Any, id_: str, name: str, key: str) -> None:
        ring = DynamoKeyRing(cloud.table())
        with pytest.raises(AlreadyThere):
            ring.open_account(Account(id_, name, 1), key_digest(key), NOW)
        assert [entry.account for entry in ring.entries()] == [Account("ann", "Ann", CREDITS)]


class TestCreate:
    def test_takes_the_price_and_keeps_the_job(
        self, cloud: Any, ledger: DynamoLedger, a_job: Callable[..., Job]
    ) -> None:
        job = a_job(key="k", price=3)
        ledger.create(job, _claim(job), NOW)
        assert ledger.find(job.id, NOW) == job
        assert ledger.find_claim("ann", "k", NOW) == _claim(job)
        assert cloud.credits() == CREDITS - 3

    def test_without_the_credits_nothing_is_left_behind(
        self, cloud: Any, ledger: DynamoLedger, a_job: Callable[..., Job]
    ) -> None:
        job = a_job(price=CREDITS + 1, key="k")
        with pytest.raises(OutpaintError, match=f"costs {CREDITS + 1} credits and {CREDITS} are left") as refused:
            ledger.create(job, _claim(job), NOW)
        assert refused.value.code is ErrorCode.INSUFFICIENT_CREDITS
        assert ledger.find(job.id, NOW) is None
        assert ledger.find_claim("ann", "k", NOW) is None
        assert cloud.credits() == CREDITS

    def test_an_unknown_account_has_no_credits(self, ledger: DynamoLedger, a_job: Callable[..., Job]) -> None:
        with pytest.raises(OutpaintError, match="0 are left"):
            ledger.create(a_job(account="nobody"), None, NOW)

    def test_a_live_claim_stands_even_before_missing_credits(
        self, cloud: Any, ledger: DynamoLedger, a_job: Callable[..., Job]
    ) -> None:
        first, second = a_job(1, key="k"), a_job(2, key="k", price=CREDITS + 1)
        ledger.create(first, _claim(first), NOW)
        with pytest.raises(AlreadyClaimed) as taken:
            ledger.create(second, _claim(second), NOW)
        assert taken.value.claim == _claim(first)
        assert ledger.find(second.id, NOW) is None
        assert cloud.credits() == CREDITS - 2

    def test_an_expired_claim_does_not(self, ledger: DynamoLedger, a_job: Callable[..., Job]) -> None:
        first, second = a_job(1, key="k"), a_job(2, key="k")
        ledger.create(first, _claim(first, until=NOW), NOW)
        assert ledger.find_claim("ann", "k", NOW) is None
        ledger.create(second, _claim(second), NOW)
        assert ledger.find_claim("ann", "k", NOW) == _claim(second)

    def test_the_same_job_twice_is_created_once(
        self, cloud: Any, ledger: DynamoLedger, a_job: Callable[..., Job]
    ) -> None:
        job = a_job(key="k")
        ledger.create(job, _claim(job), NOW)
        ledger.create(job, _claim(job), NOW)
        assert cloud.credits() == CREDITS - 2

    def test_threads_never_overspend(self, cloud: Any, ledger: DynamoLedger, a_job: Callable[..., Job]) -> None:
        barrier = threading.Barrier(8)

        def create(number: int) -> str:
            barrier.wait()
            try:
                ledger.create(a_job(number, price=6), None, NOW)
            except OutpaintError as error:
                return error.code
            return "created"

        with ThreadPoolExecutor(8) as pool:
            outcomes = Counter(pool.map(create, range(1, 9)))
        assert outcomes == {"created": 3, ErrorCode.INSUFFICIENT_CREDITS: 5}
        assert cloud.credits() == 2


class TestMove:
    @pytest.mark.parametrize("start", list(JobState))
    def test_only_along_the_contract(
        self, cloud: Any, ledger: DynamoLedger, a_job: Callable[..., Job], start: JobState
    ) -> None:
        for number, to in enumerate(JobState, 1):
            before = cloud.credits()
            job = replace(a_job(number), state=start)
            ledger.create(job, None, NOW)
            moved = ledger.move(job.id, to)
            allowed = start in sources_of(to)
            assert (moved is not None) is allowed
            expected = replace(job, state=to) if allowed else job
            assert ledger.find(job.id, NOW) == expected
            assert moved in (None, expected)
            assert cloud.credits() == before - (0 if allowed and to in GIVES_BACK else 2)

    def test_an_end_carries_what_it_ended_with(self, ledger: DynamoLedger, a_job: Callable[..., Job]) -> None:
        job = a_job(1)
        ledger.create(job, None, NOW)
        gone = ledger.move(job.id, JobState.FAILED, failure=_failure(job), expires_at=5000.0)
        assert gone == replace(job, state=JobState.FAILED, failure=_failure(job), expires_at=5000.0)
        assert ledger.find(job.id, 4999.0) == gone
        assert ledger.find(job.id, 5000.0) is None

    def test_a_price_is_given_back_once(self, cloud: Any, ledger: DynamoLedger, a_job: Callable[..., Job]) -> None:
        job = a_job()
        ledger.create(job, None, NOW)
        with ThreadPoolExecutor(8) as pool:
            ends = [JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED, JobState.SUCCEEDED] * 4
            moved = [end for end in pool.map(lambda to: ledger.move(job.id, to), ends) if end is not None]
        assert len(moved) == 1
        assert cloud.credits() == CREDITS - (2 if moved[0].state is JobState.SUCCEEDED else 0)

    def test_releases_the_claim_only_when_told_and_only_its_own(
        self, ledger: DynamoLedger, a_job: Callable[..., Job]
    ) -> None:
        kept, freed = a_job(1, key="kept"), a_job(2, key="freed")
        for job in (kept, freed):
            ledger.create(job, _claim(job), NOW)
        ledger.move(kept.id, JobState.FAILED)
        ledger.move(freed.id, JobState.FAILED, release_claim=True)
        assert ledger.find_claim("ann", "kept", NOW) == _claim(kept)
        assert ledger.find_claim("ann", "freed", NOW) is None
        old, new = a_job(3, key="again"), a_job(4, key="again")
        ledger.create(old, _claim(old, until=NOW), NOW)
        ledger.create(new, _claim(new), NOW)
        ended = ledger.move(old.id, JobState.FAILED, release_claim=True)
        assert ended is not None
        ledger.finish_claim("ann", "again", old.id)
        assert ledger.find_claim("ann", "again", NOW) == _claim(new)
        ledger.finish_claim("ann", "again", new.id)
        assert ledger.find_claim("ann", "again", NOW) == replace(_claim(new), running_until=0.0)

    def test_of_nothing_is_nothing(self, ledger: DynamoLedger) -> None:
        assert ledger.move("no such id", JobState.FAILED) is None
        assert ledger.move("no such id", JobState.SUCCEEDED) is None
        assert ledger.begin_again("no such id") is None


class TestTheRest:
    def test_lists_what_has_not_ended_oldest_first(self, ledger: DynamoLedger, a_job: Callable[..., Job]) -> None:
        jobs = [a_job(number, at=float(120 - number), price=0) for number in range(1, 120)]
        for job in jobs:
            ledger.create(job, None, NOW)
        ledger.move(jobs[3].id, JobState.FAILED)
        ledger.move(jobs[4].id, JobState.PAINTING)
        expected = [job.id for job in reversed(jobs) if job is not jobs[3]]
        assert [job.id for job in ledger.unended()] == expected

    def test_only_what_has_ended_is_ever_purged(
        self, cloud: Any, ledger: DynamoLedger, a_job: Callable[..., Job]
    ) -> None:
        job = a_job()
        ledger.create(job, None, NOW)

        def stored() -> Any:
            return cloud.table().get(f"JOB#{job.id}")

        assert "purge_at" not in stored()
        ledger.move(job.id, JobState.SUCCEEDED, expires_at=5000.0)
        # Later than it expires, for the clock of another host may be behind.
        assert float(stored()["purge_at"]["N"]) >= 5000.0 + 600

    def test_counts_by_account_and_window(self, cloud: Any) -> None:
        limits = DynamoLimits(cloud.table())
        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(lambda _: limits.count("ann", 1, 60.0), range(20))) == list(range(1, 21))
        assert limits.count("bob", 1, 60.0) == 1
        assert limits.count("ann", 2, 120.0) == 1


class TestConflicts:
    """What botocore leaves to its caller: transactions that meet."""

    @pytest.mark.parametrize("times", [1, 3, 7])
    def test_are_tried_again(self, cloud: Any, a_job: Callable[..., Job], times: int, refused: Any) -> None:
        conflict = refused(
            "TransactionCanceledException",
            400,
            CancellationReasons=[{"Code": "TransactionConflict"}, {"Code": "None"}, {"Code": "None"}],
        )
        cloud.wire.faults["TransactWriteItems"] = [conflict] * times
        ledger = DynamoLedger(cloud.stack().service.jobs._table)  # type: ignore[attr-defined]
        ledger._table._sleep = lambda seconds: waits.append(seconds)
        waits: list[float] = []
        ledger.create(a_job(), None, NOW)
        assert cloud.credits() == CREDITS - 2
        assert len(waits) == times
        assert all(0 <= wait <= 0.4 for wait in waits)

    def test_without_end_are_unavailable(self, cloud: Any, a_job: Callable[..., Job], refused: Any) -> None:
        conflict = refused("TransactionConflictException", 400)
        cloud.wire.faults["UpdateItem"] = [conflict] * 100
        limits = DynamoLimits(cloud.stack().service.limits._table)  # type: ignore[attr-defined]
        limits._table._sleep = lambda _: None
        with pytest.raises(OutpaintError) as error:
            limits.count("ann", 1, 60.0)
        assert error.value.code is ErrorCode.UNAVAILABLE

    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("ProvisionedThroughputExceededException", 400, ErrorCode.UNAVAILABLE),
            ("ThrottlingException", 400, ErrorCode.UNAVAILABLE),
            ("InternalServerError", 500, ErrorCode.UNAVAILABLE),
            ("AccessDeniedException", 400, ErrorCode.INTERNAL),
            ("ResourceNotFoundException", 400, ErrorCode.INTERNAL),
        ],
    )
    def test_other_errors_are_typed(
        self, cloud: Any, code: str, status: int, expected: ErrorCode, refused: Any
    ) -> None:
        cloud.wire.faults["GetItem"] = [refused(code, status)]
        with pytest.raises(OutpaintError) as error:
            cloud.stack().service.jobs.find("x", NOW)
        assert error.value.code is expected
        assert code not in error.value.detail
        assert isinstance(error.value.__cause__, ClientError)

    def test_no_answer_is_unavailable(self, cloud: Any) -> None:
        cloud.wire.faults["GetItem"] = [EndpointConnectionError(endpoint_url="https://nowhere")]
        with pytest.raises(OutpaintError) as error:
            cloud.stack().service.jobs.find("x", NOW)
        assert error.value.code is ErrorCode.UNAVAILABLE


class TwoLedgers(RuleBasedStateMachine):
    """Whatever is done to both, memory and DynamoDB say the same, and no credit appears or vanishes."""

    jobs = Bundle("jobs")

    def __init__(self, cloud: Any, a_job: Callable[..., Job], number: int) -> None:
        super().__init__()
        self.a_job = a_job
        self.account = f"account-{number}"
        self.stack = ExitStack()
        memory = MemoryLedger()
        account = Account(self.account, self.account, 50)
        digest = key_digest(self.account)
        memory.add_account(account, digest)
        DynamoKeyRing(cloud.table()).open_account(account, digest, NOW)
        self.ledgers: list[Any] = [memory, DynamoLedger(cloud.table())]
        self.first = self.number = number * 1000
        self.spent = 0
        self.now = 100.0

    def both(self, do: Callable[[Jobs], object]) -> object:
        outcomes: list[object] = []
        for ledger in self.ledgers:
            try:
                outcomes.append(do(ledger))
            except OutpaintError as error:
                outcomes.append((error.code, error.detail))
            except AlreadyClaimed as taken:
                outcomes.append(taken.claim)
        assert outcomes[0] == outcomes[1]
        return outcomes[0]

    @rule(
        target=jobs, price=st.integers(0, 20), key=st.sampled_from([None, "a", "b"]), life=st.sampled_from([5.0, 50.0])
    )
    def create(self, price: int, key: str | None, life: float) -> str:
        self.number += 1
        job = self.a_job(self.number, account=self.account, price=price, key=key, at=self.now, until=self.now + life)
        claim = None if key is None else _claim(job, until=self.now + life)
        self.both(lambda jobs: jobs.create(job, claim, self.now))
        return job.id

    @rule(id_=jobs, to=st.sampled_from(JobState), release=st.booleans(), life=st.sampled_from([None, 5.0, 50.0]))
    def move(self, id_: str, to: JobState, release: bool, life: float | None) -> None:
        until = None if life is None else self.now + life
        moved = self.both(lambda jobs: jobs.move(id_, to, expires_at=until, release_claim=release))
        if isinstance(moved, Job) and to is JobState.SUCCEEDED:
            self.spent += moved.price

    @rule(id_=jobs)
    def look_and_begin_again(self, id_: str) -> None:
        self.both(lambda jobs: jobs.begin_again(id_))
        self.both(lambda jobs: jobs.find(id_, self.now))
        for key in ("a", "b"):
            self.both(lambda jobs, key=key: jobs.finish_claim(self.account, key, id_))
            self.both(lambda jobs, key=key: jobs.find_claim(self.account, key, self.now))

    @rule(seconds=st.sampled_from([1.0, 10.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def agree_and_conserve_credits(self) -> None:
        reserved = 0
        listed = []
        for ledger in self.ledgers:
            mine = [job for job in ledger.unended() if job.account_id == self.account]
            listed.append(mine)
        assert listed[0] == listed[1]
        reserved = sum(job.price for job in listed[0])
        for ledger in self.ledgers:
            account = ledger.by_key_digest(key_digest(self.account))
            assert account is not None
            assert account.credits + reserved + self.spent == 50
        assert all(job.state not in ENDED for job in listed[1])


def test_memory_and_dynamodb_agree_and_conserve_credits(cloud: Any, a_job: Callable[..., Job]) -> None:
    numbers = iter(range(1, 10_000))
    run_state_machine_as_test(
        lambda: TwoLedgers(cloud, a_job, next(numbers)),
        settings=settings(
            max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
