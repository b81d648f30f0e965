"""Functions in sandboxes, by the Runtime API: what a runtime is told, and what becomes of what it says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from local_cloud.lambda_runtime import MAX_PAYLOAD, EventTooLarge, Function, FunctionError, FunctionSettings

TOY = Path(__file__).with_name("toy_runtime.py")
Make = Callable[..., Function]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes functions of the toy runtime, which end with the test."""
    with ExitStack() as running:

        def function(**settings: Any) -> Function:
            given = {"name": "toy", "handler": "module.handler", "seconds": 60.0, **settings}
            made = Function(FunctionSettings(code=tmp_path, command=[sys.executable, str(TOY)], **given), tmp_path)
            running.callback(made.close)
            return made

        yield function


def told(function: Function, **event: Any) -> Any:
    return json.loads(function.invoke(json.dumps(event).encode()))


def test_an_event_goes_in_and_a_response_comes_out(make: Make) -> None:
    function = make()
    said = told(function, text="grüße ☃")
    assert said["event"] == {"text": "grüße ☃"}
    assert said["handler"] == "module.handler"
    assert said["headers"]["Lambda-Runtime-Invoked-Function-Arn"] == function.settings.arn
    assert said["headers"]["Lambda-Runtime-Trace-Id"].startswith("Root=1-")
    left = float(said["headers"]["Lambda-Runtime-Deadline-Ms"]) - said["now_ms"]
    assert 0 < left <= 60_000


def test_one_sandbox_serves_event_after_event(make: Make) -> None:
    function = make()
    assert len({told(function)["pid"] for _ in range(5)}) == 1
    assert function.cold_starts == 1


def test_events_at_one_time_have_sandboxes_of_their_own(make: Make, tmp_path: Path) -> None:
    function = make(concurrency=3)
    (folder := tmp_path / "meeting").mkdir()
    event = {"do": "meet", "folder": str(folder), "people": 3}
    with ThreadPoolExecutor(3) as pool:
        pids = set(pool.map(lambda _: told(function, **event), range(3)))
    assert len(pids) == function.cold_starts == 3
    told(function)
    assert function.cold_starts == 3


def test_more_events_than_sandboxes_wait_for_their_turn(make: Make) -> None:
    function = make(concurrency=2)
    with ThreadPoolExecutor(8) as pool:
        pids = {said["pid"] for said in pool.map(lambda number: told(function, number=number), range(16))}
    assert len(pids) == function.cold_starts <= 2


def test_an_event_over_six_mebibytes_reaches_no_function(make: Make) -> None:
    function = make()
    frame = len(json.dumps({"text": ""}))
    assert len(told(function, text="x" * (MAX_PAYLOAD - 60_000))["event"]["text"]) == MAX_PAYLOAD - 60_000
    assert function.invoke(b'{"do": "fill", "bytes": 2}' + b" " * (MAX_PAYLOAD - 26)) == b"  "
    with pytest.raises(EventTooLarge, match="6291456"):
        function.invoke(json.dumps({"text": "x" * (MAX_PAYLOAD - frame + 1)}).encode())
    assert function.cold_starts == 1


def test_a_response_over_six_mebibytes_is_refused_and_the_sandbox_goes_on(make: Make, tmp_path: Path) -> None:
    function = make()
    assert len(function.invoke(json.dumps({"do": "fill", "bytes": MAX_PAYLOAD}).encode())) == MAX_PAYLOAD
    with pytest.raises(FunctionError) as refused:
        told(function, do="fill", bytes=MAX_PAYLOAD + 1)
    assert refused.value.kind == "Function.ResponseSizeTooLarge"
    assert told(function)["event"] == {}
    assert (tmp_path / "toy-1.log").read_text().splitlines() == ["answered 202", "answered 413"]
    assert function.cold_starts == 1


def test_what_a_function_raises_is_told_by_its_kind(make: Make) -> None:
    function = make()
    with pytest.raises(FunctionError, match="it broke") as raised:
        told(function, do="fail")
    assert raised.value.kind == "ValueError"
    assert told(function)["event"] == {}
    assert function.cold_starts == 1


@pytest.mark.parametrize(("what", "kind"), [("exit", "Runtime.ExitError"), ("hang", "Sandbox.Timedout")])
def test_a_sandbox_that_is_lost_is_replaced(make: Make, what: str, kind: str) -> None:
    function = make(seconds=60.0 if what == "exit" else 0.3, concurrency=1)
    with pytest.raises(FunctionError) as lost:
        told(function, do=what)
    assert lost.value.kind == kind
    assert told(function)["event"] == {}
    assert function.cold_starts == 2


def test_a_runtime_that_cannot_start_says_why(make: Make) -> None:
    with pytest.raises(FunctionError, match="no such module") as broken:
        told(make(handler="broken"))
    assert broken.value.kind == "Runtime.ImportModuleError"


def test_a_response_to_another_event_is_refused(make: Make) -> None:
    assert told(make(), do="answer another") == 400


def test_nothing_of_this_environment_reaches_a_sandbox(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_HANDLER", "of the tests")
    assert told(make())["handler"] == "module.handler"
