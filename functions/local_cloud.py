"""Deploys template.yaml into a cloud on this machine, and outpaints the sample photo through it.

    python functions/local_cloud.py [--output FOLDER] [--painter migan] [--wire [PYTEST_ARGUMENT ...]]

Everything runs here and on loopback alone: ministack plays CloudFormation, Lambda, S3, DynamoDB, SNS and SQS; our
SageMaker mock plays the endpoint, and the painting container's own process answers behind it. Lambda runs the built
package, on the Python of ministack's environment. `make cloud` and `make test-cloud` prepare what this needs.
"""

from __future__ import annotations

import argparse
import http.client
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import yaml  # type: ignore[import-untyped]
from botocore.session import get_session
from outpaint_contracts.headers import API_KEY
from outpaint_functions.aws.clients import Clients
from outpaint_functions.aws.key_ring import DynamoKeyRing
from outpaint_functions.aws.outcomes import DONE_PREFIX, FAILED_PREFIX
from outpaint_functions.aws.table import Table
from outpaint_functions.embedded.cli.console import OUT
from outpaint_functions.service.authentication import key_digest
from outpaint_functions.service.keys import new_key
from outpaint_functions.service.records import Account
from outpaint_painting import weights
from outpaint_painting.extension import TargetSize, canvas_file, extend
from outpaint_painting.sample import sample_photo

ROOT: Final = Path(__file__).resolve().parents[1]
MINISTACK: Final = ROOT / ".venv" / "ministack" / "bin"
SAM: Final = ROOT / ".venv" / "cloud" / "bin" / "sam"
LOOPBACK: Final = "127.0.0.1"
REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
STACK: Final = "outpaint"
PAINTER: Final = "painter"
ARCHITECTURES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
CREDITS: Final = 100_000
SYNC_WAIT_S: Final = 120
START_S: Final = 90.0
PAINT_S: Final = 300.0
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


class CloudError(Exception):
    """A part of the cloud did not come up, or did not do its work; the text says which and where its log lies."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the deployed stack answers, and what it is made of."""

    url: str
    outputs: Mapping[str, str]


def main() -> int:
    """Deploy, outpaint or test, and stop everything; 0 where all of it went well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "run" / "cloud", help="where the pictures go")
    parser.add_argument("--painter", choices=("migan", "patch", "flat"), help="migan, or patch without its weights")
    parser.add_argument("--wire", nargs=argparse.REMAINDER, help="run the wire-behaviour suite instead")
    given = parser.parse_args()
    painter = given.painter or ("migan" if weights.find("migan") is not None else "patch")
    # What was asked to stop stops its children too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with ExitStack() as running:
            deployment = deploy(running, ROOT / "build" / "cloud", painter)
            if given.wire is not None:
                return wire(deployment, given.wire)
            outpaint(deployment, given.output)
    except (CloudError, httpx.HTTPError) as error:
        OUT.print(f"error: {error}", markup=False)
        return 1
    return 0


def deploy(running: ExitStack, folder: Path, painter: str) -> Deployment:
    """Start the cloud, deploy the template into it, and put the painting process behind its endpoint."""
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    scratch = running.enter_context(tempfile.TemporaryDirectory(prefix="outpaint-cloud-", ignore_cleanup_errors=True))
    cloud, sagemaker, container, door = free_ports(4)
    address = f"http://{LOOPBACK}:{cloud}"
    aws = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": f"http://{LOOPBACK}:{sagemaker}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Neither a person's own account nor a proxy has a part in this.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }
    os.environ.pop("AWS_PROFILE", None)
    os.environ.update(aws)

    say("starting ministack and the SageMaker mock")
    private = {"GATEWAY_PORT": str(cloud), "BIND_HOST": LOOPBACK, "MINISTACK_HOST": LOOPBACK, "TMPDIR": scratch}
    start(running, logs / "ministack.log", [str(MINISTACK / "ministack")], private)
    mock = [str(Path(sys.executable).with_name("outpaint")), "mock-sagemaker"]
    mock += ["--port", str(sagemaker), "--s3-endpoint", address, "--region", REGION, "--account", ACCOUNT]
    start(running, logs / "sagemaker.log", mock, {})
    wait_for(f"{address}/_ministack/health", logs / "ministack.log")

    say("building and deploying template.yaml")
    outputs = sam(folder, logs / "sam.log", f"http://{LOOPBACK}:{door}")
    running.callback(keep_logs, logs / "functions.log")
    url_id = outputs["Url"].split("://", 1)[-1].split(".", 1)[0]
    running.enter_context(front_door(door, cloud, f"{url_id}.lambda-url.{REGION}.on.aws"))

    say(f"starting the painting process, painter {painter}")
    settings = {"STORE": f"s3://{outputs['BucketName']}/", "PAINTER": painter, "HOST": LOOPBACK, "PORT": str(container)}
    process = [sys.executable, "-m", "outpaint_painting.endpoint"]
    start(running, logs / "painting.log", process, {f"OUTPAINT_{name}": value for name, value in settings.items()})
    wait_for(f"http://{LOOPBACK}:{container}/ping", logs / "painting.log")
    topic = outputs["CompletionTopicArn"]
    bucket = f"s3://{outputs['BucketName']}/"
    definition = {
        "EndpointName": PAINTER,
        "Container": f"http://{LOOPBACK}:{container}",
        "AsyncInferenceConfig": {
            "OutputConfig": {
                "S3OutputPath": bucket + DONE_PREFIX.rstrip("/"),
                "S3FailurePath": bucket + FAILED_PREFIX.rstrip("/"),
                "NotificationConfig": {"SuccessTopic": topic, "ErrorTopic": topic},
            },
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 8},
        },
    }
    httpx.post(f"http://{LOOPBACK}:{sagemaker}/_mock/endpoints", json=definition).raise_for_status()
    return Deployment(f"http://{LOOPBACK}:{door}", outputs)


def sam(folder: Path, log: Path, public_url: str) -> dict[str, str]:
    """Build and deploy as `sam build && sam deploy` do for an account; the stack's outputs."""
    architecture = ARCHITECTURES.get(platform.machine().lower())
    if architecture is None:
        raise CloudError(f"Lambda has no architecture {platform.machine()}")
    build = folder / "sam"
    ask = [str(MINISTACK / "python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    python = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - its version
    variables = {"SAM_CLI_TELEMETRY": "0", "FUNCTION_ARCHITECTURE": architecture, "FUNCTION_PYTHON": python}
    parameters = {
        "FrontDoor": "FunctionUrl",
        "ExistingEndpoint": PAINTER,
        "Architecture": architecture,
        "SyncWait": SYNC_WAIT_S,
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
                leave_out_what_ministack_cannot(build / "template.yaml")
    described = get_session().create_client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def leave_out_what_ministack_cannot(built: Path) -> None:
    """Take alarms by metric math out of the built template, and say so: ministack 1.5.33 fails a stack over them."""
    template = yaml.safe_load(built.read_text(encoding="utf-8"))
    resources = template["Resources"]
    for name in [name for name, body in resources.items() if "Metrics" in body.get("Properties", {})]:
        del resources[name]
        say(f"  left out, for ministack knows no metric math: {name}")
    built.write_text(yaml.safe_dump(template, sort_keys=False), encoding="utf-8")


def keep_logs(path: Path) -> None:
    """Write what the functions have logged to a file, for it ends with the cloud."""
    logs = get_session().create_client("logs")
    with path.open("w", encoding="utf-8") as file:
        for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
                file.write(f"{group['logGroupName']} {event['message'].rstrip()}\n")


def open_account(deployment: Deployment, name: str) -> str:
    """A new account's first key."""
    key = new_key()
    ring = DynamoKeyRing(Table(Clients(), deployment.outputs["TableName"]))
    ring.open_account(Account(id=secrets.token_hex(8), name=name, credits=CREDITS), key_digest(key), time.time())
    return key


def outpaint(deployment: Deployment, output: Path) -> None:
    """One picture waited for and two polled for, all written to `output`."""
    output.mkdir(parents=True, exist_ok=True)
    upload = output / "sample-to-grow.png"
    upload.write_bytes(canvas_file(extend(sample_photo(), TargetSize(1024, 768))))
    headers = {API_KEY: open_account(deployment, "the sample's")}
    made = []
    with httpx.Client(base_url=deployment.url, headers=headers, timeout=PAINT_S, trust_env=False) as client:
        for mode, count in (("sync", 1), ("async", 2)):
            began = time.monotonic()
            fields = {"prompt": "an espresso on a wooden table", "seed": "1", "count": str(count), "mode": mode}
            files = {"image": (upload.name, upload.read_bytes(), "image/png")}
            answer = client.post("/v1/painting/outpaint", data=fields, files=files)
            if answer.status_code != (200 if mode == "sync" else 202):
                raise CloudError(f"{mode}: {answer.status_code} {answer.text[:500]}")
            result = finished(client, answer.json())
            for number, picture in enumerate(result["data"], start=1):
                path = output / f"sample-{mode}-{number}.jpg"
                path.write_bytes(client.get(picture["url"]).raise_for_status().content)
                made.append(path)
            say(f"  {mode}, {count} of {count}: {time.monotonic() - began:.1f} s")
    say("Finished pictures:")
    for path in made:
        say(f"  {path}")


def finished(client: httpx.Client, answer: dict[str, Any]) -> dict[str, Any]:
    """The result, polled for until it is there."""
    until = time.monotonic() + PAINT_S
    while answer["status"] == "processing":
        if time.monotonic() > until:
            raise CloudError(f"the pictures were not finished after {PAINT_S:.0f} seconds")
        time.sleep(0.5)
        answer = client.get(f"/v1/painting/{answer['inference_id']}").json()
    if answer["status"] != "success":
        raise CloudError(f"painting failed: {answer}")
    return answer


def wire(deployment: Deployment, arguments: Sequence[str]) -> int:
    """The wire-behaviour suite's exit status, with two accounts of this stack."""
    keys = [f"--api-key={open_account(deployment, 'one')}", f"--second-api-key={open_account(deployment, 'two')}"]
    command = [sys.executable, "-m", "pytest", "tests/wire", f"--base-url={deployment.url}", *keys, *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - pytest, with our arguments


@contextmanager
def front_door(port: int, cloud: int, host: str) -> Iterator[None]:
    """Serve the Function URL on a port of its own, for its name is in no DNS here: ministack goes by Host."""

    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            onward = http.client.HTTPConnection(LOOPBACK, cloud, timeout=PAINT_S + SYNC_WAIT_S)
            try:
                onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in _HOP_BY_HOP | {"expect"}:
                        onward.putheader(name, value)
                onward.putheader("Host", host)
                onward.putheader("Content-Length", str(len(body)))
                onward.endheaders(body)
                answer = onward.getresponse()
                content = answer.read()
            finally:
                onward.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            if self.command == "HEAD" or answer.status == 304:
                length = answer.getheader("Content-Length")
            else:
                length = str(len(content))
            if length is not None:
                self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)

        def __getattr__(self, name: str) -> Any:
            # http.server looks for do_GET and the like: every method goes the same way.
            if name.startswith("do_"):
                return self.relay
            raise AttributeError(name)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer((LOOPBACK, port), Relay) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def start(running: ExitStack, log: Path, command: Sequence[str], variables: Mapping[str, str]) -> None:
    """Run a process in a group of its own, which ends with `running`: ministack's Lambdas are its children."""
    file = running.enter_context(log.open("wb"))
    process = subprocess.Popen(  # noqa: S603 - our own parts
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=file,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    running.callback(stop, process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process by its id, and then whatever is left of its group."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_for(url: str, log: Path) -> None:
    """Return once the address answers 200."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            if httpx.get(url, timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise CloudError(f"{url} does not answer:\n{tail(log)}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


def tail(log: Path) -> str:
    """The end of a log, and where the rest lies."""
    lines = log.read_text(errors="replace").splitlines()[-25:]
    return "\n".join([*lines, f"(all of it: {log})"])


def say(line: str) -> None:
    """Tell the person at the terminal."""
    OUT.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
