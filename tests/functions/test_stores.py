"""The ports in memory, on disk and on AWS: one set of rules, whatever keeps what it is given."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from botocore.session import Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import CompletionLocations, InferenceFailure, Manifest, ManifestFile
from outpaint.contracts.job_states import ENDED, JobState, sources_of
from outpaint.contracts.responses import PainterCard
from outpaint.functions.adapters.clock_and_ids import SystemClock
from outpaint.functions.aws import dynamo_items, dynamo_ledger
from outpaint.functions.aws.aws_clients import Clients
from outpaint.functions.aws.dynamo_ledger import DynamoLedger, DynamoLimits
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.aws.s3_pictures import S3Pictures
from outpaint.functions.embedded import database
from outpaint.functions.embedded.database import Database
from outpaint.functions.embedded.folder_pictures import FolderPictures
from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryLimits, MemoryPictures
from outpaint.functions.embedded.sqlite_ledger import SqliteKeyRing, SqliteLedger
from outpaint.functions.embedded.stores import in_folder, open_database
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.ports import AlreadyClaimed, Jobs, Limits, OwnPictures, Pictures
from outpaint.functions.service.records import Account, Claim, Job, StoredPicture
from outpaint.functions.service.stored_bytes import Reservations
from outpaint.mocks.moto_stack import AwsStack, aws_stack
from outpaint.mocks.world.world import World

Ledger = MemoryLedger | SqliteLedger | DynamoLedger
AnnounceTo = list[str]
NOW = 200.0
FILE = f"{UUID(int=1)}.jpg"
INPUT = f"inputs/{UUID(int=1)}/image"
PLACES = CompletionLocations(output="s3://bucket/done/1.out", failure="s3://bucket/failed/1-error.out")
GIVES_BACK = {JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED}


@dataclass
class LedgerKit:
    """A ledger with an account `ann`, and where it announces ends: None where nobody of its process waits for them."""

    ledger: Ledger
    ended: AnnounceTo | None

    def credits(self) -> int:
        account = self.ledger.by_key_digest(key_digest("ann's key"))
        assert account is not None
        return account.credits


class _RememberingSession(Session):
    """botocore's session, whose clients are built once for all tests: building one takes longer than a test."""

    @cache  # noqa: B019 - there is one session
    def create_client(self, service_name: str, *args: Any, config: Any = None, **more: Any) -> Any:
        return super().create_client(service_name, *args, config=config, **more)


@cache
def _session() -> Session:
    # Made once moto is imported: it puts itself into every session that is made from then on.
    return _RememberingSession()


@contextmanager
def _aws() -> Iterator[AwsStack]:
    """The stack, empty, and the clients of the tests before."""
    with patch("outpaint.mocks.moto_stack.get_session", _session), aws_stack() as aws:
        yield aws


def _open_ledger(kind: str, stack: ExitStack, folder: Path, granted: int) -> LedgerKit:
    ended: AnnounceTo = []
    account = Account(id="ann", name="ann", credits=granted)
    if kind == "dynamodb":
        aws = stack.enter_context(_aws())
        aws.open_account("ann's key", granted, name="ann")
        # Transactions that meet are asked again at once.
        return LedgerKit(DynamoLedger(Table(Clients(aws.session), aws.settings.table, lambda _: None)), None)
    if kind == "memory":
        memory = MemoryLedger(ended.append)
        memory.add_account(account, key_digest("ann's key"))
        return LedgerKit(memory, ended)
    database = stack.enter_context(open_database(folder))
    SqliteKeyRing(database).open_account(account, key_digest("ann's key"), 0.0)
    return LedgerKit(SqliteLedger(database, ended.append), ended)


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LedgerKit]:
    with ExitStack() as stack:
        yield _open_ledger(request.param, stack, tmp_path / "data", 10)


@pytest.fixture(params=["memory", "folder", "s3"])
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pictures]:
    if request.param == "memory":
        yield MemoryPictures(FileUrls(b"a secret of the test"))
    elif request.param == "s3":
        with _aws() as aws:
            yield S3Pictures(Clients(aws.session), aws.settings.bucket, SystemClock(), 86_400)
    else:
        with in_folder(tmp_path / "data", lambda _: None) as stores:
            yield stores.pictures


def _claim(job: Job, fingerprint: str = "f", until: float = 1000.0) -> Claim:
    assert job.idempotency_key is not None
    return Claim(job.account_id, job.idempotency_key, fingerprint, job.id, running_until=260.0, expires_at=until)


def _manifest(job: Job) -> Manifest:
    file = ManifestFile(id=job.request.output_ids[0], seed=7, bytes=3, sha256="0" * 64)
    card = PainterCard(name="flat", model="test", reads_prompt=True)
    return Manifest(inference_id=job.id, files=(file,), painter=card, width=64, height=48, seconds=0.5)


def _failure(job: Job) -> InferenceFailure:
    return InferenceFailure(inference_id=job.id, error_code=ErrorCode.PAINTING_FAILED, detail="it broke")


class TestCreate:
    def test_takes_the_price_and_keeps_the_job_as_it_was_given(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        job = a_job(key="k", price=3)
        kit.ledger.create(job, _claim(job), NOW)
        assert kit.ledger.find(job.id, NOW) == job
        assert kit.ledger.find_claim("ann", "k", NOW) == _claim(job)
        assert kit.credits() == 7

    def test_without_the_credits_nothing_is_left_behind(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        job = a_job(price=11, key="k")
        with pytest.raises(OutpaintError) as refused:
            kit.ledger.create(job, _claim(job), NOW)
        assert refused.value.code is ErrorCode.INSUFFICIENT_CREDITS
        assert "11" in refused.value.detail
        assert kit.credits() == 10
        assert kit.ledger.find(job.id, NOW) is None
        assert kit.ledger.find_claim("ann", "k", NOW) is None

    def test_all_credits_may_be_spent(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        kit.ledger.create(a_job(price=10), None, NOW)
        assert kit.credits() == 0

    def test_an_unknown_account_has_no_credits(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        with pytest.raises(OutpaintError, match="0 are left"):
            kit.ledger.create(a_job(account="nobody"), None, NOW)

    def test_a_live_claim_stands(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        first, second = a_job(1, key="k"), a_job(2, key="k")
        kit.ledger.create(first, _claim(first), NOW)
        with pytest.raises(AlreadyClaimed) as taken:
            kit.ledger.create(second, _claim(second), NOW)
        assert taken.value.claim == _claim(first)
        assert kit.credits() == 8
        assert kit.ledger.find(second.id, NOW) is None

    def test_an_expired_claim_does_not(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        first, second = a_job(1, key="k"), a_job(2, key="k")
        kit.ledger.create(first, _claim(first, until=NOW), NOW)
        assert kit.ledger.find_claim("ann", "k", NOW) is None
        kit.ledger.create(second, _claim(second), NOW)
        assert kit.ledger.find_claim("ann", "k", NOW) == _claim(second)

    def test_fifty_threads_with_one_key_make_one_job_and_one_charge(
        self, kit: LedgerKit, a_job: Callable[..., Job]
    ) -> None:
        barrier = threading.Barrier(50)

        def create(number: int) -> str:
            job = a_job(number, key="k")
            barrier.wait()
            try:
                kit.ledger.create(job, _claim(job), NOW)
            except AlreadyClaimed as taken:
                return taken.claim.inference_id
            return job.id

        with ThreadPoolExecutor(50) as pool:
            winners = set(pool.map(create, range(1, 51)))
        assert len(winners) == 1
        assert [job.id for job in kit.ledger.unended()] == list(winners)
        assert kit.credits() == 8

    def test_threads_never_overspend(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        def create(number: int) -> str:
            try:
                kit.ledger.create(a_job(number, price=3), None, NOW)
            except OutpaintError as error:
                return error.code
            return "created"

        with ThreadPoolExecutor(16) as pool:
            outcomes = Counter(pool.map(create, range(1, 17)))
        assert outcomes == {"created": 3, ErrorCode.INSUFFICIENT_CREDITS: 13}
        assert kit.credits() == 1


class TestMove:
    @pytest.mark.parametrize("start", list(JobState))
    @pytest.mark.parametrize("to", list(JobState))
    def test_only_along_the_contract(
        self, kit: LedgerKit, a_job: Callable[..., Job], start: JobState, to: JobState
    ) -> None:
        job = replace(a_job(), state=start)
        kit.ledger.create(job, None, NOW)
        moved = kit.ledger.move(job.id, to)
        allowed = start in sources_of(to)
        assert (moved is not None) is allowed
        assert kit.ledger.find(job.id, NOW) == (replace(job, state=to) if allowed else job)
        assert kit.credits() == (10 if allowed and to in GIVES_BACK else 8)
        assert kit.ended in (None, [job.id] if allowed and to in ENDED else [])

    def test_an_end_carries_what_it_ended_with(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        good, bad = a_job(1), a_job(2)
        kit.ledger.create(good, None, NOW)
        kit.ledger.create(bad, None, NOW)
        done = kit.ledger.move(good.id, JobState.SUCCEEDED, manifest=_manifest(good), expires_at=5000.0)
        gone = kit.ledger.move(bad.id, JobState.FAILED, failure=_failure(bad))
        assert done == replace(good, state=JobState.SUCCEEDED, manifest=_manifest(good), expires_at=5000.0)
        assert gone == replace(bad, state=JobState.FAILED, failure=_failure(bad))
        assert kit.ledger.find(good.id, 4999.0) == done
        assert kit.ledger.find(bad.id, NOW) == gone

    def test_a_price_is_given_back_once(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        job = a_job()
        kit.ledger.create(job, None, NOW)
        with ThreadPoolExecutor(16) as pool:
            ends = [JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED, JobState.FAILED] * 4
            moved = list(pool.map(lambda to: kit.ledger.move(job.id, to), ends))
        assert sum(end is not None for end in moved) == 1
        assert kit.credits() == 10
        assert kit.ended in (None, [job.id])

    def test_releases_the_claim_only_when_told_and_only_its_own(
        self, kit: LedgerKit, a_job: Callable[..., Job]
    ) -> None:
        kept, freed = a_job(1, key="kept"), a_job(2, key="freed")
        for job in (kept, freed):
            kit.ledger.create(job, _claim(job), NOW)
        kit.ledger.move(kept.id, JobState.FAILED)
        kit.ledger.move(freed.id, JobState.FAILED, release_claim=True)
        assert kit.ledger.find_claim("ann", "kept", NOW) == _claim(kept)
        assert kit.ledger.find_claim("ann", "freed", NOW) is None

        # The key's next owner is not affected by the end of the first.
        old = a_job(3, key="again")
        kit.ledger.create(old, _claim(old, until=NOW), NOW)
        new = a_job(4, key="again")
        kit.ledger.create(new, _claim(new), NOW)
        kit.ledger.move(old.id, JobState.FAILED, release_claim=True)
        kit.ledger.finish_claim("ann", "again", old.id)
        assert kit.ledger.find_claim("ann", "again", NOW) == _claim(new)

    def test_of_nothing_is_nothing(self, kit: LedgerKit) -> None:
        assert kit.ledger.move("no such id", JobState.FAILED) is None
        assert kit.ledger.begin_again("no such id", 2) is None


class TestTheRestOfTheLedger:
    def test_an_answered_claim_runs_no_more(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        job = a_job(key="k")
        kit.ledger.create(job, _claim(job), NOW)
        kit.ledger.finish_claim("ann", "k", job.id)
        assert kit.ledger.find_claim("ann", "k", NOW) == replace(_claim(job), running_until=0.0)

    def test_begins_again_until_the_end(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        job = a_job()
        kit.ledger.create(job, None, NOW)
        for _ in range(2):  # a call whose answer was lost is repeated
            assert kit.ledger.begin_again(job.id, 2) == replace(job, attempts=2)
        kit.ledger.begin_again(job.id, 3, PLACES)
        assert kit.ledger.begin_again(job.id, 2) is None
        assert kit.ledger.find(job.id, NOW) == replace(job, attempts=3, locations=PLACES)
        kit.ledger.move(job.id, JobState.SUCCEEDED)
        assert kit.ledger.begin_again(job.id, 4) is None

    def test_keeps_where_the_answer_to_the_latest_try_will_lie(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        job = a_job()
        kit.ledger.create(job, None, NOW)
        moved = kit.ledger.move(job.id, JobState.DISPATCHED, locations=PLACES)
        assert moved == replace(job, state=JobState.DISPATCHED, locations=PLACES)
        assert kit.ledger.move(job.id, JobState.PAINTING) == replace(moved, state=JobState.PAINTING)
        assert kit.ledger.begin_again(job.id, 2) == replace(moved, state=JobState.PAINTING, attempts=2, locations=None)

    def test_lists_what_has_not_ended_oldest_first(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        jobs = [a_job(1, at=3.0), a_job(2, at=1.0), a_job(3, at=2.0), a_job(4, at=0.0)]
        for job in jobs:
            kit.ledger.create(job, None, NOW)
        kit.ledger.move(jobs[3].id, JobState.FAILED)
        assert [job.id for job in kit.ledger.unended()] == [jobs[1].id, jobs[2].id, jobs[0].id]

    def test_does_not_find_what_has_expired(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        job = a_job(until=NOW)
        kit.ledger.create(job, None, NOW)
        assert kit.ledger.find(job.id, NOW - 0.5) == job
        assert kit.ledger.find(job.id, NOW) is None

    def test_purges_what_has_ended_and_expired(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        ended, running, fresh = a_job(1, until=NOW, key="k"), a_job(2, until=NOW), a_job(3)
        kit.ledger.create(ended, _claim(ended, until=NOW), NOW - 1)
        kit.ledger.create(running, None, NOW)
        kit.ledger.create(fresh, None, NOW)
        for job in (ended, fresh):
            kit.ledger.move(job.id, JobState.SUCCEEDED)
        if isinstance(kit.ledger, DynamoLedger):
            # The table's time to live does it (aws/test_ledger.py), and until then nothing is found.
            assert kit.ledger.purge(NOW) == 0
            assert kit.ledger.find(ended.id, NOW) is None
            assert kit.ledger.find_claim("ann", "k", NOW) is None
            return
        assert kit.ledger.purge(NOW) == 1
        assert kit.ledger.find(ended.id, 0.0) is None
        assert kit.ledger.find_claim("ann", "k", 0.0) is None
        assert [job.id for job in kit.ledger.unended()] == [running.id]
        assert kit.ledger.find(fresh.id, 0.0) is not None
        assert kit.ledger.purge(NOW) == 0

    def test_erases_what_has_ended_and_its_own_claim(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        ended, expired, running = a_job(1, key="a"), a_job(2, key="b", until=NOW), a_job(3, key="c")
        for job in (ended, expired, running):
            kit.ledger.create(job, _claim(job, until=max(NOW, job.expires_at)), NOW - 1)
        for job in (ended, expired):
            kit.ledger.move(job.id, JobState.SUCCEEDED)
        # The key of the second is another job's by now.
        later = a_job(4, key="b")
        kit.ledger.create(later, _claim(later), NOW)
        assert kit.ledger.erase([ended.id, expired.id, running.id, "no such id"]) == 2
        assert [kit.ledger.find(job.id, 0.0) for job in (ended, expired)] == [None, None]
        assert kit.ledger.find_claim("ann", "a", NOW) is None
        assert kit.ledger.find_claim("ann", "b", NOW) == _claim(later)
        assert kit.ledger.find_claim("ann", "c", NOW) == _claim(running, until=running.expires_at)
        assert [job.id for job in kit.ledger.unended()] == [running.id, later.id]
        assert kit.credits() == 2
        # What is reported later of an erased job brings nothing back, and no credits.
        assert kit.ledger.move(ended.id, JobState.FAILED) is None
        assert kit.ledger.begin_again(ended.id, 2) is None
        kit.ledger.finish_claim("ann", "a", ended.id)
        assert kit.ledger.find(ended.id, 0.0) is None
        assert kit.credits() == 2
        assert kit.ledger.erase([ended.id]) == 0

    def test_tells_the_credits_that_are_free_now(self, kit: LedgerKit, a_job: Callable[..., Job]) -> None:
        kit.ledger.create(a_job(price=3), None, NOW)
        assert kit.ledger.free_credits("ann") == 7
        assert kit.ledger.free_credits("nobody") == 0

    def test_a_key_that_nobody_has(self, kit: LedgerKit) -> None:
        assert kit.ledger.by_key_digest(key_digest("another")) is None


class TestPictures:
    def test_gives_back_what_was_put(self, pictures: Pictures) -> None:
        stored = StoredPicture(b"\0\xff" * 1000, "image/jpeg", "ann", 1000.0)
        for name, picture in ((FILE, stored), (INPUT, stored), (FILE, replace(stored, inference_id=FILE[:36]))):
            pictures.put(name, picture)
            assert pictures.get(name, NOW) == picture

    def test_replaces(self, pictures: Pictures) -> None:
        first = StoredPicture(b"first, and longer", "image/jpeg", "ann", 1000.0)
        pictures.put(FILE, first)
        second = replace(first, data=b"second")
        pictures.put(FILE, second)
        assert pictures.get(FILE, NOW) == second

    def test_deletes_and_bears_deleting_twice(self, pictures: Pictures) -> None:
        for name in (FILE, INPUT):
            pictures.put(name, StoredPicture(b"x", "image/jpeg", "ann", 1000.0))
            pictures.delete(name)
            pictures.delete(name)
            assert pictures.get(name, NOW) is None

    def test_expires_and_purges(self, pictures: Pictures) -> None:
        pictures.put(FILE, StoredPicture(b"x", "image/jpeg", "ann", NOW))
        pictures.put(INPUT, StoredPicture(b"y", "image/png", "ann", NOW + 1))
        assert pictures.get(FILE, NOW) is None
        assert pictures.get(FILE, NOW - 1) is not None
        if isinstance(pictures, S3Pictures):
            assert pictures.purge(NOW) == 0  # the bucket's lifecycle does it (aws/test_template.py)
        else:
            assert pictures.purge(NOW) == 1
            assert pictures.get(FILE, NOW - 1) is None
        assert pictures.get(INPUT, NOW) is not None

    def test_erases_a_job_and_an_account(self, pictures: Pictures) -> None:
        own, other = FILE, f"{UUID(int=2)}.png"
        far = time.time() + 1000
        for name, account in ((own, "ann"), (INPUT, "ann"), (other, "Zoë")):
            pictures.put(name, StoredPicture(b"x", "image/jpeg", account, far))
        assert pictures.erase(str(UUID(int=1)), (INPUT, own, f"{UUID(int=3)}.png")) == 2
        assert [pictures.get(name, NOW) for name in (own, INPUT)] == [None, None]
        assert pictures.erase_account("ann") == 0
        assert pictures.get(other, NOW) is not None
        assert pictures.erase_account("Zoë") == 1
        assert pictures.get(other, NOW) is None

    def test_signs_a_path_of_this_host_or_of_the_bucket(self, pictures: Pictures) -> None:
        if isinstance(pictures, S3Pictures):
            url = urlsplit(pictures.url(FILE, time.time() + 1000))
            assert url.path.endswith(FILE)
            assert "X-Amz-Signature" in parse_qs(url.query)
            return
        assert pictures.url(FILE, 1000.0).startswith(f"/v1/files/{FILE}?expires=1000&signature=")

    @pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "inputs/../../secret", "", ".", FILE + "/..", "a\0b"])
    def test_a_name_leads_nowhere_else(self, pictures: Pictures, name: str) -> None:
        assert pictures.get(name, NOW) is None
        pictures.delete(name)


@pytest.fixture(params=["memory", "folder", "mock"])
def own_pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OwnPictures]:
    if request.param == "memory":
        yield MemoryPictures(FileUrls(b"a secret of the test"))
    elif request.param == "mock":
        yield World().pictures
    else:
        with in_folder(tmp_path / "data", lambda _: None) as stores:
            yield stores.pictures


class TestOwnPictures:
    def test_a_new_file_is_stored_once(self, own_pictures: OwnPictures) -> None:
        first = StoredPicture(b"first", "image/jpeg", "ann", 1000.0)
        assert own_pictures.put_new(FILE, first)
        assert not own_pictures.put_new(FILE, replace(first, data=b"another"))
        assert own_pictures.get(FILE, NOW) == first
        assert own_pictures.stored_bytes("ann") == 5

    def test_of_many_at_once_one_is_stored_whole(self, own_pictures: OwnPictures) -> None:
        barrier = threading.Barrier(8)
        files = [StoredPicture(bytes([number]) * (1000 + number), "image/png", "ann", 1000.0) for number in range(8)]

        def put(picture: StoredPicture) -> bool:
            barrier.wait()
            return own_pictures.put_new(FILE, picture)

        with ThreadPoolExecutor(8) as pool:
            won = [picture for picture, is_new in zip(files, pool.map(put, files), strict=True) if is_new]
        assert [own_pictures.get(FILE, NOW)] == won
        assert own_pictures.stored_bytes("ann") == len(won[0].data)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["put", "put_new", "delete", "purge", "erase", "erase_account"]),
                st.sampled_from([1, 2, 3]),
                st.sampled_from(["ann", "bob"]),
                st.integers(0, 40),
                st.sampled_from([NOW, 1000.0]),
            ),
            max_size=12,
        )
    )
    def test_bytes_are_those_of_the_files_whatever_happens_to_them(
        self, own_pictures: OwnPictures, steps: list[tuple[str, int, str, int, float]]
    ) -> None:
        for account in ("ann", "bob"):
            own_pictures.erase_account(account)
        model: dict[str, StoredPicture] = {}
        for step, number, account, size, until in steps:
            name = f"{UUID(int=number)}.jpg"
            picture = StoredPicture(bytes(size), "image/jpeg", account, until)
            if step == "put":
                own_pictures.put(name, picture)
                model[name] = picture
            elif step == "put_new":
                assert own_pictures.put_new(name, picture) is (name not in model)
                model.setdefault(name, picture)
            elif step == "purge":
                own_pictures.purge(NOW)
                model = {name: kept for name, kept in model.items() if kept.expires_at > NOW}
            elif step == "erase_account":
                own_pictures.erase_account(account)
                model = {name: kept for name, kept in model.items() if kept.account_id != account}
            else:
                own_pictures.delete(name) if step == "delete" else own_pictures.erase("", (name,))
                model.pop(name, None)
            for who in ("ann", "bob"):
                held = sum(len(kept.data) for kept in model.values() if kept.account_id == who)
                assert own_pictures.stored_bytes(who) == held

    def test_room_is_never_given_twice(self, own_pictures: OwnPictures) -> None:
        reservations, barrier = Reservations(), threading.Barrier(8)

        def store(number: int) -> str:
            barrier.wait()
            try:
                with reservations.room(own_pictures, "ann", 10, 35):
                    name = f"{UUID(int=number)}.jpg"
                    own_pictures.put(name, StoredPicture(bytes(10), "image/jpeg", "ann", 1000.0))
            except OutpaintError as error:
                return error.code
            return "stored"

        with ThreadPoolExecutor(8) as pool:
            outcomes = Counter(pool.map(store, range(8)))
        assert set(outcomes) == {"stored", ErrorCode.STORAGE_FULL}
        assert own_pictures.stored_bytes("ann") == 10 * outcomes["stored"] <= 35
        # Nothing stays reserved, and another account has room of its own.
        with reservations.room(own_pictures, "ann", 35 - 10 * outcomes["stored"], 35):
            pass
        with reservations.room(own_pictures, "bob", 35, 35):
            pass

    def test_what_was_not_stored_after_all_is_not_reserved(self, own_pictures: OwnPictures) -> None:
        reservations = Reservations()
        for _ in range(2):
            with pytest.raises(ConnectionError), reservations.room(own_pictures, "ann", 35, 35):
                raise ConnectionError("the disk is gone")


def test_a_folder_of_an_older_release_has_its_pictures_counted(tmp_path: Path) -> None:
    path = tmp_path / "outpaint.sqlite3"
    before = next(number for number, step in enumerate(database._STEPS) if "stored_bytes" in step[0])
    with patch.object(database, "_STEPS", database._STEPS[:before]), closing(Database(path)) as older:
        for number, account, size in ((1, "ann", 7), (2, "ann", 5), (3, "bob", 3)):
            with older.transaction() as connection:
                connection.execute(
                    "INSERT INTO pictures (name, size, media_type, account_id, expires_at) "
                    "VALUES (?, ?, 'image/png', ?, 9e9)",
                    (f"{UUID(int=number)}.png", size, account),
                )
    with closing(Database(path)) as newer:
        pictures = FolderPictures(tmp_path / "pictures", newer, FileUrls(b"a secret of the test"))
        assert (pictures.stored_bytes("ann"), pictures.stored_bytes("bob")) == (12, 3)
        pictures.delete(f"{UUID(int=1)}.png")
        assert pictures.stored_bytes("ann") == 5


@pytest.fixture(params=["memory", "dynamodb"])
def limits(request: pytest.FixtureRequest) -> Iterator[Limits]:
    if request.param == "memory":
        yield MemoryLimits()
    else:
        with _aws() as aws:
            yield DynamoLimits(Table(Clients(aws.session), aws.settings.table, lambda _: None))


class TestLimits:
    def test_count_by_account_and_window(self, limits: Limits) -> None:
        assert [limits.count("ann", 1, 60.0) for _ in range(3)] == [1, 2, 3]
        assert limits.count("bob", 1, 60.0) == 1
        assert limits.count("ann", 2, 120.0) == 1

    def test_lose_nothing_between_threads(self, limits: Limits) -> None:
        with ThreadPoolExecutor(8) as pool:
            counts = list(pool.map(lambda _: limits.count("ann", 1, 60.0), range(200)))
        assert sorted(counts) == list(range(1, 201))


class TwoLedgers(RuleBasedStateMachine):
    """Whatever is done to both, memory and another say the same, and no credit appears or vanishes."""

    jobs = Bundle("jobs")

    def __init__(self, other: str, a_job: Callable[..., Job]) -> None:
        super().__init__()
        self.a_job = a_job
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.kits = [_open_ledger(kind, self.stack, folder, 50) for kind in ("memory", other)]
        self.granted = 50
        self.spent = 0
        self.number = 0
        self.now = 100.0

    def teardown(self) -> None:
        self.stack.close()

    def both(self, do: Callable[[Jobs], object]) -> object:
        outcomes: list[object] = []
        for kit in self.kits:
            try:
                outcomes.append(do(kit.ledger))
            except OutpaintError as error:
                outcomes.append((error.code, error.detail))
            except AlreadyClaimed as taken:
                outcomes.append(taken.claim)
        assert outcomes[0] == outcomes[1]
        return outcomes[0]

    @rule(
        target=jobs,
        price=st.integers(0, 20),
        key=st.sampled_from([None, "a", "b"]),
        life=st.sampled_from([5.0, 50.0]),
    )
    def create(self, price: int, key: str | None, life: float) -> str:
        self.number += 1
        job = self.a_job(self.number, price=price, key=key, at=self.now, until=self.now + life)
        claim = None if key is None else _claim(job, until=self.now + life)
        self.both(lambda jobs: jobs.create(job, claim, self.now))
        return job.id

    @rule(id_=jobs, to=st.sampled_from(JobState), release=st.booleans(), life=st.sampled_from([None, 5.0, 50.0]))
    def move(self, id_: str, to: JobState, release: bool, life: float | None) -> None:
        until = None if life is None else self.now + life
        moved = self.both(lambda jobs: jobs.move(id_, to, expires_at=until, release_claim=release))
        if isinstance(moved, Job) and to is JobState.SUCCEEDED:
            self.spent += moved.price

    @rule(id_=jobs, attempt=st.integers(1, 4), places=st.sampled_from([None, PLACES]))
    def begin_again(self, id_: str, attempt: int, places: CompletionLocations | None) -> None:
        self.both(lambda jobs: jobs.begin_again(id_, attempt, places))

    @rule(id_=jobs)
    def finish_claim(self, id_: str) -> None:
        for key in ("a", "b"):
            self.both(lambda jobs, key=key: jobs.finish_claim("ann", key, id_))

    @rule(id_=jobs)
    def find(self, id_: str) -> None:
        self.both(lambda jobs: jobs.find(id_, self.now))
        for key in ("a", "b"):
            self.both(lambda jobs, key=key: jobs.find_claim("ann", key, self.now))

    @rule(seconds=st.sampled_from([1.0, 10.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def purge(self) -> None:
        for kit in self.kits:
            kit.ledger.purge(self.now)

    @invariant()
    def agree_and_conserve_credits(self) -> None:
        unended = self.both(lambda jobs: list(jobs.unended()))
        assert isinstance(unended, list)
        reserved = sum(job.price for job in unended)
        for kit in self.kits:
            assert kit.credits() + reserved + self.spent == self.granted
        first, other = (kit.ended for kit in self.kits)
        assert first is not None
        assert other in (None, first)
        assert len(set(first)) == len(first)


# Each call on moto takes milliseconds, and each list of jobs as many calls as there are shards.
@pytest.mark.parametrize(("other", "examples", "steps"), [("sqlite", 40, 30), ("dynamodb", 8, 20)])
def test_two_ledgers_agree_and_conserve_credits(
    a_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch, other: str, examples: int, steps: int
) -> None:
    for module in (dynamo_items, dynamo_ledger):
        monkeypatch.setattr(module, "SHARDS", dynamo_items.SHARDS[:2])
    run_state_machine_as_test(
        lambda: TwoLedgers(other, a_job),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
