"""Edits of whether a request has a body, and of its content types."""

from __future__ import annotations

from edits.edit import JSON, B, C, Document, edit
from edits.places import balance, submit, upload


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


def _renamed(content: Document, old: str, new: str) -> None:
    content[new] = content.pop(old)


@edit(C)
def media_types_are_written_otherwise(d: Document) -> None:
    content = submit(d)["requestBody"]["content"]
    _renamed(content, JSON, "Application/JSON; charset=UTF-8")
    _renamed(content, "multipart/form-data", "Multipart/Form-Data")
    for part in content["Multipart/Form-Data"]["encoding"].values():
        part["contentType"] = part["contentType"].replace("image/png", "Image/PNG")


@edit(B, "request.content-type.removed")
def json_has_to_name_a_version(d: Document) -> None:
    _renamed(submit(d)["requestBody"]["content"], JSON, f"{JSON}; version=2")


@edit(C, "request.content-type.added", before=json_has_to_name_a_version)
def json_need_not_name_a_version(d: Document) -> None:
    _renamed(submit(d)["requestBody"]["content"], f"{JSON}; version=2", JSON)


@edit(B, "request.content-type.added", "request.rule.added", before=json_has_to_name_a_version)
def json_without_a_version_takes_less(d: Document) -> None:
    content = submit(d)["requestBody"]["content"]
    _renamed(content, f"{JSON}; version=2", JSON)
    content[JSON] = {"schema": {"allOf": [content[JSON]["schema"], {"not": {}}]}}
