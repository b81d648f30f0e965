"""Mocks of the API and of the SageMaker runtime for tests, which control their time, answers and faults."""

from __future__ import annotations

from outpaint.contracts import lazy_names

# Not typing's: whatever imports a module of this floor runs this file.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from outpaint.mocks.moto_stack import AwsStack as AwsStack
    from outpaint.mocks.moto_stack import aws_stack as aws_stack
    from outpaint.mocks.pact.interactions import Interaction as Interaction
    from outpaint.mocks.pact.interactions import LeftOut as LeftOut
    from outpaint.mocks.pact.pact_file import Pact as Pact
    from outpaint.mocks.pact.pact_file import pact_of as pact_of
    from outpaint.mocks.report.client_checks import judge as judge
    from outpaint.mocks.report.findings import CheckOutcome as CheckOutcome
    from outpaint.mocks.report.findings import CheckResult as CheckResult
    from outpaint.mocks.report.findings import Finding as Finding
    from outpaint.mocks.report.findings import FindingSeverity as FindingSeverity
    from outpaint.mocks.report.findings import Report as Report
    from outpaint.mocks.report.findings import ReportVerdict as ReportVerdict
    from outpaint.mocks.sagemaker.aws_cloud import AwsCloud as AwsCloud
    from outpaint.mocks.sagemaker.aws_cloud import Cloud as Cloud
    from outpaint.mocks.sagemaker.endpoint_definition import AsyncInferenceConfig as AsyncInferenceConfig
    from outpaint.mocks.sagemaker.endpoint_definition import ClientConfig as ClientConfig
    from outpaint.mocks.sagemaker.endpoint_definition import Delivery as Delivery
    from outpaint.mocks.sagemaker.endpoint_definition import Endpoint as Endpoint
    from outpaint.mocks.sagemaker.endpoint_definition import Includes as Includes
    from outpaint.mocks.sagemaker.endpoint_definition import NotificationConfig as NotificationConfig
    from outpaint.mocks.sagemaker.endpoint_definition import OutputConfig as OutputConfig
    from outpaint.mocks.sagemaker.endpoint_definition import Scaling as Scaling
    from outpaint.mocks.sagemaker.endpoint_models import Model as Model
    from outpaint.mocks.sagemaker.endpoint_models import ModelAnswer as ModelAnswer
    from outpaint.mocks.sagemaker.endpoint_models import ModelGoneError as ModelGoneError
    from outpaint.mocks.sagemaker.endpoint_models import ModelRequest as ModelRequest
    from outpaint.mocks.sagemaker.endpoint_models import ModelRule as ModelRule
    from outpaint.mocks.sagemaker.endpoint_models import ModelTimeoutError as ModelTimeoutError
    from outpaint.mocks.sagemaker.endpoint_models import RuleAnswer as RuleAnswer
    from outpaint.mocks.sagemaker.inference_journal import InferenceEntry as InferenceEntry
    from outpaint.mocks.sagemaker.inference_journal import Notice as Notice
    from outpaint.mocks.sagemaker.inference_journal import State as State
    from outpaint.mocks.sagemaker.runtime_calls import RuntimeOperation as RuntimeOperation
    from outpaint.mocks.sagemaker.runtime_faults import Fault as Fault
    from outpaint.mocks.sagemaker.runtime_faults import FaultKind as FaultKind
    from outpaint.mocks.sagemaker.runtime_faults import FaultStep as FaultStep
    from outpaint.mocks.sagemaker.sagemaker_mock import SageMakerMock as SageMakerMock
    from outpaint.mocks.sagemaker.sagemaker_server import ServedSageMaker as ServedSageMaker
    from outpaint.mocks.sagemaker.sagemaker_server import serving_sagemaker as serving_sagemaker
    from outpaint.mocks.scenarios.effect import Effect as Effect
    from outpaint.mocks.scenarios.effect import On as On
    from outpaint.mocks.scenarios.grammar import ScenarioError as ScenarioError
    from outpaint.mocks.scenarios.scenario import Scenario as Scenario
    from outpaint.mocks.scenarios.world_scenarios import Handle as Handle
    from outpaint.mocks.scenarios.world_scenarios import Scenarios as Scenarios
    from outpaint.mocks.transports.httpx2_patch import OutpaintPatch as OutpaintPatch
    from outpaint.mocks.transports.httpx_transport import OutpaintTransport as OutpaintTransport
    from outpaint.mocks.transports.in_process import VENDOR_BASE_URL as VENDOR_BASE_URL
    from outpaint.mocks.transports.respx_router import OutpaintRouter as OutpaintRouter
    from outpaint.mocks.transports.tcp_server import ServedWorld as ServedWorld
    from outpaint.mocks.transports.tcp_server import ThreadServer as ThreadServer
    from outpaint.mocks.transports.tcp_server import thread_server as thread_server
    from outpaint.mocks.world.calls import Calls as Calls
    from outpaint.mocks.world.calls import CannotTellError as CannotTellError
    from outpaint.mocks.world.journal import Journal as Journal
    from outpaint.mocks.world.recorded_call import Call as Call
    from outpaint.mocks.world.virtual_clock import ClockError as ClockError
    from outpaint.mocks.world.virtual_clock import VirtualClock as VirtualClock
    from outpaint.mocks.world.web_sources import Source as Source
    from outpaint.mocks.world.web_sources import Sources as Sources
    from outpaint.mocks.world.world import Snapshot as Snapshot
    from outpaint.mocks.world.world import Studio as Studio
    from outpaint.mocks.world.world import World as World
    from outpaint.mocks.world.world_options import WorldOptions as WorldOptions

# The public names of each module, as seen from here.
PUBLIC = {
    "moto_stack": ("AwsStack", "aws_stack"),
    "pact.interactions": ("Interaction", "LeftOut"),
    "pact.pact_file": ("Pact", "pact_of"),
    "report.findings": ("CheckOutcome", "CheckResult", "Finding", "FindingSeverity", "Report", "ReportVerdict"),
    "report.client_checks": ("judge",),
    "sagemaker.aws_cloud": ("AwsCloud", "Cloud"),
    "sagemaker.endpoint_definition": (
        "AsyncInferenceConfig",
        "ClientConfig",
        "Delivery",
        "Endpoint",
        "Includes",
        "NotificationConfig",
        "OutputConfig",
        "Scaling",
    ),
    "sagemaker.endpoint_models": (
        "Model",
        "ModelAnswer",
        "ModelGoneError",
        "ModelRequest",
        "ModelRule",
        "ModelTimeoutError",
        "RuleAnswer",
    ),
    "sagemaker.inference_journal": ("InferenceEntry", "Notice", "State"),
    "sagemaker.runtime_calls": ("RuntimeOperation",),
    "sagemaker.runtime_faults": ("Fault", "FaultKind", "FaultStep"),
    "sagemaker.sagemaker_mock": ("SageMakerMock",),
    "sagemaker.sagemaker_server": ("ServedSageMaker", "serving_sagemaker"),
    "scenarios.effect": ("Effect", "On"),
    "scenarios.grammar": ("ScenarioError",),
    "scenarios.scenario": ("Scenario",),
    "scenarios.world_scenarios": ("Handle", "Scenarios"),
    "transports.httpx2_patch": ("OutpaintPatch",),
    "transports.httpx_transport": ("OutpaintTransport",),
    "transports.in_process": ("VENDOR_BASE_URL",),
    "transports.respx_router": ("OutpaintRouter",),
    "transports.tcp_server": ("ServedWorld", "ThreadServer", "thread_server"),
    "world.calls": ("Calls", "CannotTellError"),
    "world.journal": ("Journal",),
    "world.recorded_call": ("Call",),
    "world.virtual_clock": ("ClockError", "VirtualClock"),
    "world.web_sources": ("Source", "Sources"),
    "world.world": ("Snapshot", "Studio", "World"),
    "world.world_options": ("WorldOptions",),
}
HOMES = {name: module for module, names in PUBLIC.items() for name in names}
__all__ = sorted(HOMES)

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, HOMES)
