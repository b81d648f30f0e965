"""Deploys template.yaml into ministack: CloudFormation, Lambda, S3, DynamoDB, SNS and SQS in a process on loopback."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import yaml
from botocore.session import get_session

from local_cloud.gateways import HOP_BY_HOP, GatewayRequest, serve_gateway
from local_cloud.local_deployment import RATE_LIMIT, STACK, SYNC_WAIT_S, LocalDeployment
from local_cloud.processes import (
    LOOPBACK,
    PREPARE,
    ROOT,
    CloudError,
    architecture,
    free_ports,
    say,
    start,
    tail,
    version_of,
    wait_for,
)
from local_cloud.stand_ins import PAINTER, REGION, Aws, start_painter, start_sagemaker
from outpaint.functions.http.messages import Response

MINISTACK: Final = ROOT / ".venv" / "ministack" / "bin"
SAM: Final = ROOT / ".venv" / "cloud" / "bin" / "sam"
OTHER: Final = "outpaint-other"
"""The name of an API function with other settings."""
ACCOUNT: Final = "000000000000"
_ANSWER_S: Final = 660.0


def check_installed() -> None:
    """Raise `CloudError` where ministack or SAM is not there."""
    if not (SAM.exists() and (MINISTACK / "ministack").exists()):
        raise CloudError(f"ministack or SAM is not installed: {PREPARE}")


def deploy(running: ExitStack, folder: Path, painter: str) -> LocalDeployment:
    """Start ministack, deploy the template into it, and start the painting process of its endpoint.

    Raises `CloudError` where ministack or SAM is not installed, or fails.
    """
    check_installed()
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    scratch = running.enter_context(tempfile.TemporaryDirectory(prefix="outpaint-cloud-", ignore_cleanup_errors=True))
    cloud, sagemaker, front = free_ports(3)
    aws = Aws(f"http://{LOOPBACK}:{cloud}", f"http://{LOOPBACK}:{sagemaker}", ACCOUNT)
    running.enter_context(aws.adopted())

    say("starting ministack and the SageMaker mock")
    private = {"GATEWAY_PORT": str(cloud), "BIND_HOST": LOOPBACK, "MINISTACK_HOST": LOOPBACK, "TMPDIR": scratch}
    start(running, logs / "ministack.log", [str(MINISTACK / "ministack")], private)
    start_sagemaker(running, logs, aws)
    wait_for(f"{aws.address}/_ministack/health", logs / "ministack.log")

    say("building and deploying template.yaml")
    outputs = _sam(folder, logs / "sam.log", f"http://{LOOPBACK}:{front}")
    running.callback(_keep_logs, logs / "functions.log")
    url = running.enter_context(serve_gateway(_Relay(cloud, outputs["Url"]), front))
    orders = start_painter(running, logs, aws, outputs, painter)
    return LocalDeployment(url, outputs, orders, SYNC_WAIT_S, partial(_another, cloud))


@contextmanager
def _another(cloud: int, variables: Mapping[str, str]) -> Iterator[str]:
    """A second API function with other settings, and a Function URL of its own."""
    functions = get_session().create_client("lambda")
    formation = get_session().create_client("cloudformation")
    resource = formation.describe_stack_resource(StackName=STACK, LogicalResourceId="ApiFunction")
    like = functions.get_function(FunctionName=resource["StackResourceDetail"]["PhysicalResourceId"])
    settings, (port,) = like["Configuration"], free_ports(1)
    url = f"http://{LOOPBACK}:{port}"
    environment = {**settings["Environment"]["Variables"], **variables, "OUTPAINT_PUBLIC_URL": url}
    functions.create_function(
        FunctionName=OTHER,
        Code={"ZipFile": httpx.get(like["Code"]["Location"], trust_env=False).raise_for_status().content},
        Environment={"Variables": environment},
        **{name: settings[name] for name in ("Role", "Handler", "Runtime", "Timeout", "MemorySize", "Architectures")},
    )
    with ExitStack() as made:
        made.callback(functions.delete_function, FunctionName=OTHER)
        functions.get_waiter("function_active_v2").wait(FunctionName=OTHER)
        named = functions.create_function_url_config(FunctionName=OTHER, AuthType="NONE")["FunctionUrl"]
        # AWS deletes it with its function, ministack does not.
        made.callback(functions.delete_function_url_config, FunctionName=OTHER)
        made.enter_context(serve_gateway(_Relay(cloud, named), port))
        yield url


class _Relay:
    """Relays to a Function URL, whose host name is in no DNS: ministack finds it by the Host header."""

    def __init__(self, cloud: int, function_url: str) -> None:
        self._cloud = cloud
        # The URL that ministack gives has its port, the Host header that it expects has not.
        name = (urlsplit(function_url).hostname or "").partition(".")[0]
        self._host = f"{name}.lambda-url.{REGION}.on.aws"

    def __call__(self, request: GatewayRequest) -> Response:
        target = request.raw_path + (f"?{request.raw_query}" if request.raw_query else "")
        onward = http.client.HTTPConnection(LOOPBACK, self._cloud, timeout=_ANSWER_S)
        try:
            onward.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                if name.lower() not in HOP_BY_HOP | {"host", "expect"}:
                    onward.putheader(name, value)
            onward.putheader("Host", self._host)
            onward.putheader("Content-Length", str(len(request.body)))
            onward.endheaders(request.body)
            answer = onward.getresponse()
            return Response(answer.status, tuple(answer.getheaders()), answer.read())
        finally:
            onward.close()


def _sam(folder: Path, log: Path, public_url: str) -> dict[str, str]:
    """Build and deploy as one does for an account, by `sam build` and `sam deploy`; the stack's outputs."""
    build = folder / "sam"
    variables = {
        "SAM_CLI_TELEMETRY": "0",
        "FUNCTION_ARCHITECTURE": architecture(),
        "FUNCTION_PYTHON": version_of(MINISTACK / "python"),
    }
    parameters = {
        "FrontDoor": "FunctionUrl",
        "ApiConcurrency": 100,
        "ExistingEndpoint": PAINTER,
        "Architecture": architecture(),
        "SyncWait": SYNC_WAIT_S,
        "RateLimit": RATE_LIMIT,
        "PublicUrl": public_url,
    }
    overrides = [f"ParameterKey={name},ParameterValue={value}" for name, value in parameters.items()]
    config = ["--config-file", str(ROOT / "samconfig.toml")]
    stack = ["--stack-name", STACK, "--region", REGION, "--no-progressbar", "--parameter-overrides"]
    commands = (
        ["build", *config, "--build-dir", str(build)],
        ["deploy", *config, "--template-file", str(build / "template.yaml"), *stack, *overrides],
    )
    with log.open("wb") as file:
        for command in commands:
            began = time.monotonic()
            done = subprocess.run(  # noqa: S603 - SAM, with our arguments
                [str(SAM), *command],
                cwd=ROOT,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
            )
            if done.returncode != 0:
                raise CloudError(f"sam {command[0]} failed:\n{tail(log)}")
            say(f"  sam {command[0]}: {time.monotonic() - began:.1f} s")
            if command[0] == "build":
                _leave_out_what_ministack_cannot(build / "template.yaml")
    described = get_session().create_client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def _leave_out_what_ministack_cannot(built: Path) -> None:
    """Change the built template: ministack 1.5.33 deploys no alarm by metric math, and cuts no text in conditions."""
    template = yaml.safe_load(built.read_text(encoding="utf-8"))
    resources, conditions = template["Resources"], template["Conditions"]
    for name in [name for name, said in conditions.items() if "Fn::Split" in json.dumps(said)]:
        conditions[name] = {"Fn::Equals": ["taken", "for false"]}
        say(f"  taken for false, for ministack cuts no text in conditions: {name}")
    for name in [name for name, body in resources.items() if "Metrics" in body.get("Properties", {})]:
        del resources[name]
        say(f"  left out, for ministack has no metric math: {name}")
    built.write_text(yaml.safe_dump(template, sort_keys=False), encoding="utf-8")


def _keep_logs(path: Path) -> None:
    """Write what the functions have logged to a file: it is lost when ministack ends."""
    logs = get_session().create_client("logs")
    with path.open("w", encoding="utf-8") as file:
        for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
                file.write(f"{group['logGroupName']} {event['message'].rstrip()}\n")
