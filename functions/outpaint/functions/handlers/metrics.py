"""The metrics that the functions emit: their names and units, and how jobs and their credits are counted.

All have one set of dimensions, so that a metric is one series whichever function emits it. template.yaml's alarms and
dashboard name these, and tests/functions/aws/test_observation.py compares the two.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from outpaint.contracts.job_states import JobState
from outpaint.functions.service.records import GIVES_BACK, Job

NAMESPACE: Final = "Outpaint"
DIMENSION: Final = "service"
"""The one dimension: the stack's name, which is powertools' service name too."""
_COUNT: Final = "Count"
_SECONDS: Final = "Seconds"
_MILLISECONDS: Final = "Milliseconds"


class Metric(Enum):
    """A metric's name and its unit, both as CloudWatch has them."""

    COLD_START = "ColdStart", _COUNT
    """The first event of a function's process."""
    SUBMIT_LATENCY = "SubmitLatency", _MILLISECONDS
    """From a request's event to its job being dispatched, the process's start and any wait left out."""
    JOBS_ACCEPTED = "JobsAccepted", _COUNT
    CREDITS_TAKEN = "CreditsTaken", _COUNT
    """The price of a job when it is accepted."""
    CREDITS_RETURNED = "CreditsReturned", _COUNT
    """The price of a job that ended without pictures."""
    WAITS_ANSWERED = "WaitsAnswered", _COUNT
    """Waits of synchronous requests that ended with their job's end."""
    WAITS_RUN_OUT = "WaitsRunOut", _COUNT
    """Waits that ended before their job did: answered 202."""
    JOBS_SUCCEEDED = "JobsSucceeded", _COUNT
    JOBS_FAILED = "JobsFailed", _COUNT
    JOBS_EXPIRED = "JobsExpired", _COUNT
    JOB_SECONDS = "JobSeconds", _SECONDS
    """From a job's being accepted to its end."""
    QUEUE_AGE = "QueueAge", _SECONDS
    """From SageMaker's message about a job's end being queued to the function that settles it."""
    REALTIME_SETTLED = "RealtimeSettled", _COUNT
    REALTIME_PASSED_ON = "RealtimePassedOn", _COUNT
    """Jobs that the real-time endpoint did not take, and the asynchronous one or nobody did."""
    SWEEPS = "Sweeps", _COUNT
    """Sweeps that came through without an error."""
    SWEEP_LAG = "SweepLag", _SECONDS
    """By how much the oldest job that a sweep left unended is over its deadline."""
    SETTINGS_FELL_BACK = "SettingsFellBack", _COUNT
    """An operator's setting that could not be read, or was no value for it."""

    def __init__(self, metric: str, unit: str) -> None:
        self.metric = metric
        self.unit = unit


Emit = Callable[[Metric, float], None]
_ENDS: Final = {
    JobState.SUCCEEDED: Metric.JOBS_SUCCEEDED,
    JobState.FAILED: Metric.JOBS_FAILED,
    JobState.EXPIRED: Metric.JOBS_EXPIRED,
}


class JobCounts:
    """The service's Observer: counts jobs and credits where they move, whichever function moves them."""

    def __init__(self, emit: Emit, now: Callable[[], float] = time.time) -> None:
        self._emit = emit
        self._now = now
        # A sweep may end jobs in several threads, and powertools' metrics are for one.
        self._lock = threading.Lock()
        self.last_accepted: Job | None = None

    def accepted(self, job: Job) -> None:
        """Count a job that was accepted, and its price."""
        self.last_accepted = job
        with self._lock:
            self._emit(Metric.JOBS_ACCEPTED, 1)
            self._emit(Metric.CREDITS_TAKEN, job.price)

    def ended(self, job: Job) -> None:
        """Count a job's end, how long it took, and what it gave back."""
        with self._lock:
            if (metric := _ENDS.get(job.state)) is not None:
                self._emit(metric, 1)
            if job.state in GIVES_BACK:
                self._emit(Metric.CREDITS_RETURNED, job.price)
            self._emit(Metric.JOB_SECONDS, max(0.0, self._now() - job.created_at))


class EmbeddedMetrics:
    """Metrics of one event as a line of CloudWatch's Embedded Metric Format, for the function that answers requests.

    The same line as powertools' `Metrics` writes, whose import a cold start does without (docs/adr/0050).
    Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """

    def __init__(self) -> None:
        self._values: dict[Metric, list[float]] = {}

    def add(self, metric: Metric, value: float) -> None:
        """Add one value, in the metric's unit."""
        self._values.setdefault(metric, []).append(float(value))

    def flush(self, properties: Mapping[str, Any]) -> None:
        """Write what was added to standard output, which Lambda sends to the log; nothing where nothing was added.

        `properties` are for searches in the log: they are no dimensions.
        """
        values, self._values = self._values, {}
        if not values:
            return
        described = {
            "Namespace": NAMESPACE,
            "Dimensions": [[DIMENSION]],
            "Metrics": [{"Name": metric.metric, "Unit": metric.unit} for metric in values],
        }
        line = {
            **properties,
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [described]},
            DIMENSION: service_name(),
            **{metric.metric: found for metric, found in values.items()},
        }
        # One write: the runtime sends each write to the log as it comes.
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")


def service_name() -> str:
    """The stack's name, from the variable that powertools reads it from."""
    return os.environ.get("POWERTOOLS_SERVICE_NAME", "outpaint")
