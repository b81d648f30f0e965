"""The built package under Lambda's own runtime client, wired up as template.yaml says, over moto's AWS.

Each function runs in processes of awslambdaric with a Runtime API of ours, which refuses what Lambda refuses by size;
before the API's function stands a REST API or a Function URL, behind the others the queue and the schedule.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from botocore.session import get_session
from outpaint_functions.aws import items

from local_cloud.deployment import RATE_LIMIT, STACK, SYNC_WAIT_S, Deployment
from local_cloud.event_sources import deliver, repeatedly
from local_cloud.functions import Function, FunctionSettings
from local_cloud.gateways import FunctionUrl, RestApi
from local_cloud.http_door import door
from local_cloud.processes import LOOPBACK, ROOT, CloudError, free_ports, say, start, wait_for
from local_cloud.stand_ins import PAINTER, REGION, Aws, paint_behind, play_sagemaker
from local_cloud.template import Template
from local_cloud.this_machine import PREPARE, architecture, version_of

FrontDoor = Literal["RestApi", "FunctionUrl"]
ACCOUNT: Final = "123456789012"
TABLE: Final = "outpaint"
BUCKET: Final = "outpaint-pictures"
_SWEEP_S: Final = 60.0
_LOOK_S: Final = 0.05
"""Between two looks into the queue, which Lambda's own pollers hold open instead."""


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


def deploy(running: ExitStack, folder: Path, painter: str, artifact: Artifact, front: FrontDoor) -> Deployment:
    """Start the stand-ins, the functions and their event sources, and the painting process behind the endpoint."""
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("*Function-*.log"):
        old.unlink()
    moto, sagemaker, port = free_ports(3)
    aws = Aws(f"http://{LOOPBACK}:{moto}", f"http://{LOOPBACK}:{sagemaker}", ACCOUNT)
    running.enter_context(aws.adopted())
    say("starting moto and the SageMaker mock")
    start(running, logs / "moto.log", [sys.executable, "-m", "local_cloud.moto_process", str(moto)], {})
    play_sagemaker(running, logs, aws)
    wait_for(f"{aws.address}/moto-api/data.json", logs / "moto.log")

    # A domain of one's own, as far as the REST API is concerned: its stage is not part of the path.
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
    completion = template.properties("CompletionFunction")["Events"]["Completions"]["Properties"]
    sqs = session.create_client("sqs")
    take = partial(
        deliver,
        sqs,
        queue["url"],
        queue["CompletionQueue.Arn"],
        functions["CompletionFunction"].invoke,
        completion["BatchSize"],
        0,
    )
    running.enter_context(repeatedly("completions", take, _LOOK_S))
    running.enter_context(repeatedly("sweep", partial(functions["SweeperFunction"].invoke, b"{}"), _SWEEP_S))
    running.enter_context(door(_front_door(template, functions["ApiFunction"], front), port))
    running.callback(_tell_cold_starts, functions)
    outputs = {"TableName": TABLE, "BucketName": BUCKET, "CompletionTopicArn": queue["CompletionTopic"]}
    orders = paint_behind(running, logs, aws, outputs, painter)
    longest_wait = int(template.environment("ApiFunction")["OUTPAINT_MAX_WAIT"])
    another = partial(_another, template, _settings(template, "ApiFunction", artifact, aws), front, logs)
    return Deployment(public_url, outputs, orders, longest_wait, another)


@contextmanager
def _another(
    template: Template, like: FunctionSettings, front: FrontDoor, logs: Path, variables: Mapping[str, str]
) -> Iterator[str]:
    """An API function with other settings behind a front door of its own."""
    (port,) = free_ports(1)
    url = f"http://{LOOPBACK}:{port}"
    environment = {**like.environment, **variables, "OUTPAINT_PUBLIC_URL": url}
    function = Function(replace(like, name="OtherApiFunction", environment=environment), logs)
    try:
        with door(_front_door(template, function, front), port):
            yield url
    finally:
        function.close()


def _template(front: FrontDoor, public_url: str, made: dict[str, str]) -> Template:
    parameters = {
        "FrontDoor": front,
        "ExistingEndpoint": PAINTER,
        "RateLimit": RATE_LIMIT,
        "PublicUrl": public_url,
        # Behind a REST API it stays at the template's own, for that hangs up after 29 s.
        **({"SyncWait": SYNC_WAIT_S} if front == "FunctionUrl" else {}),
    }
    names = {
        "AWS::StackName": STACK,
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": "aws",
        "Table": TABLE,
        "Bucket": BUCKET,
    }
    return Template(ROOT / "template.yaml", parameters, {**names, **made}, made)


def _resources(session: Any, template: Template) -> dict[str, str]:
    """Make table, bucket, topic and queues in moto; their names and attributes, and the queue's url."""
    session.create_client("dynamodb").create_table(TableName=TABLE, **items.TABLE)
    s3 = session.create_client("s3")
    s3.create_bucket(Bucket=BUCKET)
    rules = template.properties("Bucket")["CorsConfiguration"]["CorsRules"]
    named = {"AllowedMethods", "AllowedOrigins", "AllowedHeaders"}
    cors = [{name: rule[name] for name in named} for rule in rules]
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": cors})
    sqs, sns = session.create_client("sqs"), session.create_client("sns")

    def arn(url: str) -> str:
        told: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return told

    dead = arn(sqs.create_queue(QueueName="dead-letters")["QueueUrl"])
    said = template.properties("CompletionQueue")
    attributes = {
        "VisibilityTimeout": str(said["VisibilityTimeout"]),
        "RedrivePolicy": f'{{"deadLetterTargetArn": "{dead}", '
        f'"maxReceiveCount": {said["RedrivePolicy"]["maxReceiveCount"]}}}',
    }
    url = sqs.create_queue(QueueName="completions", Attributes=attributes)["QueueUrl"]
    topic = sns.create_topic(Name="completions")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn(url))
    return {"url": url, "CompletionQueue.Arn": arn(url), "CompletionTopic": topic}


def _settings(template: Template, name: str, artifact: Artifact, aws: Aws) -> FunctionSettings:
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


def _front_door(template: Template, function: Function, front: FrontDoor) -> FunctionUrl | RestApi:
    if front == "FunctionUrl":
        return FunctionUrl(function.invoke)
    said = template.properties("RestApi")
    binary = frozenset(kind.replace("~1", "/") for kind in said["BinaryMediaTypes"])
    return RestApi(function.invoke, said["StageName"], "", binary, said["GatewayResponses"])


def _tell_cold_starts(functions: dict[str, Function]) -> None:
    for name, function in functions.items():
        say(f"  {name}: {function.cold_starts} cold starts")
