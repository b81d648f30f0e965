"""The API description: committed, valid, complete, and with examples that keep its own rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from pydantic import BaseModel

from outpaint.contracts import openapi, paths_and_headers
from outpaint.contracts.errors import ERROR_KINDS, ErrorCode, OutpaintError
from outpaint.contracts.requests import KNOWN_FIELDS, OutpaintRequest, Upload

ROOT = Path(__file__).parents[2]
DOCUMENT = openapi.document()
OPERATIONS = [(path, verb) for path, verbs in DOCUMENT["paths"].items() for verb in verbs]


def operation(path: str, verb: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][verb]
    return found


def media_types() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, verb in OPERATIONS:
        wanted = operation(path, verb)
        bodies = {"request": wanted.get("requestBody", {}), **wanted["responses"]}
        for where, body in bodies.items():
            for media_type, media in body.get("content", {}).items():
                yield f"{verb} {path} {where} {media_type}", media


def schema_at(pointer: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**pointer, "components": DOCUMENT["components"]})


def alternatives(value: Any) -> Iterator[dict[str, Any]]:
    """Every branch of an `anyOf` or `oneOf`, at whatever depth."""
    if isinstance(value, list):
        for one in value:
            yield from alternatives(one)
    elif isinstance(value, dict):
        for keyword in ("anyOf", "oneOf"):
            yield from value.get(keyword, ())
        for one in value.values():
            yield from alternatives(one)


def value_of(example: dict[str, Any]) -> Any:
    if "$ref" in example:
        example = DOCUMENT["components"]["examples"][example["$ref"].rpartition("/")[2]]
    return example["value"]


def test_the_committed_file_is_the_one_the_models_make() -> None:
    committed = (ROOT / "openapi.json").read_text(encoding="utf-8")
    assert committed == openapi.text(), "run `make openapi` and commit openapi.json"


def test_it_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    validate(DOCUMENT)


@pytest.mark.parametrize(
    ("where", "media"), list(media_types()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_json_body_has_examples_and_they_fit_its_schema(where: str, media: dict[str, Any]) -> None:
    if "json" not in where:
        assert "examples" in media or media["schema"] == {"type": "string", "format": "binary"}
    for example in media.get("examples", {}).values():
        schema_at(media["schema"]).validate(value_of(example))


def test_request_examples_are_requests_we_take() -> None:
    for media_type, media in operation(paths_and_headers.OUTPAINT_PATH, "post")["requestBody"]["content"].items():
        for example in media["examples"].values():
            fields = {
                name: [Upload(b"picture") if name == "image" else value] for name, value in example["value"].items()
            }
            assert OutpaintRequest.unknown_fields(fields) == (), media_type
            assert OutpaintRequest.from_fields(fields).wish.prompt


def test_the_forms_name_every_field_we_know_and_no_other() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert set(schemas["OutpaintMultipart"]["properties"]) == KNOWN_FIELDS
    for name in ("OutpaintForm", "OutpaintJson"):
        assert set(schemas[name]["properties"]) == KNOWN_FIELDS - {"image", "mask", "mask_image"}


def test_every_content_type_of_a_request_has_a_schema_of_its_own() -> None:
    """A generated client chooses the content type by the schema that it is given."""
    for path in (paths_and_headers.OUTPAINT_PATH, paths_and_headers.UPLOADS_PATH):
        content = operation(path, "post")["requestBody"]["content"]
        assert len(content) == 3
        assert len({media["schema"]["$ref"] for media in content.values()}) == 3


def test_every_alternative_says_its_type() -> None:
    """One without is anything at all to a generator of clients: what is only about which fields there are, is.

    A type on those would be that of an object without members to openapi-typescript.
    """
    branches = list(alternatives(DOCUMENT))
    assert len(branches) > 50
    values = [one for one in branches if not {"required", "not"} >= set(one)]
    assert len(values) > 20
    assert [one for one in values if "type" not in one and "$ref" not in one] == []


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"image_url": "https://a/b.png", "prompt": "sky"}, True),
        ({"image_url": "https://a/b.png", "prompt": "sky", "mask_url": "https://a/m.png"}, True),
        ({"image_url": "https://a/b.png", "prompt": "sky", "colour": "blue"}, True),
        ({"image_url": "data:image/png;base64," + "A" * 3000, "prompt": "sky"}, True),
        ({"image_url": "https://a/" + "b" * 3000, "prompt": "sky"}, False),
        ({"prompt": "sky"}, False),
        ({"image_url": "https://a/b.png"}, False),
        ({"image_url": "https://a/b.png", "prompt": ""}, False),
        ({"image_url": "https://a/b.png", "prompt": " \n"}, False),
        ({"image_url": "https://a/b.png", "prompt": " a\n"}, True),
        ({"image_url": "https://a/b.png", "prompt": "sky", "count": 2.0, "seed": 9.0}, True),
        ({"image_url": "https://a/b.png", "prompt": "sky", "count": 1.5}, False),
        ({"image_url": "https://a/b.png", "image_id": "x.png", "prompt": "sky"}, False),
        (
            {"image_url": "https://a/b.png", "mask_url": "https://a", "mask_image_url": "https://a", "prompt": "x"},
            False,
        ),
        ({"image_url": "https://a/b.png", "prompt": "sky", "count": 11}, False),
        ({"image_url": "https://a/b.png", "prompt": "sky", "mode": "auto"}, False),
    ],
)
def test_the_schema_and_the_model_agree_on_what_is_a_request(fields: dict[str, Any], allowed: bool) -> None:
    form = schema_at({"$ref": "#/components/schemas/OutpaintForm"})
    assert form.is_valid(fields) is allowed
    try:
        OutpaintRequest.from_fields({name: [value] for name, value in fields.items()})
    except OutpaintError:
        assert not allowed
    else:
        assert allowed


def test_every_response_declares_the_headers_of_every_response() -> None:
    everywhere = {
        paths_and_headers.CORRELATION_ID,
        paths_and_headers.RATE_LIMIT,
        paths_and_headers.RATE_AVAILABLE,
        paths_and_headers.RATE_RESET,
        paths_and_headers.CREDIT_AVAILABLE,
    }
    for path, verb in OPERATIONS:
        for status, response in operation(path, verb)["responses"].items():
            assert everywhere <= set(response["headers"]), (path, verb, status)


def test_every_error_code_is_declared_somewhere_under_its_status() -> None:
    declared: dict[str, set[int]] = {}
    for path, verb in OPERATIONS:
        for status, response in operation(path, verb)["responses"].items():
            if int(status) < 400:
                continue
            assert set(response["content"]) == {"application/json", "application/problem+json"}
            for example in response["content"]["application/json"]["examples"].values():
                declared.setdefault(value_of(example)["error_code"], set()).add(int(status))
    # A path that does not exist cannot be described by a path.
    wanted = {str(code): {kind.status.value} for code, kind in ERROR_KINDS.items() if code != ErrorCode.UNKNOWN_ROUTE}
    assert declared == wanted


def test_operation_ids_are_unique_and_the_vendors_is_kept() -> None:
    ids = [operation(path, verb)["operationId"] for path, verb in OPERATIONS]
    assert len(set(ids)) == len(ids)
    assert "genai-image-outpainting" in ids


def test_202_links_to_the_poll() -> None:
    link = operation(paths_and_headers.OUTPAINT_PATH, "post")["responses"]["202"]["links"]["poll"]
    assert link["operationId"] == operation(paths_and_headers.INFERENCE_PATH, "get")["operationId"]
    assert link["parameters"] == {"inference_id": "$response.body#/inference_id"}


def test_what_is_always_sent_is_declared_required() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert "data" in schemas["Accepted"]["required"]
    assert schemas["Balance"]["required"] == ["credits"]
    assert schemas["Balance"]["additionalProperties"] is False


def test_the_key_goes_in_the_header_everywhere_but_for_signed_files() -> None:
    assert DOCUMENT["security"] == [{"ApiKey": []}]
    assert DOCUMENT["components"]["securitySchemes"]["ApiKey"]["in"] == "header"
    assert [path for path, verb in OPERATIONS if operation(path, verb).get("security") == []] == [
        paths_and_headers.FILE_PATH
    ]


def test_no_description_is_missing() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema.get("description"), name


def test_the_document_is_plain_json() -> None:
    assert json.loads(openapi.text()) == DOCUMENT
    assert not any(isinstance(value, BaseModel) for value in DOCUMENT.values())
