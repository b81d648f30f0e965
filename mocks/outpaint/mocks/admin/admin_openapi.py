"""The table of operations and its OpenAPI."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from outpaint.contracts.errors import ErrorBody
from outpaint.mocks.admin import actions
from outpaint.mocks.admin import admin_models as models
from outpaint.mocks.admin.operation import HTML, JSON, PNG, XML, AdminOperation
from outpaint.mocks.admin.scenario_json import REFERENCE, Language, schemas
from outpaint.mocks.mock_paths import ADMIN_ROOT, WORLD_PREFIX
from outpaint.mocks.report.findings import Report

OPERATIONS: Final[tuple[AdminOperation, ...]] = (
    AdminOperation(
        "GET", "/worlds", "worlds", "List the worlds",
        actions.worlds_listed, models.WorldList, of_world=False,
    ),
    AdminOperation(
        "PUT", "/worlds/{name}", "make-world", "Make a world, or find it", actions.make_world, models.WorldDetail,
        takes=models.SetUp, optional_body=True, of_world=False, makes=True,
    ),
    AdminOperation(
        "DELETE", "/worlds/{name}", "remove-world", "Forget a world and all in it", actions.remove_world,
        models.WorldList, of_world=False,
    ),
    AdminOperation(
        "GET", "/language", "language", "The scenario language: effects and presets", actions.tell_language,
        Language, of_world=False,
    ),
    AdminOperation("GET", "/world", "world", "The world and its accounts", actions.world_shown, models.WorldDetail),
    AdminOperation(
        "POST", "/accounts", "open-account", "Open a key's account, or let it stand otherwise", actions.open_account,
        models.AccountState, takes=models.OpenAccount, makes=True,
    ),
    AdminOperation(
        "POST", "/reset", "reset", "Let the world stand as at its beginning", actions.reset_world,
        models.WorldDetail,
    ),
    AdminOperation("GET", "/clock", "clock", "The world's time", actions.clock_shown, models.ClockState),
    AdminOperation(
        "POST", "/clock/advance", "advance-clock", "Move time on by so much, at once", actions.advance_clock,
        models.ClockState, takes=models.Advance,
    ),
    AdminOperation(
        "POST", "/clock/set", "set-clock", "Move time on to a date", actions.set_clock, models.ClockState,
        takes=models.SetTime,
    ),
    AdminOperation(
        "POST", "/clock/freeze", "freeze-clock", "Let time stand still",
        actions.freeze_clock, models.ClockState,
    ),
    AdminOperation(
        "POST", "/clock/tick", "tick-clock", "Let time go, as fast as it does or faster", actions.tick_clock,
        models.ClockState, takes=models.Tick, optional_body=True,
    ),
    AdminOperation(
        "GET", "/scenarios", "scenarios", "The scenarios that are set", actions.scenarios_listed,
        models.ScenarioStates,
    ),
    AdminOperation(
        "DELETE", "/scenarios", "clear-scenarios", "Take back every scenario of the world and of the next calls",
        actions.clear_scenarios, models.ScenarioStates,
    ),
    AdminOperation(
        "POST", "/scenarios/always", "always", "Let a scenario stand for the world until it is removed",
        actions.set_always, models.ScenarioStates, takes=models.SetAlways, makes=True,
    ),
    AdminOperation(
        "POST", "/scenarios/next", "next", "Let a scenario stand for the next calls", actions.set_next,
        models.ScenarioStates, takes=models.SetNext, makes=True,
    ),
    AdminOperation(
        "POST", "/scenarios/check", "check-scenario", "Read a scenario and do nothing with it",
        actions.check_scenario, models.Understood, takes=models.SetAlways,
    ),
    AdminOperation(
        "DELETE", "/scenarios/{number}", "remove-scenario", "Take one scenario back", actions.remove_scenario,
        models.ScenarioStates,
    ),
    AdminOperation(
        "GET", "/jobs", "jobs", "The latest jobs",
        actions.jobs_listed, models.JobList, query=models.JobQuery,
    ),
    AdminOperation(
        "POST", "/jobs/release", "release-jobs", "End every running job",
        actions.release_jobs, models.JobList,
    ),
    AdminOperation("GET", "/jobs/{inference_id}", "job", "One job", actions.job_shown, models.JobSummary),
    AdminOperation(
        "POST", "/jobs/{inference_id}/release", "release-job", "End a running job, as its plan says",
        actions.release_job, models.JobSummary,
    ),
    AdminOperation(
        "POST", "/jobs/{inference_id}/scenario", "job-scenario", "Let a running job go on otherwise",
        actions.set_job_scenario, models.JobSummary, takes=models.SetForJob,
    ),
    AdminOperation(
        "GET", "/journal", "journal", "The calls that came", actions.calls_listed, models.CallPage,
        query=models.CallQuery,
    ),
    AdminOperation("DELETE", "/journal", "clear-journal", "Forget every call", actions.clear_journal, models.CallPage),
    AdminOperation(
        "POST", "/journal/assertions", "assert-calls", "Whether calls came as expected; if not, the nearest one",
        actions.assert_calls, models.Judged, takes=models.Expected,
    ),
    AdminOperation(
        "GET", "/journal/{number}", "call", "One call with all that is kept of it", actions.call_shown,
        models.CallDetail,
    ),
    AdminOperation(
        "GET", "/journal/{number}/image", "call-image", "The picture that a call brought",
        actions.call_picture("image"), PNG, query=models.PictureQuery,
    ),
    AdminOperation(
        "GET", "/journal/{number}/mask", "call-mask", "The mask that a call brought", actions.call_picture("mask"),
        PNG, query=models.PictureQuery,
    ),
    AdminOperation(
        "GET", "/journal/{number}/keep-map", "call-keep-map", "What the service keeps: white kept, black painted",
        actions.call_picture("keep-map"), PNG, query=models.PictureQuery,
    ),
    AdminOperation(
        "GET", "/journal/{number}/results/{place}", "call-result", "A picture of the call's job, from place 0 on",
        actions.call_picture("results"), PNG, query=models.PictureQuery,
    ),
    AdminOperation(
        "GET", "/sources", "sources", "What stands behind addresses", actions.sources_listed, models.SourceList
    ),
    AdminOperation(
        "POST", "/sources", "set-source", "Put bytes, a status, a delay or a broken connection behind an address",
        actions.set_source, models.SourceList, takes=models.SetSource, makes=True,
    ),
    AdminOperation(
        "DELETE", "/sources", "forget-source", "Take back what stands behind an address", actions.forget_source,
        models.SourceList, query=models.SourceQuery,
    ),
    AdminOperation(
        "GET", "/pact", "pact", "The calls that came, as a Pact file", actions.pact_written, JSON,
        query=models.PactQuery,
    ),
    AdminOperation(
        "POST", "/pact/state", "pact-state", "Put the world into a provider state, as Pact's verifiers ask",
        actions.stage_state, models.StateValues, takes=models.SetState,
    ),
    AdminOperation("GET", "/report", "report", "How well the client behaves", actions.report_shown, Report),
    AdminOperation("GET", "/report.html", "report-page", "The same as a page to read", actions.report_page, HTML),
    AdminOperation(
        "GET", "/report.xml", "report-junit", "The same as JUnit XML", actions.report_junit, XML,
        query=models.ReportQuery,
    ),
)  # fmt: skip
"""Every operation; where two paths could mean one request, the first counts."""


_Object = dict[str, Any]
_ERRORS = {
    "400": "The body is no JSON.",
    "403": "Not from this machine, or a page of another origin.",
    "404": "There is no such thing.",
    "405": "Not with this verb.",
    "413": "The body is too large.",
    "422": "It cannot be done as asked; nothing has changed.",
}


@cache
def text() -> bytes:
    """The document as JSON."""
    return json.dumps(document(), ensure_ascii=False).encode()


def document() -> _Object:
    """The whole document, as plain JSON values."""
    paths: _Object = {}
    for operation in OPERATIONS:
        item = paths.setdefault(ADMIN_ROOT + operation.path, {})
        item[operation.verb.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Outpaint mock: administration",
            "version": "1.0.0",
            "summary": "Worlds, scenarios, time, journal and the consumer report of a mock of the outpainting API.",
            "description": (
                "What is said of a world is meant for the one whose base URL stands before: /_mock for the default "
                "world, /t/<world>/_mock for another. Only the mock's own machine may ask, unless it was started with "
                "--open-admin. What is refused changes nothing."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [
            {"url": "/", "description": "The default world"},
            {
                "url": f"{WORLD_PREFIX}{{world}}",
                "description": "Another world",
                "variables": {"world": {"default": "my-test", "description": "1 to 64 letters, digits, . _ -"}},
            },
        ],
        "paths": paths,
        "components": {"schemas": _schemas()},
    }


def _operation(operation: AdminOperation) -> _Object:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name)}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    if operation.query is not None:
        parameters += _query_parameters(operation.query)
    found: _Object = {"operationId": operation.name, "summary": operation.summary}
    if not operation.of_world:
        found["servers"] = [{"url": "/"}]
    if parameters:
        found["parameters"] = parameters
    if operation.takes is not None:
        found["requestBody"] = {
            "required": not operation.optional_body,
            "content": {"application/json": {"schema": _reference(operation.takes)}},
        }
    found["responses"] = _responses(operation)
    return found


def _responses(operation: AdminOperation) -> _Object:
    if isinstance(operation.gives, str):
        media = operation.gives.partition(";")[0]
        schema: _Object = {} if media == PNG else {"schema": {"type": "string"}}
        done: _Object = {"description": "Done.", "content": {media: schema}}
    else:
        done = {"description": "Done.", "content": {"application/json": {"schema": _reference(operation.gives)}}}
    # A world that exists is found (200), everything else that makes something makes it anew (201).
    found = {"200": done} if not operation.makes or operation.verb == "PUT" else {}
    made = {"201": {**done, "description": "Made."}} if operation.makes else {}
    error = {"application/json": {"schema": _reference(ErrorBody)}}
    refused = {status: {"description": told, "content": error} for status, told in _ERRORS.items()}
    return {**found, **made, **refused}


def _path_schema(name: str) -> _Object:
    return {"type": "integer", "minimum": 0} if name in ("number", "place") else {"type": "string", "minLength": 1}


def _query_parameters(model: type[BaseModel]) -> list[_Object]:
    schema = model.model_json_schema(ref_template=REFERENCE)
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": found}
        for name, found in schema["properties"].items()
    ]


def _reference(model: type[BaseModel]) -> _Object:
    return {"$ref": REFERENCE.format(model=model.__name__)}


def _schemas() -> _Object:
    given: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (operation.takes, "validation") for operation in OPERATIONS if operation.takes is not None
    ]
    told: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (operation.gives, "serialization") for operation in OPERATIONS if not isinstance(operation.gives, str)
    ]
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [*given, *told, (ErrorBody, "serialization")]
    _, found = models_json_schema(list(dict.fromkeys(wanted)), ref_template=REFERENCE)
    return {**found["$defs"], **schemas()}
