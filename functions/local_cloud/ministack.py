"""template.yaml in ministack: CloudFormation, Lambda, S3, DynamoDB, SNS and SQS of one process on loopback."""

from __future__ import annotations

import http.client
import os
import platform
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import yaml
from botocore.session import get_session
from outpaint_functions.http.messages import Response

from local_cloud.deployment import Deployment
from local_cloud.http_door import HOP_BY_HOP, Request, door
from local_cloud.processes import LOOPBACK, ROOT, CloudError, free_ports, say, start, tail, wait_for
from local_cloud.stand_ins import PAINTER, REGION, Aws, paint_behind, play_sagemaker

MINISTACK: Final = ROOT / ".venv" / "ministack" / "bin"
SAM: Final = ROOT / ".venv" / "cloud" / "bin" / "sam"
STACK: Final = "outpaint"
ACCOUNT: Final = "000000000000"
ARCHITECTURES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
SYNC_WAIT_S: Final = 600
RATE_LIMIT: Final = 100_000
"""Requests a minute: this stack is asked by one machine as fast as that can."""
_ANSWER_S: Final = 660.0


def deploy(running: ExitStack, folder: Path, painter: str) -> Deployment:
    """Start the cloud, deploy the template into it, and put the painting process behind its endpoint."""
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    scratch = running.enter_context(tempfile.TemporaryDirectory(prefix="outpaint-cloud-", ignore_cleanup_errors=True))
    cloud, sagemaker, front = free_ports(3)
    aws = Aws(f"http://{LOOPBACK}:{cloud}", f"http://{LOOPBACK}:{sagemaker}", ACCOUNT)
    aws.adopt()

    say("starting ministack and the SageMaker mock")
    private = {"GATEWAY_PORT": str(cloud), "BIND_HOST": LOOPBACK, "MINISTACK_HOST": LOOPBACK, "TMPDIR": scratch}
    start(running, logs / "ministack.log", [str(MINISTACK / "ministack")], private)
    play_sagemaker(running, logs, aws)
    wait_for(f"{aws.address}/_ministack/health", logs / "ministack.log")

    say("building and deploying template.yaml")
    outputs = _sam(folder, logs / "sam.log", f"http://{LOOPBACK}:{front}")
    running.callback(_keep_logs, logs / "functions.log")
    url_id = outputs["Url"].split("://", 1)[-1].split(".", 1)[0]
    relay = _Relay(cloud, f"{url_id}.lambda-url.{REGION}.on.aws")
    url = running.enter_context(door(relay, front))
    paint_behind(running, logs, aws, outputs, painter)
    return Deployment(url, outputs)


class _Relay:
    """The Function URL on a port of its own, for its name is in no DNS here: ministack goes by Host."""

    def __init__(self, cloud: int, host: str) -> None:
        self._cloud = cloud
        self._host = host

    def __call__(self, request: Request) -> Response:
        """What the function answers."""
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


def architecture() -> str:
    """What Lambda calls this machine's architecture."""
    known = ARCHITECTURES.get(platform.machine().lower())
    if known is None:
        raise CloudError(f"Lambda has no architecture {platform.machine()}")
    return known


def _sam(folder: Path, log: Path, public_url: str) -> dict[str, str]:
    """Build and deploy as `sam build && sam deploy` do for an account; the stack's outputs."""
    build = folder / "sam"
    ask = [str(MINISTACK / "python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    python = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - its version
    variables = {"SAM_CLI_TELEMETRY": "0", "FUNCTION_ARCHITECTURE": architecture(), "FUNCTION_PYTHON": python}
    parameters = {
        "FrontDoor": "FunctionUrl",
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
    """Take alarms by metric math out of the built template, and say so: ministack 1.5.33 fails a stack over them."""
    template = yaml.safe_load(built.read_text(encoding="utf-8"))
    resources = template["Resources"]
    for name in [name for name, body in resources.items() if "Metrics" in body.get("Properties", {})]:
        del resources[name]
        say(f"  left out, for ministack knows no metric math: {name}")
    built.write_text(yaml.safe_dump(template, sort_keys=False), encoding="utf-8")


def _keep_logs(path: Path) -> None:
    """Write what the functions have logged to a file, for it ends with the cloud."""
    logs = get_session().create_client("logs")
    with path.open("w", encoding="utf-8") as file:
        for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
                file.write(f"{group['logGroupName']} {event['message'].rstrip()}\n")
