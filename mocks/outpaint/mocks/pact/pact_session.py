"""The pact of a whole test run: every world's calls, from every worker of pytest-xdist, written if all tests passed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from outpaint.contracts.errors import OutpaintError
from outpaint.mocks.pact.interactions import Interaction, LeftOut, interaction_of
from outpaint.mocks.pact.pact_file import PROVIDER, InteractionSet, Pact
from outpaint.mocks.world.world import World

_OUTPUT = "outpaint_pact"


class PactSession:
    """A pytest plugin of one run, registered where `--outpaint-pact` names a file."""

    def __init__(self, file: Path, consumer: str, worker: dict[str, Any] | None) -> None:
        self._file = file
        self._consumer = consumer
        self._worker = worker
        """What a worker of pytest-xdist sends to its controller; None in the process that writes the file."""
        self._collection = InteractionSet()
        self._lines: list[str] = []

    def add(self, world: World) -> None:
        """Add a test's calls."""
        for call in world.calls:
            self._collection.add(interaction_of(call))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Send what was collected to the controller, or write the file."""
        if self._worker is not None:
            self._worker[_OUTPUT] = json.dumps(
                {
                    "kept": [one.document for one in self._collection.interactions],
                    "left_out": [[one.call, one.reason] for one in self._collection.left_out],
                }
            )
            return
        if exitstatus != pytest.ExitCode.OK:
            self._lines.append(f"{self._file} was not written: a pact is what passing tests say")
            return
        try:
            pact = Pact.of(self._consumer, PROVIDER, self._collection)
            pact.write(self._file)
        except OutpaintError as error:
            self._lines.append(f"{self._file} was not written: {error.detail}")
            return
        count = len(pact.interactions)
        self._lines.append(f"{self._file}: {count} interactions of {pact.consumer} with {pact.provider}")
        self._lines += [f"left out {one}" for one in pact.left_out]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add what a worker of pytest-xdist collected."""
        handed = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if handed is None:
            return
        found = json.loads(handed)
        for document in found["kept"]:
            self._collection.add(Interaction(document))
        for one in found["left_out"]:
            self._collection.add(LeftOut(*one))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say whether the file was written."""
        if self._lines:
            terminalreporter.section("outpaint pact")
            for line in self._lines:
                terminalreporter.write_line(line)
