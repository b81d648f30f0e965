"""The scenario language as JSON: scenarios, its description for the page, and its schemas for OpenAPI."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.json_schema import models_json_schema

from outpaint.mocks.scenarios.effect import CallEffect, Effect, On, Slot
from outpaint.mocks.scenarios.grammar import ScenarioError, nearest
from outpaint.mocks.scenarios.job_effects import STEP_NAMES, Sequence
from outpaint.mocks.scenarios.scenario import EFFECTS, MAGIC, PRESETS, Scenario

REFERENCE = "#/components/schemas/{model}"
_ALL_KINDS = {**STEP_NAMES, **EFFECTS}

ScenarioValue = Annotated[
    str | list[str | dict[str, Any]],
    WithJsonSchema(
        {
            "description": "As text, such as `polls(2); fail(timed_out)`, or as a list of texts and effects.",
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 2000, "examples": ["polls(2); latency(0.3)"]},
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "anyOf": [
                            {"type": "string", "minLength": 1, "maxLength": 2000},
                            {"$ref": REFERENCE.format(model="Effect")},
                        ]
                    },
                },
            ],
        }
    ),
]
"""A scenario in JSON."""


class ParameterKind(StrEnum):
    """How a parameter is entered."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    CHOICE = "choice"
    STEPS = "steps"


class Parameter(BaseModel):
    """One argument of an effect."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: ParameterKind
    required: bool = False
    default: str | int | float | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    description: str = ""


class EffectCard(BaseModel):
    """One effect of the language."""

    model_config = ConfigDict(frozen=True)

    name: str
    signature: str = Field(description="As it is written, with the defaults of its arguments.")
    summary: str
    decides: tuple[Slot, ...] = Field(description="A scenario has one effect for each of these.")
    calls: tuple[On, ...] = Field(default=(), description="The calls it touches where `on` does not say; none: jobs.")
    parameters: tuple[Parameter, ...] = ()


class PresetCard(BaseModel):
    """A name of a scenario, for use as an API key or as a prompt's first word."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="With its prefix `mock_`.")
    scenario: str


class Language(BaseModel):
    """Everything that a scenario may say."""

    model_config = ConfigDict(frozen=True)

    effects: tuple[EffectCard, ...]
    presets: tuple[PresetCard, ...]
    on: tuple[On, ...] = tuple(On)


def scenario_of(value: str | list[str | dict[str, Any]], on: On | None = None) -> Scenario:
    """The scenario that JSON asks for, all of a list's effects together; raises `ScenarioError`."""
    if isinstance(value, str):
        return Scenario.of(value, on=on)
    effects: list[Effect] = []
    for item in value:
        effects += Scenario.of(item).effects if isinstance(item, str) else (_effect(item, EFFECTS),)
    return Scenario.of(effects, on=on)


@cache
def language() -> Language:
    """Every effect and preset, in the order of their tables."""
    return Language(
        effects=tuple(_card(kind) for kind in EFFECTS.values()),
        presets=tuple(PresetCard(name=MAGIC + name, scenario=text) for name, text in PRESETS.items()),
    )


@cache
def scenario_schemas() -> dict[str, Any]:
    """JSON schemas of every effect, their union `Effect`, and what they refer to, by their names."""
    kinds = list(dict.fromkeys(_ALL_KINDS.values()))
    _, found = models_json_schema([(kind, "validation") for kind in kinds], ref_template=REFERENCE)
    defs: dict[str, Any] = found["$defs"]
    del defs["Effect"]  # the bare base, which `Sequence` names
    shown = {}
    for kind in kinds:
        schema = defs.pop(kind.__name__)
        properties = schema.get("properties", {})
        if kind is Sequence:
            steps = [{"$ref": REFERENCE.format(model=_title(step))} for step in dict.fromkeys(STEP_NAMES.values())]
            properties = {**properties, "steps": {**properties["steps"], "items": {"anyOf": steps}}}
        names = [name for name, known in _ALL_KINDS.items() if known is kind]
        shown[_title(kind)] = {
            **schema,
            "description": kind.summary(),
            "properties": {"effect": {"type": "string", "enum": names}, **properties},
            "required": ["effect", *schema.get("required", ())],
        }
    union = [{"$ref": REFERENCE.format(model=_title(kind))} for kind in dict.fromkeys(EFFECTS.values())]
    return {**defs, **shown, "Effect": {"description": "One effect of a scenario.", "anyOf": union}}


def _title(kind: type[Effect]) -> str:
    return f"{kind.__name__}Effect"


def _effect(item: dict[str, Any], names: Any) -> Effect:
    values = dict(item)
    name = values.pop("effect", None)
    if not isinstance(name, str):
        raise ScenarioError('an effect says which it is: write {"effect": "polls", "n": 2}')
    kind: type[Effect] | None = names.get(name)
    if kind is None:
        raise ScenarioError(f"there is no effect {name[:60]}: {nearest(name[:60], names)}")
    if kind is Sequence:
        steps = values.get("steps")
        if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            raise ScenarioError("sequence needs steps: a list of effects")
        values["steps"] = tuple(_effect(step, STEP_NAMES) for step in steps)
    return kind.from_values(values)


def _card(kind: type[Effect]) -> EffectCard:
    calls: tuple[On, ...] = ()
    if issubclass(kind, CallEffect):
        calls = tuple(on for on in On if on in kind.usual)
    return EffectCard(
        name=kind.name,
        signature=kind.signature(),
        summary=kind.summary(),
        decides=tuple(slot for slot in Slot if slot in kind.slots),
        calls=calls,
        parameters=tuple(_parameters(kind)),
    )


def _parameters(kind: type[Effect]) -> list[Parameter]:
    schema = kind.model_json_schema()
    required = set(schema.get("required", ()))
    return [
        _parameter(name, schema["properties"][name], schema.get("$defs", {}), required=name in required)
        for name in kind.in_order()
    ]


def _parameter(name: str, schema: dict[str, Any], defs: dict[str, Any], *, required: bool) -> Parameter:
    described = str(schema.get("description", ""))
    default = schema.get("default")
    if "anyOf" in schema:
        schema = {**schema, **next(option for option in schema["anyOf"] if option.get("type") != "null")}
    if "$ref" in schema:
        schema = {**defs[schema["$ref"].rpartition("/")[2]], **schema}
    choices = tuple(str(choice) for choice in schema.get("enum", ()))
    word = schema.get("type")
    kind = ParameterKind.CHOICE if choices else _KINDS.get(str(word), ParameterKind.TEXT)
    return Parameter(
        name=name,
        kind=kind,
        required=required,
        default=default if isinstance(default, str | int | float) else None,
        choices=choices,
        minimum=schema.get("minimum", schema.get("exclusiveMinimum")),
        maximum=schema.get("maximum"),
        description=described,
    )


_KINDS = {"integer": ParameterKind.INTEGER, "number": ParameterKind.NUMBER, "array": ParameterKind.STEPS}
