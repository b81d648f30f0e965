"""What Lambda's package leaves out, of our own modules and of botocore's data, is nothing that the functions need."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import botocore
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.loaders import Loader
from botocore.session import Session
from hatchling.builders.wheel import WheelBuilder

from outpaint.functions.adapters.clock_and_ids import SystemClock
from outpaint.functions.aws.aws_clients import Clients
from outpaint.functions.aws.s3_pictures import S3Pictures
from outpaint.functions.service.records import UploadGrant

ROOT = Path(__file__).parents[3]
# What a handler imports only when a request asks for it: pictures, addresses, the documentation.
LATER = """
import outpaint.functions.adapters.fetch, outpaint.painting.inputs.inspection, outpaint.painting.inputs.intake
from outpaint.functions.http.application import docs, openapi
docs(), openapi()
"""


@pytest.fixture(scope="module")
def package() -> ModuleType:
    """functions/package.py as a module."""
    spec = importlib.util.spec_from_file_location("package", ROOT / "functions" / "package.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ours(package: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our own part of the package: the wheel's files without what is left out."""
    folder = tmp_path_factory.mktemp("package")
    for file in WheelBuilder(str(ROOT)).recurse_included_files():
        target = folder / file.distribution_path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file.path, target)
    package.leave_out(folder)
    return folder


def test_nothing_that_lambda_does_not_run_is_in_the_package(ours: Path) -> None:
    names = {path.relative_to(ours).as_posix() for path in ours.rglob("*") if path.is_file()}
    parts = {"/".join(name.split("/")[1:3]) for name in names}
    wanted = {"adapters", "aws", "handlers", "http", "service", "__init__.py", "py.typed"}
    assert {part for part in parts if part.startswith("functions/")} == {f"functions/{part}" for part in wanted}
    assert {name.split("/")[1] for name in names} == {"contracts", "functions", "painting"}
    painting = {name.split("/")[2] for name in names if name.startswith("outpaint/painting/")}
    assert painting == {"inputs", "canvas.py", "__init__.py", "py.typed"}


def test_every_name_that_is_left_out_is_there_to_leave_out(package: ModuleType) -> None:
    built = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    for name in package.LEFT_OUT:
        if name.startswith("outpaint/"):
            assert any(path == name or path.startswith(f"{name}/") for path in built), name


def test_every_handler_is_imported_from_what_is_left(ours: Path) -> None:
    handlers = re.findall(r"Handler: ([\w.]+)\.(\w+)", (ROOT / "template.yaml").read_text(encoding="utf-8"))
    assert len(handlers) == 4
    lines = [f"import {module}; {module}.{function}" for module, function in handlers]
    # Without `site`, so that the editable install adds none of our other modules to the path.
    libraries = Path(botocore.__file__).parents[1]
    script = f"import sys; sys.path += {[str(ours), str(libraries)]}\n" + "\n".join([*lines, LATER])
    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", script], check=True)


@pytest.fixture(scope="module")
def trimmed(package: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """botocore's data as it is in the package."""
    whole, data = Path(botocore.__file__).parent / "data", tmp_path_factory.mktemp("botocore") / "data"
    data.mkdir()
    for path in whole.iterdir():
        if path.is_file():
            shutil.copy(path, data)
        elif path.name in package.OPERATIONS:
            shutil.copytree(path, data / path.name)
    package.trim_descriptions(data)
    return data


@pytest.mark.parametrize(
    ("client", "call", "parameters"),
    [
        ("s3", "put_object", {"Bucket": "pictures", "Key": "name", "Body": b"data"}),
        ("s3", "get_object", {"Bucket": "pictures", "Key": "name"}),
        ("s3", "delete_object", {"Bucket": "pictures", "Key": "name"}),
        ("s3", "list_objects_v2", {"Bucket": "pictures", "Prefix": "name"}),
        ("dynamodb", "update_item", {"TableName": "ledger", "Key": {"pk": {"S": "KEY#1"}}}),
        ("dynamodb", "transact_write_items", {"TransactItems": [{"Delete": {"TableName": "l", "Key": {}}}]}),
        ("dynamodb", "batch_get_item", {"RequestItems": {"ledger": {"Keys": [{"pk": {"S": "KEY#1"}}]}}}),
        ("dynamodb", "query", {"TableName": "ledger"}),
        ("realtime", "invoke_endpoint", {"EndpointName": "painter", "Body": b"{}"}),
        ("dynamodb", "get_item", {"TableName": "ledger", "Key": {"pk": {"S": "KEY#1"}}}),
        ("queue", "invoke_endpoint_async", {"EndpointName": "painter", "Body": b"{}"}),
        ("functions", "invoke", {"FunctionName": "realtime", "Payload": b"{}"}),
    ],
)
def test_a_call_gets_as_far_as_the_network(
    trimmed: Path, monkeypatch: pytest.MonkeyPatch, client: str, call: str, parameters: dict[str, object]
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        # Nobody listens on port 1, so what was prepared in full ends there.
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EndpointConnectionError):
        getattr(getattr(Clients(session_on(trimmed)), client), call)(**parameters)


def test_urls_and_forms_are_signed(trimmed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    pictures = S3Pictures(Clients(session_on(trimmed)), "pictures", SystemClock(), 3600)
    assert "X-Amz-Signature" in pictures.url("name", 2e9)
    form = pictures.form("name", UploadGrant("ann", "image/png", 1234, 2e9, 2e9), 1.9e9)
    assert form.url == "https://pictures.s3.eu-west-1.amazonaws.com/"


def test_little_is_left(trimmed: Path) -> None:
    assert sum(path.stat().st_size for path in trimmed.rglob("*") if path.is_file()) < 500_000


def session_on(data: Path) -> Session:
    """A session that knows no other descriptions."""
    session = Session()
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    return session
