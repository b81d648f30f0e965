"""Whatever AWS refuses an operator is told in one line, with the way out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
LIST = ("keys", "list", "--stack", "painting")


def fails(run: Run, *words: str, status: int = 3) -> str:
    """The one line of an error."""
    code, out, err = run(*words)
    assert (code, out) == (status, "")
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    return line


def refuse(aws: Any, operation: str, code: str, status: int = 400, message: str = "no") -> None:
    """Let an operation be answered as AWS does: XML by CloudFormation, JSON by DynamoDB."""
    if operation == "DescribeStacks":
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        body = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
    else:
        body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message})
    aws.refusals[operation] = (status, body.encode())


@pytest.mark.parametrize("operation", ["DescribeStacks", "Query"])
@pytest.mark.parametrize(
    ("code", "status", "hint"),
    [
        ("ExpiredToken", 403, "aws sso login"),
        ("ExpiredTokenException", 400, "aws sso login"),
        ("InvalidClientTokenId", 403, "--region"),
        ("UnrecognizedClientException", 400, "does not know these credentials"),
        ("AccessDenied", 403, "--profile"),
        ("AccessDeniedException", 400, "docs/deploy.md"),
        ("ThrottlingException", 400, "in a minute"),
        ("InternalFailure", 500, "not take {operation} just now"),
        ("SomethingNew", 400, "AWS refuses {operation}: no"),
    ],
)
def test_what_aws_refuses(
    run: Run, aws: Any, operation: str, code: str, status: int, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore waits between its tries
    refuse(aws, operation, code, status)
    if operation == "Query" and code == "InternalFailure":
        code = "InternalServerError"
    assert hint.format(operation=operation) in fails(run, *LIST)


def test_a_table_that_is_gone(run: Run, aws: Any) -> None:
    aws.client("dynamodb").delete_table(TableName="outpaint")
    assert "was it deleted by hand?" in fails(run, *LIST)


def test_no_such_stack_names_those_that_there_are(run: Run, aws: Any) -> None:
    line = fails(run, "keys", "list", "--stack", "paintin")
    assert "there is no stack paintin in us-east-1: there is painting" in line


def test_another_region_is_a_hint(run: Run, aws: Any) -> None:
    line = fails(run, *LIST, "--region", "eu-west-1")
    assert "there is no stack painting in eu-west-1: choose another --region or --profile" in line


def test_a_stack_of_something_else(run: Run, aws: Any) -> None:
    aws.make_stack("other", {"TableName": "t"})
    assert "not made by outpaint-kit's template.yaml" in fails(run, "jobs", "list", "--stack", "other")


def test_a_stack_of_an_older_release(run: Run, aws: Any) -> None:
    aws.make_stack("old", {"TableName": "outpaint", "BucketName": "outpaint-pictures", "EndpointName": "e"})
    line = fails(run, "endpoint", "dead-letters", "--stack", "old")
    assert "has no output DeadLettersUrl: deploy this release's template first" in line


class TestBeforeAnythingIsAsked:
    @pytest.fixture(autouse=True)
    def nothing_set(self, aws: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_REGION"):
            monkeypatch.delenv(name, raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, str(tmp_path / "none"))

    def test_no_region(self, run: Run) -> None:
        assert "no AWS region is set: name the stack's with --region" in fails(run, *LIST)

    def test_no_credentials(self, run: Run) -> None:
        assert "no usable AWS credentials" in fails(run, *LIST, "--region", "eu-west-1")

    def test_no_such_profile(self, run: Run) -> None:
        line = fails(run, *LIST, "--region", "eu-west-1", "--profile", "production")
        assert "there is no AWS profile 'production'" in line

    def test_a_region_that_is_none(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        assert "is no AWS region" in fails(run, *LIST, "--region", "no region")

    def test_no_botocore(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name.startswith("outpaint.functions.operations.stack")]:
            monkeypatch.delitem(sys.modules, name)
        for name in ("botocore", "botocore.exceptions"):
            monkeypatch.setitem(sys.modules, name, None)
        assert "pip install 'outpaint-kit[server,aws]'" in fails(run, *LIST, status=8)


def test_the_environment_names_the_stack_and_what_is_typed_beats_it(
    run: Run, aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTPAINT_STACK", "painting")
    run("keys", "create", "Ann")
    assert "Ann" in run("keys", "list")[1]
    run("keys", "create", "Bob", "--data", "folder")
    listed = run("keys", "list", "--data", "folder")[1]
    assert "Bob" in listed
    assert "Ann" not in listed
