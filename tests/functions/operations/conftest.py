"""A service to look after: in a data folder, and in a stack that moto plays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aws_answers import Raw
from botocore.awsrequest import AWSResponse
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import create_loader
from botocore.session import Session

from outpaint.functions.operations.deployment import Deployment, StackName
from outpaint.functions.operations.place import opened
from outpaint.functions.operations.stack import stack_connection
from outpaint.mocks.moto_stack import REGION, aws_stack

# Services are described in megabytes of JSON, which need not be read again for every test.
LOADER = create_loader()
STACK = "painting"
PAINTER = f"{STACK}-painter"


@dataclass
class Aws:
    """The stack in moto, every call that is made to it, and what a test wants answered in moto's place."""

    calls: list[str] = field(default_factory=list)
    refusals: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    answers: dict[str, dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]] | Exception] = field(
        default_factory=dict
    )
    changes: dict[str, Callable[[dict[str, Any]], object]] = field(default_factory=dict)
    sent: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return RememberingSession().create_client(service)

    def make_stack(self, name: str, outputs: dict[str, str]) -> None:
        """A stack of one topic that says these outputs."""
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
        self.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


class RememberingSession(Session):
    """botocore's session, whose clients are built once for all tests: building one takes longer than a test."""

    aws: Aws
    """The stack of the test that runs; clients ask it for its answers."""
    _clients: ClassVar[dict[tuple[Any, ...], Any]] = {}

    def __init__(self) -> None:
        super().__init__(event_hooks=copy(_builtin_handlers()), include_builtin_handlers=False)

    def create_client(self, service_name: str, *args: Any, config: Any = None, **more: Any) -> Any:
        known = (service_name, more.get("region_name") or self.get_config_variable("region"), str(config))
        # Without credentials, or with a profile, it is botocore's own answer that matters.
        if self.get_config_variable("profile") is not None or "AWS_ACCESS_KEY_ID" not in os.environ:
            return super().create_client(service_name, *args, config=config, **more)
        if known not in self._clients:
            self.register_component("data_loader", LOADER)
            # Once in a session, whatever clients were built by it before.
            self.register("before-call", _seen, unique_id="seen")
            self.register("after-call", _changed, unique_id="changed")
            # The most particular name is asked first: before moto, which answers every `before-send`.
            for operation in ("cloudformation.DescribeStacks", "dynamodb.Query", "s3.DeleteObjects"):
                self.register(f"before-send.{operation}", _refused)
            self._clients[known] = super().create_client(service_name, *args, config=config, **more)
        return self._clients[known]


@cache
def _builtin_handlers() -> HierarchicalEmitter:
    """What a session registers as it is made, moto's included: more than a hundred handlers, by slow lookups."""
    handlers = HierarchicalEmitter()
    Session(event_hooks=handlers)
    return handlers


def _seen(model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]] | None:
    """Notes a call; answers it where a test does, as it must where moto does not know the operation."""
    aws = RememberingSession.aws
    aws.calls.append(model.name)
    aws.sent[model.name] = params["body"]
    answer = aws.answers.get(model.name)
    if isinstance(answer, Exception):
        raise answer
    if callable(answer):
        answer = answer(params["body"])
    # A copy, for a test may change it.
    return None if answer is None else (AWSResponse("", 200, {}, Raw(b"")), deepcopy(answer))


def _changed(model: Any, parsed: dict[str, Any], **_: Any) -> None:
    """An answer, but for what a test changes of it."""
    change = RememberingSession.aws.changes.get(model.name)
    if change is not None:
        change(parsed)


def _refused(request: Any, event_name: str, **_: Any) -> AWSResponse | None:
    """What a test wants answered in moto's place, as it comes over the wire."""
    refusal = RememberingSession.aws.refusals.get(event_name.rpartition(".")[2])
    if refusal is None:
        return None
    return AWSResponse(request.url, refusal[0], {"Content-Type": "application/x-amz-json-1.1"}, Raw(refusal[1]))


@contextmanager
def playing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """The stack `painting`, with the outputs that template.yaml has, in us-east-1."""
    monkeypatch.setattr(stack_connection, "get_session", RememberingSession)
    monkeypatch.setattr("outpaint.mocks.moto_stack.get_session", RememberingSession)
    monkeypatch.setattr("outpaint.functions.aws.aws_clients.get_session", RememberingSession)
    RememberingSession.aws = aws = Aws()
    with aws_stack() as parts:
        queue = aws.client("sqs").create_queue(QueueName="dead-letters")["QueueUrl"]
        outputs = {
            "Url": "https://api.example.com/live",
            "TableName": parts.settings.table,
            "BucketName": parts.settings.bucket,
            "EndpointName": PAINTER,
            "CompletionQueueUrl": parts.queue_url,
            "DeadLettersUrl": queue,
            "CompletionTopicArn": parts.topic_arn,
        }
        aws.make_stack(STACK, outputs)
        yield aws


@pytest.fixture(scope="session")
def stack_in_moto() -> Callable[[pytest.MonkeyPatch], AbstractContextManager[Aws]]:
    """Plays the stack `painting` in moto, for as long as a test file likes."""
    return playing


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """The stack in moto, for one test."""
    with playing(monkeypatch) as aws:
        yield aws


@dataclass
class Place:
    """A service's stores, and the options by which the command line finds them."""

    kind: str
    options: tuple[str, ...]
    opened: Callable[[], Deployment]


@pytest.fixture(params=["folder", "stack"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """The same service in either place; nothing is in it yet."""
    with ExitStack() as stack:
        where: Path | StackName
        if request.param == "folder":
            where, options = tmp_path / "data", ("--data", str(tmp_path / "data"))
        else:
            request.getfixturevalue("aws")
            where, options = StackName(STACK, REGION), ("--stack", STACK, "--region", REGION)
        yield Place(request.param, options, lambda: stack.enter_context(opened(where)))
