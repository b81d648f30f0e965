"""Our functions beside a plain handler, in one run: `make bench-functions`, or `python bench/functions`.

Both run on the Python that Lambda has, from built packages with nothing else on the path; plain_handler.py says what
the other is. Nothing here passes or fails; `--write` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[2] / "functions"))

import gateway_events
import stub_aws
from interpreters import find_python
from packages import ROOT, Package, ours, rival
from report import Section, machine, put
from stub_aws import StubAws, serve
from uploads import GRAINED_BYTES, grained_file, mask_file, plain_file

PARTS = {"whole": "whole", "unseen": "pictures unseen", "form": "the form alone"}
DRIVER = Path(__file__).with_name("driver.py")
ENVIRONMENT = {
    **stub_aws.ENVIRONMENT,
    "AWS_REGION": "us-east-1",
    "POWERTOOLS_SERVICE_NAME": "bench",
    # Both are told that they are in Lambda; nobody calls this.
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    # As template.yaml sets it.
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PATH": os.environ.get("PATH", ""),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="3.13", metavar="X.Y", help="as Lambda has it (default: 3.13)")
    parser.add_argument("--starts", type=int, default=15, help="fresh processes for each (default: 15)")
    parser.add_argument("--rounds", type=int, default=40, help="warm calls for each (default: 40)")
    parser.add_argument("--write", action="store_true", help="write the table to docs/benchmarks.md")
    options = parser.parse_args()
    interpreter = find_python(options.python)
    if interpreter is None:
        sys.exit(f"there is no Python {options.python} here: choose another with --python")
    before = machine()
    print(before, flush=True)
    both = rival(interpreter, options.python), ours(options.python)
    section = Section(
        "The functions beside a plain handler",
        f"{before}; the functions on Python {options.python}; `make bench-functions WRITE=1`.\n\n"
        "The plain handler makes boto3's clients at import, and has the powertools resolver with validation and its "
        "multipart parser (bench/functions/plain_handler.py). Cold: a fresh process from its start to its first "
        f"answer, median of {options.starts} in turn, AWS a stub server on loopback. Warm: median of {options.rounds} "
        "submits of a JPEG of 3.5 MiB and a mask, calls stubbed as botocore's Stubber does it, parsing of the event "
        "left out. Peak: by tracemalloc, what one submit takes beyond its event.\n\n"
        "A submit stands here three times. *Whole*, which the goals are held against: both look at image and mask, "
        "for a damaged file or one with nothing to paint is refused before it is paid for, and a handler that does "
        "not is no replacement. *Pictures unseen*: neither looks, as a handler that trusts its clients would have "
        "it. *The form alone*: base64, multipart and fields to a validated request, without a call to AWS.",
    )
    with tempfile.TemporaryDirectory(prefix="bench-functions-") as folder:
        _cold(section, interpreter, both, Path(folder), options.starts)
        _warm(section, interpreter, both, Path(folder), options.rounds)
    _weigh(section, both)
    print(f"\n{section.text()}")
    if options.write:
        print(f"written to {put('bench-functions', section.markdown()).relative_to(ROOT)}")


def _cold(section: Section, interpreter: Path, both: tuple[Package, Package], folder: Path, starts: int) -> None:
    server = serve(StubAws())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}"}
    try:
        for name, event in (
            ("GET /v1/balance", _event(folder / "balance.json", 200, gateway_events.get("/v1/balance"))),
            ("small submit", _submit(folder / "small.json", plain_file(1024), 1024)),
        ):
            walls: dict[str, list[float]] = {package.name: [] for package in both}
            cpus: dict[str, list[float]] = {package.name: [] for package in both}
            # The first of each finds its files not in memory yet, as no later one does.
            for number in range(starts + 1):
                for package in both:
                    began = time.perf_counter()
                    told = _run(interpreter, environment, "cold", package, event)
                    wall = time.perf_counter() - began
                    assert told["status"] == told["wanted"], told
                    if number:
                        walls[package.name].append(wall)
                        cpus[package.name].append(told["cpu"])
            for kind, seconds in (("CPU", cpus), ("wall", walls)):
                _compare(section, f"cold, {name}, {kind}", seconds, 1e3, "ms", 0.6)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _warm(section: Section, interpreter: Path, both: tuple[Package, Package], folder: Path, rounds: int) -> None:
    side = int((3_670_016 / GRAINED_BYTES) ** 0.5)
    event = _submit(folder / "large.json", grained_file(side), side)
    taken: dict[str, dict[str, list[float]]] = {}
    for part, name in PARTS.items():
        seconds = taken[part] = {package.name: [] for package in both}
        calls = {}
        # In turn, so that a slow moment of the machine hits both alike.
        for _ in range(4):
            for package in both:
                told = _run(interpreter, ENVIRONMENT, "warm", package, event, part, str(rounds // 4))
                seconds[package.name] += told["seconds"]
                calls[package.name] = told["calls"]
        if part == "whole":
            section.add(
                "AWS calls of a submit", " / ".join(str(calls[package.name]) for package in both), "plain / ours"
            )
        goals = (0.25, 0.4) if part == "whole" else (None, None)
        _compare(section, f"warm 3.5 MiB, {name}", seconds, 1e3, "ms", goals[0])
        peaks = {
            package.name: [_run(interpreter, ENVIRONMENT, "memory", package, event, part)["peak"]] for package in both
        }
        _compare(section, f"peak memory, {name}", peaks, 1 / 2**20, "MiB", goals[1])
    own, trusting = statistics.median(taken["whole"]["ours"]), statistics.median(taken["unseen"]["plain handler"])
    section.add("ours whole beside a plain handler that looks at nothing", f"{own / trusting:.2f}x", "time")


def _submit(path: Path, image: bytes, side: int) -> Path:
    return _event(path, 202, gateway_events.submit(image, mask_file(side, side // 2)))


def _event(path: Path, wanted: int, event: dict[str, object]) -> Path:
    """A file for the driver: an event, and the status that is wanted of it."""
    path.write_text(json.dumps({"wanted": wanted, "event": event}), "utf-8")
    return path


def _weigh(section: Section, both: tuple[Package, Package]) -> None:
    for package in both:
        whole, without = package.megabytes()
        goal = " (goal: at most 25)" if package.name == "ours" else ""
        section.add(f"package, {package.name}", f"{whole:.1f} MB", f"{without:.1f} MB without image libraries{goal}")


def _run(
    interpreter: Path, environment: Mapping[str, str], mode: str, package: Package, event: Path, *more: str
) -> dict[str, object]:
    command = [str(interpreter), "-I", "-S", str(DRIVER), mode, str(package.folder), package.module, str(event), *more]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{package.name}, {mode}: {done.stderr}")
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


def _compare(
    section: Section, name: str, values: Mapping[str, list[float]], scale: float, unit: str, goal: float | None
) -> None:
    (plain, reference), (_, own) = ((key, statistics.median(found)) for key, found in values.items())
    section.add(f"{name}: {plain}", f"{reference * scale:.1f} {unit}")
    held = "" if goal is None else f" (goal: at most {goal}x)"
    section.add(f"{name}: ours", f"{own * scale:.1f} {unit}", f"{own / reference:.2f}x{held}")


main()
