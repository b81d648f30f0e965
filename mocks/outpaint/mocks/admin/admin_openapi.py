"""The OpenAPI document of the admin API."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from outpaint.contracts.errors import ErrorBody
from outpaint.mocks.admin.call_actions import ALL_OPERATIONS
from outpaint.mocks.admin.call_models import Watched
from outpaint.mocks.admin.operation import BYTES, PNG, AdminOperation
from outpaint.mocks.admin.scenario_json import REFERENCE, scenario_schemas
from outpaint.mocks.mock_paths import ADMIN_ROOT, WORLD_PREFIX

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
def admin_openapi_json() -> bytes:
    """The document as JSON."""
    return json.dumps(admin_openapi(), ensure_ascii=False).encode()


def admin_openapi() -> _Object:
    """The whole document, as plain JSON values."""
    paths: _Object = {}
    for operation in ALL_OPERATIONS:
        item = paths.setdefault(ADMIN_ROOT + operation.path, {})
        item[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Outpaint mock: administration",
            "version": "1.0.0",
            "summary": "Worlds, scenarios, time, journal and the consumer report of a mock of the outpainting API.",
            "description": (
                "Operations on a world are for the one whose base URL they are under: /_mock is for the default "
                "world, /t/<world>/_mock for another. Only the mock's own machine may ask, under its own names and "
                "from no other origin's page; --open-admin and --allowed-host let others. What is refused changes "
                "nothing."
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
        schema: _Object = {} if media in (PNG, BYTES) else {"schema": {"type": "string"}}
        done: _Object = {"description": "Done.", "content": {media: schema}}
    else:
        done = {"description": "Done.", "content": {"application/json": {"schema": _reference(operation.gives)}}}
    # Making a world may find it (200); everything else that makes something makes a new one (201).
    found = {"200": done} if not operation.makes or operation.method == "PUT" else {}
    kept = {"304": {"description": "As the ETag in If-None-Match says."}} if operation.gives is Watched else {}
    made = {"201": {**done, "description": "Made."}} if operation.makes else {}
    error = {"application/json": {"schema": _reference(ErrorBody)}}
    refused = {status: {"description": text, "content": error} for status, text in _ERRORS.items()}
    return {**found, **made, **kept, **refused}


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
    taken: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (operation.takes, "validation") for operation in ALL_OPERATIONS if operation.takes is not None
    ]
    given: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (operation.gives, "serialization") for operation in ALL_OPERATIONS if not isinstance(operation.gives, str)
    ]
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [*taken, *given, (ErrorBody, "serialization")]
    _, found = models_json_schema(list(dict.fromkeys(wanted)), ref_template=REFERENCE)
    return {**found["$defs"], **scenario_schemas()}
