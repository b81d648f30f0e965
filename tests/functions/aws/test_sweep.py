"""The sweeper over thousands of open jobs, as Lambda calls it: what it asks AWS for, where it goes on, what it says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from lambda_context import LambdaContext
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.functions.aws import dynamo_items
from outpaint.functions.aws.dynamo_table import as_item
from outpaint.functions.handlers import job_handlers
from outpaint.functions.handlers.job_handlers import SWEEP_MARGIN_S
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Job

OVERDUE, SILENT = 2, 3
"""The oldest are over their deadline; the next are so old that the bucket is looked into; the others are young."""


@dataclass
class Lease(LambdaContext):
    """Lambda's context, whose time goes by with every look at it."""

    looks: float = 1e9

    def get_remaining_time_in_millis(self) -> int:
        self.looks -= 1
        return int(SWEEP_MARGIN_S * 1000 + self.looks)


@dataclass
class Crowd:
    """A stack with open jobs, put into moto's table as they lie there."""

    cloud: Any
    capsys: pytest.CaptureFixture[str]

    def sweep(self, looks: float = 1e9) -> tuple[dict[str, int], dict[str, Any]]:
        """The calls that one sweep made, by operation, and the metrics that it told."""
        self.cloud.wire.calls.clear()
        self.capsys.readouterr()
        job_handlers.sweeper({}, Lease(looks=looks))
        told = [json.loads(line) for line in self.capsys.readouterr().out.splitlines() if "_aws" in line]
        calls = Counter(self.cloud.wire.calls)
        return dict(calls), told[0]

    @property
    def mark(self) -> float:
        """Where the next sweep goes on."""
        since: float = self.cloud.stack(watched=False).mark.read()
        return since


@pytest.fixture
def crowd(
    cloud: Any, a_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Crowd]:
    def make(young: int) -> Crowd:
        now, lifetime = cloud.clock.now(), cloud.settings.service.job_lifetime
        table = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["eu-west-1"].get_table(cloud.settings.table)
        job = replace(a_job(until=now + 90_000.0, price=0), state=JobState.DISPATCHED)
        item = dynamo_items.job_item(job, dynamo_items.pk_of("KEY", key_digest("key")))
        ages = [lifetime + 10] * OVERDUE + [120.0] * SILENT + [5.0] * young
        for number, age in enumerate(ages, start=1):
            at, id_ = now - age + number / len(ages), str(UUID(int=number))
            shard = dynamo_items.shard_of(id_)
            ours = {"pk": dynamo_items.pk_of("JOB", id_), "unended": shard, "listed": f"jobs{shard}"}
            table.put_item({**item, **as_item({**ours, "created_at": at, "deadline_at": at + lifetime})})
        stack = cloud.stack(look_after=60.0)
        monkeypatch.setattr(job_handlers, "settling", lambda: stack)
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
        return Crowd(cloud, capsys)

    return make


def test_thousands_of_open_jobs(crowd: Callable[..., Crowd], many: bool) -> None:
    # moto takes some milliseconds for each: a few hundred will do where the long run does not.
    number = 5_000 if many else 400
    jobs = crowd(number - OVERDUE - SILENT)
    calls, told = jobs.sweep()
    assert calls == {
        "GetItem": 1 + OVERDUE,  # where to go on, and each job before its credits are given back
        "Query": len(dynamo_items.SHARDS),
        "BatchGetItem": number / 100,
        "GetObject": OVERDUE + SILENT,
        "ListObjectsV2": 2 * (OVERDUE + SILENT),
        "TransactWriteItems": OVERDUE,
        "DeleteObject": OVERDUE,
    }
    assert (told["SweepLag"], told["Sweeps"]) == ([0.0], [1.0])
    assert {"Name": "SweepLag", "Unit": "Seconds"} in told["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    assert jobs.mark == 0.0


def test_a_sweep_that_runs_out_of_time_goes_on_in_the_next(crowd: Callable[..., Crowd]) -> None:
    jobs = crowd(4)
    # It may look at one, and stops at the second.
    calls, told = jobs.sweep(looks=2)
    assert (calls["TransactWriteItems"], calls["UpdateItem"]) == (1, 1), "each process forgets: the table keeps it"
    assert told["SweepLag"][0] == pytest.approx(10, abs=1)
    first = jobs.mark
    assert first > 0
    calls, told = jobs.sweep(looks=4)
    assert (calls["TransactWriteItems"], told["SweepLag"]) == (OVERDUE - 1, [0.0])
    assert jobs.mark > first
    calls, told = jobs.sweep()
    assert "TransactWriteItems" not in calls
    assert calls["Query"] == 2 * len(dynamo_items.SHARDS), "whether any before is overdue, and then the rest"
    assert jobs.mark == 0.0, "the next begins with the oldest"


def test_a_list_that_cannot_be_read_is_neither_a_sweep_nor_a_lag(crowd: Callable[..., Crowd], refused: Any) -> None:
    jobs = crowd(4)
    jobs.cloud.wire.faults["BatchGetItem"] = [refused("ThrottlingException", 400)]
    with pytest.raises(ExceptionGroup) as raised:
        jobs.sweep()
    assert isinstance(raised.value.exceptions[0], OutpaintError)
    assert "_aws" not in jobs.capsys.readouterr().out


def test_an_item_that_is_no_job_keeps_no_other_from_its_end(crowd: Callable[..., Crowd]) -> None:
    jobs = crowd(4)
    # The oldest of all, and so the first that every sweep reads.
    bad = str(UUID(int=1))
    jobs.cloud.clients(watched=False).dynamodb.update_item(
        TableName=jobs.cloud.settings.table,
        Key={"pk": {"S": dynamo_items.pk_of("JOB", bad)}},
        AttributeUpdates={"job_state": {"Value": {"S": "of another release"}, "Action": "PUT"}},
    )
    with pytest.raises(ExceptionGroup) as raised:
        jobs.sweep()
    (error,) = raised.value.exceptions
    assert bad in str(error), "the alarm's log has to name it"
    assert jobs.cloud.wire.calls.count("TransactWriteItems") == OVERDUE - 1
    assert jobs.mark == 0.0
