"""What the tests on AWS share: the stack's table and bucket in moto, SageMaker scripted inside botocore, a clock."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

import pytest
from aws_answers import manifest, refusal
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.response import StreamingBody
from botocore.session import Session, get_session
from lambda_events import rest_event, sqs_event
from manual_process import START, CountedIds, Crash, ManualClock
from moto import mock_aws
from moto.core import botocore_stubber

from outpaint.contracts.inference import InferenceRequest, Manifest
from outpaint.contracts.storage_names import (
    DONE_PREFIX,
    FAILED_PREFIX,
    answer_prefix,
    failure_prefix,
    invocation_id,
)
from outpaint.functions.aws import dynamo_items
from outpaint.functions.aws.aws_clients import Clients
from outpaint.functions.aws.aws_service import Stack, assemble
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.aws.dynamo_keys import DynamoKeyRing
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.ports import Observer
from outpaint.functions.service.records import Account, Job

# Services are described in megabytes of JSON, which need not be read again for every test.
LOADER = create_loader()
CREDITS = 20
AWS_WORDS = (
    "ClientError: Received server error (500) from model. See the SageMaker Endpoint logs in your account for more "
    "information."
)
ENVIRONMENT = {
    "OUTPAINT_TABLE": "outpaint",
    "OUTPAINT_BUCKET": "outpaint-pictures",
    "OUTPAINT_ENDPOINT": "painter",
}


@dataclass
class Wire:
    """Every AWS call as botocore makes it: counted, and where a test says so broken or cut off.

    `crash_at` is (number of the call, "before" | "after"); `faults` maps an operation to what it raises in turn.
    """

    calls: list[str] = field(default_factory=list)
    crash_at: tuple[int, str] | None = None
    faults: dict[str, list[Exception]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, model: Any, **_: Any) -> None:
        with self._lock:
            self.calls.append(model.name)
            number = len(self.calls)
            fault = self.faults.get(model.name)
            error = fault.pop(0) if fault else None
        if self.crash_at == (number, "before"):
            raise Crash(model.name)
        if error is not None:
            raise error

    def after(self, model: Any, **_: Any) -> None:
        if self.crash_at == (len(self.calls), "after"):
            raise Crash(model.name)


@dataclass
class Endpoint:
    """The painter behind SageMaker, scripted: takes jobs and ends them when a test says so.

    `places` are the keys, by the invocation's id, at which it will leave its answer and its failure: named by ids of
    its own, as in messages that were captured (docs/facts/aws.md#completion-messages).
    """

    queue: list[InferenceRequest] = field(default_factory=list)
    events: list[InferenceRequest] = field(default_factory=list)
    answer: Callable[[InferenceRequest], bytes] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    places: dict[str, tuple[str, str]] = field(default_factory=dict)

    def invoke_async(self, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        headers = {key.lower(): value for key, value in params["headers"].items()}
        self.parameters = {"headers": headers, "path": params["url_path"]}
        location = headers.get("x-amzn-sagemaker-inputlocation")
        self.queue.append(self._request(params, location))
        name = headers["x-amzn-sagemaker-inference-id"]
        own = UUID(int=len(self.places) + 2**100)
        self.places[name] = (f"{DONE_PREFIX}{own}.out", f"{FAILED_PREFIX}{own}-error.out")
        output, failure = (f"s3://{ENVIRONMENT['OUTPAINT_BUCKET']}/{key}" for key in self.places[name])
        return _ok(202), {"InferenceId": name, "OutputLocation": output, "FailureLocation": failure}

    def place(self, request: InferenceRequest, *, failed: bool = False) -> str:
        """The key of the try's answer; one that was sent by hand has the names that are looked for in need."""
        by_need = (
            answer_prefix(request.inference_id, request.attempt),
            f"{failure_prefix(request.inference_id, request.attempt)}-error.out",
        )
        return self.places.get(invocation_id(request.inference_id, request.attempt), by_need)[failed]

    def invoke(self, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        assert self.answer is not None
        body = self.answer(InferenceRequest.model_validate_json(params["body"]))
        return _ok(200), {"Body": StreamingBody(io.BytesIO(body), len(body))}

    def invoke_function(self, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        self.events.append(InferenceRequest.model_validate_json(params["body"]))
        return _ok(202), {"StatusCode": 202}

    def _request(self, params: dict[str, Any], location: str | None) -> InferenceRequest:
        if location is None:
            return InferenceRequest.model_validate_json(params["body"])
        bucket, _, key = location.removeprefix("s3://").partition("/")
        s3 = get_session().create_client("s3")
        return InferenceRequest.model_validate_json(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def _ok(status: int) -> Any:
    return type("Answer", (), {"status_code": status})()


@dataclass
class Cloud:
    """A stack on one machine, and what a test does to it."""

    clock: ManualClock
    wire: Wire
    endpoint: Endpoint
    settings: AwsSettings
    ids: CountedIds = field(default_factory=CountedIds)
    _clients: dict[bool, Clients] = field(default_factory=dict)

    def clients(self, *, watched: bool = True) -> Clients:
        """The clients of every process, for they remember nothing; what is `watched` is counted and may be broken."""
        if watched not in self._clients:
            self._clients[watched] = Clients(_session(watched))
        return self._clients[watched]

    def stack(
        self,
        *,
        watched: bool = True,
        look_after: float = 0.0,
        skew: float = 0.0,
        settings: AwsSettings | None = None,
        observer: Observer | None = None,
    ) -> Stack:
        """The service as one process has it."""
        return assemble(
            settings or self.settings,
            look_after=look_after,
            clients=self.clients(watched=watched),
            clock=self.clock.skewed(skew),
            ids=self.ids,
            observer=observer,
        )

    def empty(self) -> None:
        """Begin with an empty table again: moto reads every item of a table for every query."""
        dynamodb = self.clients(watched=False).dynamodb
        dynamodb.delete_table(TableName=self.settings.table)
        dynamodb.create_table(TableName=self.settings.table, **dynamo_items.TABLE)

    def table(self) -> Table:
        return Table(self.clients(watched=False), self.settings.table, lambda _: None)

    @staticmethod
    def form(**fields: str | bytes) -> tuple[bytes, str]:
        """A multipart body and its content type; bytes become files."""
        parts = b""
        for name, value in fields.items():
            filename = '; filename="f.png"' if isinstance(value, bytes) else ""
            data = value if isinstance(value, bytes) else value.encode()
            parts += b'--XX\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (
                name.encode(),
                filename.encode(),
                data,
            )
        return parts + b"--XX--\r\n", "multipart/form-data; boundary=XX"

    def credits(self, key: str = "key") -> int:
        account = self.stack(watched=False).service.accounts.by_key_digest(key_digest(key))
        assert account is not None
        return account.credits

    def jobs(self) -> list[Job]:
        """Every job in the table."""
        found = self.clients(watched=False).dynamodb.scan(TableName=self.settings.table)["Items"]
        return [dynamo_items.job_of(item) for item in found if item["pk"]["S"].startswith("JOB#")]

    @staticmethod
    def http(method: str, path: str, body: bytes | None = None, **headers: str) -> dict[str, Any]:
        """A REST API's event, with the test's key."""
        return rest_event(method, path, body, headers)

    def objects(self, prefix: str = "") -> list[str]:
        """The keys in the bucket."""
        found = self.clients(watched=False).s3.list_objects_v2(Bucket=self.settings.bucket, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def paint(self, request: InferenceRequest) -> Manifest:
        """What the painter does with a job: its files, and the manifest where SageMaker puts it."""
        s3 = self.clients(watched=False).s3
        for id_ in request.output_ids:
            s3.put_object(
                Bucket=self.settings.bucket,
                Key=id_,
                Body=b"painted",
                ContentType=request.wish.format.media_type,
                Metadata={"account-id": "ann"},
            )
        painted = manifest(request)
        key = self.endpoint.place(request)
        s3.put_object(Bucket=self.settings.bucket, Key=key, Body=painted.model_dump_json().encode())
        return painted

    def fail(self, request: InferenceRequest, body: bytes) -> None:
        """What SageMaker leaves of a job whose painter failed."""
        key = self.endpoint.place(request, failed=True)
        self.clients(watched=False).s3.put_object(Bucket=self.settings.bucket, Key=key, Body=body)

    def event(self, request: InferenceRequest, status: str = "Completed") -> dict[str, Any]:
        """The SQS event around SageMaker's SNS message about a try's end, which of a failure says not where it lies."""
        done = status == "Completed"
        message: dict[str, Any] = {
            "awsRegion": "eu-west-1",
            "invocationStatus": status,
            "requestParameters": {"endpointName": "painter"},
            "inferenceId": invocation_id(request.inference_id, request.attempt),
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        if done:
            location = f"s3://{self.settings.bucket}/{self.endpoint.place(request)}"
            message["responseParameters"] = {"contentType": "application/json", "outputLocation": location}
        else:
            message["failureReason"] = AWS_WORDS
        return sqs_event(json.dumps(message))


class _SharedSession(Session):
    """botocore's session, whose clients are built once for all tests: building one takes longer than a test."""

    cloud: ClassVar[Cloud]
    """The cloud of the test that runs: clients ask it for its wire and its endpoint."""

    @cache  # noqa: B019 - there are two sessions
    def create_client(self, service_name: str, *args: Any, config: Any = None, **more: Any) -> Any:
        return super().create_client(service_name, *args, config=config, **more)


@cache
def _session(watched: bool) -> Session:
    session = _SharedSession()
    session.register_component("data_loader", LOADER)
    if watched:
        session.register("before-call", lambda **call: _SharedSession.cloud.wire.before(**call))
        session.register("after-call", lambda **call: _SharedSession.cloud.wire.after(**call))
    # The most particular name is asked first and ends the asking, so what is watched is watched here once more.
    for name, answer in (
        ("sagemaker-runtime.InvokeEndpointAsync", "invoke_async"),
        ("sagemaker-runtime.InvokeEndpoint", "invoke"),
        ("lambda.Invoke", "invoke_function"),
    ):
        session.register(f"before-call.{name}", _stub(answer, watched))
    return session


def _stub(name: str, watched: bool) -> Callable[..., Any]:
    def answered(**call: Any) -> Any:
        if watched:
            _SharedSession.cloud.wire.before(**call)
        # Looked up at each call, so that a test may put another in its place.
        return getattr(_SharedSession.cloud.endpoint, name)(**call)

    return answered


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto in this process, where each call is one step that no other can split, as in the real services."""
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        **ENVIRONMENT,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    lock = threading.Lock()
    answer = botocore_stubber.BotocoreStubber.__call__

    def one_at_a_time(self: Any, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return answer(self, *args, **kwargs)

    monkeypatch.setattr(botocore_stubber.BotocoreStubber, "__call__", one_at_a_time)
    with mock_aws():
        yield


@pytest.fixture
def cloud(aws: None) -> Cloud:
    """The stack, with an account `ann` of 20 credits whose key is `key`."""
    _SharedSession.cloud = cloud = Cloud(ManualClock(), Wire(), Endpoint(), AwsSettings.from_environment())
    clients = cloud.clients(watched=False)
    clients.dynamodb.create_table(TableName=cloud.settings.table, **dynamo_items.TABLE)
    clients.s3.create_bucket(
        Bucket=cloud.settings.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    DynamoKeyRing(cloud.table()).open_account(Account("ann", "Ann", CREDITS), key_digest("key"), START)
    return cloud


@pytest.fixture(scope="session")
def many(request: pytest.FixtureRequest) -> bool:
    """Whether this is the long run, `make test-faults`, which prints the table of faults."""
    return bool(request.config.getoption("fault_table", default=False))


@pytest.fixture(scope="session")
def form() -> Callable[..., tuple[bytes, str]]:
    """Makes a multipart body and its content type; bytes become files."""
    return Cloud.form


FAULTS = pytest.StashKey[list[tuple[str, ...]]]()


@pytest.fixture
def fault_table(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Notes what was broken and how it ended, for the table that `make test-faults` prints."""
    rows = request.config.stash.setdefault(FAULTS, [])
    return lambda *cells: rows.append(tuple(str(cell) for cell in cells))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fault-table` prints the table; known where this folder is named on the command line."""
    parser.addoption("--fault-table", action="store_true", help="print every fault injected and how its job ended")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table, rows that differ in the call alone put together."""
    rows = config.stash.get(FAULTS, [])
    if not rows or not config.getoption("fault_table", default=False):
        return
    titles = ("process", "call", "fault", "then", "jobs end")
    table = [titles, *sorted(rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(titles))]
    terminalreporter.section(f"{len(rows)} faults, every job ended, credits conserved")
    for row in table:
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


@pytest.fixture
def refused() -> Callable[..., ClientError]:
    """Makes errors as AWS answers them: code, HTTP status, and what else stands in the answer."""
    return refusal
