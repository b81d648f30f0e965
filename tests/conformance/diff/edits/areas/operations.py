"""Edits of the whole: its operations, its servers and its words."""

from __future__ import annotations

from edits.edit import B, C, Document, R, edit
from edits.places import balance, schema, submit, upload
from outpaint.contracts import paths_and_headers


@edit(B, "operation.removed")
def balance_is_removed(d: Document) -> None:
    del d["paths"][paths_and_headers.BALANCE_PATH]


@edit(B, "operation.removed", "operation.added")
def the_poll_moves(d: Document) -> None:
    d["paths"]["/v2/painting/{inference_id}"] = d["paths"].pop(paths_and_headers.INFERENCE_PATH)


@edit(B, "operation.removed", "operation.added")
def the_poll_becomes_a_post(d: Document) -> None:
    item = d["paths"][paths_and_headers.INFERENCE_PATH]
    item["post"] = item.pop("get")


@edit(C, "operation.added")
def a_job_can_be_cancelled(d: Document) -> None:
    d["paths"][paths_and_headers.INFERENCE_PATH]["delete"] = {"responses": {"204": {"description": "Cancelled."}}}


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


@edit(C)
def words_and_examples_change(d: Document) -> None:
    submit(d)["summary"] = "Grow a picture"
    schema(d, "Accepted")["description"] = "Taken."
    d["info"]["version"] = "1.0.1"
    d["components"]["examples"].clear()
    submit(d)["x-internal"] = {"owner": "us"}
