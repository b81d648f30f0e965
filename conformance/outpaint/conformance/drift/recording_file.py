"""The file of a recording: exchanges in the order they began, without keys, signatures and, usually, pixels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outpaint.contracts.errors import first_invalid
from outpaint.contracts.requests import MAX_COUNT, Wish
from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.exit_codes import ExitCode
from outpaint.functions.http.messages import HasHeaders

Headers = tuple[tuple[str, str], ...]


class RecordingError(CommandError):
    """A file that is no recording, or cannot be read or written: one sentence with the way out."""

    def __init__(self, sentence: str) -> None:
        super().__init__(ExitCode.USAGE, sentence)


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Damage(StrEnum):
    """What is wrong with a picture's file."""

    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"


class RecordedPicture(_Kept):
    """What is kept of a picture: its size, format and hash, and as much of its layout as a replay needs.

    `layout` is a coarse map of what counts, in at most 32 rows of at most 32 letters: `#` opaque (or white), `.`
    transparent (or black), `+` between. `reads` says what it maps; without it the picture is opaque and no mask.
    """

    format: str | None = Field(default=None, description="PNG, JPEG, WEBP, …; None for bytes that are no picture.")
    mode: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int = 1
    orientation: int | None = Field(default=None, description="The EXIF tag, 1 to 8.")
    bytes: int
    sha256: str
    reads: Literal["alpha", "luminance"] | None = None
    layout: tuple[str, ...] = ()
    damage: Damage | None = None
    data: str | None = Field(default=None, description="The file itself, base64: only under --keep-pixels.")


class Opaque(_Kept):
    """Bytes that are not kept, except for short text."""

    bytes: int
    sha256: str
    text: str | None = None


class RecordedPart(_Kept):
    """A field or file of a form; exactly one of `text`, `picture` and `opaque` is there."""

    name: str
    filename: str | None = None
    content_type: str | None = None
    text: str | None = None
    picture: RecordedPicture | None = None
    data_uri: bool = Field(default=False, description="The picture was in the field as a data: URI.")
    opaque: Opaque | None = None


class Nothing(_Kept):
    """No body."""

    kind: Literal["none"] = "none"


class Form(_Kept):
    """A form, multipart or percent-encoded."""

    kind: Literal["multipart", "urlencoded"]
    parts: tuple[RecordedPart, ...]


class Json(_Kept):
    """A JSON value; a data: URI of a picture in it is `{"$picture": …}`."""

    kind: Literal["json"] = "json"
    value: Any


class PictureBody(_Kept):
    """A picture by itself."""

    kind: Literal["picture"] = "picture"
    picture: RecordedPicture


class OpaqueBody(_Kept):
    """Anything else, HTML among it."""

    kind: Literal["opaque"] = "opaque"
    opaque: Opaque


Body = Annotated[Nothing | Form | Json | PictureBody | OpaqueBody, Field(discriminator="kind")]


class Trouble(StrEnum):
    """Why an exchange is not a plain answer of the provider."""

    OVER_BUDGET = "over_budget"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    REDIRECT = "redirect"
    HTML = "html"
    TOO_LARGE = "too_large"


class Mark(_Kept):
    """What was wrong with an exchange: its kind, and one sentence."""

    trouble: Trouble
    says: str


class AskedRequest(_Kept):
    """What the consumer asked.

    `target` is a path from `/v1` on with its query, or `{{3/data/0/url}}`: the URL that the answer to exchange 3 had
    there. `key` is a name for the key that was sent, the same for the same key; None without one.
    """

    method: str
    target: str
    key: str | None = None
    headers: Headers = ()
    body: Body = Nothing()


class Answer(_Kept, HasHeaders):
    """What the provider answered."""

    status: int
    headers: Headers
    body: Body = Nothing()


class RecordedExchange(_Kept):
    """A request and its answer; `at` and `seconds` are in seconds, from the recording's beginning and in all."""

    number: int
    at: float
    seconds: float
    request: AskedRequest
    answer: Answer | None = None
    mark: Mark | None = None

    @property
    def can_be_replayed(self) -> bool:
        """Whether the provider itself answered."""
        return self.answer is not None and (self.mark is None or self.mark.trouble is Trouble.HTML)


class Recording(_Kept):
    """All exchanges of one run of the recorder, numbered from 1 in the order they began."""

    format: Literal["outpaint-recording/1"] = "outpaint-recording/1"
    upstream: str
    recorded_at: str = Field(description="When it began, UTC, ISO 8601.")
    kept_pixels: bool = False
    credits_reckoned: int = Field(default=0, description="By count and price, as the budget counts.")
    exchanges: tuple[RecordedExchange, ...]

    @classmethod
    def read(cls, path: Path) -> Recording:
        """The recording in a file; raises `RecordingError`."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise RecordingError(f"{path} is no recording: it is not UTF-8 text") from None
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, name: str = "the text") -> Recording:
        """The recording in a text; raises `RecordingError` that names where it is wrong."""
        try:
            recording = cls.model_validate_json(text)
        except ValidationError as error:
            place, _, reason = first_invalid(error)
            says = f"{name} is no recording of this version, at {place or 'its beginning'}: {reason}"
            raise RecordingError(f"{says}; make one by `outpaint contract record`") from None
        numbers = [exchange.number for exchange in recording.exchanges]
        if numbers != sorted(set(numbers)):
            raise RecordingError(f"{name} is no recording: its exchanges are not numbered upwards")
        return recording

    def text(self) -> str:
        return self.model_dump_json(indent=1, exclude_defaults=False, exclude_none=True) + "\n"

    def write(self, path: Path) -> None:
        """Put it into a file, whole or not at all; raises `RecordingError`."""
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(self.text(), encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise RecordingError(f"{path} cannot be written: {error.strerror or error}") from None

    def replayable(self) -> Iterator[RecordedExchange]:
        """The exchanges that can be asked again."""
        return (exchange for exchange in self.exchanges if exchange.can_be_replayed)


def pictures_asked_for(body: Body, query: dict[str, str]) -> int:
    """How many pictures a request may be charged for: its `count`, the largest one where it has several."""
    counts: list[object] = []
    if isinstance(body, Form):
        counts = [part.text for part in body.parts if part.name == "count"]
    elif isinstance(body, Json):
        if isinstance(body.value, dict) and "count" in body.value:
            counts = [body.value["count"]]
    elif query.get("count") is None:
        # A body that we cannot read may be one that the provider can.
        return MAX_COUNT
    if "count" in query:
        counts.append(query["count"])
    return max((_whole(value) for value in counts), default=int(Wish.model_fields["count"].default))


def _whole(value: object) -> int:
    """A count as a lenient provider may read it; what is no number counts as the most that a request may ask for."""
    try:
        number = int(float(str(value).strip()))
    except (ValueError, OverflowError):
        return MAX_COUNT
    return max(0, min(number, 10 * MAX_COUNT))
