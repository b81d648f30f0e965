"""What a client sends: the fields of POST /v1/painting/outpaint in every spelling that is taken, and of /v1/uploads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, create_model
from pydantic.fields import FieldInfo

from outpaint.contracts.data_uris import DataUri, Digest
from outpaint.contracts.errors import ErrorCode, OutpaintError, first_invalid
from outpaint.contracts.masks_and_formats import Format, MaskMode, PictureLimits
from outpaint.contracts.profiles import WireProfile

MAX_COUNT: Final = 10
MAX_SEED: Final = 2**32 - 1
MAX_URL_LENGTH: Final = 2083
MAX_TEXT_LENGTH: Final = 20_000
_Model = TypeVar("_Model", bound=BaseModel)
_FILE_SIZE: Final = f"By default at most {PictureLimits().max_bytes // 2**20} MiB."


class Mode(StrEnum):
    """Whether the client waits for the pictures or polls for them; the vendor removed `auto`."""

    SYNC = "sync"
    ASYNC = "async"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file sent with the request; its name and label are the client's claims and decide nothing."""

    data: bytes = field(repr=False)
    filename: str | None = None
    content_type: str | None = None
    _digest: Digest = field(default_factory=Digest, init=False, repr=False, compare=False)

    @property
    def sha256(self) -> str:
        """The SHA-256 (hex) of its bytes, computed once."""
        return self._digest.of(self.data)


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A picture to be fetched."""

    url: str


@dataclass(frozen=True, slots=True)
class IdSource:
    """A picture that the service has already, by the id of an upload or of an earlier result."""

    id: str


Source = Upload | DataUri | UrlSource | IdSource

# A body's fields as the HTTP core read them: every value of every name, in the order they came.
FieldValue = Upload | DataUri | str | int | float | bool | None
Fields = Mapping[str, list[FieldValue]]

# Which field carries a source in which way; both mask spellings are the vendor's (docs/facts/wire.md#request-fields).
IMAGE_FIELDS: Final = {"image": "file", "image_url": "url", "image_id": "id"}
MASK_FIELDS: Final = {
    "mask_image": "file",
    "mask_image_url": "url",
    "mask_image_id": "id",
    "mask": "file",
    "mask_url": "url",
    "mask_id": "id",
}
MAY_BE_DATA_URI: Final = frozenset(name for name, kind in {**IMAGE_FIELDS, **MASK_FIELDS}.items() if kind != "id")
"""Fields whose text may be a `data:` URI of any length; of a `file` it is refused, with the way out."""
_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_WITH_A_POINT: Final = re.compile(r"([+-]?[0-9]{1,20})\.0+", re.ASCII)
# How the formats that are taken begin in base64.
_PICTURE_IN_BASE64: Final = {
    "iVBORw0KGgo": "png",
    "/9j/": "jpeg",
    "UklGR": "webp",
    "Qk": "bmp",
    "SUkqA": "tiff",
    "TU0AK": "tiff",
}
_SHORTEST_BASE64: Final = 64


def _whole_number(value: object) -> object:
    """A whole number as bodies carry it.

    In a form it is text: plain ASCII digits are taken, and nothing that merely looks alike. In JSON 2.0 is as whole as
    2 (JSON Schema, `integer`), and some languages write no other.
    """
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, str) and (found := _WITH_A_POINT.fullmatch(value.strip())):
        raise ValueError(f"a form has whole numbers without a point: write {found[1][:20]}")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _format_word(value: object) -> object:
    word = _upper(value)
    if word == "JPEG":
        raise ValueError("the word for that format is JPG")
    return word


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class About:
    """What a field of `Wish` is, for code that takes its fields from the model; it is part of the field's `Annotated`.

    `changes` is what another value changes of a picture with the same seed: how the open area is painted, what of the
    canvas is open, the file that the picture is stored as, or nothing. `ours` marks our extensions of the vendor's
    API. With `decides_answer` the answer depends on the exact value, so a pact demands it exactly.
    """

    changes: Literal["painting", "canvas", "file", "nothing"] = "painting"
    ours: bool = False
    deprecated: bool = False
    decides_answer: bool = False


class Wish(BaseModel):
    """What is to be painted: every field of the body but its pictures and `mode`.

    The one list of these fields: fingerprints, messages to painters, the mocks' pictures, journal, assertions, report
    and pacts, the API description and the tables in docs/ take them from here. `seed` is 0 to 2**32 - 1, None for any.
    """

    model_config = ConfigDict(frozen=True)

    # Painters do without a prompt; the wire does not, see `OutpaintRequest.from_fields`.
    prompt: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=MAX_TEXT_LENGTH),
        Field(
            description="What the picture should grow into; blanks alone say nothing.",
            json_schema_extra={"minLength": 1, "pattern": r"\S"},
        ),
    ]
    negative_prompt: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=MAX_TEXT_LENGTH),
        Field(description="What the picture should not show; not every painter reads it."),
        About(deprecated=True),
    ] = ""
    count: Annotated[
        int,
        Field(strict=True, ge=1, le=MAX_COUNT, description="How many pictures to make."),
        BeforeValidator(_whole_number),
        About("nothing", decides_answer=True),
    ] = 2
    format: Annotated[Format, BeforeValidator(_format_word), About("file", decides_answer=True)] = Format.JPG
    seed: Annotated[
        int | None,
        Field(strict=True, ge=0, le=MAX_SEED, description="Picture i of a request is made from seed + i."),
        BeforeValidator(_whole_number),
        About(ours=True),
    ] = None
    mask_mode: Annotated[
        MaskMode,
        Field(description="How the mask is read."),
        BeforeValidator(_lower),
        About("canvas", ours=True, decides_answer=True),
    ] = MaskMode.AUTO

    @classmethod
    def about(cls, name: str) -> About:
        """What a field's `Annotated` says of it; the defaults where it says nothing."""
        return next((one for one in cls.model_fields[name].metadata if isinstance(one, About)), About())

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Self:
        """The wish of these values, which may be text as a form has it.

        Raises `OutpaintError` INVALID_PARAMETER naming the first field with a wrong value.
        """
        return _validated(cls, values)

    @property
    def seeds(self) -> tuple[int, ...]:
        """One seed a picture: seed + i, wrapped at 2**32, so that each picture can be made again alone.

        Raises ValueError while no seed was chosen.
        """
        if self.seed is None:
            raise ValueError("no seed was chosen")
        return tuple((self.seed + i) % (MAX_SEED + 1) for i in range(self.count))

    def of_picture(self, seed: int, *changes: str) -> dict[str, object]:
        """The JSON values that decide the picture with this seed: of the fields whose `About.changes` is one of these.

        Without `changes`, of all fields that change a picture in any way.
        """
        wanted = changes or ("painting", "canvas", "file")
        names = {name for name in type(self).model_fields if self.about(name).changes in wanted}
        return self.model_copy(update={"seed": seed}).model_dump(mode="json", include=names)


_OURS: Final = tuple(name for name in Wish.model_fields if Wish.about(name).ours)
PLAIN_FIELDS: Final = (*(name for name in Wish.model_fields if name not in _OURS), "mode", *_OURS)
"""Fields of a body that are no picture: the vendor's, then ours."""
KNOWN_FIELDS: Final = frozenset({*IMAGE_FIELDS, *MASK_FIELDS, *PLAIN_FIELDS})
VENDOR_FIELDS: Final = KNOWN_FIELDS.difference(_OURS)
"""Those that mean something to the vendor."""


def known_fields(profile: WireProfile) -> frozenset[str]:
    """The fields of a body that mean something in a profile."""
    return KNOWN_FIELDS if profile is WireProfile.OURS else VENDOR_FIELDS


class OutpaintRequest(BaseModel):
    """A request, validated: its pictures, how it is to be answered, and what is to be painted.

    Exactly one image source, at most one mask source. Built from a parsed body by `from_fields`.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    image: Source
    mask: Source | None = None
    mask_field: str | None = Field(default=None, description="The spelling the mask came under, for errors.")
    image_field: str = Field(default="image", description="The spelling the image came under, for errors.")
    mode: Annotated[Mode, Field(description="May also be in the query; the body wins."), BeforeValidator(_lower)] = (
        Mode.SYNC
    )
    wish: Wish

    @property
    def plain_values(self) -> dict[str, object]:
        """The value of each of `PLAIN_FIELDS`."""
        return {name: self.mode if name == "mode" else getattr(self.wish, name) for name in PLAIN_FIELDS}

    @classmethod
    def from_fields(cls, fields: Fields, *, query_mode: str | None = None) -> OutpaintRequest:
        """The request that a body's fields make; `mode` from the query counts where the body has none.

        Raises `OutpaintError` (422) naming the first offending field in the vendor's words.
        """
        image_field, image = _one_source(fields, IMAGE_FIELDS, what="image")
        if image is None or image_field is None:
            raise _missing("image", "send a file as image, or an address as image_url")
        mask_field, mask = _one_source(fields, MASK_FIELDS, what="mask")
        values: dict[str, object] = {
            name: value for name in PLAIN_FIELDS if (value := _one_text(fields, name)) is not None
        }
        if query_mode is not None:
            values.setdefault("mode", query_mode)
        prompt = values.get("prompt")
        if prompt is None:
            raise _missing("prompt", "say what the picture should grow into")
        if isinstance(prompt, str) and not prompt.strip():
            raise OutpaintError.wrong_value("prompt", "''", "say what the picture should grow into")
        sources = {"image": image, "image_field": image_field, "mask": mask, "mask_field": mask_field}
        asked = {"mode": values["mode"]} if "mode" in values else {}
        return _validated(cls, {"wish": Wish.read(values), **sources, **asked})

    @classmethod
    def unknown_fields(cls, fields: Fields, profile: WireProfile = WireProfile.OURS) -> tuple[str, ...]:
        """The names in a body that mean nothing in this profile; accepted, and reported in a warning header."""
        known = known_fields(profile)
        return tuple(name for name in fields if name not in known)


def _validated(model: type[_Model], values: Mapping[str, object]) -> _Model:
    """The model of these values. Raises INVALID_PARAMETER naming the first wrong one."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        name, _, reason = first_invalid(error)
        raise OutpaintError.wrong_value(name, values.get(name), reason) from None


def _missing(name: str, hint: str) -> OutpaintError:
    return OutpaintError(ErrorCode.MISSING_PARAMETER, f"{name} is missing: {hint}", field=name)


def _given(fields: Fields, name: str) -> FieldValue:
    """The one value of a field, or None where the client left it out."""
    values = fields.get(name, [])
    if len(values) > 1:
        raise OutpaintError(
            ErrorCode.CONFLICTING_PARAMETERS, f"{name} was sent {len(values)} times: send it once", field=name
        )
    value = values[0] if values else None
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise OutpaintError.wrong_value(name, value, "it holds half a surrogate pair, which is not text")
    return value


def _one_text(fields: Fields, name: str) -> FieldValue:
    """The one value of a field that is no file; a blank counts as left out, since clients send it for "none"."""
    value = _given(fields, name)
    if isinstance(value, Upload | DataUri):
        raise OutpaintError.wrong_value(name, _size(value), "send it as a plain text field, not as a file")
    # A blank prompt is wrong rather than missing.
    return None if value == "" and name != "prompt" else value


def _one_source(fields: Fields, kinds: Mapping[str, str], *, what: str) -> tuple[str | None, Source | None]:
    found: list[tuple[str, Source]] = []
    for name, kind in kinds.items():
        value = _given(fields, name)
        if value is None or (value == "" and kind != "file"):
            continue
        found.append((name, _source(name, kind, value)))
    if len(found) > 1:
        names = " and ".join(name for name, _ in found)
        raise OutpaintError(
            ErrorCode.CONFLICTING_PARAMETERS, f"{names} exclude each other: send one {what}", field=found[1][0]
        )
    return found[0] if found else (None, None)


def _picture_in_base64(value: FieldValue) -> str | None:
    """The kind of picture whose base64 a text is, by how it begins; None for any other value."""
    if not isinstance(value, str) or len(value) < _SHORTEST_BASE64 or "://" in value[:_SHORTEST_BASE64]:
        return None
    return next((kind for start, kind in _PICTURE_IN_BASE64.items() if value.startswith(start)), None)


def _source(name: str, kind: str, value: FieldValue) -> Source:
    if kind == "file":
        if not isinstance(value, Upload):
            shown = _size(value) if isinstance(value, DataUri) else value
            kind_of_picture = _picture_in_base64(value)
            way_out = f"send a file in multipart/form-data, or an address as {name}_url"
            if kind_of_picture is not None:
                way_out = (
                    f"this is a picture in base64: send it as {name}_url, with data:image/{kind_of_picture};base64, "
                    "before it, or as a file in multipart/form-data"
                )
            raise OutpaintError.wrong_value(name, shown, way_out)
        if not value.data:
            raise OutpaintError.wrong_value(
                name, "<empty file>", "the file has no bytes; a file handle read once before must be rewound"
            )
        return value
    if isinstance(value, DataUri) and kind == "url":
        return value
    if not isinstance(value, str):
        shown = _size(value) if isinstance(value, Upload | DataUri) else value
        raise OutpaintError.wrong_value(name, shown, "send it as text")
    if kind == "id":
        if len(value) > 200:
            raise OutpaintError.wrong_value(name, value, "an id has at most 200 characters")
        return IdSource(value)
    if DataUri.begins(value):
        return DataUri.of(value)
    kind_of_picture = _picture_in_base64(value)
    if kind_of_picture is not None:
        raise OutpaintError.wrong_value(
            name, value, f"this is a picture in base64: write data:image/{kind_of_picture};base64, before it"
        )
    if len(value) > MAX_URL_LENGTH:
        raise OutpaintError.wrong_value(
            name, f"<{len(value)} characters>", f"an address has at most {MAX_URL_LENGTH} characters"
        )
    return UrlSource(value)


def _size(value: Upload | DataUri) -> str:
    """How a picture is shown in an error's detail."""
    return f"<{'file' if isinstance(value, Upload) else 'data: URI'} of {len(value.data)} bytes>"


class UploadRequest(BaseModel):
    """The wish to send one picture ahead: its media type decides the extension of the id it will have."""

    model_config = ConfigDict(frozen=True)

    content_type: Annotated[
        Literal["image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff"],
        BeforeValidator(_lower),
        Field(description="What the file is; the form takes nothing else."),
    ]

    @property
    def extension(self) -> str:
        """The file name extension, without the dot."""
        return "jpg" if self.content_type == "image/jpeg" else self.content_type.removeprefix("image/")

    @classmethod
    def from_fields(cls, fields: Fields) -> UploadRequest:
        """The request that a body's fields make; raises `OutpaintError` (422) naming the offending field."""
        value = _one_text(fields, "content_type")
        if value is None:
            raise _missing("content_type", "say what will be sent, such as image/png")
        return _validated(cls, {"content_type": value})

    @classmethod
    def unknown_fields(cls, fields: Fields) -> tuple[str, ...]:
        """The names in a body that mean nothing here; accepted, and reported in a warning header."""
        return tuple(name for name in fields if name not in cls.model_fields)


class _Pictures(BaseModel):
    """The fields of a body that carry pictures, as documentation shows them."""

    image: Annotated[bytes | None, Field(description=f"The picture, as a file (multipart only). {_FILE_SIZE}")] = None
    image_url: Annotated[
        str | None,
        Field(
            min_length=1, description=f"An https address of at most {MAX_URL_LENGTH} characters, or a base64 data: URI."
        ),
    ] = None
    image_id: Annotated[
        str | None, Field(deprecated=True, description="The id of an upload or of an earlier result.")
    ] = None
    mask_image: Annotated[
        bytes | None, Field(description=f"Opaque is kept, transparent is painted. Also spelled `mask`. {_FILE_SIZE}")
    ] = None
    mask_image_url: Annotated[str | None, Field(description="Also spelled `mask_url`.")] = None
    mask_image_id: Annotated[str | None, Field(deprecated=True, description="Also spelled `mask_id`.")] = None


def _documented(name: str) -> Any:
    """A plain field with its annotation and what is said of it, as `create_model` takes it."""
    if name == "mode":
        return OutpaintRequest.model_fields[name].rebuild_annotation(), OutpaintRequest.model_fields[name]
    field, about = Wish.model_fields[name], Wish.about(name)
    description = " ".join(text for text in (field.description, "Our extension." if about.ours else None) if text)
    return field.rebuild_annotation(), FieldInfo(
        default=field.default,
        description=description or None,
        deprecated=about.deprecated or None,
        json_schema_extra=field.json_schema_extra,
    )


RequestForm: Final = create_model(
    "RequestForm", __base__=_Pictures, **{name: _documented(name) for name in PLAIN_FIELDS}
)
"""The body of POST /v1/painting/outpaint as documentation shows it; `OutpaintRequest` is what is enforced.

Made from `Wish` and `OutpaintRequest`: a new field belongs there.
"""
