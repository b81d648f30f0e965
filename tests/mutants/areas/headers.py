"""Faults in the headers of answers."""

from __future__ import annotations

import re
import time
from dataclasses import replace

from mutants.mutant import Patch, mutant, with_body
from outpaint.contracts import paths_and_headers as names
from outpaint.functions.http import answers, application
from outpaint.functions.http.answers import Accept, Answers
from outpaint.functions.http.messages import Response

ANYTHING = Accept()


@mutant("no answer has a correlation id", "always.correlation-id")
def correlation_id_missing(patch: Patch) -> None:
    patch.header(names.CORRELATION_ID, lambda *_: None)


@mutant("every answer has the same correlation id", "accept.correlation-ids-differ")
def correlation_id_constant(patch: Patch) -> None:
    patch.header(names.CORRELATION_ID, lambda *_: "00000000-0000-4000-8000-000000000000")


@mutant("errors lack the rate and credit headers", "always.counters-are-numbers")
def counters_missing_on_errors(patch: Patch) -> None:
    for name in (names.RATE_LIMIT, names.RATE_AVAILABLE, names.RATE_RESET, names.CREDIT_AVAILABLE):
        patch.header(name, lambda response, value: value if response.status < 400 else None)


@mutant("the reset time is seconds since the epoch", "always.reset-time-is-seconds-from-now")
def reset_time_is_an_epoch(patch: Patch) -> None:
    patch.header(names.RATE_RESET, lambda _, value: str(int(time.time()) + int(value)))


@mutant("the reset time is a fraction of seconds", "always.counters-are-numbers")
def reset_time_is_a_fraction(patch: Patch) -> None:
    patch.header(names.RATE_RESET, lambda _, value: f"{value}.5")


@mutant("the requests left never count down", "rate-limit.available-counts-down-to-nothing")
def available_never_counts_down(patch: Patch) -> None:
    patch.header(names.RATE_AVAILABLE, lambda *_: "499")


@mutant(
    "the credits in the header are those after the request's own charge",
    "credits.header-is-the-balance-before-the-charge",
)
def credits_after_the_charge(patch: Patch) -> None:
    def after(response: Response, value: str) -> str:
        charged = response.body.count(b'"expires_at"') if response.status == 200 else 0
        return str(max(0, int(value) - charged))

    patch.header(names.CREDIT_AVAILABLE, after)


@mutant("202 does not say when to come back", "always.retry-after")
def retry_after_missing_on_202(patch: Patch) -> None:
    patch.header(names.RETRY_AFTER, lambda response, value: None if response.status == 202 else value)


@mutant("429 does not say when to come back", "always.retry-after")
def retry_after_missing_on_429(patch: Patch) -> None:
    patch.header(names.RETRY_AFTER, lambda response, value: None if response.status == 429 else value)


@mutant("Retry-After is a date", "always.retry-after")
def retry_after_is_a_date(patch: Patch) -> None:
    patch.header(names.RETRY_AFTER, lambda *_: "Wed, 21 Oct 2026 07:28:00 GMT")


@mutant("Retry-After on 429 is not the window's end", "rate-limit.retry-after-is-the-reset-time")
def retry_after_on_429_is_a_constant(patch: Patch) -> None:
    patch.header(names.RETRY_AFTER, lambda response, value: "1" if response.status == 429 else value)


@mutant("pages of other origins cannot read an answer", "always.browsers-can-read-it")
def cors_origin_missing(patch: Patch) -> None:
    patch.header("Access-Control-Allow-Origin", lambda *_: None)


@mutant("pages of other origins cannot read the headers", "always.browsers-can-read-it")
def cors_headers_not_exposed(patch: Patch) -> None:
    patch.header("Access-Control-Expose-Headers", lambda *_: names.CORRELATION_ID)


@mutant("the preflight does not allow Prefer", "browsers.preflight-allows-prefer")
def preflight_forgets_prefer(patch: Patch) -> None:
    patch.header("Access-Control-Allow-Headers", lambda _, value: re.sub(r"(?i)\bprefer\b", "x-other", value))


@mutant(
    "the preflight allows the API's own headers alone",
    "browsers.preflight-allows-whatever-it-asks-for",
    "official-clients.preflight-of-the-plugin-is-allowed",
)
def preflight_allows_its_own_headers_alone(patch: Patch) -> None:
    patch.header("Access-Control-Allow-Headers", lambda *_: ", ".join(answers.ALLOWED_HEADERS))


@mutant("405 does not say which verbs are taken", "always.allow-on-405")
def allow_missing_on_405(patch: Patch) -> None:
    patch.header("Allow", lambda response, value: None if response.status == 405 else value)


@mutant("202 does not say where to poll", "asynchronous.location-leads-to-the-poll")
def location_missing(patch: Patch) -> None:
    patch.header("Location", lambda *_: None)


@mutant("which preference was applied is not said", "preferences.respond-async-is-said-to-be-applied")
def preference_applied_missing(patch: Patch) -> None:
    patch.header(names.PREFERENCE_APPLIED, lambda *_: None)


@mutant("a browser may guess what a result file is", "result-files.a-file-is-not-sniffed")
def sniffing_allowed(patch: Patch) -> None:
    patch.header("X-Content-Type-Options", lambda *_: None)


@mutant(
    "nothing is said of what was ignored or read leniently",
    "fields.unknown-fields-are-named-in-a-warning",
    "fields.jpeg-is-read-as-jpg",
    "routes.a-slash-at-the-end-is-not-counted",
)
def warning_missing(patch: Patch) -> None:
    patch.header(names.WARNING, lambda *_: None)


@mutant("what was asked for in Accept is not looked at", "accept.what-json-cannot-meet-is-406")
def accept_ignored(patch: Patch) -> None:
    patch.set(Accept, "parse", classmethod(lambda *_: ANYTHING))


@mutant("errors are HTML", "always.error-has-its-shape")
def errors_are_html(patch: Patch) -> None:
    def rewrite(_: Answers, response: Response) -> Response:
        if response.status < 400 or not response.body:
            return response
        headers = tuple((k, "text/html" if k == "Content-Type" else v) for k, v in response.headers)
        return with_body(replace(response, headers=headers), b"<h1>Error</h1>")

    patch.answers(rewrite)


@mutant("HEAD gets a 405", "routes.head-of-the-balance-is-200")
def head_not_taken(patch: Patch) -> None:
    patch.set(
        application,
        "METHODS",
        {route: tuple(verb for verb in verbs if verb != "HEAD") for route, verbs in application.METHODS.items()},
    )
