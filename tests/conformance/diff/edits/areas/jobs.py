"""Edits of what a client follows a job by: statuses, links, headers and the status word."""

from __future__ import annotations

import copy

from edits.edit import JSON, B, C, Document, R, edit
from edits.places import balance, poll, schema, submit, upload


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
