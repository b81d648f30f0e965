"""Edits of what is answered."""

from __future__ import annotations

from edits.edit import JSON, B, C, Document, R, edit
from edits.places import balance, picture, poll, schema, submit


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


def anything_else_is_told_by_default(d: Document) -> None:
    balance(d)["responses"]["default"] = balance(d)["responses"]["500"]


@edit(B, "response.status.removed-success", before=anything_else_is_told_by_default)
def the_balance_is_left_to_default(d: Document) -> None:
    del balance(d)["responses"]["200"]


@edit(B, "response.status.removed-success", "response.status.added-error")
def the_balance_becomes_the_default(d: Document) -> None:
    balance(d)["responses"]["default"] = balance(d)["responses"].pop("200")


def only_the_default_is_told(d: Document) -> None:
    balance(d)["responses"] = {"default": balance(d)["responses"]["200"]}


@edit(C, "response.status.declared-success", before=only_the_default_is_told)
def the_balance_has_a_status(d: Document) -> None:
    balance(d)["responses"]["200"] = balance(d)["responses"]["default"]


def any_success_is_told_by_a_range(d: Document) -> None:
    balance(d)["responses"]["2XX"] = balance(d)["responses"].pop("200")


@edit(C, "response.status.range-removed", before=any_success_is_told_by_a_range)
def of_a_range_one_status_is_left(d: Document) -> None:
    balance(d)["responses"]["200"] = balance(d)["responses"].pop("2XX")


@edit(R, "response.status.added-success")
def one_status_becomes_a_range(d: Document) -> None:
    any_success_is_told_by_a_range(d)


@edit(C)
def answers_name_a_charset_and_capitals(d: Document) -> None:
    for answer in balance(d)["responses"].values():
        answer["content"] = {
            f"{name.replace('json', 'JSON')} ; Charset=UTF-8": media for name, media in answer["content"].items()
        }
        answer["headers"] = {name.upper(): header for name, header in answer["headers"].items()}


@edit(R, "response.content-type.widened")
def pictures_have_any_type(d: Document) -> None:
    content = picture(d)["responses"]["200"]["content"]
    picture(d)["responses"]["200"]["content"] = {"image/*": content["image/png"]}


@edit(C, "response.content-type.narrowed", before=pictures_have_any_type)
def pictures_are_png(d: Document) -> None:
    content = picture(d)["responses"]["200"]["content"]
    content["image/png"] = content.pop("image/*")


@edit(B, "response.property.removed-required")
def a_url_is_write_only(d: Document) -> None:
    schema(d, "FinishedPicture")["properties"]["url"]["writeOnly"] = True


@edit(C, "response.property.added", before=a_url_is_write_only)
def a_url_is_write_only_no_more(d: Document) -> None:
    del schema(d, "FinishedPicture")["properties"]["url"]["writeOnly"]


@edit(C)
def a_url_is_read_only(d: Document) -> None:
    schema(d, "FinishedPicture")["properties"]["url"]["readOnly"] = True


def _told_apart(d: Document) -> Document:
    return poll(d)["responses"]["200"]["content"][JSON]["schema"]["discriminator"]


@edit(B, "response.discriminator.renamed")
def an_end_is_told_by_another_field(d: Document) -> None:
    _told_apart(d)["propertyName"] = "outcome"


@edit(B, "response.discriminator.word-moved")
def the_words_for_an_end_change_places(d: Document) -> None:
    words = _told_apart(d)["mapping"]
    words["success"], words["error"] = words["error"], words["success"]


@edit(R, "response.discriminator.word-removed", "response.discriminator.word-added")
def the_word_for_a_failure_is_another(d: Document) -> None:
    words = _told_apart(d)["mapping"]
    words["failed"] = words.pop("error")


@edit(R, "response.discriminator.removed")
def ends_are_told_apart_by_nothing(d: Document) -> None:
    del poll(d)["responses"]["200"]["content"][JSON]["schema"]["discriminator"]


@edit(C, "response.discriminator.added", before=ends_are_told_apart_by_nothing)
def ends_are_told_apart_by_a_field(d: Document) -> None:
    poll(d)["responses"]["200"]["content"][JSON]["schema"]["discriminator"] = {
        "propertyName": "status",
        "mapping": {"success": "Result", "error": "#/components/schemas/FailedJob"},
    }
