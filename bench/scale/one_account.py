"""One account's ledger item: every submit is a transaction on it, and two that meet are asked again.

The tries and waits are those of outpaint.functions.aws.dynamo_table. How long a transaction holds its items is ASSUMED.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from outpaint.functions.aws import dynamo_table

from .arrivals import Random, Times, poisson

TRIES = dynamo_table._TRIES
FIRST_WAIT = dynamo_table._FIRST_WAIT_S
LONGEST_WAIT = dynamo_table._LONGEST_WAIT_S


@dataclass(frozen=True)
class Ledger:
    """How submits of one account fared: the share that was refused after all tries, and the seconds of the others."""

    refused: float
    seconds: Times
    tries: float


def submits(random: Random, rate: float, seconds: float, held: float) -> Ledger:
    """Poisson submits on one item, each holding it for `held` seconds; one that finds it held has lost a try."""
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
    return Ledger(refused / number, np.array(took), tries / number)
