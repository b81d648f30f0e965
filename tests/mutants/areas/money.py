"""Faults in what is charged and refunded, and in what answers say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mutants.mutant import Patch, mutant
from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.functions.embedded import memory_ledger
from outpaint.functions.embedded.memory_ledger import MemoryLedger
from outpaint.functions.http.application import Exchange
from outpaint.functions.http.messages import Response
from outpaint.functions.service import admission, submit


def change_price(patch: Patch, change: Any) -> None:
    """A job is created at another price."""
    patch.around(
        MemoryLedger,
        "create",
        lambda original, self, job, claim, now: original(self, replace(job, price=change(job)), claim, now),
    )


def change_balance(patch: Patch, change: Callable[[dict[str, Any]], object]) -> None:
    """The body of a balance passes through `change`."""
    patch.bodies(lambda _, document: change(document) if set(document) == {"credits"} else None)


@mutant("a refused request costs a credit", "credits.a-refused-request-costs-nothing")
def refusals_are_charged(patch: Patch) -> None:
    def error(original: Any, self: Exchange, problem: Exception, *rest: Any) -> Response:
        if isinstance(problem, OutpaintError) and problem.kind.status == 422 and self._caller is not None:
            ledger = self._service.accounts
            assert isinstance(ledger, MemoryLedger)
            if ledger._accounts[self._caller.id].credits > 0:
                ledger.add_credits(self._caller.id, -1)
        return original(self, problem, *rest)

    patch.around(Exchange, "refuse", error)


@mutant("nothing is ever charged", "credits.a-picture-costs-a-credit")
def nothing_is_charged(patch: Patch) -> None:
    change_price(patch, lambda _: 0)


@mutant("a request costs one credit however many pictures it makes", "credits.a-picture-costs-a-credit")
def charged_by_the_request(patch: Patch) -> None:
    change_price(patch, lambda _: 1)


@mutant("a picture costs two credits", "credits.a-picture-costs-a-credit")
def charged_twice(patch: Patch) -> None:
    change_price(patch, lambda job: 2 * job.price)


@mutant("a failed job keeps its credits", "credits.a-failed-job-gives-its-credits-back")
def failure_is_not_refunded(patch: Patch) -> None:
    patch.set(memory_ledger, "GIVES_BACK", frozenset())


@mutant("a failed job gives its credits back twice", "credits.credits-are-given-back-once")
def failure_is_refunded_twice(patch: Patch) -> None:
    def move(original: Any, self: MemoryLedger, inference_id: str, to: JobState, **rest: Any) -> Any:
        job = original(self, inference_id, to, **rest)
        if job is not None and to is JobState.FAILED:
            self.add_credits(job.account_id, job.price)
        return job

    patch.around(MemoryLedger, "move", move)


@mutant("a job that succeeded gives one credit back", "credits.a-picture-costs-a-credit")
def success_is_refunded(patch: Patch) -> None:
    def move(original: Any, self: MemoryLedger, inference_id: str, to: JobState, **rest: Any) -> Any:
        job = original(self, inference_id, to, **rest)
        if job is not None and to is JobState.SUCCEEDED:
            self.add_credits(job.account_id, 1)
        return job

    patch.around(MemoryLedger, "move", move)


@mutant("credits may go below nothing", "credits.no-credits-are-402")
def credits_go_below_nothing(patch: Patch) -> None:
    def create(original: Any, self: MemoryLedger, job: Any, claim: Any, now: float) -> None:
        account = self._accounts[job.account_id]
        missing = max(0, job.price - account.credits)
        self.add_credits(job.account_id, missing)
        original(self, job, claim, now)
        self.add_credits(job.account_id, -missing)

    patch.set(admission, "check_credits", lambda *_, **__: None)
    patch.around(MemoryLedger, "create", create)


@mutant("a running job's credits are still shown as free", "credits.a-running-jobs-credits-are-taken-off")
def reservations_are_not_shown(patch: Patch) -> None:
    def by_key_digest(original: Any, self: MemoryLedger, digest: str) -> Any:
        account = original(self, digest)
        if account is None:
            return None
        reserved = sum(job.price for job in self.unended() if job.account_id == account.id)
        return replace(account, credits=account.credits + reserved)

    patch.around(MemoryLedger, "by_key_digest", by_key_digest)


@mutant("a poll costs a credit", "credits.polling-costs-nothing")
def polls_are_charged(patch: Patch) -> None:
    def inference(original: Any, self: Exchange, caller: Any, inference_id: str) -> Response:
        answer = original(self, caller, inference_id)
        ledger = self._service.accounts
        assert isinstance(ledger, MemoryLedger)
        ledger.add_credits(caller.id, -1)
        return answer

    patch.around(Exchange, "_inference", inference)


@mutant("the balance has a second member", "credits.balance-has-one-member")
def balance_says_more(patch: Patch) -> None:
    change_balance(patch, lambda document: document.update(currency="credits"))


@mutant("the balance is text", "credits.balance-has-one-member")
def balance_is_text(patch: Patch) -> None:
    change_balance(patch, lambda document: document.update(credits=str(document["credits"])))


@mutant("another account pays", "credits.a-picture-costs-a-credit")
def another_account_pays(patch: Patch) -> None:
    def create(original: Any, self: MemoryLedger, job: Any, claim: Any, now: float) -> None:
        original(self, job, claim, now)
        other = next((id_ for id_ in self._accounts if id_ != job.account_id), None)
        if other is not None:
            self.add_credits(job.account_id, job.price)
            self.add_credits(other, -job.price)

    patch.around(MemoryLedger, "create", create)


@mutant(
    "addresses are read and forms given without a look at the credits",
    "credits.who-cannot-pay-has-no-address-read",
    "uploads.who-cannot-pay-gets-no-ticket",
)
def credits_are_looked_at_late(patch: Patch) -> None:
    patch.set(admission, "check_credits", lambda *_, **__: None)


@mutant("a replay needs credits too", "credits.no-credits-are-enough-for-a-replay")
def replay_needs_credits(patch: Patch) -> None:
    def earlier(original: Any, service: Any, admitted: Any) -> Any:
        admission.check_credits(service, admitted.caller, 1, read_again=True)
        return original(service, admitted)

    patch.around(submit, "_earlier", earlier)
