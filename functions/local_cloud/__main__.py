"""Deploys to this machine, and outpaints the sample photo there or runs the wire-behaviour suite.

    python -m local_cloud outpaint [--on ministack|runtime] [--output FOLDER] [--painter migan]
    python -m local_cloud wire [--on ministack|runtime] [PYTEST_ARGUMENT ...]
    python -m local_cloud serve [--on ministack|runtime]

Everything runs here and on loopback alone. On ministack template.yaml is deployed by SAM, and Lambda runs the built
package on the Python of ministack's environment. On runtime the built package runs under awslambdaric, AWS's own
runtime client, over moto's S3, DynamoDB, SNS and SQS. Both have our SageMaker mock as the endpoint and the painting
container's own process behind it. `make cloud` and `make test-cloud` prepare what this needs.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
from outpaint_painting import weights

from local_cloud import ministack, runtime_stack, sample, size_limit, suite
from local_cloud.deployment import Deployment
from local_cloud.processes import ROOT, CloudError, say


def main() -> int:
    """Deploy, outpaint or test, and stop everything; 0 where all of it went well."""
    parser = argparse.ArgumentParser(prog="python -m local_cloud", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("outpaint", "wire", "serve"))
    parser.add_argument("--on", choices=("ministack", "runtime"), default="ministack", help="what plays Lambda")
    parser.add_argument("--front-door", choices=("RestApi", "FunctionUrl"), help="on runtime (default: RestApi)")
    parser.add_argument("--package", type=Path, help="the built package, on runtime")
    parser.add_argument("--output", type=Path, default=ROOT / "run" / "cloud", help="where the pictures go")
    parser.add_argument("--painter", choices=("migan", "patch", "flat"), help="migan, or patch without its weights")
    given, rest = parser.parse_known_args()
    if rest and given.what != "wire":
        parser.error(f"unknown: {' '.join(rest)}")
    painter = given.painter or ("migan" if weights.find("migan") is not None else "patch")
    # What was asked to stop stops its children too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with ExitStack() as running:
            deployment = _deploy(running, given, "flat" if given.what == "wire" else painter)
            if given.what == "wire":
                keys = deployment.open_account("one"), deployment.open_account("two")
                is_url = given.on == "ministack" or given.front_door == "FunctionUrl"
                say("bodies too large for Lambda:")
                # ministack knows no limit, so there the function itself says it.
                size_limit.check(deployment.url, keys[0], names_the_way_out=not is_url or given.on == "ministack")
                return suite.run(deployment.url, *keys, long_waits=is_url, arguments=rest)
            if given.what == "serve":
                return _serve(deployment)
            sample.outpaint(deployment, given.output)
    except (CloudError, httpx.HTTPError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _deploy(running: ExitStack, given: argparse.Namespace, painter: str) -> Deployment:
    folder = ROOT / "build" / "cloud" / given.on
    if given.on == "ministack":
        return ministack.deploy(running, folder, painter)
    if given.package is None:
        raise CloudError("say where the built package lies: --package build/functions-x86_64-3.13")
    artifact = runtime_stack.Artifact(given.package.resolve(), ROOT / ".venv" / "lambda" / "bin" / "python")
    return runtime_stack.deploy(running, folder, painter, artifact, given.front_door or "RestApi")


def _serve(deployment: Deployment) -> int:
    say(f"the API answers at {deployment.url}, with the key {deployment.open_account('yours')}")
    say("Ctrl-C stops it.")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
