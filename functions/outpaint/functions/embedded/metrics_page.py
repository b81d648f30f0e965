"""/metrics of a host, in Prometheus' own forms by its own library: what is measured, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.job_states import ENDED
from outpaint.functions.embedded.figures import JobFigures, RequestFigures, Spread

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric


class Measure(Enum):
    """A metric: its name without Prometheus' endings, its type, what it says, and its labels.

    Names and units follow Prometheus' rules (https://prometheus.io/docs/practices/naming/). No label has a value that a
    client chooses, and none names an account, a key, a job or a file.
    """

    INFO = "outpaint", "info", "The release, always 1.", ("version",)
    READY = "outpaint_ready", "gauge", "1 while new work is taken, else 0: /ready says why."
    REQUESTS = (
        "outpaint_requests",
        "counter",
        "Answers; a path that does not exist has the route `none`.",
        (
            "method",
            "route",
            "status",
        ),
    )
    REQUEST_SECONDS = (
        "outpaint_request_seconds",
        "histogram",
        "From a request's head to its answer's end, a wait for its job included.",
        ("route",),
    )
    JOBS_ACCEPTED = "outpaint_jobs_accepted", "counter", "Jobs that were taken and their price reserved."
    JOBS_ENDED = "outpaint_jobs_ended", "counter", "Jobs that ended, by how.", ("state",)
    JOB_SECONDS = "outpaint_job_seconds", "histogram", "From a job's being taken to its end."
    PAINTER_SECONDS = (
        "outpaint_painter_seconds",
        "counter",
        "Seconds that a painter took for jobs that succeeded.",
        ("painter",),
    )
    JOBS_WAITING = "outpaint_jobs_waiting", "gauge", "Jobs in the queue that no painter has begun."
    JOBS_PAINTING = "outpaint_jobs_painting", "gauge", "Jobs that are being painted."
    CREDITS = (
        "outpaint_credits",
        "counter",
        "Credits `reserved` for jobs, and then `settled` or `returned`.",
        ("movement",),
    )
    WAITS = "outpaint_waiting_clients", "gauge", "Clients that wait for their job's end."
    CONNECTIONS = "outpaint_connections", "gauge", "Open connections."
    BODY_BYTES = "outpaint_body_bytes", "gauge", "Bytes of request bodies that are held."
    UNREAD_BYTES = "outpaint_unread_bytes", "gauge", "Bytes of answers that clients have not read."
    SLOW_READERS = "outpaint_slow_readers", "gauge", "Clients that have more left to read than is written at once."
    REFUSED = (
        "outpaint_refused",
        "counter",
        "For want of room: `connections`, `requests` and `bodies` that were refused, `readers` that were cut off.",
        ("what",),
    )
    DISK_FREE = "outpaint_disk_free_bytes", "gauge", "Free space where the data folder lies."

    def __init__(self, metric: str, kind: str, help_: str, labels: tuple[str, ...] = ()) -> None:
        self.metric = metric
        self.kind = kind
        self.help = help_
        self.labels = labels

    @property
    def shown(self) -> str:
        """The name that Prometheus stores it under."""
        return self.metric + {"counter": "_total", "info": "_info"}.get(self.kind, "")


NOW: Final = (
    Measure.JOBS_WAITING,
    Measure.JOBS_PAINTING,
    Measure.WAITS,
    Measure.CONNECTIONS,
    Measure.BODY_BYTES,
    Measure.UNREAD_BYTES,
    Measure.SLOW_READERS,
    Measure.DISK_FREE,
)
"""What is in use at this moment; one that a host does not have is left out."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a host has to show at one moment; `now` has values for some of `NOW`, `refused` counts by what."""

    version: str
    ready: bool
    requests: RequestFigures
    jobs: JobFigures
    now: Mapping[Measure, int | float]
    refused: Mapping[str, int]


class MetricsPage:
    """The registry of one host; a process may have several. Raises `OutpaintError` UNAVAILABLE without the library."""

    def __init__(self) -> None:
        try:
            from prometheus_client import CollectorRegistry, ProcessCollector
        except ModuleNotFoundError:
            raise OutpaintError.unavailable(
                "/metrics needs prometheus-client: pip install 'outpaint-kit[server]'"
            ) from None
        self._process = CollectorRegistry()
        # Memory, processor time and open files; where the system has no /proc, nothing.
        ProcessCollector(registry=self._process)

    def written(self, reading: Reading, accept: str) -> tuple[str, bytes]:
        """Media type and content, as OpenMetrics or as Prometheus' text, whichever Accept asks for."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder
        from prometheus_client.registry import Collector

        class OfTheHost(Collector):
            def collect(self) -> Iterable[Metric]:
                return _families(reading)

        registry = CollectorRegistry()
        registry.register(OfTheHost())
        encode, media_type = choose_encoder(accept)
        return media_type, encode(_Both(registry, self._process))


class _Both:
    """Two registries as one, for an encoder."""

    def __init__(self, *registries: CollectorRegistry) -> None:
        self._registries = registries

    def collect(self) -> Iterable[Metric]:
        for registry in self._registries:
            yield from registry.collect()


def _families(reading: Reading) -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily as Counted
    from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily

    def counter(measure: Measure, values: Mapping[tuple[str, ...], float]) -> Counted:
        family = Counted(measure.metric, measure.help, labels=measure.labels)
        for labels, value in sorted(values.items()):
            family.add_metric(labels, value)
        return family

    def histogram(measure: Measure, spreads: Mapping[tuple[str, ...], Spread]) -> HistogramMetricFamily:
        family = HistogramMetricFamily(measure.metric, measure.help, labels=measure.labels)
        for labels, spread in sorted(spreads.items()):
            bounds = [*map(str, spread.bounds), "+Inf"]
            family.add_metric(
                labels, list(zip(bounds, accumulate(list(spread.counts)), strict=True)), sum_value=spread.total
            )
        return family

    yield InfoMetricFamily(Measure.INFO.metric, Measure.INFO.help, value={"version": reading.version})
    requests, jobs = reading.requests, reading.jobs
    yield counter(
        Measure.REQUESTS, {(method, route, str(status)): n for (method, route, status), n in requests.answers().items()}
    )
    yield histogram(Measure.REQUEST_SECONDS, {(route,): spread for route, spread in requests.seconds().items()})
    yield counter(Measure.JOBS_ACCEPTED, {(): jobs.accepted_jobs})
    # Each with a value from the beginning, so that a rate sees the first of them.
    yield counter(Measure.JOBS_ENDED, {(str(state),): jobs.ended_jobs[state] for state in ENDED})
    yield histogram(Measure.JOB_SECONDS, {(): jobs.seconds})
    yield counter(Measure.PAINTER_SECONDS, {(painter,): n for painter, n in dict(jobs.painter_seconds).items()})
    yield counter(Measure.CREDITS, {(moved,): jobs.credits[moved] for moved in ("reserved", "settled", "returned")})
    if reading.refused:
        yield counter(Measure.REFUSED, {(what,): n for what, n in reading.refused.items()})
    for measure, value in {Measure.READY: int(reading.ready), **reading.now}.items():
        yield GaugeMetricFamily(measure.metric, measure.help, value=value)
