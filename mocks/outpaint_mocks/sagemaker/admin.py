"""The mock's own administration, in JSON, under /_mock; meant for tests in other languages and for the curious."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_mocks.mock_paths import ADMIN_ROOT
from outpaint_mocks.sagemaker.runtime import SageMakerMock, read_definition, read_fault


def administer(mock: SageMakerMock, method: str, path: str, query: str, body: bytes) -> tuple[int, Any]:
    """Status and content of the answer; raises `OutpaintError` for what cannot be done.

    GET|POST /_mock/endpoints, GET|PUT|DELETE /_mock/endpoints/NAME, PUT /_mock/endpoints/NAME/instances,
    GET|POST|DELETE /_mock/faults, GET|DELETE /_mock/journal[?endpoint=&inference_id=], GET|POST /_mock/clock,
    POST /_mock/settle.
    """
    match [method, *path.removeprefix(ADMIN_ROOT).strip("/").split("/")]:
        case ["GET", ""]:
            return 200, {"Endpoints": sorted(mock.endpoints), "Now": mock.clock.now(), "Scale": mock.clock.scale}
        case ["GET", "endpoints"]:
            return 200, {"Endpoints": [_endpoint(mock, name) for name in sorted(mock.endpoints)]}
        case ["POST", "endpoints"]:
            definition = mock.define(read_definition(_object(body)))
            return 201, _endpoint(mock, definition.endpoint_name)
        case ["PUT", "endpoints", name]:
            mock.define(read_definition({"EndpointName": name, **_object(body)}))
            return 200, _endpoint(mock, name)
        case ["GET", "endpoints", name] if name in mock.endpoints:
            return 200, _endpoint(mock, name)
        case ["DELETE", "endpoints", name] if mock.remove(name):
            return 200, {}
        case ["PUT", "endpoints", name, "instances"]:
            mock.set_instances(name, _number(_object(body), "Instances"))
            mock.settle()
            return 200, _endpoint(mock, name)
        case ["GET", "faults"]:
            return 200, {"Faults": [fault.model_dump(mode="json", by_alias=True) for fault in mock.faults.pending]}
        case ["POST", "faults"]:
            mock.inject(read_fault(_object(body)))
            return 201, {}
        case ["DELETE", "faults"]:
            mock.faults.clear()
            return 200, {}
        case ["GET", "journal"]:
            wanted = parse_qs(query)
            entries = mock.journal.entries(wanted.get("endpoint", [None])[0], wanted.get("inference_id", [None])[0])
            return 200, {"Entries": [asdict(entry) for entry in entries]}
        case ["DELETE", "journal"]:
            mock.journal.clear()
            return 200, {}
        case ["GET", "clock"]:
            return 200, {"Now": mock.clock.now(), "Scale": mock.clock.scale}
        case ["POST", "clock"]:
            return 200, _move(mock, _object(body))
        case ["POST", "settle"]:
            mock.settle()
            return 200, {}
        case _:
            return 404, {"Message": f"there is no {method} {path} here, or nothing of that name"}


def _endpoint(mock: SageMakerMock, name: str) -> dict[str, Any]:
    definition = mock.endpoints[name].model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return definition | {"Metrics": dict(mock.metrics(name))}


def _move(mock: SageMakerMock, content: dict[str, Any]) -> dict[str, float]:
    """Move the clock on by `Advance` seconds, or let it go at a `Scale` (0 stops it)."""
    match content:
        case {"Advance": int() | float() as seconds}:
            mock.advance(seconds)
        case {"Scale": int() | float() as scale}:
            mock.clock.tick(scale)
        case _:
            raise OutpaintError(ErrorCode.INVALID_PARAMETER, "the clock takes Advance or Scale, a number of seconds")
    return {"Now": mock.clock.now(), "Scale": mock.clock.scale}


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError as error:
        raise OutpaintError(ErrorCode.MALFORMED_BODY, f"the body is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise OutpaintError(ErrorCode.MALFORMED_BODY, "the body is no JSON object")
    return content


def _number(content: dict[str, Any], member: str) -> int:
    value = content.get(member)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"{member} is a number of at least 0", field=member)
    return value
