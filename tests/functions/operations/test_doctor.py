"""`outpaint doctor --stack`: a sound stack passes, and each fault is told by its check, with what to do."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aws_answers import refusal
from local_cloud.transformed_template import source

from outpaint.functions.operations.checkup import Verdict
from outpaint.functions.operations.stack.role_checks import RIGHTS
from outpaint.functions.operations.stack.stack_checks import STACK_CHECKS

Run = Callable[..., tuple[int, str, str]]
ACCOUNT, REGION, STACK = "123456789012", "us-east-1", "sound"
PAINTER = f"{STACK}-painter"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
INSTANCE = "ml.g4dn.xlarge"
QUOTA = f"{INSTANCE} for endpoint usage"
INDEX = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "manifests": [
        {"digest": "sha256:" + "1" * 64, "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": "sha256:" + "2" * 64, "platform": {"os": "unknown", "architecture": "unknown"}},
    ],
}
FUNCTIONS = {"ApiFunction": "api", "CompletionFunction": "completion", "SweeperFunction": "sweeper"}


class Sound:
    """A stack with nothing wrong in it, and what a test plants there until its end."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.parameters = {"MaxInstances": "2", "LogRetentionDays": "30", "AlarmEmail": "ops@example.com"}
        self.parameters |= {"CreditsPerImage": "1", "SyncWait": "24", "OperatorSettings": "true"}
        self.resources: dict[str, tuple[str, str]] = {}
        self.url = "http://127.0.0.1:1"
        self._make()
        self.answers = {
            "ListStackResources": self._listed,
            "DescribeStacks": self._described,
            "DescribeStackEvents": {"StackEvents": []},
            "ListServiceQuotas": {"Quotas": [{"QuotaName": QUOTA, "QuotaCode": "L-1", "Value": 4.0}]},
            "ListAWSDefaultServiceQuotas": {"Quotas": []},
            "GetAccountSettings": {
                "AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}
            },
            "GetParameters": {"Parameters": []},
            "SimulatePrincipalPolicy": _allowed,
            "DescribeScalingActivities": {"ScalingActivities": []},
        }
        aws.answers.update(self.answers)

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def _described(self, _: Any) -> dict[str, Any]:
        outputs = {**self.outputs, "Url": self.url}
        return {
            "Stacks": [
                {
                    "StackName": STACK,
                    "StackStatus": "UPDATE_COMPLETE",
                    "CreationTime": datetime.now(UTC),
                    "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
                    "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()],
                }
            ]
        }

    def _listed(self, _: Any) -> dict[str, Any]:
        return {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": name,
                    "ResourceType": type_,
                    "PhysicalResourceId": id_,
                    "ResourceStatus": "CREATE_COMPLETE",
                }
                for name, (type_, id_) in self.resources.items()
            ]
        }

    def _make(self) -> None:
        (stack,) = self.client("cloudformation").describe_stacks(StackName="painting")["Stacks"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        self.outputs["EndpointName"] = PAINTER
        table, bucket = self.outputs["TableName"], self.outputs["BucketName"]
        self.client("dynamodb").update_continuous_backups(
            TableName=table,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7},
        )
        s3 = self.client("s3")
        s3.put_bucket_lifecycle_configuration(
            Bucket=bucket,
            LifecycleConfiguration={
                "Rules": [{"ID": "a-day", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
            },
        )
        private = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(private, True))
        s3.create_bucket(Bucket="weights")
        files = [{"path": "unet/model.safetensors", "bytes": 3, "sha256": "0" * 64}]
        manifest = {"name": "klein", "licence": "none", "files": files}
        s3.put_object(Bucket="weights", Key="klein/unet/model.safetensors", Body=b"abc")
        s3.put_object(Bucket="weights", Key="klein/outpaint-model.json", Body=json.dumps(manifest))
        queue, topic = self.outputs["CompletionQueueUrl"], self.outputs["CompletionTopicArn"]
        policy = {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
                }
            ]
        }
        sqs = self.client("sqs")
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
        self.queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self._make_functions()
        for name in (
            *(f"/aws/lambda/{STACK}-{each}" for each in FUNCTIONS.values()),
            f"/aws/sagemaker/Endpoints/{PAINTER}",
        ):
            self.client("logs").create_log_group(logGroupName=name)
            self.client("logs").put_retention_policy(logGroupName=name, retentionInDays=30)
        self.client("scheduler").create_schedule(
            Name="sweep",
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:lambda:us-east-1:123456789012:function:sound-sweeper", "RoleArn": self.role},
        )
        self.resources["SweeperFunctionEveryMinute"] = ("AWS::Scheduler::Schedule", "sweep")
        self._make_alarms()
        self._make_endpoint()

    def _make_functions(self) -> None:
        trust = {
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ]
        }
        made = self.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(trust))
        self.role = made["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as file:
            file.writestr("a.py", "")
        for logical_id, name in FUNCTIONS.items():
            self.client("lambda").create_function(
                FunctionName=f"{STACK}-{name}",
                Runtime="python3.13",
                Role=self.role,
                Handler="a.b",
                Code={"ZipFile": code.getvalue()},
                Publish=True,
            )
            self.resources[logical_id] = ("AWS::Lambda::Function", f"{STACK}-{name}")
        self.client("lambda").create_alias(FunctionName=f"{STACK}-api", Name="live", FunctionVersion="1")
        self.trigger = self.client("lambda").create_event_source_mapping(
            FunctionName=f"{STACK}-completion", EventSourceArn=self.queue_arn, Enabled=True
        )["UUID"]
        for name in ("Api", "Completion", "Sweeper", "Painter"):
            self.resources[f"{name}Role"] = ("AWS::IAM::Role", f"{STACK}-{name}")

    def _make_alarms(self) -> None:
        topic = self.client("sns").create_topic(Name="alarms")["TopicArn"]
        self.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
        self.resources["AlarmTopic"] = ("AWS::SNS::Topic", topic)
        for logical_id, action in (("BacklogAlarm", topic), ("AsyncIsIdle", "arn:aws:autoscaling:us-east-1:1:policy")):
            self.client("cloudwatch").put_metric_alarm(
                AlarmName=f"{STACK}-{logical_id}",
                ComparisonOperator="GreaterThanThreshold",
                EvaluationPeriods=1,
                MetricName="m",
                Namespace="n",
                Period=60,
                Statistic="Sum",
                Threshold=1,
                AlarmActions=[action],
            )
            self.resources[logical_id] = ("AWS::CloudWatch::Alarm", f"{STACK}-{logical_id}")

    def _make_endpoint(self) -> None:
        ecr = self.client("ecr")
        ecr.create_repository(repositoryName="painter")
        pushed = ecr.put_image(repositoryName="painter", imageManifest=json.dumps(INDEX), imageTag="one")
        self.digest = pushed["image"]["imageId"]["imageDigest"]
        weights = {
            "S3DataSource": {"S3Uri": "s3://weights/klein/", "S3DataType": "S3Prefix", "CompressionType": "None"}
        }
        sagemaker = self.client("sagemaker")
        sagemaker.create_model(
            ModelName="model",
            PrimaryContainer={
                "Image": f"{REGISTRY}/painter@{self.digest}",
                "ModelDataSource": weights,
                "Environment": {"OUTPAINT_PAINTER": "klein"},
            },
            ExecutionRoleArn=self.role,
        )
        variant = {
            "VariantName": "painter",
            "ModelName": "model",
            "InstanceType": INSTANCE,
            "InitialInstanceCount": 1,
            "InitialVariantWeight": 1.0,
        }
        bucket, topic = self.outputs["BucketName"], self.outputs["CompletionTopicArn"]
        output = {
            "S3OutputPath": f"s3://{bucket}/outcomes/done/",
            "S3FailurePath": f"s3://{bucket}/outcomes/failed/",
            "NotificationConfig": {"SuccessTopic": topic, "ErrorTopic": topic},
        }
        sagemaker.create_endpoint_config(
            EndpointConfigName="config",
            ProductionVariants=[variant],
            AsyncInferenceConfig={"OutputConfig": output},
        )
        sagemaker.create_endpoint(EndpointName=PAINTER, EndpointConfigName="config")
        self.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=f"endpoint/{PAINTER}/variant/painter",
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            MinCapacity=0,
            MaxCapacity=2,
        )
        self.resources["AsyncTarget"] = ("AWS::ApplicationAutoScaling::ScalableTarget", "target")


def _allowed(body: dict[str, str], *, but: str = "") -> dict[str, Any]:
    actions = [value for name, value in sorted(body.items()) if name.startswith("ActionNames")]
    return {
        "EvaluationResults": [
            {"EvalActionName": action, "EvalDecision": "implicitDeny" if action == but else "allowed"}
            for action in actions
        ]
    }


@pytest.fixture(scope="module")
def made(stack_in_moto: Callable[..., Any]) -> Iterator[Sound]:
    with pytest.MonkeyPatch.context() as patch, stack_in_moto(patch) as aws, health(200) as url:
        sound = Sound(aws)
        sound.url = url
        yield sound


@pytest.fixture
def sound(made: Sound) -> Iterator[Sound]:
    """The stack of the module, with nothing planted."""
    yield made
    made.aws.answers.clear()
    made.aws.answers.update(made.answers)
    made.aws.changes.clear()


@contextmanager
def health(status: int) -> Iterator[str]:
    """A server whose every GET is answered so: its address."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # An image's configuration, of the architecture that the path says.
            body = json.dumps({"os": "linux", "architecture": self.path.lstrip("/")}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with serving(Answers) as url:
        yield url


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def checked(run: Run, name: str) -> tuple[int, dict[str, str]]:
    """One check's exit code and finding."""
    code, out, err = run("doctor", "--stack", STACK, "--check", name, "--json")
    assert err == ""
    (finding,) = json.loads(out)["checks"]
    return code, finding


Plant = Callable[[Sound], None]


def answered(operation: str, answer: Any) -> Plant:
    """AWS answers an operation so."""
    return lambda sound: sound.aws.answers.update({operation: answer})


def changed(operation: str, change: Callable[[dict[str, Any]], object]) -> Plant:
    """AWS answers an operation as for a sound stack, but for one change."""
    return lambda sound: sound.aws.changes.update({operation: change})


def variant(**said: Any) -> Plant:
    return changed("DescribeEndpointConfig", lambda answer: answer["ProductionVariants"][0].update(said))


def container(**said: Any) -> Plant:
    return changed("DescribeModel", lambda answer: answer["PrimaryContainer"].update(said))


def without_weights(painter: str) -> Plant:
    def change(answer: dict[str, Any]) -> None:
        del answer["PrimaryContainer"]["ModelDataSource"]
        answer["PrimaryContainer"]["Environment"]["OUTPAINT_PAINTER"] = painter

    return changed("DescribeModel", change)


def set_by_operator(**values: str) -> Plant:
    """An operator's parameters."""
    found = [{"Name": f"/{STACK}/{name}", "Value": value} for name, value in values.items()]
    return answered("GetParameters", {"Parameters": found})


def quota(value: float, name: str = QUOTA) -> dict[str, Any]:
    return {"Quotas": [{"QuotaName": name, "QuotaCode": "L-1", "Value": value}]}


def status(stack_status: str, *events: tuple[str, str, str]) -> Plant:
    """The stack's status, and its events (logical id, status, reason), the newest first."""

    def plant(sound: Sound) -> None:
        listed = [
            {"LogicalResourceId": name, "ResourceStatus": state, "ResourceStatusReason": reason}
            for name, state, reason in events
        ]
        sound.aws.answers["DescribeStackEvents"] = {"StackEvents": listed}
        sound.aws.changes["DescribeStacks"] = lambda answer: answer["Stacks"][0].update(StackStatus=stack_status)

    return plant


def manifest_of(architecture: str, address: str | None = None) -> Plant:
    """The image is one for one platform, which its configuration tells; ECR gives that by an address."""

    def plant(sound: Sound) -> None:
        one = {"schemaVersion": 2, "config": {"digest": "sha256:c"}}
        sound.aws.answers["BatchGetImage"] = {"images": [{"imageManifest": json.dumps(one)}]}
        sound.aws.answers["GetDownloadUrlForLayer"] = {"downloadUrl": f"{address or sound.url}/{architecture}"}

    return plant


def index_of(*architectures: str) -> Plant:
    listed = [{"platform": {"os": "linux", "architecture": each}} for each in architectures]
    return answered("BatchGetImage", {"images": [{"imageManifest": json.dumps({"manifests": listed})}]})


def refused_right(action: str, **more: Any) -> Plant:
    def simulate(body: dict[str, str]) -> dict[str, Any]:
        answer = _allowed(body, but=action)
        for each in answer["EvaluationResults"]:
            if each["EvalDecision"] != "allowed":
                each.update(more)
        return answer

    return answered("SimulatePrincipalPolicy", simulate)


def activity(code: str, message: str) -> Plant:
    return answered(
        "DescribeScalingActivities", {"ScalingActivities": [{"StatusCode": code, "StatusMessage": message}]}
    )


def each_alarm(**said: Any) -> Plant:
    return changed("DescribeAlarms", lambda answer: [alarm.update(said) for alarm in answer["MetricAlarms"]])


def without(*logical_ids: str) -> Plant:
    """Resources that the stack has not any more."""

    def change(answer: dict[str, Any]) -> None:
        answer["StackResourceSummaries"] = [
            each for each in answer["StackResourceSummaries"] if each["LogicalResourceId"] not in logical_ids
        ]

    return changed("ListStackResources", change)


def subscriptions(**said: Any) -> Plant:
    return changed("ListSubscriptionsByTopic", lambda answer: [each.update(said) for each in answer["Subscriptions"]])


FAULT, WARNING, NOT_CHECKED, OK = Verdict.FAULT, Verdict.WARNING, Verdict.NOT_CHECKED, Verdict.OK
# The check, what is wrong, its verdict, what it says, and what is to be done.
FAULTS: dict[str, tuple[str, Plant, Verdict, str, str]] = {
    "a deployment was taken back": (
        "stack",
        status(
            "UPDATE_ROLLBACK_COMPLETE",
            ("Model", "UPDATE_FAILED", "Resource update cancelled"),
            ("AsyncEndpoint", "UPDATE_FAILED", "ResourceLimitExceeded: 0 Instances"),
            (STACK, "UPDATE_IN_PROGRESS", "User Initiated"),
            ("Old", "UPDATE_FAILED", "of another time"),
        ),
        WARNING,
        "AsyncEndpoint: ResourceLimitExceeded",
        "deploy again",
    ),
    "a deployment hangs": (
        "stack",
        status("UPDATE_ROLLBACK_FAILED"),
        FAULT,
        "tell no reason",
        "continue-update-rollback",
    ),
    "a stack that could not be deleted": (
        "stack",
        status("DELETE_FAILED", ("Bucket", "DELETE_FAILED", "not empty")),
        FAULT,
        "Bucket: not empty",
        "mend that",
    ),
    "a deployment goes on": ("stack", status("UPDATE_IN_PROGRESS"), WARNING, "UPDATE_IN_PROGRESS", "wait"),
    "a quota of none": (
        "quota",
        answered("ListServiceQuotas", quota(0)),
        FAULT,
        "is 0, and 2 may run",
        "--desired-value 4",
    ),
    "too small a quota": ("quota", answered("ListServiceQuotas", quota(1)), FAULT, "is 1", "--quota-code L-1"),
    "no quota to spare": ("quota", answered("ListServiceQuotas", quota(3)), WARNING, "before the old one", "L-1"),
    "a default quota": (
        "quota",
        lambda sound: sound.aws.answers.update(ListServiceQuotas={"Quotas": []}, ListAWSDefaultServiceQuotas=quota(0)),
        FAULT,
        "is 0",
        "request-service-quota-increase",
    ),
    "an unknown quota": ("quota", answered("ListServiceQuotas", quota(4, "ml.other")), NOT_CHECKED, "knows no", ""),
    "few functions at a time": (
        "lambda-concurrency",
        changed(
            "GetAccountSettings",
            lambda answer: answer.update(
                AccountLimit={"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}
            ),
        ),
        WARNING,
        "10 functions may run",
        "--service-code lambda",
    ),
    "an operator's price that is none": (
        "settings",
        set_by_operator(credits_per_image="two"),
        FAULT,
        "/credits_per_image is no value, the deployment's holds",
        "aws ssm put-parameter --overwrite",
    ),
    "an operator's wait that is too long": (
        "settings",
        set_by_operator(credits_per_image="2", sync_wait="25"),
        FAULT,
        "/sync_wait is no value, the deployment's holds: a wait may last 24 s here",
        "aws ssm put-parameter --overwrite",
    ),
    "no such image": ("image", answered("BatchGetImage", {"images": []}), FAULT, "ECR has no", "push it again"),
    "no such repository": (
        "image",
        answered("BatchGetImage", refusal("RepositoryNotFoundException")),
        FAULT,
        "ECR has no",
        "push",
    ),
    "an image for ARM": ("image", index_of("arm64"), FAULT, "for linux/arm64, ml.g4dn.xlarge is amd64", "linux/amd64"),
    "an image for Intel on Graviton": (
        "image",
        variant(InstanceType="ml.g5g.xlarge"),
        FAULT,
        "for linux/amd64",
        "linux/arm64",
    ),
    "one image for ARM": ("image", manifest_of("arm64"), FAULT, "for linux/arm64", "build it for linux/amd64"),
    "one image for Intel": ("image", manifest_of("amd64"), OK, "painter is there for linux/amd64", ""),
    "an image whose configuration is out of reach": (
        "image",
        manifest_of("amd64", "http://127.0.0.1:1"),
        NOT_CHECKED,
        "cannot be fetched from here",
        "",
    ),
    "an image of elsewhere": (
        "image",
        container(Image="docker.io/painter:1"),
        FAULT,
        "no image in ECR",
        "push it to ECR",
    ),
    "an image of another region": (
        "image",
        container(Image=f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/painter@sha256:1"),
        FAULT,
        "is in eu-west-1",
        "push it to us-east-1",
    ),
    "an image by a tag": ("image", container(Image=f"{REGISTRY}/painter:one"), WARNING, "by the tag one", "@sha256"),
    "weights in no bucket": (
        "model-data",
        answered("HeadBucket", refusal("404")),
        FAULT,
        "no bucket weights",
        "ModelData",
    ),
    "weights in another region": (
        "model-data",
        changed(
            "HeadBucket",
            lambda answer: (
                answer["ResponseMetadata"].setdefault("HTTPHeaders", {}).update({"x-amz-bucket-region": "eu-west-1"})
            ),
        ),
        FAULT,
        "weights is in eu-west-1",
        "into a bucket in us-east-1",
    ),
    "no weights": (
        "model-data",
        container(ModelDataSource={"S3DataSource": {"S3Uri": "s3://weights/other/"}}),
        FAULT,
        "s3://weights/other/ is empty",
        "aws s3 cp --recursive",
    ),
    "weights without a manifest": (
        "model-data",
        container(ModelDataSource={"S3DataSource": {"S3Uri": "s3://weights/klein/unet/"}}),
        FAULT,
        "has no outpaint-model.json",
        "write it",
    ),
    "weights with a manifest that is none": (
        "model-data",
        changed("GetObject", lambda answer: answer.update(Body=io.BytesIO(b'{"files": "many"}'))),
        FAULT,
        "outpaint-model.json of s3://weights/klein/ is no manifest",
        "write it again",
    ),
    "weights cut short": (
        "model-data",
        changed("ListObjectsV2", lambda answer: [each.update(Size=2) for each in answer["Contents"]]),
        FAULT,
        "unet/model.safetensors of s3://weights/klein/ is missing or cut short",
        "aws s3 cp",
    ),
    "a manifest that is none": (
        "model-data",
        changed("GetObject", lambda answer: answer.update(Body=io.BytesIO(b'{"files": 3}'))),
        FAULT,
        "outpaint-model.json of s3://weights/klein/ is no manifest",
        "write it again",
    ),
    "weights of another release among them": (
        "model-data",
        changed(
            "ListObjectsV2",
            lambda answer: answer["Contents"].extend(
                [{"Key": "klein/unet/old.safetensors", "Size": 3}, {"Key": "klein/unet/", "Size": 0}]
            ),
        ),
        FAULT,
        "unet/old.safetensors of s3://weights/klein/ is not in outpaint-model.json",
        "aws s3 rm s3://weights/klein/unet/old.safetensors",
    ),
    "klein without weights": (
        "model-data",
        without_weights("klein"),
        WARNING,
        "klein has no ModelData",
        "deploy ModelData",
    ),
    "patch without weights": ("model-data", without_weights("patch"), OK, "the image holds the weights, if any", ""),
    "an endpoint that failed": (
        "endpoint",
        changed("DescribeEndpoint", lambda answer: answer.update(EndpointStatus="Failed", FailureReason="CUDA 11.4")),
        FAULT,
        "has failed: CUDA 11.4",
        "endpoint logs",
    ),
    "an endpoint in the making": (
        "endpoint",
        changed("DescribeEndpoint", lambda answer: answer.update(EndpointStatus="Creating")),
        WARNING,
        "is Creating",
        "wait",
    ),
    "a change that failed": (
        "endpoint",
        changed("DescribeEndpoint", lambda answer: answer.update(FailureReason="no ping")),
        WARNING,
        "its last change failed: no ping",
        "deploy again",
    ),
    "no endpoint": (
        "endpoint",
        answered(
            "DescribeEndpoint",
            refusal("ValidationException", operation="DescribeEndpoint", message='Could not find endpoint "x".'),
        ),
        FAULT,
        "what DescribeEndpoint asks for is gone",
        "deploy the stack again",
    ),
    "outcomes written elsewhere": (
        "endpoint-output",
        changed(
            "DescribeEndpointConfig",
            lambda answer: answer["AsyncInferenceConfig"]["OutputConfig"].update(S3FailurePath="s3://other/failed/"),
        ),
        FAULT,
        "S3FailurePath of sound-painter is s3://other/failed/",
        "docs/endpoint.md",
    ),
    "another topic": (
        "endpoint-output",
        changed(
            "DescribeEndpointConfig",
            lambda answer: answer["AsyncInferenceConfig"]["OutputConfig"].update(
                NotificationConfig={"SuccessTopic": "t"}
            ),
        ),
        FAULT,
        "SuccessTopic of sound-painter is t",
        "docs/endpoint.md",
    ),
    "no asynchronous endpoint": (
        "endpoint-output",
        changed("DescribeEndpointConfig", lambda answer: answer.pop("AsyncInferenceConfig")),
        FAULT,
        "takes no asynchronous jobs",
        "docs/endpoint.md",
    ),
    "no scaling": (
        "scaling",
        changed("DescribeScalableTargets", lambda answer: answer.update(ScalableTargets=[])),
        FAULT,
        "does not scale",
        "deploy the stack again",
    ),
    "scaling switched off": (
        "scaling",
        changed(
            "DescribeScalableTargets",
            lambda answer: answer["ScalableTargets"][0].update(SuspendedState={"DynamicScalingOutSuspended": True}),
        ),
        FAULT,
        "is suspended",
        "register-scalable-target --service-namespace sagemaker --resource-id endpoint/sound-painter/variant/",
    ),
    "scaled to none": (
        "scaling",
        changed("DescribeScalableTargets", lambda answer: answer["ScalableTargets"][0].update(MaxCapacity=0)),
        FAULT,
        "may run no instance",
        "outpaint endpoint scale 0 2 --stack sound",
    ),
    "scaling that failed": (
        "scaling",
        activity("Failed", "limit is 0"),
        FAULT,
        "last scaling failed: limit is 0",
        "quota",
    ),
    "scaled by hand": (
        "scaling",
        changed("DescribeScalableTargets", lambda answer: answer["ScalableTargets"][0].update(MaxCapacity=5)),
        WARNING,
        "MaxInstances is 2",
        "next deployment",
    ),
    "a role that lacks a right": (
        "roles",
        refused_right("sns:Publish"),
        FAULT,
        "PainterRole may not sns:Publish on arn:aws:sns:us-east-1:123456789012:completions",
        "deploy the stack again",
    ),
    "an organization that forbids": (
        "roles",
        refused_right("sagemaker:InvokeEndpointAsync", OrganizationsDecisionDetail={"AllowedByOrganizations": False}),
        FAULT,
        "by the organization's policy",
        "ask who looks after the account",
    ),
    "a boundary that forbids": (
        "roles",
        refused_right("s3:PutObject", PermissionsBoundaryDecisionDetail={"AllowedByPermissionsBoundary": False}),
        FAULT,
        "by its permissions boundary (and 4 more)",
        "ask",
    ),
    "roles that may not be asked about": (
        "roles",
        answered("SimulatePrincipalPolicy", refusal("AccessDenied")),
        NOT_CHECKED,
        "may not simulate",
        "iam:SimulatePrincipalPolicy",
    ),
    "a function that cannot run": (
        "functions",
        changed("GetFunctionConfiguration", lambda answer: answer.update(State="Failed", StateReason="no image")),
        FAULT,
        "sound-api cannot run: no image (and 2 more)",
        "deploy the stack again",
    ),
    "a function whose change failed": (
        "functions",
        changed("GetFunctionConfiguration", lambda answer: answer.update(LastUpdateStatus="Failed")),
        FAULT,
        "the last change of sound-api failed",
        "deploy the stack again",
    ),
    "a function without its snapshot": (
        "functions",
        changed(
            "GetFunctionConfiguration",
            lambda answer: answer.update(SnapStart={"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}),
        ),
        WARNING,
        "no snapshot",
        "SnapStart=None",
    ),
    "a function that is gone": (
        "functions",
        answered(
            "GetFunctionConfiguration", refusal("ResourceNotFoundException", operation="GetFunctionConfiguration")
        ),
        FAULT,
        "what GetFunctionConfiguration asks for is gone",
        "deploy",
    ),
    "a table that forgets nothing": (
        "table",
        answered("DescribeTimeToLive", {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}),
        FAULT,
        "deletes nothing by itself",
        "update-time-to-live --table-name outpaint",
    ),
    "a table that cannot be restored": (
        "table",
        answered("DescribeContinuousBackups", {"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED"}}),
        WARNING,
        "cannot be restored",
        "deploy",
    ),
    "an index in the making": (
        "table",
        changed(
            "DescribeTable", lambda answer: answer["Table"]["GlobalSecondaryIndexes"][0].update(IndexStatus="CREATING")
        ),
        FAULT,
        "is CREATING",
        "wait",
    ),
    "a table that is gone": (
        "table",
        answered("DescribeTable", refusal("ResourceNotFoundException")),
        FAULT,
        "is gone",
        "deploy",
    ),
    "a bucket that forgets nothing": (
        "bucket",
        answered("GetBucketLifecycleConfiguration", refusal("NoSuchLifecycleConfiguration")),
        FAULT,
        "keeps pictures for ever",
        "deploy",
    ),
    "a bucket that forgets some": (
        "bucket",
        changed(
            "GetBucketLifecycleConfiguration", lambda answer: answer["Rules"][0].update(Filter={"Prefix": "inputs/"})
        ),
        FAULT,
        "no rule expires all",
        "deploy",
    ),
    "a bucket with versions": (
        "bucket",
        answered("GetBucketVersioning", {"Status": "Enabled"}),
        FAULT,
        "keeps versions",
        "suspend its versioning",
    ),
    "a bucket open to the public": (
        "bucket",
        answered("GetPublicAccessBlock", refusal("NoSuchPublicAccessBlockConfiguration")),
        FAULT,
        "opened to the public",
        "deploy",
    ),
    "no subscription": (
        "completions",
        answered("ListSubscriptionsByTopic", {"Subscriptions": []}),
        FAULT,
        "jobs end by the sweep alone",
        "deploy",
    ),
    "a subscription that waits": (
        "completions",
        subscriptions(SubscriptionArn="PendingConfirmation"),
        FAULT,
        "is PendingConfirmation",
        "deploy",
    ),
    "a queue that lets nobody in": (
        "completions",
        changed("GetQueueAttributes", lambda answer: answer["Attributes"].pop("Policy")),
        FAULT,
        "does not let the topic write",
        "deploy",
    ),
    "a trigger switched off": (
        "completions",
        changed("ListEventSourceMappings", lambda answer: answer["EventSourceMappings"][0].update(State="Disabled")),
        FAULT,
        "its trigger is Disabled",
        "aws lambda update-event-source-mapping --uuid ",
    ),
    "no trigger": (
        "completions",
        answered("ListEventSourceMappings", {"EventSourceMappings": []}),
        FAULT,
        "its trigger is gone",
        "deploy",
    ),
    "dead letters": (
        "dead-letters",
        changed("GetQueueAttributes", lambda answer: answer["Attributes"].update(ApproximateNumberOfMessages="3")),
        WARNING,
        "ends of 3 jobs",
        "outpaint endpoint dead-letters --stack sound",
    ),
    "a schedule switched off": (
        "sweep",
        changed("GetSchedule", lambda answer: answer.update(State="DISABLED")),
        FAULT,
        "is DISABLED",
        "switch sweep on",
    ),
    "no schedule": ("sweep", without("SweeperFunctionEveryMinute"), FAULT, "nothing starts the sweep", "deploy"),
    "a log without an end": (
        "logs",
        changed("DescribeLogGroups", lambda answer: [each.pop("retentionInDays") for each in answer["logGroups"]]),
        WARNING,
        "/aws/lambda/sound-api is kept for ever (and 3 more)",
        "--retention-in-days 30",
    ),
    "no log": ("logs", answered("DescribeLogGroups", {"logGroups": []}), WARNING, "no log group", "deploy"),
    "an alarm that went off": (
        "alarms",
        each_alarm(StateValue="ALARM"),
        WARNING,
        "BacklogAlarm went off",
        "docs/deploy.md#backlogalarm",
    ),
    "an alarm that does nothing": (
        "alarms",
        each_alarm(ActionsEnabled=False),
        WARNING,
        "does nothing",
        "enable-alarm-actions --alarm-names ",
    ),
    "an alarm that is gone": ("alarms", answered("DescribeAlarms", {"MetricAlarms": []}), FAULT, "is gone", "deploy"),
    "nobody is told": (
        "alarm-mail",
        answered("ListSubscriptionsByTopic", {"Subscriptions": []}),
        WARNING,
        "nobody",
        "AlarmEmail",
    ),
    "somebody has not agreed": (
        "alarm-mail",
        subscriptions(SubscriptionArn="PendingConfirmation"),
        WARNING,
        "ops@example.com has not agreed",
        "open the link",
    ),
    "a call that is not allowed": (
        "lambda-concurrency",
        answered("GetAccountSettings", refusal("AccessDeniedException", operation="GetAccountSettings")),
        NOT_CHECKED,
        "may not call GetAccountSettings",
        "these take lambda:GetAccountSettings",
    ),
    "an answer that nobody has foreseen": (
        "table",
        changed("DescribeTable", lambda answer: answer["Table"].pop("TableStatus")),
        NOT_CHECKED,
        "not as this release expects it (KeyError: 'TableStatus')",
        "",
    ),
    "a service that does not answer": (
        "table",
        answered("DescribeTable", refusal("ThrottlingException", operation="DescribeTable")),
        NOT_CHECKED,
        "try again in a minute",
        "",
    ),
}


ONLY_SOMETIMES = ("DescribeStackEvents", "ListAWSDefaultServiceQuotas", "GetDownloadUrlForLayer", "ListStackResources")
# What IAM calls an operation where it has another name for it.
ACTIONS = {
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
}


def test_a_sound_stack_passes_by_the_rights_that_are_listed(run: Run, sound: Sound) -> None:
    for check in STACK_CHECKS:
        sound.aws.calls.clear()
        code, finding = checked(run, check.name)
        assert (code, finding["name"], finding["verdict"], finding["todo"]) == (0, check.name, "ok", ""), finding
        needed = {ACTIONS.get(call, call) for call in sound.aws.calls} - {"DescribeStacks"}
        listed = {right.partition(":")[2] for right in check.rights} - {"DescribeStacks"}
        assert needed <= listed, check.name
        # What only a fault takes, or a stack of an older account.
        assert listed - needed <= set(ONLY_SOMETIMES), check.name


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told_with_the_way_out(run: Run, sound: Sound, name: str) -> None:
    check, plant, verdict, says, todo = FAULTS[name]
    plant(sound)
    code, finding = checked(run, check)
    assert (finding["name"], finding["verdict"]) == (check, verdict), finding
    assert says in finding["says"]
    assert todo in finding["todo"]
    assert bool(finding["todo"]) is bool(todo)
    assert code == (1 if verdict is FAULT else 0)


def test_every_check_has_its_fault() -> None:
    planted = {check for check, _, verdict, _, _ in FAULTS.values() if verdict is not OK}
    assert planted | {"front-door"} == {check.name for check in STACK_CHECKS}


def test_a_door_that_is_shut_is_told(run: Run, sound: Sound) -> None:
    with health(503) as url:
        sound.aws.changes["DescribeStacks"] = _url(url)
        code, finding = checked(run, "front-door")
    assert (code, finding["verdict"], finding["says"]) == (1, "fault", f"{url}/health answers 503")
    assert "aws logs tail /aws/lambda/sound-api" in finding["todo"]
    code, finding = checked(run, "front-door")
    assert (code, finding["verdict"], "cannot be reached" in finding["says"]) == (0, "not checked", True)


def _url(url: str) -> Callable[[dict[str, Any]], object]:
    # A Function URL ends with a slash.
    return lambda answer: [
        each.update(OutputValue=url + "/") for each in answer["Stacks"][0]["Outputs"] if each["OutputKey"] == "Url"
    ]


def test_all_of_it_is_printed_as_it_is_found(run: Run, sound: Sound) -> None:
    answered("ListServiceQuotas", quota(0))(sound)
    code, out, err = run("doctor", "--stack", STACK)
    lines = out.splitlines()
    assert (code, err) == (1, "")
    assert [line.split()[1] for line in lines if line.startswith(("ok", "fault"))] == [
        each.name for each in STACK_CHECKS
    ]
    asked = next(number for number, line in enumerate(lines) if line.startswith("fault"))
    assert lines[asked + 1].strip().startswith("-> aws service-quotas request-service-quota-increase")
    assert lines[-1] == f"{len(STACK_CHECKS) - 1} ok, 1 fault"


def test_a_first_deployment_that_failed_is_told_why(run: Run, sound: Sound) -> None:
    status("ROLLBACK_COMPLETE", ("AsyncEndpoint", "CREATE_FAILED", "0 Instances"), (STACK, "CREATE_IN_PROGRESS", ""))(
        sound
    )
    code, out, err = run("doctor", "--stack", STACK)
    assert (code, out) == (3, "")
    assert "first deployment of the stack sound failed (ROLLBACK_COMPLETE): AsyncEndpoint: 0 Instances" in err


def test_a_check_that_is_none_is_told(run: Run, sound: Sound) -> None:
    code, _, err = run("doctor", "--stack", STACK, "--check", "quotas")
    assert (code, "choose of stack, quota, lambda-concurrency" in err) == (2, True)


def test_the_rights_that_are_simulated_are_those_of_the_template() -> None:
    given: dict[str, set[str]] = {}
    for name, body in source()["Resources"].items():
        if body["Type"] != "AWS::IAM::Role" or "Policies" not in body["Properties"]:
            continue
        (policy,) = body["Properties"]["Policies"]
        for said in policy["PolicyDocument"]["Statement"]:
            actions = (said["Fn::If"][1] if "Fn::If" in said else said)["Action"]
            given.setdefault(name, set()).update([actions] if isinstance(actions, str) else actions)
    simulated: dict[str, set[str]] = {}
    for right in RIGHTS:
        simulated.setdefault(right.role, set()).update(right.actions)
    # What SageMaker does beside, for itself.
    given["PainterRole"] -= {
        "cloudwatch:PutMetricData",
        "ecr:BatchCheckLayerAvailability",
        "logs:DescribeLogStreams",
    }
    assert simulated == given
