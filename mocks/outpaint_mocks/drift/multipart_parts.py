"""The parts of a multipart form as they were sent, labels included."""

from __future__ import annotations

from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header


@dataclass
class RawPart:
    """One part: the labels of its head, by name in lower case, and its bytes."""

    labels: dict[str, str] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)

    def option(self, name: str) -> str | None:
        """`name` or `filename` of its disposition."""
        _, options = parse_options_header(self.labels.get("content-disposition"))
        value = options.get(name.encode())
        return None if value is None else value.decode("utf-8", "replace")


class Unparsable(Exception):  # noqa: N818 - an outcome, not an error
    """The body is no form, or not a whole one."""


def parts_of(content_type: str, body: bytes) -> list[RawPart]:
    """The parts in their order; raises `Unparsable`."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise Unparsable
    parts: list[RawPart] = []
    name, value = bytearray(), bytearray()
    ended = False

    def end_label() -> None:
        parts[-1].labels[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")
        name.clear()
        value.clear()

    def end() -> None:
        nonlocal ended
        ended = True

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": lambda: parts.append(RawPart()),
                "on_header_field": lambda data, start, stop: name.extend(data[start:stop]),
                "on_header_value": lambda data, start, stop: value.extend(data[start:stop]),
                "on_header_end": end_label,
                "on_part_data": lambda data, start, stop: parts[-1].data.extend(data[start:stop]),
                "on_end": end,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise Unparsable from None
    if not ended:
        raise Unparsable
    return parts
