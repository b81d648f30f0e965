"""Single edits of our own document, each with the verdict and the rules that a client's author would expect."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from outpaint_contracts import openapi
from outpaint_contracts.comparison import Verdict, compare
from outpaint_contracts.comparison.rules import RULES
from outpaint_contracts.exporting.openapi_3_0 import downgraded

Document = dict[str, Any]
B, R, C = Verdict.BREAKING, Verdict.RISKY, Verdict.COMPATIBLE
JSON = "application/json"


@dataclass(frozen=True)
class Edit:
    """A change of a document, its verdict, and every rule that it is judged by."""

    name: str
    change: Callable[[Document], object]
    verdict: Verdict
    codes: frozenset[str]


EDITS: list[Edit] = []


def edit(verdict: Verdict, *codes: str) -> Callable[[Callable[[Document], object]], Callable[[Document], object]]:
    """Enter a function in the table under its name."""

    def enter(change: Callable[[Document], object]) -> Callable[[Document], object]:
        EDITS.append(Edit(change.__name__, change, verdict, frozenset(codes)))
        return change

    return enter


def submit(d: Document) -> Document:
    return d["paths"][openapi.OUTPAINT_PATH]["post"]


def poll(d: Document) -> Document:
    return d["paths"][openapi.INFERENCE_PATH]["get"]


def balance(d: Document) -> Document:
    return d["paths"][openapi.BALANCE_PATH]["get"]


def picture(d: Document) -> Document:
    return d["paths"][openapi.FILE_PATH]["get"]


def upload(d: Document) -> Document:
    return d["paths"][openapi.UPLOADS_PATH]["post"]


def schema(d: Document, name: str) -> Document:
    return d["components"]["schemas"][name]


def fields(d: Document) -> list[Document]:
    """The request's two forms."""
    return [schema(d, "OutpaintForm"), schema(d, "OutpaintMultipart")]


def each_field(d: Document, name: str, **change: object) -> None:
    for form in fields(d):
        form["properties"][name] |= change


def multipart(d: Document) -> Document:
    return submit(d)["requestBody"]["content"]["multipart/form-data"]


def parameter(d: Document, name: str) -> Document:
    return next(one for one in submit(d)["parameters"] if one["name"] == name)


# The whole


@edit(B, "operation.removed")
def balance_is_removed(d: Document) -> None:
    del d["paths"][openapi.BALANCE_PATH]


@edit(B, "operation.removed", "operation.added")
def the_poll_moves(d: Document) -> None:
    d["paths"]["/v2/painting/{inference_id}"] = d["paths"].pop(openapi.INFERENCE_PATH)


@edit(B, "operation.removed", "operation.added")
def the_poll_becomes_a_post(d: Document) -> None:
    item = d["paths"][openapi.INFERENCE_PATH]
    item["post"] = item.pop("get")


@edit(C, "operation.added")
def a_job_can_be_cancelled(d: Document) -> None:
    d["paths"][openapi.INFERENCE_PATH]["delete"] = {"responses": {"204": {"description": "Cancelled."}}}


@edit(R, "operation.id-changed")
def an_operation_is_renamed(d: Document) -> None:
    balance(d)["operationId"] = "getBalance"


@edit(C, "operation.deprecated")
def uploads_are_deprecated(d: Document) -> None:
    upload(d)["deprecated"] = True


@edit(R, "operation.callbacks-changed")
def a_callback_is_added(d: Document) -> None:
    submit(d)["callbacks"] = {"done": {"{$request.body#/webhook}": {"post": {"responses": {}}}}}


@edit(R, "server.removed")
def a_server_is_removed(d: Document) -> None:
    d["servers"].pop()


@edit(C, "server.added")
def a_server_is_added(d: Document) -> None:
    d["servers"].append({"url": "https://eu.example.com"})


@edit(B, "security.key-required")
def files_need_a_key(d: Document) -> None:
    del picture(d)["security"]


@edit(C, "security.key-dropped")
def the_balance_needs_no_key(d: Document) -> None:
    balance(d)["security"] = []


@edit(B, "security.scheme-changed")
def the_key_moves_into_the_query(d: Document) -> None:
    d["components"]["securitySchemes"]["ApiKey"]["in"] = "query"


@edit(B, "security.scheme-changed")
def the_key_header_is_renamed(d: Document) -> None:
    d["components"]["securitySchemes"]["ApiKey"]["name"] = "X-API-Key"


@edit(C, "security.alternative-added")
def a_token_is_taken_too(d: Document) -> None:
    d["components"]["securitySchemes"]["Token"] = {"type": "http", "scheme": "bearer"}
    d["security"].append({"Token": []})


@edit(C)
def a_scheme_is_renamed(d: Document) -> None:
    d["components"]["securitySchemes"]["Key"] = d["components"]["securitySchemes"].pop("ApiKey")
    d["security"] = [{"Key": []}]


@edit(C)
def words_and_examples_change(d: Document) -> None:
    submit(d)["summary"] = "Grow a picture"
    schema(d, "Accepted")["description"] = "Taken."
    d["info"]["version"] = "1.0.1"
    d["components"]["examples"].clear()
    submit(d)["x-internal"] = {"owner": "us"}


# Parameters


@edit(B, "request.parameter.removed")
def mode_leaves_the_query(d: Document) -> None:
    submit(d)["parameters"].remove(parameter(d, "mode"))


@edit(C, "request.parameter.added-optional")
def an_optional_parameter_comes(d: Document) -> None:
    submit(d)["parameters"].append({"name": "trace", "in": "query", "schema": {"type": "string"}})


@edit(B, "request.parameter.added-required")
def a_required_parameter_comes(d: Document) -> None:
    submit(d)["parameters"].append({"name": "v", "in": "query", "required": True, "schema": {"type": "string"}})


@edit(B, "request.parameter.became-required")
def an_idempotency_key_is_required(d: Document) -> None:
    parameter(d, "Idempotency-Key")["required"] = True


@edit(C, "request.parameter.became-optional")
def a_signature_is_optional(d: Document) -> None:
    next(one for one in picture(d)["parameters"] if one["name"] == "signature")["required"] = False


@edit(R, "request.parameter.renamed")
def the_id_in_the_path_is_renamed(d: Document) -> None:
    d["paths"]["/v1/painting/{id}"] = d["paths"].pop(openapi.INFERENCE_PATH)
    poll_item = d["paths"]["/v1/painting/{id}"]["get"]
    poll_item["parameters"][0]["name"] = "id"


@edit(B, "request.parameter.serialised-otherwise")
def a_parameter_is_written_otherwise(d: Document) -> None:
    parameter(d, "mode")["style"] = "pipeDelimited"


@edit(B, "request.enum.value-removed")
def the_query_no_longer_takes_async(d: Document) -> None:
    parameter(d, "mode")["schema"]["enum"] = ["sync"]


@edit(B, "request.length.narrowed")
def an_idempotency_key_is_shorter(d: Document) -> None:
    parameter(d, "Idempotency-Key")["schema"]["maxLength"] = 64


@edit(R, "request.pattern.changed")
def an_idempotency_key_has_another_pattern(d: Document) -> None:
    parameter(d, "Idempotency-Key")["schema"]["pattern"] = "^[0-9a-f-]+$"


@edit(C)
def a_header_parameter_is_written_in_capitals(d: Document) -> None:
    parameter(d, "Idempotency-Key")["name"] = "IDEMPOTENCY-KEY"


# Bodies


@edit(B, "request.content-type.removed")
def json_is_no_longer_taken(d: Document) -> None:
    del submit(d)["requestBody"]["content"][JSON]


@edit(C, "request.content-type.added")
def cbor_is_taken_too(d: Document) -> None:
    submit(d)["requestBody"]["content"]["application/cbor"] = {"schema": {}}


@edit(C, "request.body.became-optional")
def a_body_is_optional(d: Document) -> None:
    submit(d)["requestBody"]["required"] = False


@edit(B, "request.body.removed")
def uploads_take_no_body(d: Document) -> None:
    del upload(d)["requestBody"]


@edit(B, "request.body.added-required")
def the_balance_takes_a_body(d: Document) -> None:
    balance(d)["requestBody"] = {"required": True, "content": {JSON: {"schema": {}}}}


@edit(B, "request.property.became-required")
def seed_is_required(d: Document) -> None:
    for form in fields(d):
        form["required"].append("seed")


@edit(C, "request.property.became-optional")
def prompt_is_optional(d: Document) -> None:
    for form in fields(d):
        form["required"].remove("prompt")


@edit(C, "request.property.added-optional")
def an_optional_field_comes(d: Document) -> None:
    for form in fields(d):
        form["properties"]["style"] = {"type": "string"}


@edit(B, "request.property.added-required")
def a_required_field_comes(d: Document) -> None:
    for form in fields(d):
        form["properties"]["style"] = {"type": "string"}
        form["required"].append("style")


@edit(B, "request.property.removed")
def mask_mode_is_removed(d: Document) -> None:
    for form in fields(d):
        del form["properties"]["mask_mode"]


@edit(B, "request.unknown-fields.refused")
def unknown_fields_are_refused(d: Document) -> None:
    for form in fields(d):
        form["additionalProperties"] = False


@edit(B, "request.range.narrowed")
def count_goes_to_five(d: Document) -> None:
    each_field(d, "count", maximum=5)


@edit(C, "request.range.widened")
def count_goes_to_twenty(d: Document) -> None:
    each_field(d, "count", maximum=20)


@edit(B, "request.range.changed")
def count_goes_from_two_to_twenty(d: Document) -> None:
    each_field(d, "count", minimum=2, maximum=20)


@edit(C)
def count_says_its_limits_in_other_words(d: Document) -> None:
    for form in fields(d):
        form["properties"]["count"] |= {"minimum": 1, "exclusiveMaximum": 10.5, "maximum": 10}


@edit(R, "request.default.changed")
def count_is_one_by_default(d: Document) -> None:
    each_field(d, "count", default=1)


@edit(B, "request.type.changed")
def count_is_a_text(d: Document) -> None:
    for form in fields(d):
        form["properties"]["count"] = {"type": "string", "default": 2, "description": "How many."}


@edit(C, "request.type.widened")
def count_may_be_a_text_too(d: Document) -> None:
    each_field(d, "count", type=["integer", "string"])


@edit(B, "request.multiple.narrowed")
def count_is_even(d: Document) -> None:
    each_field(d, "count", multipleOf=2)


@edit(C, "request.null.allowed")
def seed_may_be_null(d: Document) -> None:
    each_field(d, "seed", type=["integer", "null"])


@edit(B, "request.enum.value-removed")
def webp_is_no_longer_made(d: Document) -> None:
    schema(d, "Format")["enum"].remove("WEBP")


@edit(C, "request.enum.value-added")
def avif_is_made_too(d: Document) -> None:
    schema(d, "Format")["enum"].append("AVIF")


@edit(B, "request.length.narrowed")
def a_prompt_is_shorter(d: Document) -> None:
    each_field(d, "prompt", maxLength=1000)


@edit(B, "request.pattern.added")
def what_to_avoid_is_in_latin_letters(d: Document) -> None:
    each_field(d, "negative_prompt", pattern="^[A-Za-z ]*$")


@edit(B, "request.format.narrowed")
def an_id_is_a_uuid(d: Document) -> None:
    each_field(d, "image_id", format="uuid")


@edit(B, "request.length.narrowed", "request.rule.removed")
def data_addresses_are_no_longer_taken(d: Document) -> None:
    for form in fields(d):
        form["properties"]["image_url"]["anyOf"].pop()


@edit(C, "request.deprecation.added")
def a_seed_is_deprecated(d: Document) -> None:
    each_field(d, "seed", deprecated=True)


# One of three became one of two, and one of two became the one that is required.
@edit(B, "request.choice.changed", "request.property.became-required", "request.rule.removed")
def an_id_alone_is_no_image(d: Document) -> None:
    for form in fields(d):
        form["allOf"][0]["oneOf"].remove({"required": ["image_id"]})


@edit(C, "request.choice.widened", "request.property.added-optional")
def an_image_may_lie_in_a_bucket(d: Document) -> None:
    for form in fields(d):
        form["properties"]["image_s3"] = {"type": "string"}
        form["allOf"][0]["oneOf"].append({"required": ["image_s3"]})


@edit(C, "request.property.added-optional")
def a_mask_has_one_more_spelling(d: Document) -> None:
    for form in fields(d):
        form["properties"]["mask_s3"] = {"type": "string"}
        form["allOf"][1]["oneOf"].insert(0, {"required": ["mask_s3"]})
        form["allOf"][1]["oneOf"][-1]["not"]["anyOf"].append({"required": ["mask_s3"]})


@edit(B, "request.choice.narrowed")
def a_mask_is_required(d: Document) -> None:
    for form in fields(d):
        form["allOf"][1]["oneOf"].pop()


@edit(C, "request.rule.removed")
def any_number_of_masks_is_taken(d: Document) -> None:
    for form in fields(d):
        form["allOf"].pop()


@edit(B, "request.rule.added")
def an_unknown_kind_of_rule_comes(d: Document) -> None:
    for form in fields(d):
        form["propertyNames"] = {"maxLength": 20}


@edit(C)
def a_schema_moves_behind_a_reference(d: Document) -> None:
    d["components"]["schemas"]["Count"] = schema(d, "OutpaintForm")["properties"]["count"]
    for form in fields(d):
        form["properties"]["count"] = {"allOf": [{"$ref": "#/components/schemas/Count"}], "description": "How many."}


# Uploads


@edit(B, "request.part.types-removed")
def tiff_is_no_longer_taken(d: Document) -> None:
    for part in multipart(d)["encoding"].values():
        part["contentType"] = part["contentType"].replace(", image/tiff", "")


@edit(C, "request.part.types-added")
def heic_is_taken_too(d: Document) -> None:
    multipart(d)["encoding"]["image"]["contentType"] += ", image/heic"


@edit(C, "request.part.types-added")
def every_type_of_picture_is_taken(d: Document) -> None:
    multipart(d)["encoding"]["image"]["contentType"] = "image/*, application/octet-stream"


@edit(R, "request.part.types-undeclared")
def what_a_file_may_be_is_not_told(d: Document) -> None:
    del multipart(d)["encoding"]["image"]


@edit(C)
def a_text_is_not_told_to_be_text(d: Document) -> None:
    del multipart(d)["encoding"]["prompt"]


@edit(B, "request.part.types-removed", "request.part.types-added")
def a_text_has_to_be_markdown(d: Document) -> None:
    multipart(d)["encoding"]["prompt"]["contentType"] = "text/markdown"


@edit(B, "request.part.encoding-changed")
def a_part_is_written_otherwise(d: Document) -> None:
    multipart(d)["encoding"]["count"] |= {"style": "deepObject", "explode": True}


@edit(B, "request.file.became-text")
def the_picture_is_sent_as_text(d: Document) -> None:
    multipart_image = schema(d, "OutpaintMultipart")["properties"]["image"]
    multipart_image["format"] = "byte"


@edit(B, "request.text.became-file")
def the_prompt_is_sent_as_a_file(d: Document) -> None:
    schema(d, "OutpaintMultipart")["properties"]["prompt"]["format"] = "binary"


@edit(C)
def a_file_is_told_in_the_words_of_3_1(d: Document) -> None:
    image = schema(d, "OutpaintMultipart")["properties"]["image"]
    del image["format"]
    image["contentMediaType"] = "application/octet-stream"


@edit(B, "request.property.removed", "request.choice.narrowed")
def files_are_no_longer_taken(d: Document) -> None:
    del schema(d, "OutpaintMultipart")["properties"]["image"]
    schema(d, "OutpaintMultipart")["allOf"][0]["oneOf"].remove({"required": ["image"]})


def sized(d: Document, size: str) -> None:
    image = schema(d, "OutpaintMultipart")["properties"]["image"]
    image["description"] = image["description"].replace("at most 32 MiB", size)


@edit(B, "request.file-size.lowered")
def files_are_smaller(d: Document) -> None:
    sized(d, "at most 8,000,000 bytes")


@edit(C, "request.file-size.raised")
def files_are_larger(d: Document) -> None:
    sized(d, "at most 1 GiB")


@edit(R, "request.file-size.unstated")
def how_large_a_file_may_be_is_not_told(d: Document) -> None:
    sized(d, "any size")


@edit(B, "request.file-size.lowered")
def a_file_has_a_length(d: Document) -> None:
    schema(d, "OutpaintMultipart")["properties"]["image"]["maxLength"] = 1_000_000


# Jobs


@edit(B, "response.status.removed-success")
def submit_never_answers_202(d: Document) -> None:
    del submit(d)["responses"]["202"]


@edit(B, "response.status.removed-success")
def submit_never_answers_200(d: Document) -> None:
    del submit(d)["responses"]["200"]


@edit(B, "job.answered-later")
def an_upload_is_answered_later(d: Document) -> None:
    upload(d)["responses"]["202"] = copy.deepcopy(poll(d)["responses"]["202"])


@edit(B, "job.poll-link.removed")
def the_link_to_the_poll_is_removed(d: Document) -> None:
    del submit(d)["responses"]["202"]["links"]


@edit(B, "job.poll-link.changed")
def the_link_to_the_poll_takes_another_id(d: Document) -> None:
    submit(d)["responses"]["202"]["links"]["poll"]["parameters"]["inference_id"] = "$response.body#/transaction_id"


@edit(R, "response.link.removed")
def the_link_from_an_upload_is_removed(d: Document) -> None:
    del upload(d)["responses"]["200"]["links"]["image"]


@edit(C, "response.link.added")
def a_link_comes(d: Document) -> None:
    submit(d)["responses"]["200"]["links"]["left"] = {"operationId": "balance"}


@edit(B, "job.retry-after.removed")
def a_202_says_no_more_when_to_ask_again(d: Document) -> None:
    del submit(d)["responses"]["202"]["headers"]["Retry-After"]


@edit(B, "job.retry-after.removed")
def a_429_says_no_more_when_to_ask_again(d: Document) -> None:
    del balance(d)["responses"]["429"]["headers"]["Retry-After"]


@edit(B, "job.location.removed")
def a_202_says_no_more_where_to_ask(d: Document) -> None:
    del submit(d)["responses"]["202"]["headers"]["Location"]


@edit(B, "response.property.became-optional")
def data_may_be_missing_in_a_202(d: Document) -> None:
    schema(d, "Accepted")["required"].remove("data")


@edit(B, "response.property.removed-required")
def a_202_has_no_inference_id(d: Document) -> None:
    accepted = schema(d, "Accepted")
    del accepted["properties"]["inference_id"]
    accepted["required"].remove("inference_id")


@edit(R, "response.item-count.widened")
def a_202_may_have_pictures(d: Document) -> None:
    del schema(d, "Accepted")["properties"]["data"]["maxItems"]


@edit(B, "job.status-word.added")
def a_job_may_be_queued(d: Document) -> None:
    schema(d, "Accepted")["properties"]["status"]["enum"].append("queued")


@edit(C, "job.status-word.removed")
def a_202_is_always_processing(d: Document) -> None:
    schema(d, "Accepted")["properties"]["status"]["enum"].remove("success")


@edit(B, "job.status-word.added", "job.status-word.removed")
def a_finished_job_is_called_done(d: Document) -> None:
    schema(d, "Result")["properties"]["status"]["const"] = "done"


@edit(B, "job.status-word.added", "response.alternative.added")
def a_job_may_end_as_cancelled(d: Document) -> None:
    cancelled = copy.deepcopy(schema(d, "FailedJob"))
    cancelled["properties"]["status"]["const"] = "cancelled"
    d["components"]["schemas"]["CancelledJob"] = cancelled
    media = poll(d)["responses"]["200"]["content"][JSON]["schema"]
    media["oneOf"].append({"$ref": "#/components/schemas/CancelledJob"})


@edit(B, "job.status-words.opened")
def the_words_are_not_told(d: Document) -> None:
    schema(d, "Accepted")["properties"]["status"] = {"type": "string", "default": "processing"}


# Responses


@edit(C, "response.status.removed-error")
def submit_never_answers_409(d: Document) -> None:
    del submit(d)["responses"]["409"]


@edit(R, "response.status.added-error")
def the_balance_may_answer_402(d: Document) -> None:
    balance(d)["responses"]["402"] = balance(d)["responses"]["401"]


@edit(R, "response.status.added-success")
def a_picture_may_not_be_modified(d: Document) -> None:
    picture(d)["responses"]["304"] = {"description": "Not modified."}


@edit(R, "response.status.added-error")
def errors_are_told_by_a_range(d: Document) -> None:
    responses = balance(d)["responses"]
    responses["5XX"] = responses.pop("500")


@edit(B, "response.content-type.removed")
def problem_documents_are_removed(d: Document) -> None:
    del submit(d)["responses"]["422"]["content"]["application/problem+json"]


@edit(C, "response.content-type.added")
def pictures_may_be_avif(d: Document) -> None:
    picture(d)["responses"]["200"]["content"]["image/avif"] = {"schema": {"type": "string", "format": "binary"}}


@edit(B, "response.body.removed")
def a_balance_has_no_body(d: Document) -> None:
    del balance(d)["responses"]["200"]["content"]


@edit(B, "response.header.removed-required")
def the_credit_header_is_removed(d: Document) -> None:
    del balance(d)["responses"]["200"]["headers"]["X-Picsart-Credit-Available"]


@edit(R, "response.header.removed-optional")
def the_warning_header_is_removed(d: Document) -> None:
    del submit(d)["responses"]["200"]["headers"]["X-Outpaint-Warning"]


@edit(C, "response.header.added")
def a_header_comes(d: Document) -> None:
    balance(d)["responses"]["200"]["headers"]["X-More"] = {"schema": {"type": "string"}}


@edit(B, "response.header.became-optional")
def the_correlation_id_is_optional(d: Document) -> None:
    d["components"]["headers"]["X-Picsart-Correlation-Id"]["required"] = False


@edit(B, "response.type.changed")
def the_reset_time_is_a_date(d: Document) -> None:
    reset = d["components"]["headers"]["X-Picsart-Ratelimit-Reset-Time"]
    reset["schema"] = {"type": "string", "format": "date-time"}


@edit(R, "response.format.widened")
def the_reset_time_needs_more_bits(d: Document) -> None:
    d["components"]["headers"]["X-Picsart-Ratelimit-Reset-Time"]["schema"] = {
        **d["components"]["headers"]["X-Picsart-Ratelimit-Reset-Time"]["schema"],
        "format": "int64",
    }


@edit(C, "response.property.added")
def a_result_tells_more(d: Document) -> None:
    result = schema(d, "Result")
    result["properties"]["cost"] = {"type": "integer"}
    result["required"].append("cost")


@edit(B, "response.property.added-to-closed")
def a_balance_tells_more(d: Document) -> None:
    schema(d, "Balance")["properties"]["plan"] = {"type": "string"}


@edit(R, "response.unknown-fields.allowed")
def a_balance_may_tell_more(d: Document) -> None:
    del schema(d, "Balance")["additionalProperties"]


@edit(B, "response.type.widened")
def credits_may_be_broken(d: Document) -> None:
    schema(d, "Balance")["properties"]["credits"]["type"] = "number"


@edit(B, "response.null.allowed")
def a_url_may_be_null(d: Document) -> None:
    schema(d, "FinishedPicture")["properties"]["url"]["type"] = ["string", "null"]


@edit(C, "response.null.refused")
def an_error_always_has_a_field(d: Document) -> None:
    field = schema(d, "ErrorBody")["properties"]["field"]
    field["anyOf"] = [{"type": "string"}]


@edit(R, "response.enum.value-added")
def an_error_code_comes(d: Document) -> None:
    schema(d, "ErrorCode")["enum"].append("too_ugly")


@edit(C, "response.enum.value-removed")
def an_error_code_goes(d: Document) -> None:
    schema(d, "ErrorCode")["enum"].remove("animated")


@edit(R, "response.enum.opened")
def where_the_mask_came_from_may_be_anything(d: Document) -> None:
    del schema(d, "MaskSource")["enum"]


@edit(R, "response.range.widened")
def a_share_may_be_a_percentage(d: Document) -> None:
    schema(d, "MaskInterpretation")["properties"]["painted_share"]["maximum"] = 100


@edit(C, "response.range.narrowed")
def a_share_is_never_nothing(d: Document) -> None:
    share = schema(d, "MaskInterpretation")["properties"]["painted_share"]
    del share["minimum"]
    share["exclusiveMinimum"] = 0


@edit(B, "response.format.changed")
def a_time_is_a_date(d: Document) -> None:
    schema(d, "FinishedPicture")["properties"]["expires_at"]["format"] = "date"


@edit(R, "response.format.widened")
def a_time_has_no_format(d: Document) -> None:
    del schema(d, "FinishedPicture")["properties"]["expires_at"]["format"]


@edit(B, "response.file.became-text")
def a_picture_is_sent_as_text(d: Document) -> None:
    picture(d)["responses"]["200"]["content"]["image/png"]["schema"] = {"type": "string"}


@edit(B, "response.property.removed-required")
def an_error_names_no_field(d: Document) -> None:
    body = schema(d, "ErrorBody")
    body["required"].remove("field")
    del body["properties"]["field"]


def document() -> Document:
    """Ours, which may be changed."""
    made: Document = json.loads(openapi.text())
    return made


def edited(one: Edit) -> Document:
    changed = document()
    one.change(changed)
    return changed


@pytest.mark.parametrize("one", EDITS, ids=lambda one: one.name)
def test_an_edit_is_judged_as_its_clients_would(one: Edit) -> None:
    found = compare(document(), edited(one))
    assert {change.code for change in found.changes} == one.codes
    assert found.verdict is one.verdict


@pytest.mark.parametrize("one", EDITS, ids=lambda one: one.name)
def test_an_edit_is_judged_alike_in_3_0(one: Edit) -> None:
    """Where OpenAPI 3.0 can say it at all."""
    try:
        old, new = downgraded(document()), downgraded(edited(one))
    except ValueError:
        pytest.skip("3.0 cannot say it")
    assert {change.code for change in compare(old, new).changes} == one.codes


def test_it_is_risky_to_tell_what_a_file_may_be() -> None:
    untold = document()
    what_a_file_may_be_is_not_told(untold)
    found = compare(untold, document())
    assert {change.code for change in found.changes} == {"request.part.types-declared"}
    assert found.verdict is R


def test_there_are_enough_edits_of_each_verdict_and_side() -> None:
    assert len(EDITS) >= 60
    assert len({one.name for one in EDITS}) == len(EDITS)
    for verdict in Verdict:
        assert sum(one.verdict is verdict for one in EDITS) >= 15
    assert set().union(*(one.codes for one in EDITS)) <= set(RULES)
