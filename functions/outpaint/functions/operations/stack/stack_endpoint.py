"""A stack's endpoint: its status, scaling, counts and logs, and the dead letters of its completions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.handlers.metrics import DIMENSION, NAMESPACE, Metric

if TYPE_CHECKING:
    from outpaint.functions.operations.stack.stack_connection import StackConnection

_SPACE: Final = "sagemaker"
_DIMENSION: Final = "sagemaker:variant:DesiredInstanceCount"
_LOOK_BACK: Final = timedelta(minutes=15)
_ACTIVITIES: Final = 20
_COUNTED: Final = {
    "jobs painted": ("AWS/SageMaker", "InvocationsProcessed", "Sum"),
    "jobs that failed": ("AWS/SageMaker", "InvocationFailures", "Sum"),
    "jobs that waited too long": ("AWS/SageMaker", "ExpiredRequests", "Sum"),
    "settled as succeeded": (NAMESPACE, Metric.JOBS_SUCCEEDED.metric, "Sum"),
    "settled as failed": (NAMESPACE, Metric.JOBS_FAILED.metric, "Sum"),
    "seconds from request to end, median": (NAMESPACE, Metric.JOB_SECONDS.metric, "p50"),
    "seconds from request to end, 99 of 100": (NAMESPACE, Metric.JOB_SECONDS.metric, "p99"),
}
_QUEUED: Final = (
    ("AWS/SageMaker", "ApproximateBacklogSize", "Maximum"),
    ("AWS/SageMaker", "ApproximateAgeOfOldestRequest", "Maximum"),
)
_AT_A_TIME: Final = 10
_MESSAGES_COUNTED: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One completion message: its job, status and reason, and when it was sent (epoch seconds)."""

    inference_id: str
    status: str
    reason: str
    sent_at: float


class DeadLetters:
    """The queue of the messages that a stack's completion function could not settle in five tries."""

    def __init__(self, connection: StackConnection) -> None:
        self._sqs = connection.client("sqs")
        self._url = connection.output("DeadLettersUrl")

    def depth(self) -> int:
        """About how many dead letters there are, those just being read included."""
        return self._depth(self._attributes())

    def peek(self, limit: int) -> list[DeadLetter]:
        """Some of them, in no order; each is hidden from other readers meanwhile, and stays in the queue."""
        seen: dict[str, dict[str, Any]] = {}
        try:
            while len(seen) < limit:
                found = self._sqs.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=min(_AT_A_TIME, limit - len(seen)),
                    # Long enough not to receive the same one in the next round.
                    VisibilityTimeout=60,
                    WaitTimeSeconds=1,
                    MessageSystemAttributeNames=["SentTimestamp"],
                ).get("Messages", [])
                fresh = {message["MessageId"]: message for message in found if message["MessageId"] not in seen}
                if not fresh:
                    break
                seen |= fresh
        finally:
            # Else they would stay hidden for a minute, and their alarm would end.
            for message in seen.values():
                self._sqs.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
        return [_letter(message) for message in seen.values()]

    def redrive(self) -> int:
        """Have AWS send all of them back to the queue they came from; returns about how many."""
        attributes = self._attributes()
        number = self._depth(attributes)
        if number:
            self._sqs.start_message_move_task(SourceArn=attributes["QueueArn"])
        return number

    def _depth(self, attributes: dict[str, str]) -> int:
        return sum(int(attributes[name]) for name in _MESSAGES_COUNTED)

    def _attributes(self) -> dict[str, str]:
        answer: dict[str, dict[str, str]] = self._sqs.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=[*_MESSAGES_COUNTED, "QueueArn"]
        )
        return answer["Attributes"]


def _letter(message: dict[str, Any]) -> DeadLetter:
    """A message of SageMaker's or Lambda's, as far as it can be parsed: it may be here for being malformed."""
    try:
        said = json.loads(json.loads(message["Body"])["Message"])
    except (ValueError, KeyError, TypeError):
        said = {}
    said = said if isinstance(said, dict) else {}
    event, context = (said.get(name) or {} for name in ("requestPayload", "requestContext"))
    return DeadLetter(
        inference_id=str(said.get("inferenceId") or event.get("inference_id") or "unreadable"),
        status=str(said.get("invocationStatus") or context.get("condition") or ""),
        reason=str(said.get("failureReason") or ""),
        sent_at=int(message["Attributes"]["SentTimestamp"]) / 1000,
    )


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """An endpoint by SageMaker, its scaling and its metrics; None for what they do not have.

    `backlog` counts jobs waiting or being painted, `oldest` is the seconds that the oldest has waited.
    """

    name: str
    status: str
    changed: datetime
    instance_type: str | None
    now: int
    desired: int
    least: int | None
    most: int | None
    suspended: bool
    backlog: float | None
    oldest: float | None
    failure: str | None
    scaling: str | None


class StackEndpoint:
    """One endpoint of a stack."""

    def __init__(self, connection: StackConnection, name: str) -> None:
        self._connection = connection
        self._name = name

    @cached_property
    def _described(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The endpoint, and its configuration's first variant, which is there before the endpoint is in service."""
        sagemaker = self._connection.client("sagemaker")
        endpoint = sagemaker.describe_endpoint(EndpointName=self._name)
        config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        return endpoint, config["ProductionVariants"][0]

    @property
    def _variant(self) -> str:
        return str(self._described[1]["VariantName"])

    @property
    def _resource(self) -> dict[str, str]:
        return {
            "ServiceNamespace": _SPACE,
            "ResourceId": f"endpoint/{self._name}/variant/{self._variant}",
            "ScalableDimension": _DIMENSION,
        }

    def status(self) -> EndpointStatus:
        """Its present status; metrics are a minute or two behind."""
        described, configured = self._described
        variants = described.get("ProductionVariants", [])
        target = self._target()
        backlog, oldest = self._metrics(_QUEUED, _LOOK_BACK, 60)
        return EndpointStatus(
            name=self._name,
            status=described["EndpointStatus"],
            changed=described["LastModifiedTime"],
            instance_type=configured.get("InstanceType"),
            now=sum(each.get("CurrentInstanceCount", 0) for each in variants),
            desired=sum(each.get("DesiredInstanceCount", 0) for each in variants),
            least=None if target is None else target["MinCapacity"],
            most=None if target is None else target["MaxCapacity"],
            suspended=bool(target and any(target.get("SuspendedState", {}).values())),
            backlog=backlog,
            oldest=oldest,
            failure=described.get("FailureReason"),
            scaling=None if target is None else self._failed_scaling(),
        )

    def scale(self, least: int, most: int) -> None:
        """Set the bounds of its scaling, in instances; raises `OutpaintError` for an endpoint that does not scale."""
        if self._target() is None:
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                f"the endpoint {self._name} has no scaling of this stack's: scale it where it was made",
            )
        self._connection.client("application-autoscaling").register_scalable_target(
            **self._resource, MinCapacity=least, MaxCapacity=most
        )

    def counts(self, hours: int) -> list[tuple[str, float | None]]:
        """Counts and percentiles of its jobs in the last hours, each with a title."""
        back = timedelta(hours=hours)
        return list(zip(_COUNTED, self._metrics(_COUNTED.values(), back, hours * 3600), strict=True))

    def _target(self) -> dict[str, Any] | None:
        answer = self._connection.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace=_SPACE, ResourceIds=[self._resource["ResourceId"]], ScalableDimension=_DIMENSION
        )
        return next(iter(answer["ScalableTargets"]), None)

    def _failed_scaling(self) -> str | None:
        """Why the latest change of the number of instances failed, if it did: mostly for want of quota."""
        activities = self._connection.client("application-autoscaling").describe_scaling_activities(
            **self._resource, MaxResults=_ACTIVITIES
        )["ScalingActivities"]
        latest = next(iter(activities), None)
        if latest is None or latest["StatusCode"] not in ("Failed", "Unfulfilled"):
            return None
        return str(latest.get("StatusMessage") or latest.get("Cause") or latest["StatusCode"])

    def _dimensions(self, space: str, name: str) -> dict[str, str]:
        if space == NAMESPACE:
            return {DIMENSION: self._connection.stack.name}
        # Metrics of the queue have the endpoint as their dimension, those of invocations the variant too.
        variant = {} if name.startswith("Approximate") else {"VariantName": self._variant}
        return {"EndpointName": self._name, **variant}

    def _metrics(self, wanted: Iterable[tuple[str, str, str]], back: timedelta, period: int) -> list[float | None]:
        """The newest value of each metric (namespace, name, statistic), taken over `period` seconds."""
        until = datetime.now(UTC)
        queries = [self._query(f"m{number}", *metric, period) for number, metric in enumerate(wanted)]
        answer = self._connection.client("cloudwatch").get_metric_data(
            MetricDataQueries=queries, StartTime=until - back, EndTime=until, ScanBy="TimestampDescending"
        )
        found = {result["Id"]: next(iter(result["Values"]), None) for result in answer["MetricDataResults"]}
        return [found[query["Id"]] for query in queries]

    def _query(self, id_: str, space: str, name: str, statistic: str, period: int) -> dict[str, Any]:
        dimensions = [{"Name": key, "Value": value} for key, value in self._dimensions(space, name).items()]
        metric = {"Namespace": space, "MetricName": name, "Dimensions": dimensions}
        return {"Id": id_, "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}}


def log_groups(connection: StackConnection) -> Mapping[str, str]:
    """The log groups of a stack, by what writes them."""
    stack = connection.stack.name
    groups = {name: f"/aws/lambda/{stack}-{name}" for name in ("api", "completion", "sweeper")}
    groups["painter"] = f"/aws/sagemaker/Endpoints/{connection.outputs['EndpointName']}"
    realtime = connection.outputs.get("RealtimeEndpointName")
    if realtime is not None:
        groups["realtime"] = f"/aws/lambda/{stack}-realtime"
        groups["painter-now"] = f"/aws/sagemaker/Endpoints/{realtime}"
    return groups
