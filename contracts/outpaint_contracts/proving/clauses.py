"""The sentences that the cases guard. `source` names the fact or standard that a sentence was taken from."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause, Origin

_WIRE: Final = "wire.md"
_PIXELS: Final = "pixels.md"
VENDOR, OURS, RFC = Origin.VENDOR, Origin.OURS, Origin.RFC

# Every answer

CORRELATION: Final = Clause(
    "answers.correlation", "Every answer, errors too, carries a correlation id.", f"{_WIRE}, Headers", VENDOR
)
COUNTERS: Final = Clause(
    "answers.counters",
    "Every answer, errors too, carries the rate limit, what is left of it, when it begins anew, and the credits.",
    f"{_WIRE}, Headers",
    VENDOR,
)
RESET_FROM_NOW: Final = Clause(
    "answers.reset-from-now",
    "The reset time is whole seconds from now, a 32-bit number: clients sleep on it.",
    f"{_WIRE}, Headers",
    VENDOR,
)
BROWSERS_READ: Final = Clause(
    "answers.browsers-read", "Scripts of any origin can read an answer and its headers.", f"{_WIRE}, Headers", OURS
)
RETRY_AFTER: Final = Clause(
    "answers.retry-after", "202, 429 and 503 say when to come back.", f"{_WIRE}, Headers; RFC 9110, 10.2.3", OURS
)
ALLOW: Final = Clause(
    "errors.allow", "405 names the verbs that the path takes.", f"{_WIRE}, Errors; RFC 9110, 15.5.6", Origin.RFC
)
ERROR_BODY: Final = Clause(
    "errors.body", "An error's body has a detail, and may have a message and a code.", f"{_WIRE}, Errors", VENDOR
)
ERROR_CODES: Final = Clause(
    "errors.codes", "Each typed error code has one status and one message.", f"{_WIRE}, Errors", OURS
)
ERROR_DETAIL: Final = Clause(
    "errors.detail", "A detail is one line for a person, without a word about our insides.", f"{_WIRE}, Errors", OURS
)

# Jobs and polls

POLL: Final = Clause(
    "jobs.poll", "A poll is 202 while the job is pending and 200 when it is done.", f"{_WIRE}, Routes", VENDOR
)
ACCEPTED_BODY: Final = Clause(
    "jobs.accepted-body",
    "202 has a status word, the id under both its names, and `data`, present and empty.",
    f"{_WIRE}, Responses",
    VENDOR,
)
MODE: Final = Clause(
    "requests.mode", "`mode` may stand in the body or in the query; the body wins.", f"{_WIRE}, Request fields", VENDOR
)

JSON_ANSWERS: Final = Clause(
    "answers.json", "Answers to requests, polls and balances are JSON.", f"{_WIRE}, Responses", VENDOR
)

# Bodies and content types

_FIELDS: Final = f"{_WIRE}, Request fields"
_ERRORS: Final = f"{_WIRE}, Errors"
_API: Final = "docs/api.md"

UNREADABLE_BODY: Final = Clause(
    "bodies.unreadable", "A body that cannot be parsed is 400, and told so at once.", _ERRORS, VENDOR
)
UNREADABLE_BODY_CODE: Final = Clause(
    "bodies.unreadable-code", "A body that cannot be parsed is `malformed_body`.", f"{_API}, Errors", OURS
)
ABUSIVE_BODY: Final = Clause(
    "bodies.abusive", "Whatever bytes are sent, the answer is never a fault of the service.", f"{_API}, Errors", OURS
)
REFUSED_FREE: Final = Clause("credits.refused-free", "A refused request is not charged.", _ERRORS, VENDOR)
MULTIPART: Final = Clause("bodies.multipart", "A request may be multipart/form-data.", _FIELDS, VENDOR)
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
    "bodies.urlencoded", "A request whose pictures are addresses may be urlencoded.", _FIELDS, VENDOR
)
JSON_BODY: Final = Clause("bodies.json", "A request whose pictures are addresses may be JSON.", _FIELDS, VENDOR)
JSON_LENIENT: Final = Clause(
    "bodies.json-lenient", "In JSON a number may be text, and null is a field left out.", _API, OURS
)
JSON_TYPES: Final = Clause(
    "bodies.json-types", "A JSON value of a type that its field does not have is refused by its name.", _API, OURS
)
CONTENT_TYPE_CASE: Final = Clause(
    "bodies.content-type-case",
    "Content types are the same in any case, and parameters may be quoted.",
    "RFC 9110, 8.3.1",
    RFC,
)
OTHER_CONTENT_TYPE: Final = Clause(
    "bodies.other-content-type", "A content type other than the three is 415.", _ERRORS, VENDOR
)
OTHER_CONTENT_TYPE_CODE: Final = Clause(
    "bodies.other-content-type-code",
    "A refused content type, charset or encoding is `unsupported_content_type`, names the header and the way out.",
    f"{_API}, Errors",
    OURS,
)
CLIENT_QUIRKS: Final = Clause(
    "bodies.client-quirks",
    "What the vendor's own clients send is taken: odd labels, whole paths as file names, typed GETs without a body.",
    f"{_FIELDS}, Client quirks",
    VENDOR,
)
EXHAUSTED_HANDLE: Final = Clause(
    "bodies.exhausted-handle",
    "An empty file part, as of a handle that was read before, is a clear 422.",
    f"{_FIELDS}, Client quirks",
    VENDOR,
)
EXHAUSTED_HANDLE_WORDS: Final = Clause(
    "bodies.exhausted-handle-words", "The refusal of an empty file part says what happened.", _API, OURS
)

# Fields

ONE_IMAGE: Final = Clause("fields.one-image", "A request has exactly one image source.", _FIELDS, VENDOR)
ONE_MASK: Final = Clause("fields.one-mask", "A request has at most one mask source.", _FIELDS, VENDOR)
MASK_SPELLINGS: Final = Clause(
    "fields.mask-spellings", "A mask counts under the OpenAPI's names and under the Python SDK's.", _FIELDS, VENDOR
)
PROMPT_REQUIRED: Final = Clause(
    "fields.prompt-required", "The prompt is required, and an empty one is refused.", _FIELDS, VENDOR
)
PROMPT_TEXT: Final = Clause(
    "fields.prompt-text", "A prompt is any text of up to 20,000 characters.", f"{_API}, The request", OURS
)
NEGATIVE_PROMPT: Final = Clause("fields.negative-prompt", "A negative prompt may be sent, empty too.", _FIELDS, VENDOR)
COUNT_FIELD: Final = Clause(
    "fields.count", "`count` is a whole number from 1 to 10, 2 where it is left out.", _FIELDS, VENDOR
)
FORMAT_FIELD: Final = Clause(
    "fields.format", "`format` is JPG, PNG or WEBP, JPG where it is left out.", _FIELDS, VENDOR
)
WORDS_IN_ANY_CASE: Final = Clause(
    "fields.words-in-any-case", "The word of a format may be written in any case, between blanks.", _API, OURS
)
MODE_WORDS: Final = Clause("fields.mode-words", "`mode` is sync or async; `auto` is no longer one.", _FIELDS, VENDOR)
WRONG_VALUE: Final = Clause("fields.wrong-value", "A wrong parameter is 422.", _ERRORS, VENDOR)
WRONG_VALUE_WORDS: Final = Clause(
    "fields.wrong-value-words",
    "The 422 of a wrong value has the vendor's message, and its detail names the field and repeats the value.",
    _ERRORS,
    VENDOR,
)
REFUSAL_NAMES_FIELD: Final = Clause(
    "fields.refusal-names-field", "A refusal names the offending field and has a typed code.", f"{_API}, Errors", OURS
)
BLANK_IS_LEFT_OUT: Final = Clause(
    "fields.blank-is-left-out", "An optional field that is blank counts as left out.", f"{_FIELDS}, Client quirks", OURS
)
SENT_TWICE: Final = Clause("fields.sent-twice", "A field sent twice is refused.", f"{_API}, The request", OURS)
UNKNOWN_FIELDS: Final = Clause(
    "fields.unknown", "Unknown fields are accepted, whatever they hold.", f"{_API}, The request", OURS
)
UNKNOWN_FIELDS_WARNING: Final = Clause(
    "fields.unknown-warning", "Unknown fields are named in a warning header, and nothing else is.", _API, OURS
)
FIELD_NAMES: Final = Clause("fields.names", "Field names are matched exactly.", f"{_API}, The request", OURS)
MASK_MODE: Final = Clause(
    "fields.mask-mode", "`mask_mode` says how the mask is read, and the answer says how it was.", _API, OURS
)
SEEDS: Final = Clause(
    "fields.seeds", "Picture i is made from seed + i, and each item tells its own.", f"{_API}, Seeds", OURS
)
SEED_RANGE: Final = Clause(
    "fields.seed-range", "A seed is a whole number of 32 bits, and counts on from 0 after the last.", _API, OURS
)
SEED_REPEATS: Final = Clause(
    "fields.seed-repeats",
    "The same seed, pictures and prompt make the same picture again, alone or among others.",
    f"{_API}, Seeds",
    OURS,
)
VARIANTS: Final = Clause("fields.variants", "The pictures of a request differ from one another.", _API, OURS)

# Pictures that are sent

BY_BYTES: Final = Clause(
    "pictures.by-bytes",
    "A picture is known by its bytes, whatever its label says.",
    f"{_PIXELS}, What comes in",
    VENDOR,
)
TAKEN_FORMATS: Final = Clause(
    "pictures.taken-formats", "JPEG, PNG, WEBP, BMP and TIFF are taken.", f"{_PIXELS}, What comes in", VENDOR
)
NO_PICTURE: Final = Clause("pictures.no-picture", "A file of any other type is 415.", _ERRORS, VENDOR)
NO_PICTURE_WORDS: Final = Clause(
    "pictures.no-picture-words",
    "The refusal of a file says what it was taken for and what is taken instead.",
    f"{_PIXELS}, What comes in",
    OURS,
)
DAMAGED: Final = Clause("pictures.damaged", "A damaged or incomplete picture is a typed 422.", f"{_API}, Errors", OURS)
DIMENSIONS: Final = Clause(
    "pictures.dimensions",
    "A side has 16 to 8,192 pixels and a picture at most 40 million, judged before anything is decoded.",
    f"{_PIXELS}, What comes in",
    OURS,
)
ANIMATED: Final = Clause(
    "pictures.animated", "A picture of several frames is a typed 422.", f"{_PIXELS}, What comes in", OURS
)
NOTHING_TO_PAINT: Final = Clause(
    "pictures.nothing-to-paint",
    "Where nothing is left open the answer is 422, with the way out.",
    f"{_PIXELS}, Which pixels are painted",
    OURS,
)
NOTHING_TO_KEEP: Final = Clause(
    "pictures.nothing-to-keep", "Where nothing is kept the answer is 422.", f"{_PIXELS}, Which pixels are painted", OURS
)
SIZES_MATCH: Final = Clause(
    "pictures.sizes-match",
    "Image and mask have one size once each is upright; else 422 names both, and nothing is resized.",
    f"{_PIXELS}, Which pixels are painted",
    OURS,
)

# Pixels

OPAQUE_IS_KEPT: Final = Clause(
    "pixels.opaque-is-kept",
    "What is opaque is kept and what is transparent is painted, by the mask's alpha or the image's own.",
    f"{_PIXELS}, Which pixels are painted",
    VENDOR,
)
KEPT_IS_EXACT: Final = Clause(
    "pixels.kept-is-exact",
    "Kept pixels are byte-identical in PNG.",
    f"{_PIXELS}, Which pixels are painted",
    OURS,
)
KEPT_IS_CLOSE: Final = Clause(
    "pixels.kept-is-close",
    "Kept pixels are unchanged before encoding in JPG and WEBP.",
    f"{_PIXELS}, Which pixels are painted",
    OURS,
)
HIDDEN_STAYS_HIDDEN: Final = Clause(
    "pixels.hidden-stays-hidden",
    "Colours under alpha 0 are ignored and never show in a result.",
    f"{_PIXELS}, Which pixels are painted",
    OURS,
)
MASK_COLOURS_IGNORED: Final = Clause(
    "pixels.mask-colours-ignored",
    "Where a mask's alpha varies its colours do not matter.",
    f"{_PIXELS}, Which pixels are painted",
    VENDOR,
)
LUMINANCE: Final = Clause(
    "pixels.luminance",
    "A mask without transparency is read by its brightness: white keeps, black paints.",
    f"{_PIXELS}, Which pixels are painted",
    OURS,
)
MASK_OVER_EMPTY: Final = Clause(
    "pixels.mask-over-empty",
    "The mask wins over the image's alpha, but where that is 0 there is nothing to keep.",
    f"{_PIXELS}, Which pixels are painted",
    OURS,
)
SOFT_IS_BLENDED: Final = Clause(
    "pixels.soft-is-blended",
    "A half transparent pixel is k * original + (1 - k) * painted, in straight alpha.",
    f"{_PIXELS}, Which pixels are painted",
    OURS,
)
JPEG_MASK: Final = Clause(
    "pixels.jpeg-mask",
    "In a JPEG mask brightness up to 8 is black and from 247 is white.",
    f"{_PIXELS}, Which pixels are painted",
    OURS,
)
SIZE_STAYS: Final = Clause(
    "pixels.size-stays", "A result has the size of what was sent.", f"{_PIXELS}, Which pixels are painted", OURS
)
RESULT_IS_OPAQUE: Final = Clause(
    "pixels.result-is-opaque", "A result is opaque RGB.", f"{_PIXELS}, Which pixels are painted", OURS
)
UPRIGHT: Final = Clause(
    "pixels.upright",
    "EXIF orientation is applied to image and mask, each by its own, and then dropped.",
    f"{_PIXELS}, What comes in",
    OURS,
)
BROKEN_ORIENTATION: Final = Clause(
    "pixels.broken-orientation",
    "An orientation tag that is not valid, as in the vendor's own test picture, is ignored.",
    f"{_PIXELS}, Which pixels are painted",
    VENDOR,
)
COLOURS_IN: Final = Clause(
    "pixels.colours-in",
    "Grey, palette and 1-bit pictures come in without loss, 16 bits rounded to 8, CMYK as sRGB.",
    f"{_PIXELS}, What comes in",
    OURS,
)
CHANGED_WITH_A_WORD: Final = Clause(
    "pixels.changed-with-a-word",
    "A picture whose values had to be changed is answered with a warning.",
    f"{_PIXELS}, What comes in",
    OURS,
)
PROFILE_STAYS: Final = Clause(
    "pixels.profile-stays", "An RGB picture's ICC profile is embedded in its result.", f"{_PIXELS}, What comes in", OURS
)
NO_METADATA: Final = Clause(
    "pixels.no-metadata", "EXIF, GPS, XMP and comments never reach a result.", f"{_PIXELS}, What comes in", OURS
)

# Sources and uploads

DATA_URI: Final = Clause(
    "sources.data-uri", "An address may be a base64 data: URI, which counts as an upload.", _FIELDS, VENDOR
)
DATA_URI_LENGTH: Final = Clause(
    "sources.data-uri-length", "The limit of 2,083 characters is not for data: URIs.", _FIELDS, OURS
)
ADDRESS: Final = Clause("sources.address", "A picture may be read from its address.", _FIELDS, VENDOR)
ADDRESS_LENGTH: Final = Clause("sources.address-length", "An address has 1 to 2,083 characters.", _FIELDS, VENDOR)
ADDRESS_UNREACHABLE: Final = Clause("sources.unreachable", "A source that answers an error is 422.", _ERRORS, VENDOR)
ADDRESS_CODES: Final = Clause(
    "sources.codes", "The refusal of a source names its field and has a typed code.", f"{_API}, Errors", OURS
)
FENCE: Final = Clause(
    "sources.fence", "Addresses of private, local and reserved networks are not read.", f"{_API}, Errors", OURS
)
IDS: Final = Clause(
    "sources.ids", "An id is one of the account's own: an upload's or an earlier result's.", _FIELDS, OURS
)
UPLOADS: Final = Clause(
    "uploads.ticket", "A picture may be sent ahead by a form that is asked for, at no charge.", _API, OURS
)
UPLOADS_FENCE: Final = Clause(
    "uploads.fence", "A form takes its own picture and no other, and only its account can use it.", _API, OURS
)

# Browsers and bytes

PREFLIGHT: Final = Clause(
    "browsers.preflight", "A preflight needs no key and allows the API's verbs and headers.", f"{_API}, Headers", OURS
)
PREFLIGHT_PREFER: Final = Clause(
    "browsers.preflight-prefer", "A preflight allows `Prefer`.", f"{_FIELDS}, Prefer", VENDOR
)
OPTIONS: Final = Clause("browsers.options", "OPTIONS tells the verbs of a path.", "RFC 9110, 9.3.7", RFC)
DOCUMENTS: Final = Clause(
    "browsers.documents", "The description is served at /openapi.json and a page of it at /docs.", _API, OURS
)
NOT_HTTP: Final = Clause(
    "http.not-http", "Bytes that are no proper HTTP are 400, in the API's own shape.", "RFC 9112, 2.2 and 6.3", RFC
)
BROKEN_OFF: Final = Clause(
    "http.broken-off", "A body that breaks off before its length is no request.", "RFC 9112, 8", RFC
)
PIPELINED: Final = Clause(
    "http.pipelined", "Requests down one connection are answered in their order.", "RFC 9112, 9.3.2", RFC
)
OLD_HTTP: Final = Clause("http.old", "HTTP/1.0 without Host is served or refused.", "RFC 9112, 3.2", RFC)
CONTINUE: Final = Clause("http.continue", "Who expects 100-continue gets a final answer.", "RFC 9110, 10.1.1", RFC)
