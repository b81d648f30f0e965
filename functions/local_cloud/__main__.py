"""Deploys to this machine, and there outpaints the sample photo or proves the contract.

    python -m local_cloud outpaint [--on ministack|runtime] [--output FOLDER] [--painter migan]
    python -m local_cloud wire [--on ministack|runtime] [--only PATTERN] [--html FILE]
    python -m local_cloud serve [--on ministack|runtime]

Everything runs here and on loopback alone. On ministack template.yaml is deployed by SAM, and Lambda runs the built
package on the Python of ministack's environment. On runtime the built package runs under awslambdaric, AWS's own
runtime client, over moto's S3, DynamoDB, SNS and SQS. Both have our SageMaker mock as the endpoint and the painting
container's own process behind it. `make cloud` and `make test-cloud` prepare what this needs.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import urllib.error
from contextlib import ExitStack
from pathlib import Path

import httpx

from local_cloud import ministack, proof, runtime_stack
from local_cloud.local_deployment import STACK, LocalDeployment
from local_cloud.processes import ROOT, CloudError, say
from local_cloud.proof import StackProvider
from outpaint.contracts.errors import OutpaintError
from outpaint.painting.painters.painter_table import DEFAULT, PainterHost, names_on


def main() -> int:
    """Deploy, outpaint or test, and stop everything; 0 where all of it went well."""
    parser = argparse.ArgumentParser(prog="python -m local_cloud", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("outpaint", "wire", "serve"))
    parser.add_argument("--on", choices=("ministack", "runtime"), default="ministack", help="what runs the functions")
    parser.add_argument("--front-door", choices=("RestApi", "FunctionUrl"), help="on runtime (default: RestApi)")
    parser.add_argument("--output", type=Path, default=ROOT / "run" / "cloud", help="where the pictures go")
    parser.add_argument("--painter", choices=names_on(PainterHost.LOCAL), default=DEFAULT)
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cases by id or area, for wire")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page of what wire found")
    given = parser.parse_args()
    # So that SIGTERM ends the child processes too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with ExitStack() as running:
            deployment = _deploy(running, given, "flat" if given.what == "wire" else given.painter)
            if given.what == "wire":
                say("bodies too large for Lambda:")
                gateway = "ministack" if given.on == "ministack" else given.front_door or "RestApi"
                proof.check_sizes(deployment.url, deployment.open_account("sizes"), gateway)
                return proof.prove(StackProvider(given.on, deployment), only=given.only, html=given.html)
            if given.what == "serve":
                return _serve(deployment, given.on == "ministack")
            proof.show_sample(deployment, given.output)
    except (CloudError, OutpaintError, httpx.HTTPError, urllib.error.URLError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _deploy(running: ExitStack, given: argparse.Namespace, painter: str) -> LocalDeployment:
    folder = ROOT / "build" / "cloud" / given.on
    if given.on == "ministack":
        return ministack.deploy(running, folder, painter)
    artifact = runtime_stack.Artifact.here()
    return runtime_stack.deploy(running, folder, painter, artifact, given.front_door or "RestApi")


def _serve(deployment: LocalDeployment, on_ministack: bool) -> int:
    say(f"the API answers at {deployment.url}, with the key {deployment.open_account('yours')}")
    if on_ministack:
        names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
        say("for an operator's commands in another shell:")
        say("  export " + " ".join(f"{name}={os.environ[name]}" for name in names))
        say(f"  outpaint keys list --stack {STACK}")
    say("Ctrl-C stops it.")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
