"""Builds what Lambda runs: our modules that it needs, their dependencies for its platform, and nothing else.

    python functions/package.py FOLDER [--architecture arm64|x86_64] [--python 3.13]

Uses pip and the lock; needs no compiler, no container and no AWS account. Prints the package's size.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from interpreters import find_python

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "locks" / "functions.txt"
PLATFORMS: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
# botocore describes every service of AWS in 25 MB of JSON, and makes a method of each operation: these are called.
OPERATIONS: Final = {
    "dynamodb": {"BatchGetItem", "GetItem", "Query", "TransactWriteItems", "UpdateItem"},
    # Two of these are called by botocore alone: CreateBucket gives a presigned POST its address, HeadBucket a bucket's
    # region.
    "s3": {"CreateBucket", "DeleteObject", "GetObject", "HeadBucket", "HeadObject", "ListObjectsV2", "PutObject"},
    "sagemaker-runtime": {"InvokeEndpoint", "InvokeEndpointAsync"},
    "lambda": {"Invoke"},
    "ssm": {"GetParameters"},
}
ENDPOINTS: Final = {"dynamodb", "s3", "runtime.sagemaker", "lambda", "ssm"}
UNUSED_DESCRIPTIONS: Final = (
    "examples-1",
    "paginators-1",
    "waiters-2",
    "service-2.sdk-extras",
    "paginators-1.sdk-extras",
)
LEFT_OUT: Final = (
    # For tests, development and operators.
    "outpaint/mocks",
    "outpaint/conformance",
    "outpaint/functions/command_line",
    "outpaint/functions/embedded",
    "outpaint/functions/operations",
    # Painting is the endpoint's work: the functions only inspect a request's pictures.
    "outpaint/painting/endpoint",
    "outpaint/painting/finish.py",
    "outpaint/painting/nsfw_check.py",
    "outpaint/painting/painters",
    "outpaint/painting/pipeline.py",
    "outpaint/painting/sample",
    "outpaint/painting/weights.py",
    # Of powertools, the logger and the metrics are used.
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/auth_alpha",
    "aws_lambda_powertools/utilities/batch",
    "aws_lambda_powertools/utilities/circuit_breaker",
    "aws_lambda_powertools/utilities/data_classes",
    "aws_lambda_powertools/utilities/data_masking",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/idempotency",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser",
    "aws_lambda_powertools/utilities/streaming",
    "aws_lambda_powertools/utilities/validation",
    # Pydantic's first version, which pydantic itself imports where it is asked for alone.
    "pydantic/v1",
    "bin",
)
IMAGE_LIBRARIES: Final = ("PIL", "pillow.libs")


def main() -> int:
    """Build and report; 1 where pip fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="arm64")
    parser.add_argument("--python", default="3.13", metavar="X.Y")
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    machine = PLATFORMS[given.architecture]
    platforms = [part for glibc in ("_2_28", "_2_17", "2014") for part in ("--platform", f"manylinux{glibc}_{machine}")]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    target = ["--target", str(folder), "--no-compile"]
    wheels = ["--python-version", given.python, "--implementation", "cp", "--only-binary", ":all:", "--no-deps"]
    for arguments in (
        [*target, *platforms, *wheels, "--require-hashes", "--requirement", str(LOCK)],
        [*target, "--no-deps", str(ROOT)],
    ):
        if subprocess.run([*pip, *arguments], check=False).returncode != 0:  # noqa: S603 - pip, with our arguments
            return 1
    _trim(folder)
    interpreter = find_python(given.python)
    if interpreter is None:
        print(  # noqa: T201 - for the person who builds
            f"warning: there is no Python {given.python} here to compile the package with, so Lambda compiles it "
            "again at every cold start: install one, or choose another by FUNCTION_PYTHON",
            file=sys.stderr,
        )
    else:
        if platform.machine() in (machine, given.architecture) and not _is_whole(folder, interpreter):
            return 1
        _compile(folder, interpreter)
    whole, without = megabytes(folder)
    print(f"{folder.name}: {whole:.1f} MB unzipped, {without:.1f} MB without the image libraries")  # noqa: T201
    return 0


def _compile(folder: Path, interpreter: Path) -> None:
    """Compile the package: Lambda cannot write beside its code, so it would compile it at every cold start."""
    compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), str(folder)]
    subprocess.run([str(interpreter), *compiling], check=False)  # noqa: S603 - a Python, with our arguments


def leave_out(folder: Path) -> None:
    """Delete from an installed package what `LEFT_OUT` names, as far as it is there."""
    for path in (folder / name for name in LEFT_OUT):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _trim(folder: Path) -> None:
    leave_out(folder)
    trim_descriptions(folder / "botocore" / "data")
    for pattern in ("**/tests", "**/__pycache__"):
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path, ignore_errors=True)


def trim_descriptions(data: Path) -> None:
    """Leave of botocore's data what `OPERATIONS` need, without its prose."""
    for described in data.iterdir():
        if described.is_dir() and described.name not in OPERATIONS:
            shutil.rmtree(described)
    for path in data.glob("*/*/*.json*"):
        name = path.name.removesuffix(".gz").removesuffix(".json")
        if name in UNUSED_DESCRIPTIONS:
            path.unlink()
            continue
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            document = json.load(file)
        path.unlink()
        if name == "service-2":
            document = _with_operations(document, OPERATIONS[path.parents[1].name])
        _write(path.with_name(f"{name}.json"), _without_documentation(document))
    endpoints = json.loads((data / "endpoints.json").read_bytes())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: at for name, at in partition["services"].items() if name in ENDPOINTS}
    _write(data / "endpoints.json", endpoints)


def _with_operations(described: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """A service's description with these operations alone, and the shapes that they are made of."""
    operations = {name: operation for name, operation in described["operations"].items() if name in names}
    shapes: dict[str, Any] = {}
    wanted = list(_shapes_of(operations))
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = described["shapes"][name]
            wanted += _shapes_of(shapes[name])
    return {**described, "operations": operations, "shapes": shapes}


def _shapes_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            if key == "shape" and isinstance(member, str):
                yield member
            else:
                yield from _shapes_of(member)
    elif isinstance(value, list):
        for member in value:
            yield from _shapes_of(member)


def _without_documentation(value: Any) -> Any:
    if isinstance(value, dict):
        # A member that is itself called documentation is described by an object, never by a string.
        return {
            # botocore reads the documentation of these, and of nothing else.
            key: member if key == "clientContextParams" else _without_documentation(member)
            for key, member in value.items()
            if not (key in ("documentation", "documentationUrl") and isinstance(member, str))
        }
    return [_without_documentation(member) for member in value] if isinstance(value, list) else value


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def _is_whole(folder: Path, interpreter: Path) -> bool:
    """Whether each handler can be imported with nothing but the folder; needs a package for this machine's platform."""
    names = sorted(path.stem for path in folder.glob("outpaint/functions/handlers/[a-z]*.py"))
    line = "; ".join(f"import outpaint.functions.handlers.{name}" for name in names)
    # Without `site` nothing that is installed is in the way of what is missing.
    command = [str(interpreter), "-I", "-S", "-B", "-c", f"import sys; sys.path.insert(0, sys.argv[1]); {line}"]
    return subprocess.run([*command, str(folder)], check=False).returncode == 0  # noqa: S603 - a Python


def megabytes(folder: Path) -> tuple[float, float]:
    """The size of a package, whole and without the image libraries."""
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    images = sum(size for path, size in sizes.items() if path.relative_to(folder).parts[0] in IMAGE_LIBRARIES)
    return sum(sizes.values()) / 1e6, (sum(sizes.values()) - images) / 1e6


if __name__ == "__main__":
    sys.exit(main())
