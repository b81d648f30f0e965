"""How the body of a request is written and read, and how large a request may be."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, ERRORS, FIELDS, OURS, RFC, VENDOR

# Bodies and content types

UNREADABLE_BODY: Final = Clause(
    "bodies.unreadable", "A body that cannot be parsed is 400, and told so at once.", ERRORS, VENDOR
)
UNREADABLE_BODY_CODE: Final = Clause(
    "bodies.unreadable-code", "A body that cannot be parsed is `malformed_body`.", f"{API}#errors", OURS
)
ABUSIVE_BODY: Final = Clause(
    "bodies.abusive", "Whatever bytes are sent, the answer is never a fault of the service.", f"{API}#errors", OURS
)
MULTIPART: Final = Clause("bodies.multipart", "A request may be multipart/form-data.", FIELDS, VENDOR)
MULTIPART_GRAMMAR: Final = Clause(
    "bodies.multipart-grammar",
    "Only a line break, two dashes and the boundary end a part; what is before the first or after the last is nothing.",
    "RFC 2046, 5.1.1",
    RFC,
)
FORM_PARTS: Final = Clause(
    "bodies.form-parts",
    "Each part is form-data and has a name; no part has a transfer encoding.",
    "RFC 7578, 4.2 and 4.7",
    RFC,
)
URLENCODED: Final = Clause(
    "bodies.urlencoded", "A request whose pictures are addresses may be urlencoded.", FIELDS, VENDOR
)
JSON_BODY: Final = Clause("bodies.json", "A request whose pictures are addresses may be JSON.", FIELDS, VENDOR)
JSON_LENIENT: Final = Clause(
    "bodies.json-lenient", "In JSON a number may be text, and null is a field left out.", API, OURS
)
JSON_TYPES: Final = Clause(
    "bodies.json-types", "A JSON value of a type that its field does not have is refused by its name.", API, OURS
)
CONTENT_TYPE_CASE: Final = Clause(
    "bodies.content-type-case",
    "Content types are the same in any case, and parameters may be quoted.",
    "RFC 9110, 8.3.1",
    RFC,
)
OTHER_CONTENT_TYPE: Final = Clause(
    "bodies.other-content-type", "A content type other than the three is 415.", ERRORS, VENDOR
)
OTHER_CONTENT_TYPE_CODE: Final = Clause(
    "bodies.other-content-type-code",
    "A refused content type, charset or encoding is `unsupported_content_type`, names the header and the way out.",
    f"{API}#errors",
    OURS,
)
CLIENT_QUIRKS: Final = Clause(
    "bodies.client-quirks",
    "What the vendor's own clients send is taken: odd labels, whole paths as file names, typed GETs without a body.",
    f"{FIELDS}, Client quirks",
    VENDOR,
)
EXHAUSTED_HANDLE: Final = Clause(
    "bodies.exhausted-handle",
    "An empty file part, as of a handle that was read before, is a clear 422.",
    f"{FIELDS}, Client quirks",
    VENDOR,
)
EXHAUSTED_HANDLE_WORDS: Final = Clause(
    "bodies.exhausted-handle-words", "The refusal of an empty file part says what happened.", API, OURS
)

# Limits of size

HEADERS_LIMIT: Final = Clause(
    "limits.headers", "431: the headers have more than 32 KiB.", f"{ERRORS}; {API}#errors", OURS
)
FILE_LIMIT: Final = Clause("limits.file", "413: a file is larger than the host takes.", ERRORS, VENDOR)
BODY_LIMIT: Final = Clause(
    "limits.body", "413: a body is larger than the host takes, however it is sent.", ERRORS, VENDOR
)
