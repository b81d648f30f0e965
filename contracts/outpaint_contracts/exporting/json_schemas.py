"""JSON Schema 2020-12 for every model: what goes over the wire, and what service and painter tell each other."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from outpaint_contracts.completions import Completion
from outpaint_contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint_contracts.openapi import API_VERSION
from outpaint_contracts.openapi_components import SCHEMAS, JsonObject, Untitled, schemas

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# A name, not an address: whoever serves the files names them by their own.
BASE: Final = f"https://outpaint-kit.example/schemas/{API_VERSION}/"
_SUFFIX: Final = ".schema.json"


def behind_the_wire(ref_template: str) -> dict[str, JsonObject]:
    """The messages between service, painter and SageMaker, by name, as whoever gets them reads them."""
    _, bundle = models_json_schema(
        [(model, "validation") for model in (InferenceRequest, Manifest, InferenceFailure, Completion)],
        ref_template=ref_template,
        schema_generator=Untitled,
    )
    found: dict[str, JsonObject] = bundle["$defs"]
    return found


def schema_files(base: str = BASE) -> dict[str, str]:
    """A file's text for each file name, each with an `$id` under `base` and references to its neighbours."""
    named = {**behind_the_wire(SCHEMAS + "{model}"), **schemas()}
    return {name + _SUFFIX: _text(name, schema, base) for name, schema in sorted(named.items())}


def _text(name: str, schema: JsonObject, base: str) -> str:
    whole = {"$schema": DIALECT, "$id": f"{base.rstrip('/')}/{name}{_SUFFIX}", "title": name, **_neighbours(schema)}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _neighbours(value: Any) -> Any:
    """References into one document as references to the files beside this one."""
    if isinstance(value, list):
        return [_neighbours(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: f"{one.removeprefix(SCHEMAS)}{_SUFFIX}"
        if name == "$ref" and isinstance(one, str) and one.startswith(SCHEMAS)
        else _neighbours(one)
        for name, one in value.items()
    }
