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
