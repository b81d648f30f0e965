"""Logs as JSON lines and metrics in CloudWatch's embedded format, by powertools."""

from __future__ import annotations

from typing import Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

# The modules log under `outpaint.`, so this logger writes their lines too.
LOG: Final = Logger(service="outpaint")
METRICS: Final = Metrics(namespace="Outpaint")


def count(name: str, value: float = 1) -> None:
    """Add to a metric of this call."""
    METRICS.add_metric(name=name, unit=MetricUnit.Count, value=value)


def seconds(name: str, value: float) -> None:
    """Note how long something took."""
    METRICS.add_metric(name=name, unit=MetricUnit.Seconds, value=value)


def flush() -> None:
    """Write this call's metrics, if it has any."""
    if METRICS.metric_set:
        METRICS.flush_metrics()
