"""Whether this machine has the CUDA that a painter needs; where it has not, what was found and what mends it."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Final

from outpaint.contracts.errors import OutpaintError
from outpaint.painting.painters.painter_table import PAINTERS, PainterHost, names_on

INFERENCE_AMI: Final = "al2023-ami-sagemaker-inference-gpu-4-1"
"""SageMaker's host image with the driver 580, which CUDA 13 needs (docs/facts/aws.md#sagemaker)."""
_LEAST_DRIVER: Final = {"12": 525, "13": 580}
"""The oldest branch of the driver for each major version of CUDA (docs/facts/gpu.md#drivers)."""
_DRIVER_FILE: Final = Path("/proc/driver/nvidia/version")
_IN_DRIVER_FILE: Final = re.compile(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)")


def require_cuda(painter: str, device: str) -> None:
    """Return where this painter may start on `device` (cpu, cuda, cuda:0, auto).

    A painter that needs CUDA starts without it only where `device` is cpu in so many words. Raises OutpaintError
    UNAVAILABLE, one line with the driver's version as found and the remedy.
    """
    if not PAINTERS[painter].needs_cuda or device == "cpu":
        return
    try:
        import torch
    except ImportError:
        raise OutpaintError.unavailable(
            f"the painter {painter} needs CUDA, and this image has no torch: build it with VARIANT=cuda, or choose "
            f"{_without_cuda()}"
        ) from None
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return
    reason = " ".join(str(said[0].message).split())[:200] if said else "torch finds no CUDA device"
    raise OutpaintError.unavailable(
        f"the painter {painter} needs CUDA, and torch {torch.__version__} has none here: "
        f"{_remedy(torch.version.cuda, driver_version(), reason)}; OUTPAINT_DEVICE=cpu paints on the CPU all the same, "
        "minutes a picture"
    )


def _remedy(built_for: str | None, driver: str | None, reason: str) -> str:
    """What is wrong, and what to do: by the CUDA that torch was built for and the driver of this machine."""
    if built_for is None:
        return "it was built for CPUs alone: build the image with VARIANT=cuda"
    if driver is None:
        return (
            "no NVIDIA driver was found: choose an instance type with a GPU such as ml.g5.xlarge "
            f"(docker run --gpus all on a machine of your own), or the painter {_without_cuda()}"
        )
    least = _LEAST_DRIVER.get(built_for.partition(".")[0])
    if least is not None and int(driver.partition(".")[0]) < least:
        return (
            f"the NVIDIA driver is {driver}, and CUDA {built_for} needs {least} or newer: set InferenceAmiVersion "
            f"{INFERENCE_AMI} in the endpoint's configuration"
        )
    return f"the NVIDIA driver is {driver}, which is new enough for CUDA {built_for}, but: {reason}"


def driver_version() -> str | None:
    """The version of the machine's NVIDIA driver, such as 580.65.06; None where there is none."""
    try:
        found = _IN_DRIVER_FILE.search(_DRIVER_FILE.read_text(encoding="ascii", errors="replace"))
        if found is not None:
            return found[1]
    except OSError:
        pass
    # The container toolkit shows the file to most containers, and the tool to those with the capability `utility`.
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    ask = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - its own words
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = done.stdout.strip().partition("\n")[0]
    return version if re.fullmatch(r"\d+(\.\d+)+", version) else None


def _without_cuda() -> str:
    names = [name for name in names_on(PainterHost.ENDPOINT) if not PAINTERS[name].needs_cuda]
    return f"{', '.join(names[:-1])} or {names[-1]}"
