"""Faults in the handling of Idempotency-Key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mutants.mutant import Patch, mutant, wishing
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure
from outpaint.functions.embedded.memory_ledger import MemoryLedger
from outpaint.functions.http import application
from outpaint.functions.service import settle, submit


def fingerprint_without(patch: Patch, **same: Any) -> None:
    """These parts of a request do not count."""

    def fingerprint(original: Any, request: Any, *, image: str, mask: str | None) -> str:
        given = {"image": image, "mask": mask} | {name: same[name] for name in ("image", "mask") if name in same}
        wish = {name: value for name, value in same.items() if name not in given}
        return str(original(wishing(request, **wish), **given))

    patch.around(submit, "fingerprint", fingerprint)


@mutant("the idempotency key is not read", "idempotency.same-request-is-one-job")
def key_ignored(patch: Patch) -> None:
    patch.set(submit, "checked_key", lambda _: None)


@mutant("another file under the same key counts as the same request", "idempotent-content.other-content-is-422")
def file_does_not_count(patch: Patch) -> None:
    fingerprint_without(patch, image="")


@mutant("another mask under the same key counts as the same request", "idempotent-content.another-mask-is-422")
def mask_does_not_count(patch: Patch) -> None:
    fingerprint_without(patch, mask=None)


@mutant("another prompt under the same key counts as the same request", "idempotent-content.other-content-is-422")
def prompt_does_not_count(patch: Patch) -> None:
    fingerprint_without(patch, prompt="x")


@mutant("another count under the same key counts as the same request", "idempotent-content.other-content-is-422")
def count_does_not_count(patch: Patch) -> None:
    fingerprint_without(patch, count=1)


@mutant("the mode is part of what a key was used for", "idempotent-content.how-it-is-waited-for-does-not-matter")
def mode_counts(patch: Patch) -> None:
    def fingerprint(original: Any, request: Any, **pictures: Any) -> str:
        return f"{original(request, **pictures)} {request.mode}"

    patch.around(submit, "fingerprint", fingerprint)


@mutant("a replay is not flagged", "idempotency.a-replay-is-flagged")
def replay_not_flagged(patch: Patch) -> None:
    patch.header(names.IDEMPOTENT_REPLAYED, lambda *_: None)


@mutant("every answer to a request with a key is flagged as a replay", "idempotency.a-first-answer-is-not-flagged")
def first_answer_is_flagged(patch: Patch) -> None:
    def flagging(original: Any, service: Any, admitted: Any) -> Any:
        return replace(original(service, admitted), replayed=admitted.idempotency_key is not None)

    patch.around(application, "carry_out", flagging)


@mutant("a replay is charged again", "idempotency.a-replay-costs-nothing")
def replay_is_charged(patch: Patch) -> None:
    def replay(original: Any, service: Any, claim: Any, fingerprint: str) -> Any:
        job = original(service, claim, fingerprint)
        if job is not None:
            service.jobs.add_credits(job.account_id, -job.price)
        return job

    patch.around(submit, "_replay", replay)


@mutant("keys are shared by all accounts", "idempotency.another-account-has-its-own-keys")
def keys_are_shared(patch: Patch) -> None:
    def create(original: Any, self: MemoryLedger, job: Any, claim: Any, now: float) -> None:
        original(self, job, None if claim is None else replace(claim, account_id="everybody"), now)

    patch.around(MemoryLedger, "find_claim", lambda original, self, _, key, now: original(self, "everybody", key, now))
    patch.around(MemoryLedger, "create", create)


@mutant(
    "while the first request runs, a second one makes a job of its own",
    "idempotent-races.a-first-that-still-waits-is-409",
)
def running_request_is_not_known(patch: Patch) -> None:
    def find_claim(original: Any, self: MemoryLedger, account: str, key: str, now: float) -> Any:
        claim = original(self, account, key, now)
        return None if claim is None or now < claim.running_until else claim

    def create(original: Any, self: MemoryLedger, job: Any, claim: Any, now: float) -> None:
        if claim is not None:
            self._claims.pop((claim.account_id, claim.key), None)
        original(self, job, claim, now)

    patch.around(MemoryLedger, "find_claim", find_claim)
    patch.around(MemoryLedger, "create", create)


@mutant("a key is forgotten after an hour", "idempotency.a-key-is-remembered-for-24-hours")
def key_is_forgotten_early(patch: Patch) -> None:
    def create(original: Any, self: MemoryLedger, job: Any, claim: Any, now: float) -> None:
        original(self, job, None if claim is None else replace(claim, expires_at=now + 3600), now)

    patch.around(MemoryLedger, "create", create)


@mutant("a key is never forgotten", "idempotency.a-key-is-forgotten-after-24-hours")
def key_is_never_forgotten(patch: Patch) -> None:
    def create(original: Any, self: MemoryLedger, job: Any, claim: Any, now: float) -> None:
        far = now + 10 * 365 * 86400
        original(self, replace(job, expires_at=far), None if claim is None else replace(claim, expires_at=far), now)

    def move(original: Any, self: MemoryLedger, inference_id: str, to: Any, **rest: Any) -> Any:
        return original(self, inference_id, to, **{**rest, "expires_at": None})

    patch.around(MemoryLedger, "create", create)
    patch.around(MemoryLedger, "move", move)


@mutant("a failed job frees its key, so that a replay is painted anew", "idempotency.a-failed-job-is-replayed")
def failure_frees_the_key(patch: Patch) -> None:
    def fail(original: Any, service: Any, failure: InferenceFailure, **_: Any) -> Any:
        return original(service, failure, release_claim=True)

    patch.around(settle, "fail", fail)


@mutant("a refused request uses its key up", "idempotency.a-refused-request-leaves-its-key-free")
def refusal_uses_the_key_up(patch: Patch) -> None:
    used: set[str] = set()

    def admitting(original: Any, service: Any, caller: Any, request: Any, **rest: Any) -> Any:
        key = rest.get("idempotency_key")
        if key in used:
            raise OutpaintError(ErrorCode.IDEMPOTENCY_MISMATCH, "this key was used before", field=names.IDEMPOTENCY_KEY)
        return using(key, original, service, caller, request, **rest)

    def using(key: str | None, original: Any, *given: Any, **rest: Any) -> Any:
        try:
            return original(*given, **rest)
        except OutpaintError:
            if key is not None:
                used.add(key)
            raise

    patch.around(application, "admit", admitting)
    patch.around(
        application,
        "carry_out",
        lambda original, service, admitted: using(admitted.idempotency_key, original, service, admitted),
    )


@mutant("any text may be a key", "idempotency.a-key-that-can-be-none-is-400")
def any_key_is_taken(patch: Patch) -> None:
    patch.set(submit, "checked_key", lambda key: key)


@mutant(
    "another content under a used key is answered with the first one's job", "idempotent-content.other-content-is-422"
)
def mismatch_is_a_replay(patch: Patch) -> None:
    def judge(original: Any, claim: Any, _: str, *when: float) -> None:
        original(claim, claim.fingerprint, *when)

    patch.around(submit, "judge", judge)


@mutant("another content under a used key is 409", "idempotent-content.other-content-is-422")
def mismatch_is_409(patch: Patch) -> None:
    def judge(original: Any, claim: Any, fingerprint: str, *when: float) -> None:
        try:
            original(claim, fingerprint, *when)
        except OutpaintError as error:
            raise OutpaintError(ErrorCode.IDEMPOTENCY_IN_PROGRESS, error.detail, field=error.field) from None

    patch.around(submit, "judge", judge)
