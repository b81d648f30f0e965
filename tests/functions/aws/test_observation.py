"""What the functions tell their operator: the ids on log records, and metrics that are the template's own."""

from __future__ import annotations

import io
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from lambda_context import LambdaContext
from local_cloud.transformed_template import STACK, TransformedTemplate

from outpaint.contracts.paths_and_headers import CORRELATION_ID
from outpaint.functions.aws.operator_settings import OperatorSettings
from outpaint.functions.handlers import api_handler, job_handlers, log_records
from outpaint.functions.handlers.api_handler import outcome_of
from outpaint.functions.handlers.metrics import DIMENSION, NAMESPACE, EmbeddedMetrics, JobCounts, Metric, service_name
from outpaint.functions.http.application import Application

PATH = "/v1/painting/outpaint"


class Collecting(logging.Handler):
    """Keeps what a formatter of JSON would write: Lambda's own writes all that is not logging's own of a record."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append({**vars(record), "message": record.getMessage()})


@dataclass
class Functions:
    """The four functions over one cloud, and what each event made them write."""

    cloud: Any
    by_lambda: Collecting
    by_powertools: io.StringIO
    capsys: pytest.CaptureFixture[str]
    sleep: Callable[[float], None] = lambda seconds: None
    metrics: list[dict[str, Any]] = field(default_factory=list)

    def api(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, str]]:
        """The answer, the event's log records, and the ids that they are to have."""
        event = self.cloud.http(method, path, body, **headers)
        context = LambdaContext("stack-api")
        answer = self._run(lambda: api_handler.handler(event, context))
        records = list(self.by_lambda.records)
        (correlation_id,) = answer["multiValueHeaders"][CORRELATION_ID]
        return (
            answer,
            records,
            {
                "function_request_id": context.aws_request_id,
                "gateway_request_id": event["requestContext"]["requestId"],
                "correlation_id": correlation_id,
            },
        )

    def submit(self, picture: bytes, **headers: str) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, str]]:
        body, content_type = self.cloud.form(image=picture, prompt="a field", count="2")
        return self.api("POST", PATH, body, **{"content-type": content_type, **headers})

    def job(self, function: Callable[[Any, Any], Any], event: Any) -> tuple[Any, list[dict[str, Any]], str]:
        """What a function behind a queue returns or raises, its records, and Lambda's id of the event."""
        context = LambdaContext(function.__name__)

        def run() -> Any:
            try:
                return function(event, context)
            except ExceptionGroup as group:
                return group

        returned = self._run(run)
        records = [json.loads(line) for line in self.by_powertools.getvalue().splitlines()]
        assert len(records) == len(self.by_lambda.records), "a record went past powertools"
        return returned, records, context.aws_request_id

    def _run(self, call: Callable[[], Any]) -> Any:
        self.by_lambda.records.clear()
        self.by_powertools.seek(0)
        self.by_powertools.truncate()
        self.capsys.readouterr()
        returned = call()
        self.metrics += [json.loads(line) for line in self.capsys.readouterr().out.splitlines() if '"_aws"' in line]
        return returned


@pytest.fixture
def functions(cloud: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Functions]:
    settings = cloud.settings.model_copy(update={"realtime_endpoint": "quick"})
    answering = cloud.stack(look_after=3600, observer=JobCounts(api_handler.METRICS.add, cloud.clock.now))
    monkeypatch.setattr(api_handler, "COUNTS", answering.service.observer)
    monkeypatch.setattr(api_handler, "answering", lambda: (answering, Application(answering.service)))
    settling = cloud.stack(observer=JobCounts(job_handlers.emit, cloud.clock.now))
    monkeypatch.setattr(job_handlers, "settling", lambda: settling)
    monkeypatch.setattr(job_handlers, "settings", lambda: settings)
    monkeypatch.setattr(log_records, "_seen_any", False)
    handler, written = Collecting(), io.StringIO()
    logging.root.addHandler(handler)
    stream = job_handlers.LOG.registered_handler
    assert isinstance(stream, logging.StreamHandler)
    before = stream.setStream(written)
    functions = Functions(cloud, handler, written, capsys)
    monkeypatch.setattr(
        api_handler,
        "outcome_of",
        lambda service, waiting, remaining: outcome_of(service, waiting, remaining, functions.sleep),
    )
    yield functions
    stream.setStream(before or io.StringIO())
    logging.root.removeHandler(handler)


def assert_named(records: list[dict[str, Any]], function: str, **ids: str) -> None:
    assert records, f"{function} wrote nothing"
    for record in records:
        found = {name: record.get(name) for name in ("service", "function_name", *ids)}
        assert found == {"service": service_name(), "function_name": function, **ids}, record["message"]
        assert record["cold_start"] in (True, False)


def test_every_record_of_every_function_has_the_ids_of_its_event_and_job(
    functions: Functions, cut_out: bytes, refused: Any
) -> None:
    """The id that a client has from its answer finds what each function wrote about its job, libraries' lines too."""
    cloud = functions.cloud
    throttled, broken = refused("ThrottlingException", 400), refused("SlowDown", 503)

    # Before there is a job: the ledger does not answer.
    cloud.wire.faults["GetItem"] = [throttled]
    answer, records, ids = functions.api("GET", "/v1/balance")
    assert answer["statusCode"] == 503
    assert_named(records, "stack-api", **ids)
    assert all("inference_id" not in record for record in records)

    # A submit whose endpoint is not there; its job is named, and its client.
    cloud.wire.faults["InvokeEndpointAsync"] = [throttled]
    answer, records, ids = functions.submit(cut_out)
    (job,) = cloud.jobs()
    assert answer["statusCode"] == 503
    assert job.request.correlation_id == ids["correlation_id"] == ids["gateway_request_id"]
    assert_named(records, "stack-api", inference_id=job.id, **ids)

    # One that waits, while looks at its job fail.
    cloud.wire.faults["GetItem"] = []
    waits = iter([[], [throttled], [throttled]])

    def sleep(seconds: float) -> None:
        cloud.clock.time += seconds
        cloud.wire.faults["GetItem"] = list(next(waits, []))

    functions.sleep = sleep
    answer, records, submitted = functions.submit(cut_out, prefer="wait=3")
    assert answer["statusCode"] == 202
    inference_id = json.loads(answer["body"])["inference_id"]
    assert len(records) == 2
    assert_named(records, "stack-api", inference_id=inference_id, **submitted)

    # A poll: its own id, as its client was given it.
    cloud.wire.faults["GetItem"] = [None, throttled]
    answer, records, ids = functions.api("GET", f"/v1/painting/{inference_id}")
    assert answer["statusCode"] == 503
    assert ids["correlation_id"] != submitted["correlation_id"]
    assert_named(records, "stack-api", inference_id=inference_id, **ids)

    # Behind the queue the ids are those of the request that submitted the job.
    of_job = {"inference_id": inference_id, "correlation_id": submitted["correlation_id"]}
    (request,) = cloud.endpoint.queue
    cloud.endpoint.answer = _unreachable
    _, records, id_ = functions.job(job_handlers.realtime, json.loads(request.model_dump_json()))
    assert_named(records, "realtime", function_request_id=id_, **of_job)

    cloud.paint(request)
    cloud.wire.faults["GetObject"] = [broken]
    failed, records, id_ = functions.job(job_handlers.completion, cloud.event(request))
    assert failed == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert {record["message"].split(":")[0] for record in records} == {
        "the picture store does not answer",
        "message m0 was not settled",
    }
    assert_named(records, "completion", function_request_id=id_, **of_job)

    cloud.wire.faults["GetObject"] = [broken]
    raised, records, id_ = functions.job(job_handlers.sweeper, {})
    assert isinstance(raised, ExceptionGroup)
    assert {record["message"].split(":")[0] for record in records} == {
        "the picture store does not answer",
        "a job could not be looked at",
    }
    assert_named(records, "sweeper", function_request_id=id_, **of_job)

    # A client's picture that could not be deleted, told by the adapter after the job's end.
    cloud.wire.faults["DeleteObject"] = [refused("AccessDenied", 403)]
    _, records, id_ = functions.job(job_handlers.completion, cloud.event(request))
    assert "was not deleted" in records[0]["message"]
    assert_named(records, "completion", function_request_id=id_, **of_job)


def test_an_error_of_ours_names_its_job_too(functions: Functions, cut_out: bytes) -> None:
    accepted, _, _ = functions.submit(cut_out, prefer="respond-async")
    inference_id = json.loads(accepted["body"])["inference_id"]
    functions.cloud.wire.faults["GetItem"] = [None, ZeroDivisionError()]
    answer, records, ids = functions.api("GET", f"/v1/painting/{inference_id}")
    assert answer["statusCode"] == 500
    assert ids["correlation_id"] in json.loads(answer["body"])["detail"]
    assert_named(records, "stack-api", inference_id=inference_id, **ids)


def test_a_gateways_id_that_is_no_uuid_is_named_beside_one_of_ours(functions: Functions) -> None:
    """An HTTP API's: a correlation id is a UUID, for problem documents make a URN of it."""
    event = functions.cloud.http("GET", "/health")
    event["requestContext"]["requestId"] = "JKJaXmPLvHcESHA="
    answer = api_handler.handler(event, LambdaContext("stack-api"))
    (correlation_id,) = answer["multiValueHeaders"][CORRELATION_ID]
    assert len(correlation_id) == 36
    named = log_records.keys()
    assert (named["correlation_id"], named["gateway_request_id"]) == (correlation_id, "JKJaXmPLvHcESHA=")


def test_metrics_are_those_of_the_table_and_of_the_templates_alarms_and_widgets(
    functions: Functions, cut_out: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = TransformedTemplate({"RealtimeInstances": 1, "OperatorSettings": "true"})
    emitted = emit_everything(functions, cut_out, monkeypatch)
    units: dict[str, set[str]] = defaultdict(set)
    for line in emitted:
        (described,) = line["_aws"]["CloudWatchMetrics"]
        assert described["Namespace"] == NAMESPACE
        assert described["Dimensions"] == [[DIMENSION]]
        assert line[DIMENSION] == service_name()
        for metric in described["Metrics"]:
            units[metric["Name"]].add(metric["Unit"])
            assert all(isinstance(value, float) for value in line[metric["Name"]])
    table = {metric.metric: {metric.unit} for metric in Metric}
    assert dict(units) == table

    alarms, widgets = watched_by_alarms(template), shown_by_widgets(template)
    assert {"Sweeps", "JobsFailed"} <= set(alarms)
    assert [*alarms.values(), *widgets.values()] == [{DIMENSION: STACK}] * (len(alarms) + len(widgets))
    assert set(alarms) <= set(table), "an alarm reads what nobody writes"
    assert set(widgets) == set(table), "a widget for each metric, and a metric for each widget"
    for function in template.of_type("AWS::Lambda::Function"):
        assert template.environment(function)["POWERTOOLS_SERVICE_NAME"] == STACK


def emit_everything(functions: Functions, cut_out: bytes, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Run each function until it has emitted all that it can; the lines that they wrote."""
    cloud = functions.cloud

    def sleep(seconds: float) -> None:
        cloud.clock.time += seconds

    def paint_meanwhile(seconds: float) -> None:
        cloud.clock.time += seconds
        request = cloud.endpoint.queue.pop()
        cloud.paint(request)
        job_handlers.completion(cloud.event(request), LambdaContext("completion"))

    # A cold start, an operator's price that is none, a wait that runs out; then one that is answered.
    operated = OperatorSettings(
        cloud.clients(), "/stack", cloud.settings.service, lambda: api_handler.METRICS.add(Metric.SETTINGS_FELL_BACK, 1)
    )
    cloud.clients(watched=False).parameters.put_parameter(Name="/stack/credits_per_image", Value="?", Type="String")
    monkeypatch.setattr(api_handler, "operated", lambda: operated)
    functions.sleep = sleep
    functions.submit(cut_out, prefer="wait=2")
    functions.sleep = paint_meanwhile
    assert functions.submit(cut_out)[0]["statusCode"] == 200
    # The first job fails, another is painted by the real-time endpoint, one is passed on and never ends.
    (first,) = cloud.endpoint.queue
    cloud.fail(first, b"")
    functions.job(job_handlers.completion, cloud.event(first, "Failed"))
    for answer in (lambda wanted: cloud.paint(wanted).model_dump_json().encode(), _unreachable):
        functions.submit(cut_out, prefer="respond-async")
        cloud.endpoint.answer = answer
        functions.job(job_handlers.realtime, json.loads(cloud.endpoint.queue[-1].model_dump_json()))
    cloud.clock.time += cloud.settings.service.job_lifetime
    functions.job(job_handlers.sweeper, {})
    return functions.metrics


def test_what_a_metric_says_is_what_happened(functions: Functions, cut_out: bytes) -> None:
    functions.submit(cut_out, prefer="respond-async")
    (request,) = functions.cloud.endpoint.queue
    (accepted,) = functions.metrics
    assert accepted["JobsAccepted"] == accepted["ColdStart"] == [1.0]
    assert accepted["CreditsTaken"] == [2.0]
    assert 0 < accepted["SubmitLatency"][0] < 60_000
    assert accepted["inference_id"] == request.inference_id
    assert accepted["correlation_id"] == request.correlation_id

    functions.cloud.clock.time += 30
    functions.cloud.paint(request)
    event = functions.cloud.event(request)
    event["Records"][0]["attributes"]["SentTimestamp"] = str(round((functions.cloud.clock.time - 4) * 1000))
    functions.job(job_handlers.completion, event)
    ended = functions.metrics[-1]
    assert ended["JobsSucceeded"] == [1.0]
    assert ended["JobSeconds"] == [30.0]
    assert ended["QueueAge"] == pytest.approx([4.0])
    assert ended["function_name"] == "completion"
    assert "CreditsReturned" not in ended

    functions.metrics.clear()
    functions.job(job_handlers.completion, event)
    assert [sorted(set(line) & {metric.metric for metric in Metric}) for line in functions.metrics] == [["QueueAge"]]


def test_a_poll_writes_no_line_of_metrics(functions: Functions) -> None:
    functions.api("GET", "/v1/balance")
    functions.metrics.clear()
    functions.api("GET", "/v1/balance")
    assert functions.metrics == []


def test_the_functions_own_line_is_as_powertools_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    own = EmbeddedMetrics()
    for metric, value in ((Metric.SUBMIT_LATENCY, 12), (Metric.JOBS_ACCEPTED, 1), (Metric.JOBS_ACCEPTED, 1)):
        own.add(metric, value)
        job_handlers.emit(metric, value)
    own.flush({})
    job_handlers.METRICS.flush_metrics()
    ours, theirs = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    for line in (ours, theirs):
        assert line["_aws"].pop("Timestamp") > 0
    assert ours == theirs


def watched_by_alarms(template: TransformedTemplate) -> dict[str, dict[str, str]]:
    """Each of our metrics that an alarm reads, by its name, with its dimensions."""
    read = []
    for own in template.of_type("AWS::CloudWatch::Alarm").values():
        read += [own, *(query["MetricStat"]["Metric"] for query in own.get("Metrics", []) if "MetricStat" in query)]
    return {
        metric["MetricName"]: {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        for metric in read
        if metric.get("Namespace") == NAMESPACE
    }


def shown_by_widgets(template: TransformedTemplate) -> dict[str, dict[str, str]]:
    """Each of our metrics that a dashboard shows, the short forms of its rows written out ("." is the row's above)."""
    shown = {}
    for dashboard in template.of_type("AWS::CloudWatch::Dashboard").values():
        for widget in json.loads(dashboard["DashboardBody"])["widgets"]:
            above: list[str] = []
            for row in widget["properties"].get("metrics", []):
                given = [part for part in row if isinstance(part, str)]
                if given[:1] == ["..."]:
                    given = [*above[: len(above) - len(given) + 1], *given[1:]]
                above = [above[place] if part == "." else part for place, part in enumerate(given)]
                if above[:1] == [NAMESPACE]:
                    shown[above[1]] = dict(zip(above[2::2], above[3::2], strict=True))
    return shown


def _unreachable(request: Any) -> bytes:
    raise EndpointConnectionError(endpoint_url="the real-time endpoint")
