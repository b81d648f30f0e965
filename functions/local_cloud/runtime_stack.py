"""Deploys the built package as template.yaml says: functions under awslambdaric, their gateway and event sources.

Each function runs in processes of awslambdaric over a Runtime API of ours, which refuses what Lambda refuses by size.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from local_cloud.gateways import FunctionUrl, Invoke, RestApi, RestApiDefinition, serve_gateway
from local_cloud.lambda_runtime import Function, FunctionError, FunctionSettings
from local_cloud.local_deployment import RATE_LIMIT, SYNC_WAIT_S, LocalDeployment
from local_cloud.processes import (
    LOOPBACK,
    PREPARE,
    ROOT,
    CloudError,
    architecture,
    free_ports,
    say,
    start,
    version_of,
    wait_for,
)
from local_cloud.stand_ins import PAINTER, REGION, Aws, start_painter, start_sagemaker
from local_cloud.transformed_template import ACCOUNT, TransformedTemplate
from outpaint.functions.aws import dynamo_items

FrontDoor = Literal["RestApi", "FunctionUrl"]
TABLE: Final = "outpaint"
BUCKET: Final = "outpaint-pictures"
_SWEEP_S: Final = 60.0
_LOOK_S: Final = 0.05
"""Between two reads of the queue; Lambda's own pollers use long polling."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A built package, and the interpreter of an environment that has awslambdaric."""

    code: Path
    python: Path

    @classmethod
    def here(cls) -> Artifact:
        """What `make package-here` builds for this machine; raises `CloudError` where it is not there."""
        python = ROOT / ".venv" / "lambda" / "bin" / "python"
        if not python.exists():
            raise CloudError(f"Lambda's runtime client is not installed: {PREPARE}")
        package = ROOT / "build" / f"functions-{architecture()}-{version_of(python)}"
        if not package.exists():
            raise CloudError(f"{package} is not built: {PREPARE}")
        return cls(package, python)


def deploy(running: ExitStack, folder: Path, painter: str, artifact: Artifact, front: FrontDoor) -> LocalDeployment:
    """Start moto, the SageMaker mock, the functions with gateway and event sources, and the painting process."""
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("*Function-*.log"):
        old.unlink()
    moto, sagemaker, port = free_ports(3)
    aws = Aws(f"http://{LOOPBACK}:{moto}", f"http://{LOOPBACK}:{sagemaker}", ACCOUNT)
    running.enter_context(aws.adopted())
    say("starting moto and the SageMaker mock")
    start(running, logs / "moto.log", [sys.executable, "-m", "local_cloud.moto_process", str(moto)], {})
    start_sagemaker(running, logs, aws)
    wait_for(f"{aws.address}/moto-api/data.json", logs / "moto.log")

    public_url = f"http://{LOOPBACK}:{port}"
    session = get_session()
    queue = _resources(session, _template(front, public_url, {}))
    template = _template(front, public_url, queue)
    functions = {
        name: Function(_settings(template, name, artifact, aws), logs)
        for name in ("ApiFunction", "CompletionFunction", "SweeperFunction")
    }
    for function in functions.values():
        running.callback(function.close)
    (completion,) = template.of_type("AWS::Lambda::EventSourceMapping").values()
    sqs = session.create_client("sqs")
    take = partial(
        deliver,
        sqs,
        queue["url"],
        queue["CompletionQueue.Arn"],
        functions["CompletionFunction"].invoke,
        completion["BatchSize"],
    )
    running.enter_context(repeatedly("completions", take, _LOOK_S))
    running.enter_context(repeatedly("sweep", partial(functions["SweeperFunction"].invoke, b"{}"), _SWEEP_S))
    running.enter_context(serve_gateway(_gateway(template, functions["ApiFunction"], front), port))
    running.callback(_say_cold_starts, functions)
    outputs = {"TableName": TABLE, "BucketName": BUCKET, "CompletionTopicArn": queue["CompletionTopic"]}
    orders = start_painter(running, logs, aws, outputs, painter)
    longest_wait = int(template.environment("ApiFunction")["OUTPAINT_MAX_WAIT"])
    another = partial(_another, template, _settings(template, "ApiFunction", artifact, aws), front, logs)
    return LocalDeployment(public_url, outputs, orders, longest_wait, another)


@contextmanager
def _another(
    template: TransformedTemplate, like: FunctionSettings, front: FrontDoor, logs: Path, variables: Mapping[str, str]
) -> Iterator[str]:
    """A second API function with other settings, and a gateway of its own."""
    (port,) = free_ports(1)
    url = f"http://{LOOPBACK}:{port}"
    environment = {**like.environment, **variables, "OUTPAINT_PUBLIC_URL": url}
    function = Function(replace(like, name="OtherApiFunction", environment=environment), logs)
    try:
        with serve_gateway(_gateway(template, function, front), port):
            yield url
    finally:
        function.close()


def _template(front: FrontDoor, public_url: str, made: Mapping[str, str]) -> TransformedTemplate:
    parameters = {
        "FrontDoor": front,
        "ExistingEndpoint": PAINTER,
        "RateLimit": RATE_LIMIT,
        "PublicUrl": public_url,
        # With a REST API the template's own value stays: that closes connections after 29 s.
        **({"SyncWait": SYNC_WAIT_S, "ApiConcurrency": 100} if front == "FunctionUrl" else {}),
    }
    return TransformedTemplate(parameters, {"Table": TABLE, "Bucket": BUCKET, **made})


def _resources(session: Any, template: TransformedTemplate) -> dict[str, str]:
    """Make table, bucket, topic and queues in moto; their names and attributes, and the queue's url."""
    session.create_client("dynamodb").create_table(TableName=TABLE, **dynamo_items.TABLE)
    s3 = session.create_client("s3")
    s3.create_bucket(Bucket=BUCKET)
    rules = template.properties("Bucket")["CorsConfiguration"]["CorsRules"]
    named = {"AllowedMethods", "AllowedOrigins", "AllowedHeaders"}
    cors = [{name: rule[name] for name in named} for rule in rules]
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": cors})
    sqs, sns = session.create_client("sqs"), session.create_client("sns")

    def arn(url: str) -> str:
        return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    dead = arn(sqs.create_queue(QueueName="dead-letters")["QueueUrl"])
    queue = template.properties("CompletionQueue")
    redrive = {"deadLetterTargetArn": dead, "maxReceiveCount": queue["RedrivePolicy"]["maxReceiveCount"]}
    attributes = {"VisibilityTimeout": str(queue["VisibilityTimeout"]), "RedrivePolicy": json.dumps(redrive)}
    url = sqs.create_queue(QueueName="completions", Attributes=attributes)["QueueUrl"]
    topic = sns.create_topic(Name="completions")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn(url))
    return {"url": url, "CompletionQueue.Arn": arn(url), "CompletionTopic": topic}


def _settings(template: TransformedTemplate, name: str, artifact: Artifact, aws: Aws) -> FunctionSettings:
    properties = template.properties(name)
    return FunctionSettings(
        name=name,
        handler=properties["Handler"],
        code=artifact.code,
        command=[str(artifact.python), "-m", "awslambdaric"],
        environment={**aws.environment, **template.environment(name)},
        seconds=float(properties["Timeout"]),
        memory_mb=int(properties["MemorySize"]),
        concurrency=8 if name == "ApiFunction" else 2,
        region=REGION,
        account=ACCOUNT,
    )


def _gateway(template: TransformedTemplate, function: Function, front: FrontDoor) -> FunctionUrl | RestApi:
    if front == "FunctionUrl":
        return FunctionUrl(function.invoke)
    # As at a custom domain, the stage is not part of the path.
    return RestApi(function.invoke, RestApiDefinition.read(template), "")


def _say_cold_starts(functions: dict[str, Function]) -> None:
    for name, function in functions.items():
        say(f"  {name}: {function.cold_starts} cold starts")


def deliver(sqs: Any, queue_url: str, queue_arn: str, invoke: Invoke, batch_size: int) -> int:
    """One round of an event source mapping with ReportBatchItemFailures; returns how many messages were deleted.

    A message whose batch failed, or that the function names in its answer, stays, and is received again after its
    visibility timeout.
    """
    received = sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=batch_size, AttributeNames=["All"], MessageAttributeNames=["All"]
    ).get("Messages", [])
    if not received:
        return 0
    records = [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": message.get("MessageAttributes", {}),
            "md5OfBody": message.get("MD5OfBody", ""),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": queue_arn.split(":")[3],
        }
        for message in received
    ]
    answer = json.loads(invoke(json.dumps({"Records": records}).encode())) or {}
    failed = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures", [])}
    done = [message for message in received if message["MessageId"] not in failed]
    for message in done:
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return len(done)


@contextmanager
def repeatedly(name: str, work: Callable[[], object], pause_s: float = 0.0) -> Iterator[None]:
    """Repeat the work on a thread of its own while the block runs; errors are printed."""
    over = threading.Event()

    def loop() -> None:
        while not over.wait(pause_s):
            try:
                work()
            except (ClientError, BotoCoreError, FunctionError) as error:
                if over.is_set():
                    return
                say(f"{name}: {error}")
                over.wait(1)

    thread = threading.Thread(target=loop, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
