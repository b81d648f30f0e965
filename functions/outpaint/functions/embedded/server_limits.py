"""The limits of a server on this machine, and the texts NAME=VALUE that change them: `serve` and `mock` share them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from outpaint.contracts.errors import ErrorCode, OutpaintError, first_invalid
from outpaint.contracts.masks_and_formats import BYTES_A_PIXEL, PictureLimits
from outpaint.functions.service.service import ServiceSettings

MIB: Final = 1024 * 1024
_UNITS: Final[Mapping[str, int]] = {
    "": 1,
    **{prefix.lower() + "b": 1000**power for power, prefix in enumerate("kMGT", start=1)},
    **{prefix.lower() + "ib": 1024**power for power, prefix in enumerate("kMGT", start=1)},
}
_AMOUNT: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]{0,3})")


class ServerLimits(BaseModel):
    """What clients may take of a server's memory, connections and disk; each is enforced by the server itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head_bytes: Annotated[
        int, Field(ge=1024, description="Bytes of a request's head that are read; one that is larger is 431.")
    ] = 128 * 1024
    head_fields: Annotated[int, Field(ge=8, description="Header fields of a request; with more it is 431.")] = 256
    message_patience: Annotated[
        float,
        Field(gt=0, description="Seconds for a whole head, and of a client's silence in the middle of a message."),
    ] = 60.0
    body_patience: Annotated[
        float, Field(gt=0, description="Seconds that a client may send nothing of a body it announced.")
    ] = 30.0
    body_rate: Annotated[
        int,
        Field(ge=1, description="Bytes a second that a client must send of a body on average, beyond body_patience."),
    ] = 4096
    bodies_in_flight: Annotated[
        int,
        Field(ge=1, description="Bytes of request bodies that are held at a time, of all clients; over it is 503."),
    ] = 1024 * MIB
    picture_memory: Annotated[
        int,
        Field(
            ge=1,
            description="Bytes of decoded pictures that requests and jobs hold at a time, "
            f"{BYTES_A_PIXEL} a pixel; others wait, and a picture that needs more than all of it has it alone.",
        ),
    ] = 2200 * MIB
    fetches_at_a_time: Annotated[
        int, Field(ge=1, le=1024, description="Requests whose pictures are fetched from addresses at a time.")
    ] = 32
    fetches_per_account: Annotated[int, Field(ge=1, description="How many of those may be one account's.")] = 8
    fetches_waiting_per_account: Annotated[
        int,
        Field(ge=0, description="Requests of an account that wait for their turn among those; more are answered 503."),
    ] = 64
    free_disk: Annotated[
        int,
        Field(
            ge=0,
            description="Free bytes on the data folder's disk below which no job or upload is taken; 0 takes them "
            "until it is full.",
        ),
    ] = 256 * MIB
    bodies_in_flight_per_key: Annotated[
        int,
        Field(ge=1, description="Bytes of request bodies that are held at a time for one account; over it is 503."),
    ] = 256 * MIB
    unread_answers: Annotated[
        int,
        Field(ge=1, description="Bytes of answers that clients have yet to read; over it the slowest is cut off."),
    ] = 512 * MIB
    answer_patience: Annotated[
        float, Field(gt=0, description="Seconds that a client may read nothing of its answer before it is cut off.")
    ] = 30.0
    answer_rate: Annotated[
        int,
        Field(ge=1, description="Bytes a second of its answer that a client must read, beyond answer_patience."),
    ] = 4096
    drain_bytes: Annotated[
        int, Field(ge=0, description="Bytes of a request that are read and dropped after it was answered without them.")
    ] = 256 * MIB
    drain_seconds: Annotated[
        float, Field(gt=0, description="Seconds for which the rest of a request is read and dropped after its answer.")
    ] = 30.0
    keep_alive: Annotated[
        float,
        Field(gt=0, description="Seconds that an idle connection stays open; load balancers commonly use 60."),
    ] = 75.0
    connections: Annotated[
        int,
        Field(ge=1, description="Connections at a time, and never more than the process may open files; over it: 503."),
    ] = 10_000
    connections_per_address: Annotated[
        int,
        Field(
            ge=1,
            description="Connections at a time of one IPv4 address or IPv6 /64, this machine's own excepted; behind a "
            "trusted proxy, requests at a time of the client that it names. Over it is 503.",
        ),
    ] = 256


OfServer = TypeVar("OfServer", bound=ServerLimits)


@dataclass(frozen=True, slots=True)
class ChangedLimits(Generic[OfServer]):
    """Limits as an operator set them: the server's own, and those among the service's settings."""

    server: OfServer
    settings: Mapping[str, Any] = field(default_factory=dict)


def every_limit(kind: type[ServerLimits] = ServerLimits) -> dict[str, FieldInfo]:
    """Every limit that can be set, by its name: those of this class, the pictures', and the settings marked as one."""
    own = {
        name: info
        for name, info in ServiceSettings.model_fields.items()
        if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("limit")
    }
    return {**kind.model_fields, **PictureLimits.model_fields, **own}


def option_names(limits: Iterable[str]) -> dict[str, str]:
    """The option that sets each limit, in the words of a refusal (`ServiceSettings.limit_names`)."""
    return {name: f"--limit {name}=..." for name in limits}


def in_force(server: ServerLimits, settings: ServiceSettings) -> dict[str, Any]:
    """Every limit by its name, with the value that holds on a server."""
    values = {**settings.model_dump(), **settings.pictures.model_dump(), **server.model_dump()}
    return {name: values[name] for name in every_limit(type(server))}


def read_limits(texts: Iterable[str], kind: type[OfServer]) -> ChangedLimits[OfServer]:
    """The limits of a server with these changes: each text is `NAME=VALUE`; a number may have a unit, such as `64MiB`.

    `kind` is the class of the server's own. Raises `OutpaintError` INVALID_PARAMETER, whose detail names every limit
    there is, for an unknown name, and for a value that is no number or out of the limit's range.
    """
    values = _changed(texts, every_limit(kind))
    try:
        server = kind(**{name: value for name, value in values.items() if name in kind.model_fields})
        pictures = {name: value for name, value in values.items() if name in PictureLimits.model_fields}
        settings = {
            name: value for name, value in values.items() if name not in pictures and name not in kind.model_fields
        }
        if pictures:
            settings["pictures"] = PictureLimits(**pictures)
        ServiceSettings(**settings)
    except ValidationError as error:
        place, wrong, reason = first_invalid(error)
        raise OutpaintError.wrong_value(place, wrong, reason) from None
    return ChangedLimits(server, settings)


def read_picture_limits(texts: Iterable[str]) -> PictureLimits:
    """The limits of pictures with these changes, for a program that has no others; see `read_limits`."""
    values = _changed(texts, PictureLimits.model_fields)
    try:
        return PictureLimits.model_validate(values)
    except ValidationError as error:
        place, wrong, reason = first_invalid(error)
        raise OutpaintError.wrong_value(place, wrong, reason) from None


def _changed(texts: Iterable[str], known: Collection[str]) -> dict[str, Any]:
    """The values of the limits that texts name."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if name not in known or not equals:
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                f"{text[:60]!r} sets no limit: write NAME=VALUE, where NAME is one of {', '.join(sorted(known))}",
                field="limit",
            )
        values[name] = _amount(name, value.strip())
    return values


def _amount(name: str, text: str) -> int | float | str:
    """A number with its unit resolved; other texts are left to the limit's own type."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return text
    number, unit = found.groups()
    factor = _UNITS.get(unit.lower())
    if factor is None:
        raise OutpaintError.wrong_value(name, text, "the units are kB, MB, GB, TB, KiB, MiB, GiB and TiB")
    amount = float(number) * factor
    return int(amount) if amount.is_integer() else amount
