"""What is taken out of botocore's data for the package is nothing that the functions' calls need."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import botocore
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.loaders import Loader
from botocore.session import Session
from outpaint_functions.aws.clients import Clients

PACKAGE = Path(__file__).parents[3] / "functions" / "package.py"


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """botocore's data as it is in the package."""
    spec = importlib.util.spec_from_file_location("package", PACKAGE)
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    whole, data = Path(botocore.__file__).parent / "data", tmp_path_factory.mktemp("botocore") / "data"
    data.mkdir()
    for path in whole.iterdir():
        if path.is_file():
            shutil.copy(path, data)
        elif path.name in package.SERVICES:
            shutil.copytree(path, data / path.name)
    package._trim_descriptions(data)
    return data


@pytest.mark.parametrize(
    ("client", "call", "parameters"),
    [
        ("s3", "put_object", {"Bucket": "pictures", "Key": "name", "Body": b"data"}),
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
    session = Session()
    loader = Loader(extra_search_paths=[str(trimmed)], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    with pytest.raises(EndpointConnectionError):
        getattr(getattr(Clients(session), client), call)(**parameters)
