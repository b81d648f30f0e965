"""A painter that needs CUDA starts nowhere else, and says why in one line."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.painting.endpoint import cuda_driver
from outpaint.painting.endpoint.cuda_driver import INFERENCE_AMI, driver_version, require_cuda
from outpaint.painting.painters.painter_table import PAINTERS, PainterHost, names_on

NEEDS_CUDA = [name for name in names_on(PainterHost.ENDPOINT) if PAINTERS[name].needs_cuda]
PROPRIETARY = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.57.02  Tue Jul 13 16:14:05 UTC 2021\nGCC version: 7\n"
)
OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (builder@x)\nGCC version: 12\n"
)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A machine whose torch, driver file and nvidia-smi a test chooses."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(cuda_driver, "_DRIVER_FILE", tmp_path / "version")

    def torch(cuda: str | None, *, available: bool = False, warning: str = "") -> None:
        module = ModuleType("torch")
        module.__version__ = "2.13.0"  # type: ignore[attr-defined]
        module.version = SimpleNamespace(cuda=cuda)  # type: ignore[attr-defined]

        def is_available() -> bool:
            if warning:
                warnings.warn(warning, stacklevel=1)
            return available

        module.cuda = SimpleNamespace(is_available=is_available)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "torch", module)

    def tool(output: str) -> None:
        (tmp_path / "bin").mkdir()
        program = tmp_path / "bin" / "nvidia-smi"
        program.write_text(f"#!/bin/sh\necho '{output}'\n")
        program.chmod(0o755)

    return SimpleNamespace(torch=torch, driver=(tmp_path / "version").write_text, tool=tool)


def refusal(painter: str, device: str = "auto") -> str:
    with pytest.raises(OutpaintError) as caught:
        require_cuda(painter, device)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert "\n" not in caught.value.detail
    assert f"the painter {painter} needs CUDA" in caught.value.detail
    return caught.value.detail


def test_the_painters_of_diffusers_are_those_that_need_cuda() -> None:
    assert set(NEEDS_CUDA) == {name for name, entry in PAINTERS.items() if entry.pipeline is not None}


@pytest.mark.parametrize("painter", NEEDS_CUDA)
@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:1"])
def test_the_hosts_default_driver_is_named_with_its_remedy(machine: SimpleNamespace, painter: str, device: str) -> None:
    machine.torch("13.0", warning="The NVIDIA driver on your system is too old (found version 11040).")
    machine.driver(PROPRIETARY)
    said = refusal(painter, device)
    assert "driver is 470.57.02, and CUDA 13.0 needs 580" in said
    assert f"InferenceAmiVersion {INFERENCE_AMI}" in said


def test_a_driver_that_is_new_enough_is_not_blamed(machine: SimpleNamespace) -> None:
    machine.torch("13.0", warning="CUDA initialization: out of\nmemory")
    machine.driver(OPEN)
    said = refusal("klein")
    assert "580.65.06, which is new enough" in said
    assert "CUDA initialization: out of memory" in said
    assert "InferenceAmiVersion" not in said


def test_a_machine_without_a_gpu_and_a_torch_without_cuda_are_told_apart(machine: SimpleNamespace) -> None:
    machine.torch("13.0")
    assert "no NVIDIA driver was found: choose an instance type with a GPU" in refusal("sdxl")
    machine.torch(None)
    assert "built for CPUs alone: build the image with VARIANT=cuda" in refusal("sdxl")


def test_without_torch_the_painters_that_need_none_are_named(
    machine: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "no torch: build it with VARIANT=cuda, or choose migan, patch or flat" in refusal("fluxfill")


def test_it_starts_with_cuda_on_a_cpu_that_was_asked_for_and_where_cuda_is_not_needed(machine: SimpleNamespace) -> None:
    machine.torch("13.0", available=True)
    require_cuda("klein", "auto")
    machine.torch("13.0")
    require_cuda("klein", "cpu")
    for painter in set(names_on(PainterHost.ENDPOINT)) - set(NEEDS_CUDA):
        require_cuda(painter, "auto")


def test_where_the_file_is_hidden_the_tool_is_asked(machine: SimpleNamespace) -> None:
    assert driver_version() is None
    machine.tool("550.163.01")
    assert driver_version() == "550.163.01"
    machine.driver(OPEN)
    assert driver_version() == "580.65.06"


def test_what_the_tool_says_in_words_is_no_version(machine: SimpleNamespace) -> None:
    machine.tool("NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.")
    assert driver_version() is None
