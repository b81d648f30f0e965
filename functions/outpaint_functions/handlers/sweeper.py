"""The function that goes round once a minute."""

from __future__ import annotations

from typing import Any

from outpaint_functions.handlers import telemetry
from outpaint_functions.handlers.process import settling
from outpaint_functions.service.sweep import sweep


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda's signature
    """End what was cut off between two steps; raises what kept it from some jobs, for the alarm."""
    sweep(settling().service)
    telemetry.count("Sweeps")
    telemetry.flush()
