"""Faults in who may do what, and how often."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from mutants.mutant import Patch, mutant
from outpaint.contracts.errors import ErrorCode
from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryLimits
from outpaint.functions.http import application, bodies, routes
from outpaint.functions.http.application import Exchange
from outpaint.functions.http.messages import RequestHead
from outpaint.functions.service import admission


@mutant("whoever sends no key is the first account", "keys.no-key-is-401")
def no_key_needed(patch: Patch) -> None:
    def authenticate(original: Any, service: Any, key: str | None, **how: Any) -> Any:
        return original(service, key, **how) if key else next(iter(service.accounts._accounts.values()))

    patch.around(application, "authenticate", authenticate)


@mutant("a key in the query counts", "keys.a-key-in-the-query-counts-for-nothing")
def key_in_the_query_counts(patch: Patch) -> None:
    def header(original: Any, self: RequestHead, name: str) -> Any:
        found = original(self, name)
        if found is None and name.lower() == "x-picsart-api-key":
            return next((value for _, value in parse_qsl(self.query) if value.startswith("key-")), None)
        return found

    patch.around(RequestHead, "header", header)


@mutant("an account that is not allowed is served", "keys.a-forbidden-key-is-403")
def forbidden_account_is_served(patch: Patch) -> None:
    def by_key_digest(original: Any, self: MemoryLedger, digest: str) -> Any:
        account = original(self, digest)
        return None if account is None else replace(account, allowed=True)

    patch.around(MemoryLedger, "by_key_digest", by_key_digest)


@mutant("requests are not counted", "rate-limit.one-too-many-is-429")
def rate_limit_not_enforced(patch: Patch) -> None:
    def take(original: Any, service: Any, account: Any) -> Any:
        return original(service, account)[0], None

    patch.around(admission, "take_rate", take)


@mutant("one account's requests count for all", "rate-limit.accounts-have-limits-of-their-own")
def rate_window_is_shared(patch: Patch) -> None:
    patch.around(MemoryLimits, "count", lambda original, self, _, *rest: original(self, "everybody", *rest))


@mutant("polls are not counted", "rate-limit.polls-are-limited-too")
def polls_are_not_counted(patch: Patch) -> None:
    def judge(original: Any, self: Exchange) -> Any:
        if self._head.path.startswith("/v1/painting/") and self._head.method == "GET":
            with_limit = admission.take_rate
            admission.take_rate = lambda service, account: (admission.nothing_counted(service), None)  # type: ignore[assignment]
            try:
                return original(self)
            finally:
                admission.take_rate = with_limit
        return original(self)

    patch.around(Exchange, "_judge_head", judge)


@mutant("the rate window never ends", "rate-limit.who-waited-is-served")
def rate_window_never_ends(patch: Patch) -> None:
    patch.around(MemoryLimits, "count", lambda original, self, account, _, ends: original(self, account, 0, ends))


@mutant("a refused key is told only after the body was read", "keys.the-key-is-judged-before-the-body")
def body_is_read_before_the_key(patch: Patch) -> None:
    def judge(original: Any, self: Exchange) -> Any:
        if self._head.method == "POST":
            bodies.check_content_type(self._head)
        return original(self)

    patch.around(Exchange, "_judge_head", judge)


@mutant("unknown paths are 400", "routes.an-unknown-path-is-404")
def unknown_path_is_400(patch: Patch) -> None:
    patch.error_status(ErrorCode.UNKNOWN_ROUTE, 400)


@mutant("another verb is 404", "routes.another-verb-on-what-is-read-is-405")
def wrong_verb_is_404(patch: Patch) -> None:
    patch.error_status(ErrorCode.METHOD_NOT_ALLOWED, 404)


@mutant("headers of any size are taken", "limits.headers-of-more-than-32-kib-are-431")
def headers_of_any_size(patch: Patch) -> None:
    def judge(original: Any, self: Exchange) -> Any:
        small = tuple(
            (name, value) for name, value in self._head.headers if not name.startswith("x-") or len(value) < 200
        )
        self._head = replace(self._head, headers=small)
        return original(self)

    patch.around(Exchange, "_judge_head", judge)


@mutant("headers beyond a size are dropped", "limits.headers-far-over-the-limit-lose-no-idempotency-key")
def large_heads_are_cut(patch: Patch) -> None:
    def judge(original: Any, self: Exchange) -> Any:
        kept, left = [], 32_000
        for name, value in sorted(self._head.headers, key=lambda header: header[0] in ("cookie", "idempotency-key")):
            left -= len(name) + len(value)
            if left > 0:
                kept.append((name, value))
        self._head = replace(self._head, headers=tuple(kept))
        return original(self)

    patch.around(Exchange, "_judge_head", judge)


@mutant("of two keys the first counts", "keys.two-keys-are-refused")
def first_key_counts(patch: Patch) -> None:
    patch.set(application, "_check_single", lambda _: None)


@mutant("an encoded slash parts a path", "routes.an-encoded-slash-parts-no-path")
def encoded_slash_parts(patch: Patch) -> None:
    patch.set(routes, "_ENCODED_SLASH", re.compile("(?!)"))


@mutant("a slash at the end makes it another path", "routes.a-slash-at-the-end-is-not-counted")
def slash_at_the_end_counts(patch: Patch) -> None:
    patch.set(application, "match", routes._exactly)


@mutant("any number of slashes at the end is left out", "routes.an-unknown-path-has-its-code")
def all_slashes_at_the_end_are_left_out(patch: Patch) -> None:
    patch.around(application, "match", lambda original, path, profile: original(path.rstrip("/"), profile))
