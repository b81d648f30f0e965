"""What stands around the endpoint, functions, table and bucket: its times, what it asks for, and what it costs."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from outpaint.functions.aws import dynamo_table
from outpaint.functions.aws.dynamo_items import SHARDS

from .arrivals import Random, Times, poisson
from .parameters import Latency, Prices, Quotas, Serverless

# The calls of a submit with an image, a mask and an idempotency key, and of a poll; a test holds the numbers to those
# that tests/functions/aws/test_calls.py counts.
SUBMIT_CALLS = ("read", "write", "read", "transaction", "put_object", "put_object", "invoke_async", "write")
POLL_CALLS = ("read", "write", "read")
SETTLE_CALLS = ("small_object", "write", "small_object", "small_object")
CALLS = {"submit": SUBMIT_CALLS, "poll": POLL_CALLS, "settle": SETTLE_CALLS}

TRIES = dynamo_table._TRIES
FIRST_WAIT = dynamo_table._FIRST_WAIT_S
LONGEST_WAIT = dynamo_table._LONGEST_WAIT_S


@dataclass(frozen=True)
class Units:
    """What DynamoDB bills for a job, from the sizes of our own items (job 2 KB, with its manifest 3): units."""

    # Transaction: account 2, claim 2, job 4; indexes 2. Then counter 1, dispatched 2; settled 3, out of the index 1.
    submit_writes: float = 13.0
    submit_reads: float = 2.0
    settle_writes: float = 4.0
    # Of those, what the indexes write: `unended` in and out, `listed` in.
    unended_writes: float = 2.0
    listed_writes: float = 1.0
    poll_writes: float = 1.0
    poll_reads: float = 2.0


def handler(random: Random, name: str, around: Serverless, number: int) -> Times:
    """Seconds of so many submits, polls or settles: processor time at the function's share, and calls one by one."""
    share = around.completion_share if name == "settle" else around.api_share
    seconds = np.full(number, getattr(around, f"{name}_cpu") / share)
    for call in CALLS[name]:
        latency: Latency = getattr(around, call)
        seconds = seconds + latency.drawn(random, number)
    return seconds


def cold_starts(arrived: Times, busy: float, idle: float) -> NDArray[np.bool_]:
    """Which requests find no warm function: each is busy for so long, and kept for `idle` seconds after.

    Of the warm ones the latest is taken. Polls, which keep functions warm as well, are left out, so there are fewer.
    """
    working: list[float] = []
    warm: list[float] = []
    cold = np.zeros(len(arrived), dtype=np.bool_)
    for number, now in enumerate(arrived.tolist()):
        while working and working[0] <= now:
            warm.append(heapq.heappop(working))
        if warm and now - warm[-1] < idle:
            warm.pop()
        else:
            warm.clear()
            cold[number] = True
        heapq.heappush(working, now + busy)
    return cold


def time_to_picture(random: Random, arrived: Times, at_endpoint: Times, around: Serverless) -> Times:
    """Seconds from a client's request to its seeing the result, given those from invocation to the painter's answer."""
    number = len(at_endpoint)
    submit = handler(random, "submit", around, number)
    if number:
        cold = cold_starts(arrived, float(submit.mean()), around.kept_warm)
        submit[cold] += around.cold_start.drawn(random, int(cold.sum()))
    settle = handler(random, "settle", around, number)
    poll = handler(random, "poll", around, number)
    there = submit + at_endpoint + around.notify.drawn(random, number) + settle
    # The next poll after the end, counted from the 202.
    polls = np.ceil((there - submit) / around.retry_after)
    seen: Times = around.gateway.drawn(random, number) + submit + polls * around.retry_after + poll
    return seen


@dataclass(frozen=True)
class Demand:
    """What a rate of submits asks of everything around the endpoint, a second.

    `concurrency` is functions at a time; `writes` are units, of which `table_writes` are not the indexes'.
    """

    requests: float
    concurrency: float
    writes: float
    table_writes: float


def demand(random: Random, rate: float, seconds: float, around: Serverless, *, sync: bool) -> Demand:
    """For `rate` submits a second whose pictures take so long, waited for (sync) or polled for."""
    sample = 4000
    submit = float(handler(random, "submit", around, sample).mean())
    poll = float(handler(random, "poll", around, sample).mean())
    settle = float(handler(random, "settle", around, sample).mean())
    waited = min(seconds, around.sync_wait) if sync else 0.0
    polls = math.ceil(max(0.0, seconds - waited) / around.retry_after)
    busy = submit + waited + polls * poll + settle
    units = Units()
    writes = units.submit_writes + units.settle_writes + polls * units.poll_writes
    return Demand(
        requests=rate * (1 + polls),
        concurrency=rate * busy,
        writes=rate * writes,
        table_writes=rate * (writes - units.unended_writes - units.listed_writes),
    )


def index_submits(random: Random, partitions: int, quotas: Quotas, draws: int = 20_000) -> Times:
    """Submits a second that the index of unended jobs takes, for so many random placements of its shards, sorted.

    A shard is one hash key, so it lies in one partition, and each takes an equal part of the writes. Where the shards
    lie is by their hash: two may share a partition while another has none. DynamoDB splits a busy one in time.
    """
    placed = random.integers(0, partitions, (draws, len(SHARDS)))
    busiest = np.array([np.bincount(row).max() for row in placed])
    rates: Times = np.sort(quotas.partition_writes * len(SHARDS) / busiest / Units().unended_writes)
    return rates


def cost(around: Serverless, prices: Prices, polls: float) -> dict[str, float]:
    """Dollars for 1,000 jobs with so many polls each, by service; means, without cold starts, logs and traffic."""
    random = np.random.default_rng(1)
    mean = {name: float(handler(random, name, around, 4000).mean()) for name in CALLS}
    units = Units()
    gb_seconds = (mean["submit"] + polls * mean["poll"]) * 1.0 + mean["settle"] * 0.5
    requests = 1 + polls
    return {
        "API Gateway": 1000 * requests * prices.gateway_request,
        "Lambda": 1000 * (gb_seconds * prices.lambda_gb_second + (requests + 1) * prices.lambda_request),
        "DynamoDB": 1000
        * (
            (units.submit_writes + units.settle_writes + polls * units.poll_writes) * prices.write_unit
            + (units.submit_reads + polls * units.poll_reads) * prices.read_unit
        ),
        # Two inputs, two results, SageMaker's answer and the painter's record; read by painter and client.
        "S3": 1000 * (6 * prices.s3_put + 6 * prices.s3_get),
        "SNS and SQS": 1000 * (prices.sns_message + 3 * prices.sqs_request),
    }


@dataclass(frozen=True)
class LedgerRun:
    """How submits of one account fared: the share that was refused after all tries, and the seconds of the others."""

    refused: float
    seconds: Times
    tries: float


def submits_of_one_account(random: Random, rate: float, seconds: float, held: float) -> LedgerRun:
    """Poisson submits on one account's item, a transaction each, which holds it for `held` seconds (ASSUMED).

    One that finds it held has lost a try; tries and waits are those of outpaint.functions.aws.dynamo_table.
    """
    arrived = poisson(random, rate, seconds).tolist()
    events = [(time, number, 0) for number, time in enumerate(arrived)]
    heapq.heapify(events)
    free_at, tries, refused, took = 0.0, 0, 0, []
    while events:
        now, number, attempt = heapq.heappop(events)
        tries += 1
        if now >= free_at:
            free_at = now + held
            took.append(free_at - arrived[number])
        elif attempt == TRIES - 1:
            refused += 1
        else:
            wait = random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2**attempt))
            # The refusal itself takes a round trip.
            heapq.heappush(events, (now + held / 2 + wait, number, attempt + 1))
    number = max(1, len(arrived))
    return LedgerRun(refused / number, np.array(took), tries / number)
