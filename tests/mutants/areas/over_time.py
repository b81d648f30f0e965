"""Faults that show only over time: at a later poll, after hours, after many requests of one kind."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mutants.mutant import Patch, mutant, with_body
from outpaint.conformance.proving.api import UNKNOWN_ID
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.job_states import JobState
from outpaint.functions.embedded import memory_ledger
from outpaint.functions.embedded.memory_ledger import MemoryLedger
from outpaint.functions.http import answers
from outpaint.functions.http.answers import Answers
from outpaint.functions.http.application import Exchange
from outpaint.functions.http.messages import Response
from outpaint.functions.service import admission, settle
from outpaint.functions.service.service import Service

_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S
_POLLED_WHILE_HELD = ("asynchronous.poll-goes-from-202-to-200",)


def is_poll(answers_: Answers) -> bool:
    return answers_.head.method == "GET" and answers_.head.path.startswith("/v1/painting/")


def change_later_polls(patch: Patch, change: Callable[[dict[str, Any]], object]) -> None:
    """The pictures of a job pass through `change` at every poll that finds them but the first."""
    seen: Counter[str] = Counter()

    def rewrite(answers_: Answers, response: Response) -> Response:
        if response.status != 200 or not is_poll(answers_):
            return response
        document = json.loads(response.body)
        seen[document["inference_id"]] += 1
        if seen[document["inference_id"]] > 1 and document["data"]:
            change(document)
        return with_body(response, json.dumps(document).encode())

    patch.answers(rewrite)


def change_pending_polls(patch: Patch, change: Callable[[Response], Response]) -> None:
    """The answer to a poll of a job that still runs is what `change` makes of it."""
    patch.answers(
        lambda answers_, response: change(response) if response.status == 202 and is_poll(answers_) else response
    )


def change_end(patch: Patch, change: Callable[[float], float]) -> None:
    """A job that ended is kept until `change(when it should be)`."""

    def move(original: Any, self: MemoryLedger, inference_id: str, to: JobState, **rest: Any) -> Any:
        if "expires_at" in rest:
            rest["expires_at"] = change(rest["expires_at"])
        return original(self, inference_id, to, **rest)

    patch.around(MemoryLedger, "move", move)


def pay(service: Service, account_id: str, amount: int) -> None:
    assert isinstance(service.jobs, MemoryLedger)
    service.jobs.add_credits(account_id, amount)


# The headers


@mutant("requests are counted, and the header never moves", "rate-limit.every-request-takes-one")
def requests_left_stand_still(patch: Patch) -> None:
    def take(original: Any, service: Service, account: Any) -> Any:
        allowance, refusal = original(service, account)
        return replace(allowance, available=allowance.limit - 1), refusal

    patch.around(admission, "take_rate", take)


@mutant("refusals tell another rate limit", "rate-limit.refused-requests-take-one-too")
def refusals_tell_another_limit(patch: Patch) -> None:
    patch.header(names.RATE_LIMIT, lambda response, value: value if response.status < 400 else str(2 * int(value)))


@mutant("the reset time stands still", "rate-limit.the-reset-comes-nearer")
def reset_time_stands_still(patch: Patch) -> None:
    patch.header(names.RATE_RESET, lambda *_: "30")


@mutant("the reset time counts up", "rate-limit.the-reset-comes-nearer")
def reset_time_counts_up(patch: Patch) -> None:
    patch.header(names.RATE_RESET, lambda _, value: str(max(1, 61 - int(value))))


@mutant("HEAD is not counted", "rate-limit.refused-requests-take-one-too")
def head_is_not_counted(patch: Patch) -> None:
    def judge(original: Any, self: Exchange) -> Any:
        if self._head.method != "HEAD":
            return original(self)
        counting = admission.take_rate
        admission.take_rate = lambda service, _: (admission.nothing_counted(service), None)  # type: ignore[assignment]
        try:
            return original(self)
        finally:
            admission.take_rate = counting

    patch.around(Exchange, "_judge_head", judge)


@mutant("correlation ids come round after eight", "accept.correlation-ids-differ")
def correlation_ids_come_round(patch: Patch) -> None:
    numbers = itertools.cycle(range(8))
    patch.header(names.CORRELATION_ID, lambda *_: f"00000000-0000-4000-8000-00000000000{next(numbers)}")


# Polls of a job that still runs


@mutant("a poll's 202 does not say where to poll", "always.a-202-says-where-to-poll", seen_in=_POLLED_WHILE_HELD)
def location_missing_on_polls(patch: Patch) -> None:
    def change(response: Response) -> Response:
        return replace(response, headers=tuple(one for one in response.headers if one[0] != "Location"))

    change_pending_polls(patch, change)


@mutant("a poll's 202 leads to another job", "always.a-202-says-where-to-poll", seen_in=_POLLED_WHILE_HELD)
def location_leads_elsewhere_on_polls(patch: Patch) -> None:
    def change(response: Response) -> Response:
        elsewhere = f"http://core.test/v1/painting/{UNKNOWN_ID}"
        headers = tuple((name, elsewhere if name == "Location" else value) for name, value in response.headers)
        return replace(response, headers=headers)

    change_pending_polls(patch, change)


@mutant("a poll's 202 names another job", "asynchronous.poll-goes-from-202-to-200")
def pending_poll_names_another_job(patch: Patch) -> None:
    def change(response: Response) -> Response:
        document = json.loads(response.body) | {"inference_id": UNKNOWN_ID, "transaction_id": UNKNOWN_ID}
        return with_body(response, json.dumps(document).encode())

    change_pending_polls(patch, change)


@mutant("a poll's 202 has a picture already", "asynchronous.poll-goes-from-202-to-200")
def pending_poll_has_a_picture(patch: Patch) -> None:
    def change(response: Response) -> Response:
        picture = {"id": f"{UNKNOWN_ID}.png", "url": f"http://core.test/v1/files/{UNKNOWN_ID}.png"}
        return with_body(response, json.dumps(json.loads(response.body) | {"data": [picture]}).encode())

    change_pending_polls(patch, change)


# Polls of a job that has ended


@mutant("the sixth poll of an ended job is pending again", "asynchronous.poll-never-goes-back")
def poll_goes_back_late(patch: Patch) -> None:
    seen: Counter[str] = Counter()

    def inference(original: Any, self: Exchange, caller: Any, inference_id: str) -> Response:
        job = settle.find_job(self._service, caller, inference_id)
        seen[inference_id] += job.state.ended
        if seen[inference_id] == 6:
            return self._job(replace(job, state=JobState.PAINTING))
        answer: Response = original(self, caller, inference_id)
        return answer

    patch.around(Exchange, "_inference", inference)


@mutant("the pictures are in another order at later polls", "asynchronous.result-keeps-its-ids")
def later_polls_are_reversed(patch: Patch) -> None:
    change_later_polls(patch, lambda document: document["data"].reverse())


@mutant("at later polls each id has another picture's seed and URL", "synchronous.a-poll-says-the-same-as-the-answer")
def later_polls_exchange_pictures(patch: Patch) -> None:
    def change(document: dict[str, Any]) -> None:
        ids = [item["id"] for item in document["data"]]
        document["data"].reverse()
        for item, id_ in zip(document["data"], ids, strict=True):
            item["id"] = id_

    change_later_polls(patch, change)


@mutant("seeds grow from poll to poll", "synchronous.a-poll-says-the-same-as-the-answer")
def later_polls_tell_other_seeds(patch: Patch) -> None:
    def change(document: dict[str, Any]) -> None:
        for one in (document, *document["data"]):
            one["seed"] += 1

    change_later_polls(patch, change)


@mutant("later polls name another painter", "synchronous.a-poll-says-the-same-as-the-answer")
def later_polls_name_another_painter(patch: Patch) -> None:
    change_later_polls(patch, lambda document: document["painter"].update(name="another"))


@mutant("each poll lets the files live for another day", "result-files.a-poll-adds-no-time")
def poll_puts_the_end_off(patch: Patch) -> None:
    def body(original: Any, service: Service, job: Any, origin: str) -> Any:
        return original(service, replace(job, expires_at=service.clock.now() + _DAY_S), origin)

    patch.around(answers, "result_body", body)


@mutant("URLs of polls an hour later do not work", "asynchronous.a-job-is-kept-for-24-hours")
def late_polls_give_dead_urls(patch: Patch) -> None:
    def body(original: Any, service: Service, job: Any, origin: str) -> Any:
        now = service.clock.now()
        late = now > job.created_at + _HOUR_S
        return original(service, replace(job, expires_at=now - 1) if late else job, origin)

    patch.around(answers, "result_body", body)


@mutant("the fifth poll of an account costs a credit", "credits.polling-costs-nothing")
def fifth_poll_is_charged(patch: Patch) -> None:
    polls: Counter[str] = Counter()

    def inference(original: Any, self: Exchange, caller: Any, inference_id: str) -> Response:
        polls[caller.id] += 1
        if polls[caller.id] == 5:
            pay(self._service, caller.id, -1)
        answer: Response = original(self, caller, inference_id)
        return answer

    patch.around(Exchange, "_inference", inference)


@mutant("the third time that a file is fetched costs a credit", "credits.fetching-costs-nothing")
def third_fetch_is_charged(patch: Patch) -> None:
    fetched: Counter[str] = Counter()

    def file(original: Any, self: Exchange, file_id: str) -> Response:
        stored = self._service.pictures.get(file_id, self._service.clock.now())
        fetched[file_id] += 1
        if stored is not None and fetched[file_id] == 3:
            pay(self._service, stored.account_id, -1)
        answer: Response = original(self, file_id)
        return answer

    patch.around(Exchange, "_file", file)


# How long a job runs and is kept


@mutant("a job is forgotten after an hour", "asynchronous.a-job-is-kept-for-24-hours")
def job_is_forgotten_early(patch: Patch) -> None:
    change_end(patch, lambda until: until - _DAY_S + _HOUR_S)


@mutant("a job is never forgotten", "asynchronous.a-job-is-forgotten-after-24-hours")
def job_is_never_forgotten(patch: Patch) -> None:
    change_end(patch, lambda until: until + 3650 * _DAY_S)


@mutant("a job that never ends stays pending for ever", "asynchronous.a-job-that-never-ends-times-out")
def job_never_times_out(patch: Patch) -> None:
    patch.around(settle, "expire", lambda *_: None)


@mutant("a job that timed out runs again at a later poll", "asynchronous.a-late-painter-changes-nothing")
def timed_out_job_runs_again(patch: Patch) -> None:
    seen: Counter[str] = Counter()

    def inference(original: Any, self: Exchange, caller: Any, inference_id: str) -> Response:
        job = settle.find_job(self._service, caller, inference_id)
        seen[inference_id] += job.state is JobState.EXPIRED
        if seen[inference_id] > 1:
            return self._job(replace(job, state=JobState.PAINTING))
        answer: Response = original(self, caller, inference_id)
        return answer

    patch.around(Exchange, "_inference", inference)


@mutant("a job that timed out keeps its credits", "credits.a-job-that-timed-out-gives-its-credits-back")
def timed_out_job_keeps_its_credits(patch: Patch) -> None:
    patch.set(memory_ledger, "GIVES_BACK", frozenset({JobState.FAILED, JobState.CANCELLED}))
