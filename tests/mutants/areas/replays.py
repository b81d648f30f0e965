"""Faults in what is answered to a request that is sent again under its key, the second time and the third."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

from PIL import Image, ImageChops

from mutants.mutant import Patch, mutant, with_body
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.storage_names import file_id
from outpaint.functions.embedded.memory_ledger import MemoryLedger
from outpaint.functions.http import answers
from outpaint.functions.http.answers import Answers
from outpaint.functions.http.application import Exchange
from outpaint.functions.http.messages import Response
from outpaint.functions.service import submit
from outpaint.functions.service.records import Claim, StoredPicture
from outpaint.functions.service.service import Service

_DAY_S = 24 * 3600.0


def change_replays(patch: Patch, change: Callable[[dict[str, Any]], object]) -> None:
    """The body of an answer with pictures that is marked as a replay passes through `change`."""

    def edit(response: Response, document: dict[str, Any]) -> None:
        if response.header(names.IDEMPOTENT_REPLAYED) is not None and document.get("data"):
            change(document)

    patch.bodies(edit)


def change_submitted(patch: Patch, change: Callable[[Exchange, Any, Response], Response]) -> None:
    """The answer to a request that is a replay is `change(exchange, job, answer)`, where the job has pictures."""

    def submitted(original: Any, self: Exchange, submission: Any, job: Any, word: Any) -> Response:
        answer: Response = original(self, submission, job, word)
        return change(self, job, answer) if submission.replayed and job.manifest is not None else answer

    patch.around(Exchange, "_submitted", submitted)


def change_keys(patch: Patch, change: Callable[[str], str]) -> None:
    """Idempotency keys are stored and looked for as `change` makes them."""

    def create(original: Any, self: MemoryLedger, job: Any, claim: Claim | None, now: float) -> None:
        original(self, job, None if claim is None else replace(claim, key=change(claim.key)), now)

    def find_claim(original: Any, self: MemoryLedger, account_id: str, key: str, now: float) -> Any:
        return original(self, account_id, change(key), now)

    def finish_claim(original: Any, self: MemoryLedger, account_id: str, key: str, inference_id: str) -> None:
        original(self, account_id, change(key), inference_id)

    for changed in (create, find_claim, finish_claim):
        patch.around(MemoryLedger, changed.__name__, changed)


def claims_of(service: Service) -> dict[tuple[str, str], Claim]:
    assert isinstance(service.jobs, MemoryLedger)
    return service.jobs._claims


def _another(picture: StoredPicture) -> StoredPicture:
    """The same file with other pixels."""
    stream = BytesIO()
    with Image.open(BytesIO(picture.data)) as opened:
        ImageChops.invert(opened.convert("RGB")).save(stream, opened.format)
    return replace(picture, data=stream.getvalue())


# What a replay says and hands out


@mutant("a replay's URLs lead to other pictures", "idempotency.same-request-is-one-job")
def replay_leads_to_other_pictures(patch: Patch) -> None:
    def change(self: Exchange, job: Any, answer: Response) -> Response:
        service, document = self._service, json.loads(answer.body)
        for item, file in zip(document["data"], job.manifest.files, strict=True):
            name = file_id(service.ids.uuid(), file.id.rpartition(".")[2])
            stored = service.pictures.get(file.id, service.clock.now())
            assert stored is not None
            service.pictures.put(name, _another(stored))
            item["url"] = answers.absolute(service, service.pictures.url(name, job.expires_at), self._head.origin)
        return with_body(answer, json.dumps(document).encode())

    change_submitted(patch, change)


@mutant("a replay paints its job's files anew", "idempotency.same-request-is-one-job")
def replay_paints_the_files_anew(patch: Patch) -> None:
    def change(self: Exchange, job: Any, answer: Response) -> Response:
        service = self._service
        for file in job.manifest.files:
            stored = service.pictures.get(file.id, service.clock.now())
            assert stored is not None
            service.pictures.put(file.id, _another(stored))
        return answer

    change_submitted(patch, change)


@mutant("a replay tells other seeds", "idempotency.same-request-is-one-job")
def replay_tells_other_seeds(patch: Patch) -> None:
    def change(document: dict[str, Any]) -> None:
        for one in (document, *document["data"]):
            one["seed"] += 1

    change_replays(patch, change)


@mutant("a replay says something else of the mask", "idempotency.same-request-is-one-job")
def replay_says_other_of_the_mask(patch: Patch) -> None:
    change_replays(patch, lambda document: document["mask_interpretation"].update(painted_share=0.123))


@mutant("a replay lacks a picture", "idempotency.same-request-is-one-job")
def replay_lacks_a_picture(patch: Patch) -> None:
    change_replays(patch, lambda document: document["data"].pop())


@mutant("a replay's URLs do not work", "idempotency.same-request-is-one-job")
def urls_of_a_replay_are_dead(patch: Patch) -> None:
    def change(document: dict[str, Any]) -> None:
        for item in document["data"]:
            item["url"] = item["url"].replace("signature=", "signature=0")

    change_replays(patch, change)


@mutant(
    "a replay of an async request is 202 though its job has ended",
    "idempotency.an-ended-job-is-replayed-with-its-pictures",
)
def replay_is_never_done(patch: Patch) -> None:
    def submitted(original: Any, self: Exchange, submission: Any, job: Any, word: Any) -> Response:
        if submission.replayed and submission.wait <= 0:
            return self._accepted(job, ((names.IDEMPOTENT_REPLAYED, "true"),), word)
        answer: Response = original(self, submission, job, word)
        return answer

    patch.around(Exchange, "_submitted", submitted)


@mutant("a replay has the correlation id of the first answer", "idempotency.a-replay-is-flagged")
def replay_repeats_the_correlation_id(patch: Patch) -> None:
    first: dict[str, str] = {}

    def change(response: Response, value: str) -> str:
        if response.status != 200 or b'"inference_id"' not in response.body:
            return value
        return first.setdefault(json.loads(response.body)["inference_id"], value)

    patch.header(names.CORRELATION_ID, change)


@mutant("the second replay is not flagged", "idempotency.a-replay-is-flagged")
def second_replay_is_not_flagged(patch: Patch) -> None:
    seen: Counter[str] = Counter()

    def change(response: Response, value: str) -> str | None:
        id_ = json.loads(response.body)["inference_id"]
        seen[id_] += 1
        return value if seen[id_] == 1 else None

    patch.header(names.IDEMPOTENT_REPLAYED, change)


@mutant(
    "polls are flagged as replays",
    "always.replays-had-a-key",
    seen_in=("asynchronous.mode-async-is-202",),
)
def polls_are_flagged(patch: Patch) -> None:
    def rewrite(answers_: Answers, response: Response) -> Response:
        if answers_.head.method != "GET" or not answers_.head.path.startswith("/v1/painting/"):
            return response
        return replace(response, headers=(*response.headers, (names.IDEMPOTENT_REPLAYED, "true")))

    patch.answers(rewrite)


# What a key stands for, and for how long


@mutant("the second replay is charged", "idempotency.a-replay-costs-nothing")
def second_replay_is_charged(patch: Patch) -> None:
    seen: Counter[str] = Counter()

    def replay(original: Any, service: Service, claim: Claim, content: str) -> Any:
        job = original(service, claim, content)
        seen[claim.key] += 1
        if seen[claim.key] == 2:
            assert isinstance(service.jobs, MemoryLedger)
            service.jobs.add_credits(job.account_id, -job.price)
        return job

    patch.around(submit, "_replay", replay)


@mutant("a key is forgotten once its job was replayed", "idempotency.same-request-is-one-job")
def key_is_good_for_one_replay(patch: Patch) -> None:
    def replay(original: Any, service: Service, claim: Claim, content: str) -> Any:
        job = original(service, claim, content)
        claims_of(service).pop((claim.account_id, claim.key), None)
        return job

    patch.around(submit, "_replay", replay)


@mutant("another content that is refused takes the key over", "idempotent-content.a-mismatch-costs-nothing")
def mismatch_takes_the_key_over(patch: Patch) -> None:
    def replay(original: Any, service: Service, claim: Claim, content: str) -> Any:
        try:
            return original(service, claim, content)
        except OutpaintError:
            claims_of(service).pop((claim.account_id, claim.key), None)
            raise

    patch.around(submit, "_replay", replay)


@mutant("a poll frees its job's key", "idempotency.an-ended-job-is-replayed-with-its-pictures")
def poll_frees_the_key(patch: Patch) -> None:
    def inference(original: Any, self: Exchange, caller: Any, inference_id: str) -> Response:
        answer: Response = original(self, caller, inference_id)
        for held, claim in list(claims_of(self._service).items()):
            if claim.inference_id == inference_id:
                del claims_of(self._service)[held]
        return answer

    patch.around(Exchange, "_inference", inference)


@mutant("a replay lets its key live for another day", "idempotency.a-key-is-forgotten-after-24-hours")
def replay_prolongs_the_key(patch: Patch) -> None:
    def replay(original: Any, service: Service, claim: Claim, content: str) -> Any:
        job = original(service, claim, content)
        assert isinstance(service.jobs, MemoryLedger)
        until = service.clock.now() + _DAY_S
        claims_of(service)[claim.account_id, claim.key] = replace(claim, expires_at=until)
        service.jobs._jobs[job.id] = replace(job, expires_at=until)
        return job

    patch.around(submit, "_replay", replay)


@mutant("keys are the same in any case", "idempotency.keys-are-compared-as-they-are")
def keys_are_the_same_in_any_case(patch: Patch) -> None:
    change_keys(patch, str.lower)


@mutant("of a key 64 characters count", "idempotency.keys-are-compared-as-they-are")
def keys_are_cut(patch: Patch) -> None:
    change_keys(patch, lambda key: key[:64])
