"""The page about the SageMaker mock, held to its word."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from outpaint.mocks.sagemaker.runtime_faults import Fault, FaultKind, FaultStep
from outpaint.mocks.sagemaker.sagemaker_server import ServedSageMaker

_PAGE = (Path(__file__).parents[3] / "docs" / "sagemaker-mock.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", _PAGE, re.DOTALL | re.MULTILINE)


def test_the_first_lines_work(sagemaker_mock: ServedSageMaker, aws_endpoint: str) -> None:
    (code,) = _blocks("python")
    assert _PAGE.index("```python") < 50
    names: dict[str, Any] = {}
    exec(compile(code, "docs/sagemaker-mock.md", "exec"), names)
    names["test_ten_minutes_in_milliseconds"](sagemaker_mock, aws_endpoint)
    assert len(sagemaker_mock.mock.journal.entries()) == 1


def test_the_file_of_endpoints_is_read(sagemaker_mock: ServedSageMaker) -> None:
    (text,) = _blocks("json")
    for definition in json.loads(text)["Endpoints"]:
        sagemaker_mock.mock.define(definition)
    assert sagemaker_mock.mock.metrics("painter")["InstancesInService"] == 0


def test_every_fault_is_on_the_page() -> None:
    table = _PAGE.partition("## Faults")[2].partition("## Time")[0]
    listed = {
        (step, kind)
        for steps, kinds in re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE)
        for step in steps.split(", ")
        for kind in re.findall(r"[A-Z]\w+", re.sub(r"\(.*?\)|`.*?`", "", kinds))
        if step != "Step"
    }
    possible = set()
    for step in FaultStep:
        for kind in FaultKind:
            try:
                Fault(step=step, kind=kind)
            except ValueError:
                continue
            possible.add((step.value, kind.value))
    assert listed == possible
