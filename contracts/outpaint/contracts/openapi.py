"""The API description: one OpenAPI 3.1 document, built from the contract's models and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Final

from pydantic import BaseModel

from outpaint.contracts import examples
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ERROR_KINDS, ErrorBody, ErrorCode, Operations, ProblemDetails
from outpaint.contracts.masks_and_formats import Format
from outpaint.contracts.openapi_components import (
    FORM,
    HEADERS,
    JSON,
    MULTIPART,
    REQUEST_SCHEMAS,
    SCHEMAS,
    UPLOAD_SCHEMAS,
    JsonObject,
    error_examples,
    example,
    example_ref,
    header_refs,
    schema_ref,
    schemas,
)
from outpaint.contracts.paths_and_headers import BALANCE_PATH, FILE_PATH, INFERENCE_PATH, OUTPAINT_PATH, UPLOADS_PATH
from outpaint.contracts.requests import IMAGE_FIELDS, MASK_FIELDS, Mode
from outpaint.contracts.responses import Accepted, Balance, FailedJob, Result, UploadTicket

API_VERSION: Final = "1.0.0"

_OUTPAINT_ID: Final = "genai-image-outpainting"
_RESULT_ID: Final = "genai-painting-result"
_UPLOAD_TYPES: Final = "image/jpeg, image/png, image/webp, image/bmp, image/tiff, application/octet-stream"
_ERROR_HEADERS: Final[dict[HTTPStatus, tuple[str, ...]]] = {
    HTTPStatus.UNAUTHORIZED: (names.WWW_AUTHENTICATE,),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow",),
}


def _submit(description: str, **fields: str) -> JsonObject:
    """A link to a new request with an id in one of its fields, to which the client adds the others."""
    return {"operationId": _OUTPAINT_ID, "requestBody": fields, "description": description}


_GROW_FURTHER: Final = {
    "grow-further": _submit("Outpaint the first picture once more.", image_id="$response.body#/data/0/id")
}


@cache
def text() -> str:
    """The document as the committed `openapi.json` holds it: two blanks of indent, one newline at the end."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def document() -> JsonObject:
    """The whole OpenAPI document, as plain JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Outpaint Image",
            "version": API_VERSION,
            "summary": "Send a picture with something left open; get it back painted to the edge.",
            "description": (
                "Opaque pixels are kept, transparent pixels are painted; a mask may say the same. "
                "Kept pixels come back byte-identical in PNG.\n\n"
                "A request waits for its pictures (`mode=sync`, the default) or is answered at once with an "
                "`inference_id` to poll (`mode=async`, or `Prefer: respond-async`). A wait that runs out is "
                "answered 202 and loses nothing.\n\n"
                "A refused request costs nothing; a failed job gives its credits back.\n\n"
                "One slash at the end of a path is not counted, with a warning in `X-Outpaint-Warning`."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [
            {"url": "/", "description": "The host that serves this document"},
            {"url": "http://127.0.0.1:8080", "description": "`make serve`; the key there is `dev`"},
        ],
        "security": [{"ApiKey": []}],
        "tags": [
            {"name": "painting", "description": "Submit a picture, poll for the result."},
            {"name": "account", "description": "What is left to spend."},
            {"name": "files", "description": "Finished pictures, by signed URL."},
        ],
        "paths": {
            OUTPAINT_PATH: {"post": _outpaint()},
            INFERENCE_PATH: {"get": _inference()},
            BALANCE_PATH: {"get": _balance()},
            FILE_PATH: {"get": _file()},
            UPLOADS_PATH: {"post": _uploads()},
        },
        "components": {
            "securitySchemes": {
                "ApiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": names.API_KEY,
                    "description": "In the header only: a key in a URL ends up in logs.",
                }
            },
            "headers": HEADERS,
            "examples": error_examples(),
            "schemas": schemas(),
        },
    }


def _outpaint() -> JsonObject:
    return {
        "operationId": _OUTPAINT_ID,
        "summary": "Outpaint an image",
        "description": (
            "Send exactly one image and at most one mask. `mode` may be in the query too, where the body has "
            "none; `Prefer` beats `mode`. Unknown fields are accepted and named in `X-Outpaint-Warning`."
        ),
        "tags": ["painting"],
        "parameters": [
            _parameter(
                "mode",
                "query",
                {"type": "string", "enum": [mode.value for mode in Mode]},
                description="As the body's `mode`, which wins where both are given.",
            ),
            _parameter(
                names.PREFER,
                "header",
                {"type": "string"},
                description="RFC 7240. `respond-async`: answer 202 at once. `wait=N`: wait up to N seconds, 1 to "
                f"{names.MAX_WAIT}, then answer 202. Both may be sent together.",
                examples={
                    "async": {"value": "respond-async"},
                    "wait": {"value": "wait=20"},
                    "both": {"value": "respond-async, wait=20"},
                },
            ),
            _parameter(
                names.IDEMPOTENCY_KEY,
                "header",
                {
                    "type": "string",
                    "pattern": r"^[\x21-\x7e]+$",
                    "minLength": 1,
                    "maxLength": names.MAX_IDEMPOTENCY_KEY_LENGTH,
                },
                description="1 to 255 visible ASCII characters, remembered for 24 hours. The same request again is "
                "answered with the first one's job and `Idempotent-Replayed: true`, and costs nothing.",
                example=examples.CORRELATION_ID,
            ),
        ],
        "requestBody": {"required": True, "content": _bodies()},
        "responses": {
            "200": {
                **_answer(
                    "The pictures are done.",
                    Result,
                    {"done": examples.RESULT},
                    extra=(names.PREFERENCE_APPLIED, names.IDEMPOTENT_REPLAYED, names.WARNING),
                ),
                "links": _GROW_FURTHER,
            },
            "202": _accepted(
                "The job is taken; poll for its pictures.",
                extra=(
                    names.RETRY_AFTER,
                    "Location",
                    names.PREFERENCE_APPLIED,
                    names.IDEMPOTENT_REPLAYED,
                    names.WARNING,
                ),
            ),
            **_errors(Operations.OUTPAINT),
        },
    }


def _inference() -> JsonObject:
    return {
        "operationId": _RESULT_ID,
        "summary": "Poll an inference",
        "description": (
            "202 while the job runs, 200 once it has ended. A job that failed answers 200 too, with "
            '`"status": "error"`. An id is found from the moment it was given out.'
        ),
        "tags": ["painting"],
        "parameters": [
            _parameter("inference_id", "path", {"type": "string"}, required=True, example=examples.INFERENCE_ID)
        ],
        "responses": {
            "200": {
                "description": "The job has ended: with its pictures, or with an error.",
                "headers": header_refs(names.WARNING),
                "content": {
                    "application/json": {
                        "schema": {
                            "oneOf": [schema_ref(Result), schema_ref(FailedJob)],
                            "discriminator": {
                                "propertyName": "status",
                                "mapping": {"success": SCHEMAS + "Result", "error": SCHEMAS + "FailedJob"},
                            },
                        },
                        "examples": {"done": example(examples.RESULT), "failed": example(examples.FAILED)},
                    }
                },
                "links": _GROW_FURTHER,
            },
            "202": _accepted("The job still runs; poll again.", extra=(names.RETRY_AFTER, "Location", names.WARNING)),
            **_errors(Operations.INFERENCE),
        },
    }


def _balance() -> JsonObject:
    return {
        "operationId": "balance",
        "summary": "Credits left",
        "description": "The credits that are free to spend; those of running jobs are already taken off.",
        "tags": ["account"],
        "responses": {
            "200": _answer("The balance.", Balance, {"balance": examples.BALANCE}, extra=(names.WARNING,)),
            **_errors(Operations.BALANCE),
        },
    }


def _file() -> JsonObject:
    picture = {"schema": {"type": "string", "format": "binary"}}
    return {
        "operationId": "result-file",
        "summary": "Fetch a finished picture",
        "description": "Use the `url` of a result, unchanged; it needs no key and works until `expires_at`.",
        "tags": ["files"],
        "security": [],
        "parameters": [
            _parameter("file_id", "path", {"type": "string"}, required=True, example=examples.FILE_ID),
            _parameter("expires", "query", {"type": "string"}, required=True, description="Seconds since the epoch."),
            _parameter("signature", "query", {"type": "string"}, required=True),
        ],
        "responses": {
            "200": {
                "description": "The picture.",
                "headers": header_refs(),
                "content": {kind.media_type: picture for kind in Format},
            },
            **_errors(Operations.FILE),
        },
    }


def _uploads() -> JsonObject:
    examples_of = {"examples": {"png": {"value": examples.UPLOAD_REQUEST}}}
    return {
        "operationId": "upload",
        "summary": "Send a picture ahead",
        "description": (
            "For pictures larger than a request may be. POST `fields` and then the picture, as `file`, to `url` "
            "in multipart/form-data; then name `id` as `image_id` or `mask_id`. Our extension."
        ),
        "tags": ["files"],
        "requestBody": {
            "required": True,
            "content": {
                media_type: {"schema": {"$ref": SCHEMAS + name}, **examples_of}
                for media_type, name in UPLOAD_SCHEMAS.items()
            },
        },
        "responses": {
            "200": {
                **_answer("The form.", UploadTicket, {"ticket": examples.UPLOAD_TICKET}, extra=(names.WARNING,)),
                "links": {
                    "image": _submit("Once the file was sent: outpaint it.", image_id="$response.body#/id"),
                    "mask": _submit("Once the file was sent: take it as the mask.", mask_image_id="$response.body#/id"),
                },
            },
            **_errors(Operations.UPLOADS),
        },
    }


def _parameter(
    name: str, place: str, schema: JsonObject, *, required: bool = False, description: str = "", **more: object
) -> JsonObject:
    """A parameter in the path, the query or a header; `more` are an example or several."""
    about: JsonObject = {"required": True} if required else {}
    if description:
        about["description"] = description
    return {"name": name, "in": place, **about, "schema": schema, **more}


def _bodies() -> JsonObject:
    sources = {**IMAGE_FIELDS, **MASK_FIELDS}
    addresses = {"examples": {"addresses": {"value": examples.URL_REQUEST}}}
    return {
        MULTIPART: {
            "schema": {"$ref": SCHEMAS + REQUEST_SCHEMAS[MULTIPART]},
            # Of text nothing is said, for it is text/plain by itself: orval sends a part whose type is said as a file.
            "encoding": {name: {"contentType": _UPLOAD_TYPES} for name, kind in sources.items() if kind == "file"},
            "examples": {"file": {"value": examples.MULTIPART_REQUEST}},
        },
        **{name: {"schema": {"$ref": SCHEMAS + REQUEST_SCHEMAS[name]}, **addresses} for name in (FORM, JSON)},
    }


def _answer(
    description: str, model: type[BaseModel], shown: dict[str, BaseModel], *, extra: Iterable[str] = ()
) -> JsonObject:
    return {
        "description": description,
        "headers": header_refs(*extra),
        "content": {
            "application/json": {
                "schema": schema_ref(model),
                "examples": {name: example(value) for name, value in shown.items()},
            }
        },
    }


def _accepted(description: str, *, extra: Iterable[str]) -> JsonObject:
    return {
        **_answer(description, Accepted, {"taken": examples.ACCEPTED}, extra=extra),
        "links": {
            "poll": {
                "operationId": _RESULT_ID,
                "parameters": {"inference_id": "$response.body#/inference_id"},
                "description": "Ask again after `Retry-After` seconds.",
            }
        },
    }


def _errors(operation: Operations) -> JsonObject:
    by_status: dict[int, list[ErrorCode]] = {}
    for code, kind in ERROR_KINDS.items():
        if operation in kind.operations:
            by_status.setdefault(kind.status.value, []).append(code)
    # A signed URL is used as it was given: nothing in it is read leniently.
    warned = () if operation is Operations.FILE else (names.WARNING,)
    return {str(status): _error(by_status[status], warned) for status in sorted(by_status)}


def _error(codes: list[ErrorCode], warned: tuple[str, ...]) -> JsonObject:
    kinds = [ERROR_KINDS[code] for code in codes]
    extra = (*_ERROR_HEADERS.get(kinds[0].status, ()), *warned)
    if all(kind.retry_after for kind in kinds):
        extra = (*extra, names.RETRY_AFTER)
    return {
        "description": "; ".join(f"`{code}`: {kind.title}" for code, kind in zip(codes, kinds, strict=True)),
        "headers": header_refs(*extra),
        "content": {
            "application/json": {
                "schema": schema_ref(ErrorBody),
                "examples": {str(code): example_ref(code) for code in codes},
            },
            "application/problem+json": {
                "schema": schema_ref(ProblemDetails),
                "examples": {str(code): example_ref(f"{code}.problem") for code in codes},
            },
        },
    }
