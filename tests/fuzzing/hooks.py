"""Hooks for Schemathesis: its requests carry real pictures, ids and URLs, and some carry damaged pictures.

Schemathesis generates what the API description says, and that can say of a picture only that it is bytes. Here, right
before a request is sent, each source in it becomes real in its own spelling: a file, a `data:` URI or an id that the
provider gave out. Which picture is drawn from a digest of what Schemathesis generated, so a seed repeats a run.
"""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import replace
from typing import Any, Final

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.jsonschema import make_validator
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi.coverage import _schema as coverage
from schemathesis.specs.openapi.negative import _strip_binary
from schemathesis.transport.serialization import Binary

from fuzzing import known as given
from fuzzing.known import Known, Size, data_uri, file_address
from fuzzing.picture_files import TYPES, Damage, Layout, PictureFile

OUTPAINT: Final = "genai-image-outpainting"
POLL: Final = "genai-painting-result"
FILE: Final = "result-file"
UPLOAD: Final = "upload"

IMAGE_FIELDS: Final = {"image": "file", "image_url": "url", "image_id": "id"}
MASK_FIELDS: Final = {
    "mask_image": "file",
    "mask": "file",
    "mask_image_url": "url",
    "mask_url": "url",
    "mask_image_id": "id",
    "mask_id": "id",
}
LONGEST: Final = {"url": 2083, "id": 200}
DAMAGED_SHARE: Final = 0.15

KNOWN: Final = Known(os.environ["OUTPAINT_FUZZ_URL"], os.environ["OUTPAINT_FUZZ_KEY"])
_damaged: set[str] = set()
"""Digests of the damaged pictures that were sent."""


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    operation = case.operation.definition.raw.get("operationId")
    if case.meta is None or case.method.upper() != case.operation.method.upper():
        return
    positive = case.meta.generation.mode.is_positive
    if operation == OUTPAINT and isinstance(case.body, dict):
        _unique_key(case)
        body_is_whole = positive or not _is_negated(case, "body")
        case.body = _Realism(case).applied(case.body, whole=body_is_whole)
    elif positive and operation == POLL and KNOWN.jobs:
        if case.path_parameters.get("inference_id") not in KNOWN.jobs and _chance(case).random() < 0.5:
            case.path_parameters = {"inference_id": _chance(case).choice(list(KNOWN.jobs))}
    elif positive and operation == FILE and KNOWN.files and _chance(case).random() < 0.7:
        file_id, query = file_address(_chance(case).choice(KNOWN.files))
        case.path_parameters, case.query = {"file_id": file_id}, query
    # Schemathesis would judge anew what it finds changed, and takes every body with a file in it for a wrong one.
    case._record_starting_state()


@schemathesis.hook
def after_call(context: schemathesis.HookContext, case: schemathesis.Case, response: Any) -> None:
    operation = case.operation.definition.raw.get("operationId")
    if operation == UPLOAD and response.status_code == 200:
        kind = case.body["content_type"] if isinstance(case.body, dict) else "image/png"
        KNOWN.granted(response.json(), kind.strip().lower())
    elif operation == OUTPAINT and response.status_code in (200, 202):
        KNOWN.answered(response.json(), _size_sent(case.body))
    elif operation == POLL and response.status_code == 200 and response.json().get("status") == "success":
        KNOWN.answered(response.json(), None)


@schemathesis.check
def damaged_pictures_are_refused(ctx: Any, response: Any, case: schemathesis.Case) -> None:
    """A picture that cannot be outpainted is told so, whatever else stands in the request."""
    if _carries_damage(case):
        assert 400 <= response.status_code < 500, f"a damaged picture was answered {response.status_code}"


@schemathesis.hook
def filter_failure(context: schemathesis.HookContext, failure: Any, case: schemathesis.Case, response: Any) -> bool:
    """Whether a failure is one; each that is not has its reason here."""
    if isinstance(failure, RejectedPositiveData):
        # A description cannot say "a whole picture": `damaged_pictures_are_refused` judges these.
        if _carries_damage(case):
            return False
        # Nor that two requests under one key must be the same.
        if response.json().get("error_code") == "idempotency_mismatch":
            return False
        # A form has no numbers, and we take digits only; Schemathesis writes a whole float with its point.
        if case.media_type != "application/json" and any(isinstance(value, float) for value in _values(case.body)):
            return False
        # An id that Schemathesis takes from an earlier answer may be put beside a file, which makes two images.
        if isinstance(case.body, dict) and not _is_as_described(case, case.body):
            return False
    if isinstance(failure, AcceptedNegativeData) and isinstance(case.body, dict):
        # `mode` in the body wins over `mode` in the query, which is not looked at (docs/facts/wire.md#request-fields).
        if case.body.get("mode") and "mode" in case.query and not _is_negated(case, "body", "header"):
            return False
        # So does a blank one: it is none.
        if case.query.get("mode") == "" and not _is_negated(case, "body", "header"):
            return False
        # Clients send blanks and nulls for "none", so that is what they mean here (docs/facts/wire.md#client-habits).
        given_at_all = _without_blanks(case.body)
        return given_at_all == case.body or not _is_as_described(case, given_at_all)
    return True


class _Realism:
    """Makes the pictures of one request real."""

    def __init__(self, case: schemathesis.Case) -> None:
        self._chance = _chance(case)
        self._picture = PictureFile(
            self._chance.choice(list(TYPES.values())),
            self._chance.randint(16, 40),
            self._chance.randint(16, 40),
            self._chance.choice(list(Layout)),
            self._chance.randrange(256),
        )

    def applied(self, body: dict[str, Any], *, whole: bool) -> dict[str, Any]:
        """The body with real pictures; one that is `whole` is to be accepted, so it gets the mask that it needs."""
        real = dict(body)
        if whole and any(_is_well_formed(real.get(name), kind, whole=whole) for name, kind in MASK_FIELDS.items()):
            # What image and mask keep between them could be nothing.
            self._picture = replace(self._picture, opaque=True)
        damage = self._chance.choice(list(Damage)) if self._chance.random() < DAMAGED_SHARE else None
        size, is_open = (self._picture.width, self._picture.height), self._picture.is_open
        for name, kind in IMAGE_FIELDS.items():
            if not _is_well_formed(real.get(name), kind, whole=whole):
                continue
            if kind == "id":
                if real[name] not in KNOWN.sizes:
                    real[name] = KNOWN.image_id()
                size, is_open = KNOWN.sizes[real[name]], False
            else:
                data = self._picture.encoded() if damage is None else self._picture.damaged(damage)
                real[name] = self._sent(data, kind, damage)
        masked = False
        for name, kind in MASK_FIELDS.items():
            if not _is_well_formed(real.get(name), kind, whole=whole):
                continue
            masked = True
            if kind == "id":
                real[name] = KNOWN.mask_id(size)
            else:
                real[name] = self._sent(self._mask(size), kind, None)
        if whole and not masked and not is_open:
            real["mask_url"], masked = data_uri(self._mask(size)), True
        if whole and masked and real.get("mask_mode") == "alpha":
            # The masks here say it by brightness.
            real["mask_mode"] = "auto"
        return real

    def _mask(self, size: Size) -> bytes:
        return PictureFile("PNG", *size).mask(self._chance.choice(list(Layout)))

    @staticmethod
    def _sent(data: bytes, kind: str, damage: Damage | None) -> Any:
        if damage is not None:
            _damaged.add(_digest(data if kind == "file" else data_uri(data)))
        return Binary(data) if kind == "file" else data_uri(data)


def _is_well_formed(value: object, kind: str, *, whole: bool) -> bool:
    """Whether a generated source has the shape that the description asks for, so that a real one may stand for it."""
    if kind == "file":
        return isinstance(value, Binary | bytes) or (whole and isinstance(value, str))
    return isinstance(value, str) and 0 < len(value) <= LONGEST[kind]


def _size_sent(body: object) -> Size | None:
    if not isinstance(body, dict):
        return None
    for name, kind in IMAGE_FIELDS.items():
        value = body.get(name)
        if kind == "file" and isinstance(value, Binary):
            return given.size_of(value.data)
        if kind == "url" and isinstance(value, str) and value:
            return given.size_of(given.data_of(value))
        if kind == "id" and isinstance(value, str):
            return KNOWN.sizes.get(value)
    return None


def _unique_key(case: schemathesis.Case) -> None:
    """A key that is only this request's, of the length that was generated: examples share one key otherwise."""
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and len(key) >= 16 and not _is_negated(case, "header"):
        case.headers["Idempotency-Key"] = _digest(repr(case.body) + key)[:16] + key[16:]


def _is_negated(case: schemathesis.Case, *locations: str) -> bool:
    assert case.meta is not None
    return any(
        component.mode.is_negative
        for location, component in case.meta.components.items()
        if location.value in locations
    )


def _chance(case: schemathesis.Case) -> random.Random:
    body = _plain(case.body)
    return random.Random(_digest(f"{case.method} {case.path_parameters} {case.query} {body} {case.media_type}"))


def _plain(value: object) -> object:
    if isinstance(value, Binary):
        return value.data
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def _carries_damage(case: schemathesis.Case) -> bool:
    if not isinstance(case.body, dict):
        return False
    file, url = case.body.get("image"), case.body.get("image_url")
    return (isinstance(file, Binary) and _digest(file.data) in _damaged) or (
        isinstance(url, str) and _digest(url) in _damaged and url != ""
    )


def _values(body: object) -> list[Any]:
    return [value for name, value in body.items() if name in ("count", "seed")] if isinstance(body, dict) else []


def _without_blanks(body: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in body.items()
        if name == "prompt" or isinstance(value, Binary) or value not in ("", None)
    }


def _is_as_described(case: schemathesis.Case, body: dict[str, Any]) -> bool:
    described = case.operation.get_body_for_media_type(case.media_type)
    if described is None:
        return False
    validator = make_validator(described.optimized_schema, case.operation.schema.adapter.jsonschema_validator_cls)
    return bool(validator.is_valid(_strip_binary(body)))


def _digest(value: bytes | str) -> str:
    return hashlib.sha256(value if isinstance(value, bytes) else value.encode("utf-8", "replace")).hexdigest()


def _judging_files() -> None:
    """Schemathesis 4.32 stops where it has to judge a generated file by a schema: let it judge the rest."""
    usual = coverage._judge

    def judge(schema: Any, ctx: Any) -> Any:
        decide = usual(schema, ctx)
        return None if decide is None else lambda value: decide(_strip_binary(value))

    coverage._judge = judge


_judging_files()
