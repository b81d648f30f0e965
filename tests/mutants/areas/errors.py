"""Faults in the answers to refused requests."""

from __future__ import annotations

from typing import Any

from mutants.mutant import Patch, mutant
from outpaint.contracts.errors import ErrorBody, ErrorCode, OutpaintError, ProblemDetails
from outpaint.functions.http import application, bodies
from outpaint.functions.http.messages import Response


def change_error_member(patch: Patch, name: str, value: Any, *, only: int | None = None) -> None:
    """This member of error bodies is `value`, or goes where that is Ellipsis."""

    def change(response: Response, document: dict[str, Any]) -> None:
        if response.status >= 400 and only in (None, response.status):
            document.pop(name, None)
            if value is not ...:
                document[name] = value

    patch.bodies(change)


@mutant("errors have no detail", "always.error-has-its-shape")
def detail_missing(patch: Patch) -> None:
    change_error_member(patch, "detail", ...)


@mutant("an error's detail is an object", "always.error-has-its-shape")
def detail_is_an_object(patch: Patch) -> None:
    change_error_member(patch, "detail", {"reason": "no"})


@mutant("an error's detail shows a traceback", "always.error-detail-is-one-line")
def detail_is_a_traceback(patch: Patch) -> None:
    change_error_member(patch, "detail", "Traceback (most recent call last):\n  File x.py")


@mutant("an error's code is another than its status", "always.error-code-fits-the-status")
def code_differs_from_the_status(patch: Patch) -> None:
    change_error_member(patch, "code", 1)


@mutant("a bad key's message is not token_error", "keys.no-key-is-401")
def token_error_missing(patch: Patch) -> None:
    change_error_member(patch, "message", "Unauthorized", only=401)


@mutant("a wrong value is told without the field's name first", "fields.wrong-count-is-worded-as-the-vendor-words-it")
def wrong_value_in_other_words(patch: Patch) -> None:
    change_error_member(patch, "detail", "The request is invalid.", only=422)


@mutant("the offending field is not named", "accept.a-406-has-its-code")
def field_missing(patch: Patch) -> None:
    change_error_member(patch, "field", ...)


@mutant("a key that is not known is 403", "keys.an-unknown-key-is-401")
def unknown_key_is_403(patch: Patch) -> None:
    patch.error_status(ErrorCode.UNKNOWN_KEY, 403)


@mutant("a missing key is 400", "keys.no-key-is-401")
def missing_key_is_400(patch: Patch) -> None:
    patch.error_status(ErrorCode.MISSING_KEY, 400)


@mutant("used up credits are 403", "credits.no-credits-are-402")
def insufficient_credits_is_403(patch: Patch) -> None:
    patch.error_status(ErrorCode.INSUFFICIENT_CREDITS, 403)


@mutant("a wrong value is 400", "fields.wrong-value-is-422")
def wrong_value_is_400(patch: Patch) -> None:
    patch.error_status(ErrorCode.INVALID_PARAMETER, 400)


@mutant("another kind of file is 422", "bad-pictures.stranger-is-415")
def unsupported_image_is_422(patch: Patch) -> None:
    patch.error_status(ErrorCode.UNSUPPORTED_IMAGE_TYPE, 422)


@mutant("a body that cannot be parsed is 500", "bad-bodies.broken-json-is-400")
def malformed_body_is_500(patch: Patch) -> None:
    patch.error_status(ErrorCode.MALFORMED_BODY, 500)


@mutant("the rate limit is 503", "rate-limit.one-too-many-is-429")
def rate_limited_is_503(patch: Patch) -> None:
    patch.error_status(ErrorCode.RATE_LIMITED, 503)


@mutant("a file that is too large is 422", "limits.a-file-over-the-limit-is-413")
def too_large_is_422(patch: Patch) -> None:
    patch.error_status(ErrorCode.FILE_TOO_LARGE, 422)


@mutant("a refused key is repeated in the answer", "keys.a-refused-key-is-not-repeated")
def key_is_told(patch: Patch) -> None:
    def telling(original: Any, service: Any, key: str | None, **how: Any) -> Any:
        try:
            return original(service, key, **how)
        except OutpaintError as error:
            raise OutpaintError(error.code, f"{error.detail} ({key})", field=error.field) from None

    patch.around(application, "authenticate", telling)


@mutant("problem details are answered as plain errors", "accept.problem-details-are-labelled")
def problem_details_unknown(patch: Patch) -> None:
    patch.header("Content-Type", lambda _, value: value.replace("problem+", ""))
    patch.set(ProblemDetails, "of", classmethod(lambda _, error, **__: ErrorBody.of(error)))


@mutant(
    "common mistakes are refused without a word on what to change",
    "explained.object-as-text-is-told",
    "explained.wrong-verb-is-told-the-right-one",
    "explained.path-nearly-right-is-told",
)
def mistakes_unexplained(patch: Patch) -> None:
    change_error_member(patch, "detail", "This cannot be done.")


@mutant("a file input that was left empty is an empty file", "explained.empty-inputs-mean-none")
def empty_input_is_a_file(patch: Patch) -> None:
    def part_end(form: Any) -> None:
        form._may_be_left_empty = False
        original(form)

    original = bodies._Form.part_end
    patch.set(bodies._Form, "part_end", part_end)
