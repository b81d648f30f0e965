"""Bodies, fields, sources."""

from __future__ import annotations

from typing import Final

from outpaint.conformance.proving.clause import API, ERRORS, FIELDS, OURS, RFC, VENDOR, Clause

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


# What is asked for

MODE: Final = Clause("requests.mode", "`mode` may stand in the body or in the query; the body wins.", FIELDS, VENDOR)
MODE_SPELLING: Final = Clause(
    "requests.mode-spelling",
    "`mode` is read in any case and without the blanks around it.",
    f"{API}#the-request",
    OURS,
)
DEFAULTS: Final = Clause("requests.defaults", "Without count, format and mode: two JPGs, waited for.", FIELDS, VENDOR)
COUNT: Final = Clause("requests.count", "As many pictures come back as were asked for, 1 to 10.", FIELDS, VENDOR)
FORMAT: Final = Clause("requests.format", "Pictures come as JPG, PNG or WEBP, as asked for.", FIELDS, VENDOR)

# Names and values

ONE_IMAGE: Final = Clause("fields.one-image", "A request has exactly one image source.", FIELDS, VENDOR)
ONE_MASK: Final = Clause("fields.one-mask", "A request has at most one mask source.", FIELDS, VENDOR)
MASK_SPELLINGS: Final = Clause(
    "fields.mask-spellings", "A mask counts under the OpenAPI's names and under the Python SDK's.", FIELDS, VENDOR
)
PROMPT_REQUIRED: Final = Clause(
    "fields.prompt-required", "The prompt is required, and an empty one is refused.", FIELDS, VENDOR
)
PROMPT_TEXT: Final = Clause(
    "fields.prompt-text", "A prompt is any text of up to 20,000 characters.", f"{API}#the-request", OURS
)
NEGATIVE_PROMPT: Final = Clause("fields.negative-prompt", "A negative prompt may be sent, empty too.", FIELDS, VENDOR)
COUNT_FIELD: Final = Clause(
    "fields.count", "`count` is a whole number from 1 to 10, 2 where it is left out.", FIELDS, VENDOR
)
FORMAT_FIELD: Final = Clause("fields.format", "`format` is JPG, PNG or WEBP, JPG where it is left out.", FIELDS, VENDOR)
WORDS_IN_ANY_CASE: Final = Clause(
    "fields.words-in-any-case", "The word of a format may be written in any case, between blanks.", API, OURS
)
MODE_WORDS: Final = Clause("fields.mode-words", "`mode` is sync or async; `auto` is no longer one.", FIELDS, VENDOR)
WRONG_VALUE: Final = Clause("fields.wrong-value", "A wrong parameter is 422.", ERRORS, VENDOR)
WRONG_VALUE_WORDS: Final = Clause(
    "fields.wrong-value-words",
    "The 422 of a wrong value has the vendor's message, and its detail names the field and repeats the value.",
    ERRORS,
    VENDOR,
)
REFUSAL_NAMES_FIELD: Final = Clause(
    "fields.refusal-names-field", "A refusal names the offending field and has a typed code.", f"{API}#errors", OURS
)
BLANK_IS_LEFT_OUT: Final = Clause(
    "fields.blank-is-left-out", "An optional field that is blank counts as left out.", f"{FIELDS}, Client quirks", OURS
)
SENT_TWICE: Final = Clause("fields.sent-twice", "A field sent twice is refused.", f"{API}#the-request", OURS)
UNKNOWN_FIELDS: Final = Clause(
    "fields.unknown", "Unknown fields are accepted, whatever they hold.", f"{API}#the-request", OURS
)
UNKNOWN_FIELDS_WARNING: Final = Clause(
    "fields.unknown-warning", "Unknown fields are named in a warning header, and nothing else is.", API, OURS
)
FIELD_NAMES: Final = Clause("fields.names", "Field names are matched exactly.", f"{API}#the-request", OURS)
MASK_MODE: Final = Clause(
    "fields.mask-mode", "`mask_mode` says how the mask is read, and the answer says how it was.", API, OURS
)
SEEDS: Final = Clause(
    "fields.seeds", "Picture i is made from seed + i, and each item tells its own.", f"{API}#the-request", OURS
)
SEED_RANGE: Final = Clause(
    "fields.seed-range", "A seed is a whole number of 32 bits, and counts on from 0 after the last.", API, OURS
)
SEED_REPEATS: Final = Clause(
    "fields.seed-repeats",
    "The same seed, pictures and prompt make the same picture again, alone or among others.",
    f"{API}#the-request",
    OURS,
)
VARIANTS: Final = Clause("fields.variants", "The pictures of a request differ from one another.", API, OURS)


DATA_URI: Final = Clause(
    "sources.data-uri", "An address may be a base64 data: URI, which counts as an upload.", FIELDS, VENDOR
)
DATA_URI_LENGTH: Final = Clause(
    "sources.data-uri-length", "The limit of 2,083 characters is not for data: URIs.", FIELDS, OURS
)
ADDRESS: Final = Clause("sources.address", "A picture may be read from its address.", FIELDS, VENDOR)
ADDRESS_LENGTH: Final = Clause("sources.address-length", "An address has 1 to 2,083 characters.", FIELDS, VENDOR)
ADDRESS_UNREACHABLE: Final = Clause("sources.unreachable", "A source that answers an error is 422.", ERRORS, VENDOR)
ADDRESS_CODES: Final = Clause(
    "sources.codes", "The refusal of a source names its field and has a typed code.", f"{API}#errors", OURS
)
FENCE: Final = Clause(
    "sources.fence", "Addresses of private, local and reserved networks are not read.", f"{API}#errors", OURS
)
IDS: Final = Clause(
    "sources.ids", "An id is one of the account's own: an upload's or an earlier result's.", FIELDS, OURS
)
UPLOADS: Final = Clause(
    "uploads.ticket", "A picture may be sent ahead by a form that is asked for, at no charge.", API, OURS
)
UPLOADS_FENCE: Final = Clause(
    "uploads.fence", "A form takes its own picture and no other, and only its account can use it.", API, OURS
)
