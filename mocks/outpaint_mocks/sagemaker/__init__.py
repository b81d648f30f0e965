"""The SageMaker runtime, played on this machine: real-time, streamed and asynchronous invocations over HTTP.

`SageMakerMock` is the behaviour, `serving_sagemaker` puts it on a port, `outpaint mock-sagemaker` does so from the
command line; docs/sagemaker-mock.md says what it does and what it does not.
"""

from __future__ import annotations

from outpaint_mocks.sagemaker.definitions import (
    AsyncInferenceConfig,
    Delivery,
    Endpoint,
    NotificationConfig,
    OutputConfig,
    Scaling,
)
from outpaint_mocks.sagemaker.faults import Fault, Kind, Step
from outpaint_mocks.sagemaker.journal import Entry, Notice, State
from outpaint_mocks.sagemaker.models import ModelAnswer, ModelRequest, Rule, RuleAnswer
from outpaint_mocks.sagemaker.runtime import SageMakerMock
from outpaint_mocks.sagemaker.serving import ServedSageMaker, serving_sagemaker

__all__ = [
    "AsyncInferenceConfig",
    "Delivery",
    "Endpoint",
    "Entry",
    "Fault",
    "Kind",
    "ModelAnswer",
    "ModelRequest",
    "Notice",
    "NotificationConfig",
    "OutputConfig",
    "Rule",
    "RuleAnswer",
    "SageMakerMock",
    "Scaling",
    "ServedSageMaker",
    "State",
    "Step",
    "serving_sagemaker",
]
