"""Places in our own document, where edits are made."""

from __future__ import annotations

from edits.edit import Document
from outpaint.contracts import paths_and_headers
from outpaint.contracts.openapi_components import REQUEST_SCHEMAS


def submit(d: Document) -> Document:
    return d["paths"][paths_and_headers.OUTPAINT_PATH]["post"]


def poll(d: Document) -> Document:
    return d["paths"][paths_and_headers.INFERENCE_PATH]["get"]


def balance(d: Document) -> Document:
    return d["paths"][paths_and_headers.BALANCE_PATH]["get"]


def picture(d: Document) -> Document:
    return d["paths"][paths_and_headers.FILE_PATH]["get"]


def upload(d: Document) -> Document:
    return d["paths"][paths_and_headers.UPLOADS_PATH]["post"]


def schema(d: Document, name: str) -> Document:
    return d["components"]["schemas"][name]


def fields(d: Document) -> list[Document]:
    """The request, in each of its content types."""
    return [schema(d, name) for name in REQUEST_SCHEMAS.values()]


def each_field(d: Document, name: str, **change: object) -> None:
    for form in fields(d):
        form["properties"][name] |= change


def multipart(d: Document) -> Document:
    return submit(d)["requestBody"]["content"]["multipart/form-data"]


def parameter(d: Document, name: str) -> Document:
    return next(one for one in submit(d)["parameters"] if one["name"] == name)
