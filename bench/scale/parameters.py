"""What the simulation is fed with: each number with where it comes from.

MEASURED: by this repository, on a machine that is named. PUBLISHED: by AWS or a model's makers. ASSUMED: nobody has
measured it here; change it and run again. No GPU's speed is measured: `seconds_per_picture` is a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .arrivals import Random, Times

_NORMAL_P99 = 2.3263478740408408


@dataclass(frozen=True)
class Latency:
    """A log-normal time: its median and its 99th percentile, in seconds."""

    median: float
    p99: float

    def drawn(self, random: Random, number: int) -> Times:
        """So many times of this distribution."""
        sigma = np.log(self.p99 / self.median) / _NORMAL_P99
        times: Times = self.median * np.exp(random.normal(0.0, sigma, number))
        return times


@dataclass(frozen=True)
class Endpoint:
    """The asynchronous endpoint and its scaling, as template.yaml configures them; times are seconds."""

    most: int = 2
    least: int = 0
    backlog_per_instance: float = 4.0
    scale_out_cooldown: float = 60.0
    from_zero_cooldown: float = 300.0
    # Fewer, a share at a time, while several have less to do than this; none when there was nothing for so long.
    spare_below: float = 0.75
    spare_minutes: int = 15
    shrink_share: float = 0.1
    shrink_cooldown: float = 120.0
    idle_minutes: int = 15
    # PUBLISHED: target tracking makes its own alarms, three minutes above the target, fifteen below nine tenths of it.
    minutes_above: int = 3
    minutes_below: int = 15
    low_share: float = 0.9
    # What the template does not do, for comparison: let target tracking scale in as well, after a cooldown.
    tracks_in: bool = False
    scale_in_cooldown: float = 600.0
    # ASSUMED: AWS says only that scaling in is the gentler one; 1 lets all go at once that the formula does not need.
    scale_in_share: float = 1.0
    # ASSUMED: a GPU instance is found, the image pulled, the model loaded and warmed.
    start: Latency = Latency(360.0, 720.0)
    # ASSUMED: an endpoint that is being changed takes no further change, so scaling waits for instances to start.
    one_change_at_a_time: bool = True


@dataclass(frozen=True)
class Painting:
    """What a job asks of an instance, which paints one picture after another; no gain by batches is counted."""

    # ASSUMED: two pictures a request is the API's default count.
    pictures: int = 2
    # ASSUMED where no GPU has been measured; the scenarios say which they use.
    seconds_per_picture: float = 10.0
    spread: float = 0.15
    """Standard deviation of the logarithm of a job's time."""


@dataclass(frozen=True)
class Serverless:
    """What stands before and after the endpoint."""

    # MEASURED: processor seconds of the handlers, botocore's work included, a 1024x1024 JPEG and a mask submitted;
    # one core of an AMD EPYC (`python bench/scale --measure`). Lambda's arm64 cores may differ by some tens of percent.
    submit_cpu: float = 0.013
    poll_cpu: float = 0.002
    settle_cpu: float = 0.003
    # PUBLISHED: Lambda gives a whole processor at 1,769 MB; template.yaml takes 1,024 and 512.
    api_share: float = 1024 / 1769
    completion_share: float = 512 / 1769
    sweep_share: float = 1024 / 1769
    # ASSUMED: SnapStart restores; the handler's first call builds what it needs.
    cold_start: Latency = Latency(0.9, 2.5)
    # ASSUMED: how long Lambda keeps a function that nobody calls.
    kept_warm: float = 420.0
    # ASSUMED, of the order that AWS publishes: DynamoDB in single-digit milliseconds, small S3 objects in 100-200 ms.
    read: Latency = Latency(0.004, 0.020)
    write: Latency = Latency(0.006, 0.030)
    transaction: Latency = Latency(0.015, 0.060)
    put_object: Latency = Latency(0.080, 0.350)
    small_object: Latency = Latency(0.030, 0.200)
    invoke_async: Latency = Latency(0.040, 0.200)
    # ASSUMED: SNS, SQS and the poller between the painter's answer and the completion function.
    notify: Latency = Latency(0.150, 1.500)
    gateway: Latency = Latency(0.010, 0.060)
    # docs/facts/wire.md#figures: Retry-After of a 202; SyncWait of template.yaml.
    retry_after: float = 2.0
    sync_wait: float = 24.0


@dataclass(frozen=True)
class Quotas:
    """What an account may do before it asks for more: PUBLISHED defaults; the stage's own is template.yaml's."""

    gateway_requests: float = 10_000.0
    stage_requests: float = 1_000.0
    lambda_concurrency: float = 1_000.0
    # Of a new table on demand, and of each of its indexes, which begin with four partitions.
    table_writes: float = 4_000.0
    partition_writes: float = 1_000.0


@dataclass(frozen=True)
class Prices:
    """Dollars in us-east-1. Instances: August 2026. The rest: list prices, PUBLISHED, last looked at in 2025."""

    instance_hour: dict[str, float] = field(default_factory=lambda: {"ml.g5.xlarge": 1.408, "ml.g6e.xlarge": 2.61})
    lambda_gb_second: float = 0.0000133334
    lambda_request: float = 0.20e-6
    gateway_request: float = 3.50e-6
    write_unit: float = 0.625e-6
    read_unit: float = 0.125e-6
    s3_put: float = 5e-6
    s3_get: float = 0.4e-6
    sns_message: float = 0.50e-6
    sqs_request: float = 0.40e-6
