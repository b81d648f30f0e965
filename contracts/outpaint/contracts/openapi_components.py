"""The reusable parts of the API description: schemas, headers and error examples."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from outpaint.contracts import examples
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ErrorBody, ErrorCode, ProblemDetails
from outpaint.contracts.requests import IMAGE_FIELDS, MASK_FIELDS, MAX_URL_LENGTH, RequestForm, UploadRequest
from outpaint.contracts.responses import Accepted, Balance, FailedJob, Result, UploadTicket

JsonObject = dict[str, Any]
SCHEMAS: Final = "#/components/schemas/"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
# Generated clients choose the content type by the schema, so no two types share one.
REQUEST_SCHEMAS: Final = {MULTIPART: "OutpaintMultipart", FORM: "OutpaintForm", JSON: "OutpaintJson"}
"""The name of the schema of each content type of POST /v1/painting/outpaint."""
UPLOAD_SCHEMAS: Final = {JSON: "UploadJson", FORM: "UploadForm", MULTIPART: "UploadMultipart"}
"""The name of the schema of each content type of POST /v1/uploads."""
_IN: Final = {MULTIPART: "in multipart/form-data", FORM: "as a form", JSON: "in JSON"}


def _header(description: str, schema: JsonObject, example: object, *, always: bool = False) -> JsonObject:
    """A header; one that is `always` there is on each answer that names it."""
    required = {"required": True} if always else {}
    return {"description": description, **required, "schema": schema, "example": example}


_WHOLE: Final[JsonObject] = {"type": "integer", "format": "int32", "minimum": 0}
HEADERS: Final[dict[str, JsonObject]] = {
    names.CORRELATION_ID: _header(
        "Names this exchange in logs; quote it when asking for help.",
        {"type": "string"},
        examples.CORRELATION_ID,
        always=True,
    ),
    names.RATE_LIMIT: _header("Requests an account may make in a minute.", _WHOLE, 500, always=True),
    names.RATE_AVAILABLE: _header("Requests left until the reset.", _WHOLE, 498, always=True),
    names.RATE_RESET: _header("Seconds from now until the limit is whole again.", _WHOLE, 17, always=True),
    names.CREDIT_AVAILABLE: _header(
        "Credits before this request's own charge.", {"type": "integer"}, 1000, always=True
    ),
    names.RETRY_AFTER: _header("Seconds to wait before asking again.", _WHOLE, 2, always=True),
    names.PREFERENCE_APPLIED: _header("What of `Prefer` was honoured.", {"type": "string"}, "respond-async"),
    names.IDEMPOTENT_REPLAYED: _header(
        "Present when an earlier request with the same key made this job.", {"type": "string", "enum": ["true"]}, "true"
    ),
    names.WARNING: _header(
        "What of a request was ignored, such as unknown fields, or read though it is spelled otherwise.",
        {"type": "string"},
        "unknown fields ignored: colour",
    ),
    "Location": _header(
        "Where to poll.", {"type": "string"}, f"http://127.0.0.1:8080/v1/painting/{examples.INFERENCE_ID}", always=True
    ),
    names.WWW_AUTHENTICATE: _header(
        "Where the key belongs.", {"type": "string"}, f'ApiKey header="{names.API_KEY}"', always=True
    ),
    "Allow": _header("The verbs this path takes.", {"type": "string"}, "POST, OPTIONS", always=True),
}
_EVERYWHERE: Final = (
    names.CORRELATION_ID,
    names.RATE_LIMIT,
    names.RATE_AVAILABLE,
    names.RATE_RESET,
    names.CREDIT_AVAILABLE,
)


def error_examples() -> JsonObject:
    """Each error once as a plain body and once as a problem document; the responses refer to them."""
    shown: JsonObject = {}
    for code in ErrorCode:
        error = examples.error(code)
        shown[code.value] = example(ErrorBody.of(error))
        shown[f"{code}.problem"] = example(ProblemDetails.of(error, correlation_id=examples.CORRELATION_ID))
    return shown


def example_ref(name: str) -> JsonObject:
    """A reference to one of `error_examples`."""
    return {"$ref": f"#/components/examples/{name}"}


def header_refs(*extra: str) -> JsonObject:
    """References to the headers of every response and to `extra`."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*_EVERYWHERE, *extra)}


class Untitled(GenerateJsonSchema):
    """Pydantic's schemas without a title on every field, which only repeats the name."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


class _Answered(Untitled):
    """Schemas of what is sent: every member is always there, whatever its default."""

    def field_is_required(self, field: object, total: bool) -> bool:  # noqa: ARG002 - pydantic's signature
        return True


def schemas() -> dict[str, JsonSchemaValue]:
    """Every model on the wire, and the request as its content types carry it."""
    _, bundle = models_json_schema(
        [
            (model, "serialization")
            for model in (Result, Accepted, FailedJob, Balance, UploadTicket, ErrorBody, ProblemDetails)
        ],
        ref_template=SCHEMAS + "{model}",
        schema_generator=_Answered,
    )
    form = RequestForm.model_json_schema(ref_template=SCHEMAS + "{model}", schema_generator=Untitled)
    words = form.pop("$defs", {})
    named: dict[str, JsonSchemaValue] = {**bundle["$defs"], **words}
    for media_type, name in REQUEST_SCHEMAS.items():
        files = media_type == MULTIPART
        purpose = f"The request {_IN[media_type]}, with its pictures {'in it' if files else 'elsewhere'}."
        named[name] = _request_schema(form, purpose, files=files)
        if files:
            # A tool that follows no reference here sends a field like `mode` as a file.
            fields = named[name]["properties"]
            named[name]["properties"] = {field: _without_reference(fields[field], words) for field in fields}
    upload = UploadRequest.model_json_schema(schema_generator=Untitled)
    for media_type, name in UPLOAD_SCHEMAS.items():
        purpose = f"The wish to send one picture ahead, {_IN[media_type]}."
        named[name] = {**upload, "title": name, "description": purpose}
    return dict(sorted(named.items()))


def _request_schema(form: JsonSchemaValue, purpose: str, *, files: bool) -> JsonSchemaValue:
    """The documented form with both mask spellings, without nulls and blanks, and with the rules about sources."""
    fields: JsonObject = {}
    for name, field in form["properties"].items():
        fields[name] = _without_null(field)
        # The second spelling of each mask field comes right after the first.
        if name in MASK_FIELDS:
            fields[name.replace("mask_image", "mask")] = {
                **fields[name],
                "description": f"The same as `{name}`; send one of them.",
            }
    for name, kind in {**IMAGE_FIELDS, **MASK_FIELDS}.items():
        if kind == "url":
            fields[name] |= {
                "minLength": 1,
                # A branch without a type is anything at all to a generator of clients.
                "anyOf": [
                    {"type": "string", "maxLength": MAX_URL_LENGTH},
                    {"type": "string", "pattern": "^[dD][aA][tT][aA]:"},
                ],
            }
        if kind == "id":
            fields[name] |= {"minLength": 1, "maxLength": 200}
    if not files:
        fields = {name: field for name, field in fields.items() if field.get("format") != "binary"}
    images = [{"required": [name]} for name in IMAGE_FIELDS if name in fields]
    masks = [{"required": [name]} for name in MASK_FIELDS if name in fields]
    return {
        "type": "object",
        "description": purpose,
        "properties": fields,
        "required": form["required"],
        "allOf": [{"oneOf": images}, {"oneOf": [*masks, {"not": {"anyOf": masks}}]}],
        "additionalProperties": True,
    }


def _without_reference(field: JsonSchemaValue, words: JsonObject) -> JsonSchemaValue:
    """A field that refers to an enum of these, with its words in it."""
    enum = words.get(str(field.get("$ref", "")).removeprefix(SCHEMAS), {})
    rest = {key: value for key, value in field.items() if key != "$ref" or not enum}
    return {**{key: enum[key] for key in ("type", "enum") if key in enum}, **rest}


def _without_null(field: JsonSchemaValue) -> JsonSchemaValue:
    given: JsonSchemaValue = next((choice for choice in field.get("anyOf", []) if choice != {"type": "null"}), {})
    rest = {
        key: value for key, value in field.items() if key != "anyOf" and not (key == "default" and value in (None, ""))
    }
    return {**given, **rest}


def schema_ref(model: type[BaseModel]) -> JsonObject:
    """A reference to a model's schema."""
    return {"$ref": SCHEMAS + model.__name__}


def example(value: BaseModel) -> JsonObject:
    """A model's value as an OpenAPI example."""
    return {"value": value.model_dump(mode="json")}
