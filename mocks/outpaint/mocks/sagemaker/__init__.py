"""The SageMaker runtime, played on this machine: real-time, streamed and asynchronous invocations over HTTP.

`SageMakerMock` is the behaviour, `serving_sagemaker` puts it on a port, `outpaint mock-sagemaker` does so from the
command line; docs/sagemaker-mock.md says what it does and what it does not.
"""

from __future__ import annotations

from outpaint.mocks.sagemaker.endpoint_definition import (
    AsyncInferenceConfig,
    Delivery,
    Endpoint,
    NotificationConfig,
    OutputConfig,
    Scaling,
)
from outpaint.mocks.sagemaker.endpoint_models import ModelAnswer, ModelRequest, ModelRule, RuleAnswer
from outpaint.mocks.sagemaker.inference_journal import InferenceEntry, Notice, State
from outpaint.mocks.sagemaker.runtime_faults import Fault, FaultKind, FaultStep
from outpaint.mocks.sagemaker.sagemaker_mock import SageMakerMock
from outpaint.mocks.sagemaker.sagemaker_server import ServedSageMaker, serving_sagemaker

__all__ = [
    "AsyncInferenceConfig",
    "Delivery",
    "Endpoint",
    "Fault",
    "FaultKind",
    "FaultStep",
    "InferenceEntry",
    "ModelAnswer",
    "ModelRequest",
    "ModelRule",
    "Notice",
    "NotificationConfig",
    "OutputConfig",
    "RuleAnswer",
    "SageMakerMock",
    "Scaling",
    "ServedSageMaker",
    "State",
    "serving_sagemaker",
]
