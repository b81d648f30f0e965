"""Faults in the form of answers: how JSON is written and labelled, what caches may keep, what Allow and CORS say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from mutants.areas.errors import change_error_member
from mutants.areas.jobs import change_accepted, change_failed_job
from mutants.areas.results import change_items, change_result
from mutants.mutant import Patch, mutant, with_body
from outpaint.contracts import paths_and_headers as names
from outpaint.functions.http.answers import Answers
from outpaint.functions.http.messages import Response

_JSON = "application/json"
_REFUSED_PAGE = ("browsers.scripts-may-read-the-headers-of-an-error",)


def change_json(patch: Patch, change: Any) -> None:
    """The bytes of every body in JSON pass through `change`."""

    def rewrite(_: Answers, response: Response) -> Response:
        if response.header("content-type") != _JSON or not response.body:
            return response
        return with_body(response, change(response.body))

    patch.answers(rewrite)


def add_header(patch: Patch, name: str, value: str) -> None:
    """Every answer has one more header."""
    patch.answers(lambda _, response: replace(response, headers=(*response.headers, (name, value))))


# JSON


@mutant("JSON is labelled with another charset", "always.json-is-interoperable")
def json_of_another_charset(patch: Patch) -> None:
    patch.header("Content-Type", lambda _, value: f"{value}; charset=iso-8859-1" if value == _JSON else value)


@mutant("JSON is written in UTF-16", "always.json-is-interoperable")
def json_in_utf_16(patch: Patch) -> None:
    change_json(patch, lambda body: body.decode().encode("utf-16"))


@mutant("JSON begins with a byte order mark", "always.json-is-interoperable")
def json_with_a_byte_order_mark(patch: Patch) -> None:
    change_json(patch, lambda body: b"\xef\xbb\xbf" + body)


@mutant("an object names a member twice", "always.json-is-interoperable")
def member_is_named_twice(patch: Patch) -> None:
    change_json(patch, lambda body: body.replace(b"{", b'{"status":"pending",', 1) if b'"status"' in body else body)


@mutant("a number is NaN", "always.json-is-interoperable", seen_in=("asynchronous.mode-async-is-202",))
def number_is_nan(patch: Patch) -> None:
    change_json(patch, lambda body: re.sub(rb'("painted_share": ?)[0-9.e-]+', rb"\1NaN", body))


@mutant("seeds are text", "synchronous.result-has-our-members")
def seeds_are_text(patch: Patch) -> None:
    change_items(patch, lambda item: item.update(seed=str(item["seed"])))


@mutant("expires_at is seconds since the epoch", "synchronous.result-has-our-members")
def ends_are_epochs(patch: Patch) -> None:
    change_items(
        patch, lambda item: item.update(expires_at=int(datetime.fromisoformat(item["expires_at"]).timestamp()))
    )


@mutant("the painted share is text", "asynchronous.accepted-tells-of-the-mask")
def shares_are_text(patch: Patch) -> None:
    def change(document: dict[str, Any]) -> None:
        found = document["mask_interpretation"]
        found["painted_share"] = str(found["painted_share"])

    change_accepted(patch, change)


@mutant("the code of a failed job is text", "failed-jobs.a-failed-job-has-a-typed-code")
def codes_of_failed_jobs_are_text(patch: Patch) -> None:
    change_failed_job(patch, lambda document: document.update(code=str(document["code"])))


@mutant("an error's detail is parted by a carriage return", "always.error-detail-is-one-line")
def detail_has_a_carriage_return(patch: Patch) -> None:
    change_error_member(patch, "detail", "One thing.\rAnother.")


@mutant(
    "the pictures' seeds are all the request's where it sent none",
    "always.seeds-count-on",
    seen_in=("synchronous.pictures-have-urls-of-their-own",),
)
def drawn_seeds_are_the_same(patch: Patch) -> None:
    change_result(patch, lambda document: [item.update(seed=document["seed"]) for item in document["data"]])


# Caches


@mutant("caches that many share may keep private answers", "always.private-answers-are-not-kept")
def private_answers_are_public(patch: Patch) -> None:
    patch.header("Cache-Control", lambda _, value: "public, max-age=60" if value == "no-store" else value)


@mutant("caches are not told whether they may keep an answer", "always.private-answers-are-not-kept")
def caches_are_told_nothing(patch: Patch) -> None:
    patch.header("Cache-Control", lambda *_: None)


# Methods


@mutant("Allow names the method that it refuses", "always.allow-on-405")
def allow_names_what_is_refused(patch: Patch) -> None:
    patch.header("Allow", lambda _, value: f"{value}, PUT, DELETE")


@mutant("Allow names a method that is not taken either", "routes.what-is-read-allows-get")
def allow_names_another_that_is_refused(patch: Patch) -> None:
    patch.header("Allow", lambda _, value: f"{value}, PATCH")


@mutant("OPTIONS does not name a method that is taken", "browsers.options-tells-what-a-path-takes")
def options_forgets_head(patch: Patch) -> None:
    patch.header("Allow", lambda _, value: value.replace("HEAD, ", ""))


@mutant("a preflight allows a method that is not taken", "browsers.preflight-needs-no-key")
def preflight_allows_delete(patch: Patch) -> None:
    patch.header("Access-Control-Allow-Methods", lambda _, value: f"{value}, DELETE")


@mutant("an answer to HEAD has a body", "always.head-has-no-body", seen_in=("routes.head-of-the-balance-is-200",))
def head_has_a_body(patch: Patch) -> None:
    patch.answers(
        lambda answers, response: replace(response, body=b"{}") if answers.head.method == "HEAD" else response
    )


# Other headers


@mutant("a page may send its visitors' cookies along", "always.browsers-can-read-it")
def credentials_are_allowed(patch: Patch) -> None:
    add_header(patch, "Access-Control-Allow-Credentials", "true")


@mutant(
    "the page's origin is allowed, and caches are not told that it varies",
    "always.browsers-can-read-it",
    seen_in=_REFUSED_PAGE,
)
def origin_without_vary(patch: Patch) -> None:
    def rewrite(answers: Answers, response: Response) -> Response:
        origin = answers.head.header("origin") or "*"
        headers = tuple(
            (name, origin if name == "Access-Control-Allow-Origin" else value) for name, value in response.headers
        )
        return replace(response, headers=headers)

    patch.answers(rewrite)


@mutant("401 does not say how to authenticate", "always.www-authenticate-on-401", seen_in=_REFUSED_PAGE)
def authentication_is_not_told(patch: Patch) -> None:
    patch.header(names.WWW_AUTHENTICATE, lambda *_: None)


@mutant("an answer is longer than it says", "always.length-is-the-declared-one")
def length_is_short(patch: Patch) -> None:
    patch.header("Content-Length", lambda _, value: str(max(0, int(value) - 1)))


@mutant("every answer warns of unknown fields", "fields.known-request-has-no-warning")
def warning_on_everything(patch: Patch) -> None:
    add_header(patch, names.WARNING, "unknown fields ignored: colour")


@mutant("every answer says that a preference was applied", "always.preferences-applied-were-asked-for")
def preference_applied_unasked(patch: Patch) -> None:
    add_header(patch, names.PREFERENCE_APPLIED, "respond-async")
