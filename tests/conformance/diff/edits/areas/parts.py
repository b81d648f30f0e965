"""Edits of the parts of a multipart request, files above all."""

from __future__ import annotations

from edits.edit import B, C, Document, R, edit
from edits.places import multipart, schema


@edit(B, "request.part.types-removed")
def tiff_is_no_longer_taken(d: Document) -> None:
    for part in multipart(d)["encoding"].values():
        part["contentType"] = part["contentType"].replace(", image/tiff", "")


@edit(C, "request.part.types-added")
def heic_is_taken_too(d: Document) -> None:
    multipart(d)["encoding"]["image"]["contentType"] += ", image/heic"


@edit(C, "request.part.types-added")
def every_type_of_picture_is_taken(d: Document) -> None:
    multipart(d)["encoding"]["image"]["contentType"] = "image/*, application/octet-stream"


@edit(R, "request.part.types-undeclared")
def what_a_file_may_be_is_not_told(d: Document) -> None:
    del multipart(d)["encoding"]["image"]


@edit(C)
def a_text_is_told_to_be_text(d: Document) -> None:
    multipart(d)["encoding"]["prompt"] = {"contentType": "text/plain"}


@edit(B, "request.part.types-removed", "request.part.types-added")
def a_text_has_to_be_markdown(d: Document) -> None:
    multipart(d)["encoding"]["prompt"] = {"contentType": "text/markdown"}


@edit(B, "request.part.encoding-changed")
def a_part_is_written_otherwise(d: Document) -> None:
    multipart(d)["encoding"]["count"] = {"style": "deepObject", "explode": True}


@edit(B, "request.file.became-text")
def the_picture_is_sent_as_text(d: Document) -> None:
    multipart_image = schema(d, "OutpaintMultipart")["properties"]["image"]
    multipart_image["format"] = "byte"


@edit(B, "request.text.became-file")
def the_prompt_is_sent_as_a_file(d: Document) -> None:
    schema(d, "OutpaintMultipart")["properties"]["prompt"]["format"] = "binary"


@edit(C)
def a_file_is_told_in_the_words_of_3_1(d: Document) -> None:
    image = schema(d, "OutpaintMultipart")["properties"]["image"]
    del image["format"]
    image["contentMediaType"] = "application/octet-stream"


@edit(B, "request.property.removed", "request.choice.narrowed")
def files_are_no_longer_taken(d: Document) -> None:
    del schema(d, "OutpaintMultipart")["properties"]["image"]
    schema(d, "OutpaintMultipart")["allOf"][0]["oneOf"].remove({"required": ["image"]})


def sized(d: Document, size: str) -> None:
    image = schema(d, "OutpaintMultipart")["properties"]["image"]
    image["description"] = image["description"].replace("at most 32 MiB", size)


@edit(B, "request.file-size.lowered")
def files_are_smaller(d: Document) -> None:
    sized(d, "at most 8,000,000 bytes")


@edit(C, "request.file-size.raised")
def files_are_larger(d: Document) -> None:
    sized(d, "at most 1 GiB")


@edit(R, "request.file-size.unstated")
def how_large_a_file_may_be_is_not_told(d: Document) -> None:
    sized(d, "any size")


@edit(B, "request.file-size.lowered")
def a_file_has_a_length(d: Document) -> None:
    schema(d, "OutpaintMultipart")["properties"]["image"]["maxLength"] = 1_000_000
