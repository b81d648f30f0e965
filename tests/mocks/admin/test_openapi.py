"""The admin API's OpenAPI document: valid, complete, and true of what is answered."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from outpaint.mocks.admin.admin_openapi import admin_openapi
from outpaint.mocks.admin.call_actions import ALL_OPERATIONS
from outpaint.mocks.admin.scenario_json import scenario_of
from outpaint.mocks.scenarios.scenario import EFFECTS, PRESETS, Scenario

DOCUMENT = admin_openapi()


def schema_of(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}


def test_it_is_valid_and_served(server: Any) -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []
    assert server.get("/openapi.json") == json.loads(json.dumps(DOCUMENT))


def test_it_has_every_operation_and_nothing_else() -> None:
    described = {
        (method.upper(), path.removeprefix("/_mock")) for path, verbs in DOCUMENT["paths"].items() for method in verbs
    }
    assert described == {(operation.method, operation.path) for operation in ALL_OPERATIONS}
    names = [one["operationId"] for verbs in DOCUMENT["paths"].values() for one in verbs.values()]
    assert len(names) == len(set(names)) == len(ALL_OPERATIONS)


def test_every_described_path_leads_to_its_operation(server: Any) -> None:
    """What stands for a parameter may not exist, but then it is that which is told, not the path."""
    for operation in ALL_OPERATIONS:
        path = re.sub(r"\{(number|place)\}", "1", operation.path).replace("{name}", "w")
        answer = server.ask(operation.method, path.replace("{inference_id}", "j"))
        assert answer.status != 405
        if answer.status >= 400:
            assert "there is nothing at" not in answer.detail


def test_every_reference_leads_somewhere() -> None:
    wanted = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert wanted <= set(DOCUMENT["components"]["schemas"])


def test_answers_are_as_described(server: Any) -> None:
    server.post("/scenarios/always", {"scenario": "polls(1)"})
    server.post("/scenarios/next", {"scenario": "latency(1)"})
    server.post("/sources", {"url": "https://a.example/", "status": 404})
    inference_id = server.submit(with_mask=True)["inference_id"]
    server.submit(count="11")
    for operation in ALL_OPERATIONS:
        if operation.method != "GET" or isinstance(operation.gives, str):
            continue
        path = operation.path.replace("{number}", "1").replace("{inference_id}", inference_id)
        Draft202012Validator(schema_of(operation.gives.__name__)).validate(server.get(path))
    Draft202012Validator(schema_of("ErrorBody")).validate(server.ask("GET", "/nothing").json)


@pytest.mark.parametrize("text", [*PRESETS.values(), "sequence(processing*2, error(internal), fail(timed_out))"])
def test_a_scenario_in_json_fits_its_schema_and_means_the_same(text: str) -> None:
    def told(effect: Any) -> dict[str, Any]:
        values = effect.model_dump(mode="json", exclude_none=True, exclude={"steps"})
        if hasattr(effect, "steps"):
            values["steps"] = [told(step) for step in effect.steps]
        return {"effect": effect.name, **values}

    scenario = Scenario.of(text)
    value = [told(effect) for effect in scenario.effects]
    Draft202012Validator(schema_of("SetAlways")).validate({"scenario": value})
    assert scenario_of(value) == scenario


def test_schemas_refuse_what_the_language_refuses() -> None:
    validator = Draft202012Validator(schema_of("SetAlways"))
    assert validator.is_valid({"scenario": "polls(2)"})
    assert not validator.is_valid({"scenario": [{"effect": "pols", "n": 2}]})
    assert not validator.is_valid({"scenario": [{"effect": "polls"}]})
    assert not validator.is_valid({"scenario": [{"effect": "fail", "code": "rate_limited"}]})
    assert not validator.is_valid({"scenario": "polls(2)", "times": 2})
    names = {name for schema in DOCUMENT["components"]["schemas"].values() for name in _effect_names(schema)}
    assert names >= set(EFFECTS)


def _effect_names(schema: dict[str, Any]) -> list[str]:
    names: list[str] = schema.get("properties", {}).get("effect", {}).get("enum", [])
    return names
