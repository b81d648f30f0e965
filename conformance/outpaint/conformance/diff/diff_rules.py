"""The rules that judge a change of an API by what it does to clients, and the changes that were judged by them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, computed_field


class DiffVerdict(StrEnum):
    """What a change does to a client that was written for the old document, the worst first."""

    BREAKING = "breaking"
    RISKY = "risky"
    COMPATIBLE = "compatible"


class Change(BaseModel):
    """One difference, at one place."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    code: str = Field(description="The rule that judged it.")
    verdict: DiffVerdict
    operation: str = Field(description="`POST /v1/painting/outpaint`; empty for the whole document.")
    place: str = Field(description="`request multipart/form-data`, `202 header Retry-After`, …; empty for all of it.")
    field: str = Field(description="`data[].url`; empty for the whole body or parameter.")
    was: str = Field(description="Empty for what was not there.")
    is_: str = Field(alias="is", description="Empty for what is not there any more.")
    why: str = Field(description="What it does to a client.")


class Comparison(BaseModel):
    """Every change, the worst first."""

    model_config = ConfigDict(frozen=True)

    changes: tuple[Change, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> DiffVerdict:
        """The worst verdict there is; compatible where nothing changed."""
        return next((verdict for verdict in DiffVerdict if self.of(verdict)), DiffVerdict.COMPATIBLE)

    def of(self, *verdicts: DiffVerdict) -> list[Change]:
        """The changes with one of these verdicts."""
        return [change for change in self.changes if change.verdict in verdicts]


@dataclass(frozen=True, slots=True)
class DiffRule:
    """What a kind of change does to a client of the old document."""

    code: str
    verdict: DiffVerdict
    why: str


_B, _R, _C = DiffVerdict.BREAKING, DiffVerdict.RISKY, DiffVerdict.COMPATIBLE

_NO_HARM: Final = "Whatever a client did before still works."
_REFUSED: Final = "What a client may send today can be refused tomorrow."
_MORE: Final = "A client may get an answer that was never declared."
_LESS: Final = "Every answer is one that a client knows already."

_RULES: Final = (
    # The whole
    ("operation.removed", _B, "A client that calls it gets 404 or 405."),
    ("operation.added", _C, _NO_HARM),
    ("operation.id-changed", _R, "Code generated from the document has functions of other names."),
    ("operation.deprecated", _C, "It still works, and clients are asked to stop using it."),
    ("operation.undeprecated", _C, _NO_HARM),
    ("operation.callbacks-changed", _R, "Calls to the client differ in a way that is not judged here."),
    ("operation.moved", _B, "A client that calls it where it was finds nothing there."),
    ("webhook.removed", _B, "A client that waits for the call is never called."),
    ("webhook.added", _C, _NO_HARM),
    ("webhook.changed", _R, "Calls to the client differ in a way that is not judged here."),
    ("server.removed", _R, "A client that took its base URL from the document has to look for another."),
    ("server.added", _C, _NO_HARM),
    ("security.key-required", _B, "A client without a key is refused."),
    ("security.key-dropped", _C, _NO_HARM),
    ("security.scheme-changed", _B, "A key where it is sent today is not found."),
    ("security.alternative-removed", _B, "A client that authenticates in this way is refused."),
    ("security.alternative-added", _C, _NO_HARM),
    ("security.scope-added", _B, "A key that lacks the scope is refused."),
    ("security.scope-removed", _C, _NO_HARM),
    ("security.token-url-changed", _R, "A client that asks for its token where it did may get none."),
    # Parameters
    ("request.parameter.removed", _B, "A client that sends it no longer gets what it asks for."),
    ("request.parameter.added-required", _B, "A client that does not know it is refused."),
    ("request.parameter.added-optional", _C, _NO_HARM),
    ("request.parameter.became-required", _B, "A client that leaves it out is refused."),
    ("request.parameter.became-optional", _C, _NO_HARM),
    ("request.parameter.serialised-otherwise", _B, "A value as it is written today is read wrongly."),
    ("request.parameter.renamed", _R, "The URL is the same; code generated from the document is not."),
    ("request.parameter.reserved-allowed", _C, _NO_HARM),
    ("request.parameter.reserved-refused", _B, "A value with /, ? or & in it, as it is sent today, is read wrongly."),
    # Bodies of requests
    ("request.body.removed", _B, "What a client sends has no effect any more."),
    ("request.body.added-required", _B, "A client that sends none is refused."),
    ("request.body.added-optional", _C, _NO_HARM),
    ("request.body.became-required", _B, "A client that sends none is refused."),
    ("request.body.became-optional", _C, _NO_HARM),
    ("request.content-type.removed", _B, "A client that sends this type gets 415."),
    ("request.content-type.added", _C, _NO_HARM),
    # Uploads
    ("request.part.types-removed", _B, "A client that labels its file so is refused."),
    ("request.part.types-added", _C, _NO_HARM),
    ("request.part.types-declared", _R, "Whether a file's label mattered before is not known; now it does."),
    ("request.part.types-undeclared", _R, "What a file may be is not said any more."),
    ("request.part.encoding-changed", _B, "A part as it is written today is read wrongly."),
    ("request.file.became-text", _B, "A client that sends a file is refused."),
    ("request.text.became-file", _B, "A client that sends text is refused."),
    ("request.file-size.lowered", _B, "A file that is taken today gets 413."),
    ("request.file-size.raised", _C, _NO_HARM),
    ("request.file-size.stated", _R, "Whether larger files were taken before is not known."),
    ("request.file-size.unstated", _R, "How large a file may be is not said any more."),
    ("response.file.became-text", _B, "A client that saves a file gets text."),
    ("response.text.became-file", _B, "A client that reads text gets a file."),
    ("response.file-size.lowered", _C, _LESS),
    ("response.file-size.raised", _R, "A client that set memory aside by the old size may run out of it."),
    ("response.file-size.stated", _C, _LESS),
    ("response.file-size.unstated", _R, "How large a file may be is not said any more."),
    # Jobs
    ("job.answered-later", _B, "A client that expects the result gets an id to poll with."),
    ("job.poll-link.removed", _B, "A client that follows links does not find its result."),
    ("job.poll-link.changed", _B, "A client that follows links asks in the wrong place."),
    ("job.location.removed", _B, "A client that polls where `Location` says has nowhere to poll."),
    ("job.retry-after.removed", _B, "A client that waits as long as the header says polls at once, or not at all."),
    ("job.status-word.added", _B, "A client that loops on the words it knows never ends, or ends too early."),
    ("job.status-word.removed", _C, _LESS),
    ("job.status-words.opened", _B, "A client cannot know which words end its loop."),
    ("job.status-words.closed", _C, _LESS),
    # Responses
    ("response.status.removed-success", _B, "A client that waits for this status never sees it."),
    ("response.status.removed-error", _C, _LESS),
    ("response.status.added-success", _R, "A client that knows one status of success takes it for a failure."),
    ("response.status.added-error", _R, "A client that acts by the status sees one it does not know."),
    ("response.status.declared-success", _C, _LESS),
    ("response.status.range-removed", _C, _LESS),
    ("response.content-type.removed", _B, "A client that asks for this type gets 406, or another type."),
    ("response.content-type.added", _C, _NO_HARM),
    ("response.content-type.narrowed", _C, _LESS),
    ("response.content-type.widened", _R, "A client may get another type than the one it knows."),
    ("response.body.removed", _B, "A client that reads it finds nothing."),
    ("response.body.added", _C, _NO_HARM),
    ("response.header.removed-required", _B, "A client that reads it finds nothing."),
    ("response.header.removed-optional", _R, "A client that reads it where it is there never finds it."),
    ("response.header.added", _C, _NO_HARM),
    ("response.header.became-optional", _B, "A client that counts on it may find nothing."),
    ("response.header.became-required", _C, _LESS),
    ("response.link.removed", _R, "A client that follows links stops here."),
    ("response.link.changed", _R, "A client that follows links goes elsewhere."),
    ("response.link.added", _C, _NO_HARM),
    # Schemas: requests
    ("request.property.removed", _B, "A client that sends it no longer gets what it asks for."),
    ("request.property.added-required", _B, "A client that does not know it is refused."),
    ("request.property.added-optional", _C, _NO_HARM),
    ("request.property.became-required", _B, "A client that leaves it out is refused."),
    ("request.property.became-optional", _C, _NO_HARM),
    ("request.unknown-fields.refused", _B, "A client that sends a field beyond the known ones is refused."),
    ("request.unknown-fields.allowed", _C, _NO_HARM),
    ("request.default.changed", _R, "A client that leaves it out gets something else than before."),
    ("request.default.removed", _R, "What a client gets that leaves it out is not said any more."),
    ("request.default.added", _C, _NO_HARM),
    ("request.type.changed", _B, _REFUSED),
    ("request.type.narrowed", _B, _REFUSED),
    ("request.type.widened", _C, _NO_HARM),
    ("request.null.refused", _B, "A client that sends null is refused."),
    ("request.null.allowed", _C, _NO_HARM),
    ("request.enum.value-removed", _B, "A client that sends this value is refused."),
    ("request.enum.value-added", _C, _NO_HARM),
    ("request.enum.closed", _B, "A client that sends any other value is refused."),
    ("request.enum.opened", _C, _NO_HARM),
    ("request.pattern.added", _B, _REFUSED),
    ("request.pattern.removed", _C, _NO_HARM),
    ("request.pattern.changed", _R, "Which of two patterns takes more is not known."),
    ("request.format.changed", _B, _REFUSED),
    ("request.format.narrowed", _B, _REFUSED),
    ("request.format.widened", _C, _NO_HARM),
    ("request.duplicates.refused", _B, "A client that sends an item twice is refused."),
    ("request.duplicates.allowed", _C, _NO_HARM),
    ("request.alternative.removed", _B, "A client that sends this alternative is refused."),
    ("request.alternative.added", _C, _NO_HARM),
    ("request.choice.narrowed", _B, "A choice of fields that is taken today is refused."),
    ("request.choice.widened", _C, _NO_HARM),
    ("request.choice.changed", _B, "A choice of fields that is taken today is refused."),
    ("request.discriminator.added", _R, "A client that leaves the field out may be read as another alternative."),
    ("request.discriminator.removed", _C, _NO_HARM),
    ("request.discriminator.renamed", _B, "A client that names its alternative in the old field is read wrongly."),
    ("request.discriminator.word-removed", _B, "A client that sends this word is refused."),
    ("request.discriminator.word-added", _C, _NO_HARM),
    ("request.discriminator.word-moved", _B, "A client that sends this word is read by another schema."),
    ("request.rule.added", _B, _REFUSED),
    ("request.rule.removed", _C, _NO_HARM),
    ("request.rule.changed", _R, "Which of the two takes more is not judged here."),
    ("request.deprecation.added", _C, "It still works, and clients are asked to stop using it."),
    ("request.deprecation.removed", _C, _NO_HARM),
    # Schemas: responses
    ("response.property.removed-required", _B, "A client that reads it finds nothing."),
    ("response.property.removed-optional", _R, "A client that reads it where it is there never finds it."),
    ("response.property.added", _C, "A client passes over what it does not know."),
    ("response.property.added-to-closed", _B, "A client that was promised no other field, and checks, fails."),
    ("response.property.became-optional", _B, "A client that counts on it may find nothing."),
    ("response.property.became-required", _C, _LESS),
    ("response.unknown-fields.refused", _C, _LESS),
    ("response.unknown-fields.allowed", _R, "A client that was promised no other field, and checks, fails."),
    ("response.default.changed", _C, "A default says nothing about what is answered."),
    ("response.default.removed", _C, "A default says nothing about what is answered."),
    ("response.default.added", _C, "A default says nothing about what is answered."),
    ("response.type.changed", _B, "A client reads another type than the declared one."),
    ("response.type.narrowed", _C, _LESS),
    ("response.type.widened", _B, "A client reads a type that was never declared."),
    ("response.null.refused", _C, _LESS),
    ("response.null.allowed", _B, "A client that counts on a value finds null."),
    ("response.enum.value-removed", _C, _LESS),
    ("response.enum.value-added", _R, "A client sees a value that it does not know."),
    ("response.enum.closed", _C, _LESS),
    ("response.enum.opened", _R, "A client sees values that it does not know."),
    ("response.pattern.added", _C, _LESS),
    ("response.pattern.removed", _R, _MORE),
    ("response.pattern.changed", _R, _MORE),
    ("response.format.changed", _B, "A client that parses the value fails."),
    ("response.format.narrowed", _C, _LESS),
    ("response.format.widened", _R, "A client that parses the value by its format may fail."),
    ("response.duplicates.refused", _C, _LESS),
    ("response.duplicates.allowed", _R, _MORE),
    ("response.alternative.removed", _C, _LESS),
    ("response.alternative.added", _R, "A client may be answered a kind of thing that it does not know."),
    ("response.choice.narrowed", _C, _LESS),
    ("response.choice.widened", _R, _MORE),
    ("response.choice.changed", _R, _MORE),
    ("response.discriminator.added", _C, _NO_HARM),
    ("response.discriminator.removed", _R, "A client that goes by the field has to go by something else."),
    ("response.discriminator.renamed", _B, "A client that goes by the field finds nothing."),
    ("response.discriminator.word-removed", _C, _LESS),
    ("response.discriminator.word-added", _R, "A client sees a word that it does not know."),
    ("response.discriminator.word-moved", _B, "A client reads the answer by another schema."),
    ("response.rule.added", _C, _LESS),
    ("response.rule.removed", _R, _MORE),
    ("response.rule.changed", _R, "Which of the two answers more is not judged here."),
    ("response.deprecation.added", _C, "It is still there, and clients are asked to stop reading it."),
    ("response.deprecation.removed", _C, _NO_HARM),
)

# The limits of values, texts, lists, objects and multiples are judged alike.
_MEASURES: Final = ("range", "length", "item-count", "member-count", "multiple")
_MEASURED: Final = tuple(
    row
    for name in _MEASURES
    for row in (
        (f"request.{name}.narrowed", _B, _REFUSED),
        (f"request.{name}.widened", _C, _NO_HARM),
        (f"request.{name}.changed", _B, _REFUSED),
        (f"response.{name}.narrowed", _C, _LESS),
        (f"response.{name}.widened", _R, _MORE),
        (f"response.{name}.changed", _R, _MORE),
    )
)

RULES: Final = MappingProxyType({code: DiffRule(code, verdict, why) for code, verdict, why in (*_RULES, *_MEASURED)})
"""Every rule by its code."""

# Differences that mean the same to a client.
_SAME: Final = {
    "request.property.removed-required": "request.property.removed",
    "request.property.removed-optional": "request.property.removed",
    "request.property.added-required-to-closed": "request.property.added-required",
    "request.property.added-optional-to-closed": "request.property.added-optional",
    "response.property.added-required-to-closed": "response.property.added-to-closed",
    "response.property.added-optional-to-closed": "response.property.added-to-closed",
    "response.property.added-required": "response.property.added",
    "response.property.added-optional": "response.property.added",
}


def rule(code: str) -> DiffRule:
    """The rule for a code, or for a side and a kind of difference (`request` + `.` + `enum.closed`)."""
    return RULES[_SAME.get(code, code)]
