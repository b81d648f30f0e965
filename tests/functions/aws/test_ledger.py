"""What only DynamoDB has: keys and accounts as items, retries it takes twice, hundreds of items, transactions that
meet. The rules of every ledger are tested in ../test_stores.py."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.functions.aws.dynamo_keys import AlreadyThere, DynamoKeyRing
from outpaint.functions.aws.dynamo_ledger import DynamoLedger, DynamoLimits
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.ports import AlreadyClaimed
from outpaint.functions.service.records import Account, Claim, Job

NOW = 200.0
CREDITS = 20


@pytest.fixture
def ledger(cloud: Any) -> DynamoLedger:
    return DynamoLedger(cloud.table())


def _claim(job: Job, fingerprint: str = "f", until: float = 1000.0) -> Claim:
    assert job.idempotency_key is not None
    return Claim(job.account_id, job.idempotency_key, fingerprint, job.id, running_until=260.0, expires_at=until)


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

    def test_the_same_job_twice_is_created_once(
        self, cloud: Any, ledger: DynamoLedger, a_job: Callable[..., Job]
    ) -> None:
        job = a_job(key="k")
        ledger.create(job, _claim(job), NOW)
        ledger.create(job, _claim(job), NOW)
        assert cloud.credits() == CREDITS - 2


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

    def test_wait_otherwise_in_every_copy_of_a_snapshot(
        self, cloud: Any, a_job: Callable[..., Job], refused: Any
    ) -> None:
        ledger = DynamoLedger(cloud.stack().service.jobs._table)  # type: ignore[attr-defined]
        waits: list[float] = []
        ledger._table._sleep = waits.append
        for number in (1, 2):
            random.seed(7)  # as a copy has it that was made of a process
            cloud.wire.faults["TransactWriteItems"] = [refused("TransactionConflictException", 400)] * 3
            ledger.create(a_job(number), None, NOW)
        assert waits[:3] != waits[3:]

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

    def test_what_botocore_would_not_send_is_no_passing_trouble(self, cloud: Any) -> None:
        with pytest.raises(OutpaintError) as error:
            DynamoKeyRing(cloud.table())._table.get(5)  # type: ignore[arg-type]
        assert error.value.code is ErrorCode.INTERNAL

    def test_no_answer_is_unavailable(self, cloud: Any) -> None:
        cloud.wire.faults["GetItem"] = [EndpointConnectionError(endpoint_url="https://nowhere")]
        with pytest.raises(OutpaintError) as error:
            cloud.stack().service.jobs.find("x", NOW)
        assert error.value.code is ErrorCode.UNAVAILABLE
