"""Edits of the whole: its operations, its servers and its words."""

from __future__ import annotations

import copy

from edits.edit import B, C, Document, R, edit
from edits.places import balance, picture, schema, submit, upload
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


@edit(B, "operation.moved")
def files_move_to_a_host_of_their_own(d: Document) -> None:
    picture(d)["servers"] = [{"url": "https://files.example"}]


@edit(C, "server.added")
def files_are_on_another_host_too(d: Document) -> None:
    picture(d)["servers"] = [*d["servers"], {"url": "https://files.example"}]


@edit(C)
def an_operation_names_the_servers_of_all(d: Document) -> None:
    picture(d)["servers"] = copy.deepcopy(d["servers"])


@edit(R, "server.removed", before=files_are_on_another_host_too)
def files_are_on_one_host_alone(d: Document) -> None:
    picture(d)["servers"].pop()


@edit(B, "operation.moved", before=files_move_to_a_host_of_their_own)
def files_move_to_the_host_of_all(d: Document) -> None:
    del picture(d)["servers"]


@edit(C, "webhook.added")
def a_webhook_comes(d: Document) -> None:
    d["webhooks"] = {"done": {"post": {"responses": {"200": {"description": "Heard."}}}}}


@edit(R, "webhook.changed", before=a_webhook_comes)
def a_webhook_changes(d: Document) -> None:
    d["webhooks"]["done"]["post"]["responses"]["204"] = {"description": "Heard."}


@edit(B, "webhook.removed", before=a_webhook_comes)
def a_webhook_goes(d: Document) -> None:
    del d["webhooks"]
