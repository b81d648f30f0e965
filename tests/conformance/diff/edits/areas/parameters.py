"""Edits of what is sent in the path, the query and headers."""

from __future__ import annotations

from edits.edit import B, C, Document, R, edit
from edits.places import parameter, picture, submit
from outpaint.contracts import paths_and_headers


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
    d["paths"]["/v1/painting/{id}"] = d["paths"].pop(paths_and_headers.INFERENCE_PATH)
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


@edit(C)
def a_word_is_said_not_to_be_exploded(d: Document) -> None:
    parameter(d, "mode")["explode"] = False


@edit(C, "request.parameter.reserved-allowed")
def reserved_letters_may_stand_as_they_are(d: Document) -> None:
    parameter(d, "mode")["allowReserved"] = True


@edit(B, "request.parameter.reserved-refused", before=reserved_letters_may_stand_as_they_are)
def reserved_letters_are_escaped(d: Document) -> None:
    del parameter(d, "mode")["allowReserved"]


def several_modes_may_be_sent(d: Document) -> None:
    parameter(d, "mode")["schema"] = {"type": "array", "items": {"type": "string"}}


@edit(B, "request.parameter.serialised-otherwise", before=several_modes_may_be_sent)
def a_list_is_written_in_one(d: Document) -> None:
    parameter(d, "mode")["explode"] = False
