"""Whether a body that a consumer expects is one that a model of the contract can give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from outpaint_mocks.grammar import nearest


def uncovered(model: type[BaseModel], body: Any, path: str = "$") -> Iterator[str]:
    """One line for each expected member that the model does not give; a body may leave members out."""
    if not isinstance(body, dict):
        yield f"{path} is {_shown(body)}, and the contract answers with an object"
        return
    for name, value in body.items():
        field = model.model_fields.get(name)
        if field is None:
            yield f"{path} has no member {name[:60]}: {nearest(name[:60], model.model_fields)}"
        else:
            yield from _member(field, value, f"{path}.{name}")


def _member(field: FieldInfo, value: Any, path: str) -> Iterator[str]:
    inner = _model_in(field.annotation)
    if inner is not None and isinstance(value, dict):
        yield from uncovered(inner, value, path)
        return
    if inner is not None and isinstance(value, list):
        if value and _always_empty(field):
            yield f"{path} has items, and the contract answers with none here"
            return
        for place, item in enumerate(value):
            yield from uncovered(inner, item, f"{path}[{place}]")
        return
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(_annotated(field))
        # As JSON has it: a date is a text there, a number is none.
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        yield f"{path} is {_shown(value)}: {reason[:1].lower()}{reason[1:]}"


def _annotated(field: FieldInfo) -> Any:
    annotation: Any = field.annotation
    for one in field.metadata:
        annotation = Annotated[annotation, one]
    return annotation


def _always_empty(field: FieldInfo) -> bool:
    return any(getattr(one, "max_length", None) == 0 for one in field.metadata)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a member is, or is a list of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is tuple:
        return _model_in(get_args(annotation)[0])
    return None


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
