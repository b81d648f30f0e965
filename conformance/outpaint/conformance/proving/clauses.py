"""The clauses of the contract, by subject: the sentences that its cases guard, each with its source.

docs/facts says which publication of the vendor's each fact was read in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final


class Origin(StrEnum):
    """Who states a clause: only the vendor's own clauses can be demanded of the vendor."""

    VENDOR = "vendor"
    """Read off the vendor's OpenAPI, SDK code, documentation or live tests."""
    OURS = "ours"
    """An extension, or a decision where the vendor is silent."""
    RFC = "rfc"
    """A standard that both say they keep to."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One sentence of the specification; `id` is stable across releases, `source` says where it was written first."""

    id: str
    says: str
    source: str
    origin: Origin


_vendor: Final = partial(Clause, origin=Origin.VENDOR)
_ours: Final = partial(Clause, origin=Origin.OURS)
_rfc: Final = partial(Clause, origin=Origin.RFC)

# Where the sentences were written first: what is known of the vendor, and our own pages.
WIRE: Final = "docs/facts/wire.md"
ERRORS: Final = f"{WIRE}#errors"
FIELDS: Final = f"{WIRE}#request-fields"
HEADERS: Final = f"{WIRE}#headers"
RESPONSES: Final = f"{WIRE}#responses"
ROUTES: Final = f"{WIRE}#routes"
PIXELS: Final = "docs/facts/pixels.md"
PICTURES_IN: Final = f"{PIXELS}#what-comes-in"
FILES_SENT: Final = f"{PIXELS}#files-that-people-send"
PAINTED_PIXELS: Final = f"{PIXELS}#which-pixels-are-painted"
API: Final = "docs/api.md"
API_ERRORS: Final = f"{API}#errors"
API_HEADERS: Final = f"{API}#headers"
API_REQUEST: Final = f"{API}#the-request"
RESULT_FILES: Final = f"{API}#result-files"
SENT_AGAIN: Final = f"{API}#sending-twice-paying-once"
WAITING: Final = f"{API}#waiting-or-not"

# Keys

KEY_NEEDED: Final = _vendor(
    "keys.needed", "401, token_error: the key is missing or unknown; every route needs one.", ERRORS
)
KEY_HEADER: Final = _vendor("keys.header", "The key's header is read in any case.", ROUTES)
KEY_IN_URL: Final = _ours("keys.in-url", "A key in the URL counts for nothing.", ROUTES)
KEY_CODES: Final = _ours("keys.codes", "Missing, unknown and forbidden keys have typed codes of their own.", API_ERRORS)
KEY_SECRET: Final = _ours("keys.secret", "A refused key is not repeated.", API_ERRORS)
KEY_ONCE: Final = _ours("keys.once", "A request with two keys is refused, whichever of them is valid.", API_ERRORS)
KEY_FIRST: Final = _ours("keys.first", "The key is judged before the body is.", API_ERRORS)
KEY_FORBIDDEN: Final = _vendor("keys.forbidden", "403: the key is known, its account is not allowed.", ERRORS)
# The vendor's answers are not known to have it, although the RFC demands it.
KEY_SCHEME: Final = _ours("keys.scheme", "401 says how to authenticate.", "RFC 9110, 11.6.1")

# The rate limit

RATE_COUNTED: Final = _vendor(
    "rate.counted", "Every request takes one from what is available until the reset.", HEADERS
)
RATE_MINUTE: Final = _vendor("rate.minute", "The limit is for a minute.", HEADERS)
RATE_LIMITED: Final = _vendor("rate.limited", "One request too many is 429.", ERRORS)
RATE_WAY_OUT: Final = _ours("rate.way-out", "429 says when to come back, and who comes then is served.", ERRORS)
RATE_OWN: Final = _ours("rate.own", "Each account has a limit of its own.", API_HEADERS)

# Credits

BALANCE: Final = _vendor("credits.balance", "The balance is one whole number, `credits`, and no other member.", ROUTES)
CREDIT_HEADER: Final = _vendor(
    "credits.header", "The credit header is the balance before the request's own charge.", HEADERS
)
PRICE: Final = _ours("credits.price", "A picture costs one credit by default; nothing else costs any.", ERRORS)
RESERVED: Final = _ours(
    "credits.reserved", "Credits are taken when a job is accepted, and can never be spent twice.", ERRORS
)
GIVEN_BACK: Final = _ours(
    "credits.given-back", "A job that ends without pictures gives its credits back, once.", ERRORS
)
REFUSED_FREE: Final = _vendor("credits.refused-free", "A refused request is not charged.", ERRORS)
REFUSED_BY_US_FREE: Final = _ours(
    "credits.refused-by-us-free", "A request that our own rules refuse is not charged either.", API_ERRORS
)
USED_UP: Final = _vendor("credits.used-up", "402, Payment Required: the credits do not suffice.", ERRORS)
PAID_FIRST: Final = _ours(
    "credits.paid-first",
    "Who cannot pay has no address read and no form given; a request that is a replay has been paid for.",
    f"{API}#credits",
)

# Every answer

CORRELATION: Final = _vendor("answers.correlation", "Every answer, errors too, carries a correlation id.", HEADERS)
COUNTERS: Final = _vendor(
    "answers.counters",
    "Every answer, errors too, carries the rate limit, what is left of it, when it begins anew, and the credits.",
    HEADERS,
)
RESET_FROM_NOW: Final = _vendor(
    "answers.reset-from-now", "The reset time is whole seconds from now, a 32-bit number: clients sleep on it.", HEADERS
)
BROWSERS_READ: Final = _ours(
    "answers.browsers-read", "Scripts of any origin can read an answer and its headers.", HEADERS
)
RETRY_AFTER: Final = _ours(
    "answers.retry-after", "202, 429 and 503 say when to come back.", f"{HEADERS}; RFC 9110, 10.2.3"
)
NOT_CACHED: Final = _ours(
    "answers.not-cached", "Answers in JSON are not cached, and files by their client alone.", API_HEADERS
)
OWN_CORRELATION: Final = _vendor("answers.own-correlation", "Each answer has a correlation id of its own.", HEADERS)
LENGTH: Final = _rfc("answers.length", "An answer is as long as its Content-Length says.", "RFC 9110, 8.6")
JSON_ANSWERS: Final = _vendor("answers.json", "Answers to requests, polls and balances are JSON.", RESPONSES)
JSON_FORM: Final = _rfc(
    "answers.json-form",
    "JSON is UTF-8 without a byte order mark, is not labelled otherwise, and names no member of an object twice.",
    "RFC 8259, 4, 6 and 8.1",
)

# Errors

ALLOW: Final = _rfc("errors.allow", "405 names the methods that the path takes.", f"{ERRORS}; RFC 9110, 15.5.6")
ERROR_BODY: Final = _vendor("errors.body", "An error's body has a detail, and may have a message and a code.", ERRORS)
ERROR_CODES: Final = _ours("errors.codes", "Each typed error code has one status and one message.", ERRORS)
ERROR_DETAIL: Final = _ours(
    "errors.detail", "A detail is one line for a person, without a word about our insides.", ERRORS
)
EXPLAINED: Final = _ours(
    "errors.explained", "A mistake that many clients make is refused with a sentence of its own.", API_ERRORS
)
ERRORS_IN_JSON: Final = _ours("errors.in-json", "Errors are JSON for a client that asks for nothing.", API_ERRORS)

# Browsers and documents

PREFLIGHT: Final = _ours(
    "browsers.preflight", "A preflight needs no key and allows the API's methods and headers.", API_HEADERS
)
PREFLIGHT_ANY: Final = _ours(
    "browsers.preflight-any",
    "A preflight allows every header that it asks for, and never credentials.",
    f"{API_HEADERS}; {WIRE}#client-habits",
)
PREFLIGHT_PLUGIN: Final = _vendor(
    "browsers.preflight-plugin",
    "A preflight allows the headers that the vendor's plugin sends: the key, Content-Type and X-Picsart-Plugin.",
    f"{WIRE}#client-habits",
)
PREFLIGHT_PREFER: Final = _ours("browsers.preflight-prefer", "A preflight allows `Prefer`.", f"{WIRE}#prefer")
OPTIONS: Final = _ours("browsers.options", "OPTIONS tells the methods of a path.", "RFC 9110, 9.3.7")
DOCUMENTS: Final = _ours(
    "browsers.documents", "The description is served at /openapi.json and a page of it at /docs.", API
)

# HTTP itself

NOT_HTTP: Final = _rfc("http.not-http", "Bytes that are no proper HTTP are 400.", "RFC 9112, 2.2 and 6.3")
NOT_HTTP_SHAPE: Final = _ours(
    "http.not-http-shape", "The 400 of bytes that are no proper HTTP has the API's own shape.", API_ERRORS
)
BROKEN_OFF: Final = _rfc("http.broken-off", "A body that breaks off before its length is no request.", "RFC 9112, 8")
PIPELINED: Final = _rfc(
    "http.pipelined", "Requests down one connection are answered in their order.", "RFC 9112, 9.3.2"
)
HOST: Final = _ours("http.host", "HTTP/1.1 without a Host header, or with two, is 400.", "RFC 9112, 3.2")
OLD_HTTP: Final = _rfc("http.old", "HTTP/1.0 without Host is served or refused.", "RFC 9112, 3.2")
CONTINUE: Final = _rfc("http.continue", "Who expects 100-continue gets a final answer.", "RFC 9110, 10.1.1")

# Paths, methods and Accept

NOT_FOUND: Final = _vendor("paths.not-found", "404: there is no such path, or no such id.", ERRORS)
NOT_FOUND_CODES: Final = _ours(
    "paths.not-found-codes", "An unknown path and an unknown id have typed codes of their own.", API_ERRORS
)
ENCODED_SLASH: Final = _rfc("paths.encoded-slash", "An encoded slash parts no path.", "RFC 3986, 2.2")
SLASH_AT_END: Final = _ours(
    "paths.slash-at-end",
    "One slash at the end of a path is not counted, and a warning says so.",
    f"{API}#spellings-that-are-taken-too",
)
WRONG_VERB: Final = _vendor("verbs.wrong", "405: the path does not take this method.", f"{ERRORS}; RFC 9110, 15.5.6")
HEAD: Final = _rfc("verbs.head", "HEAD is answered as GET is, without a body.", "RFC 9110, 9.3.2")
ACCEPT_MET: Final = _rfc("accept.met", "An Accept that JSON meets is met.", "RFC 9110, 12.5.1")
ACCEPT_UNMET: Final = _vendor("accept.unmet", "406: JSON cannot meet this Accept.", ERRORS)
PROBLEM_DETAILS: Final = _ours(
    "accept.problem-details",
    "Who names application/problem+json in Accept gets errors as RFC 9457 problem details.",
    f"{API_ERRORS}; RFC 9457",
)

# Bodies and content types

UNREADABLE_BODY: Final = _vendor(
    "bodies.unreadable", "A body that cannot be parsed is 400, and told so at once.", ERRORS
)
UNREADABLE_BODY_CODE: Final = _ours(
    "bodies.unreadable-code", "A body that cannot be parsed is `malformed_body`.", API_ERRORS
)
ABUSIVE_BODY: Final = _ours(
    "bodies.abusive", "Whatever bytes are sent, the answer is never a fault of the service.", API_ERRORS
)
MULTIPART: Final = _vendor("bodies.multipart", "A request may be multipart/form-data.", FIELDS)
MULTIPART_GRAMMAR: Final = _rfc(
    "bodies.multipart-grammar",
    "Only a line break, two dashes and the boundary end a part; what is before the first or after the last is nothing.",
    "RFC 2046, 5.1.1",
)
FORM_PARTS: Final = _ours(
    "bodies.form-parts",
    "Each part is form-data and has one name; no part has a transfer encoding.",
    "RFC 7578, 4.2 and 4.7",
)
URLENCODED: Final = _vendor("bodies.urlencoded", "A request whose pictures are addresses may be urlencoded.", FIELDS)
JSON_BODY: Final = _vendor("bodies.json", "A request whose pictures are addresses may be JSON.", FIELDS)
JSON_LENIENT: Final = _ours("bodies.json-lenient", "In JSON a number may be text, and null is a field left out.", API)
JSON_TYPES: Final = _ours(
    "bodies.json-types", "A JSON value of a type that its field does not have is refused by its name.", API
)
CONTENT_TYPE_CASE: Final = _rfc(
    "bodies.content-type-case",
    "Content types are the same in any case, and parameters may be quoted.",
    "RFC 9110, 8.3.1",
)
OTHER_CONTENT_TYPE: Final = _vendor("bodies.other-content-type", "A content type other than the three is 415.", ERRORS)
OTHER_CONTENT_TYPE_CODE: Final = _ours(
    "bodies.other-content-type-code",
    "A refused content type, charset or encoding is `unsupported_content_type`, names the header and the way out.",
    API_ERRORS,
)
CLIENT_QUIRKS: Final = _vendor(
    "bodies.client-quirks",
    "What the vendor's own clients send is taken: odd labels, whole paths as file names, typed GETs without a body.",
    f"{FIELDS}, Client quirks",
)
EMPTY_INPUT: Final = _vendor(
    "bodies.empty-input",
    "A file input of an HTML form that was left empty, without a name and without bytes, means none.",
    f"{WIRE}#client-habits",
)
EXTENDED_FILENAME: Final = _ours(
    "bodies.extended-filename", "A name of a file that comes as `filename*` alone is taken for one.", API
)
SDK_BLANKS: Final = _vendor(
    "bodies.sdk-blanks",
    "What the official Python client sends blank or null counts as left out: it sends each optional field it knows.",
    f"{WIRE}#client-habits",
)
EXHAUSTED_HANDLE: Final = _vendor(
    "bodies.exhausted-handle",
    "An empty file part, as of a handle that was read before, is a clear 422.",
    f"{FIELDS}, Client quirks",
)
EXHAUSTED_HANDLE_WORDS: Final = _ours(
    "bodies.exhausted-handle-words", "The refusal of an empty file part says what happened.", API
)

# Limits of size

HEADERS_LIMIT: Final = _ours("limits.headers", "431: the headers have more than 32 KiB.", f"{ERRORS}; {API_ERRORS}")
FILE_LIMIT: Final = _vendor("limits.file", "413: a file is larger than the host takes.", ERRORS)
BODY_LIMIT: Final = _vendor("limits.body", "413: a body is larger than the host takes, however it is sent.", ERRORS)
STORAGE_LIMIT: Final = _ours(
    "limits.storage",
    "429, storage_full: an account has as much stored as it may; nothing that was paid for is refused.",
    f"{API}#pictures-sent-ahead",
)

# What is asked for

MODE: Final = _vendor("requests.mode", "`mode` may stand in the body or in the query; the body wins.", FIELDS)
MODE_SPELLING: Final = _ours(
    "requests.mode-spelling", "`mode` is read in any case and without the blanks around it.", API_REQUEST
)
DEFAULTS: Final = _vendor("requests.defaults", "Without count, format and mode: two JPGs, waited for.", FIELDS)
COUNT: Final = _vendor("requests.count", "As many pictures come back as were asked for, 1 to 10.", FIELDS)
FORMAT: Final = _vendor("requests.format", "Pictures come as JPG, PNG or WEBP, as asked for.", FIELDS)

# Fields: names and values; which values a plain field takes is in field_clauses.py

ONE_IMAGE: Final = _vendor("fields.one-image", "A request has exactly one image source.", FIELDS)
ONE_MASK: Final = _vendor("fields.one-mask", "A request has at most one mask source.", FIELDS)
MASK_SPELLINGS: Final = _vendor(
    "fields.mask-spellings", "A mask counts under the OpenAPI's names and under the Python SDK's.", FIELDS
)
PROMPT_TEXT: Final = _ours("fields.prompt-text", "A prompt is any text of up to 20,000 characters.", API_REQUEST)
WORDS_IN_ANY_CASE: Final = _ours(
    "fields.words-in-any-case", "The word of a format may be written in any case, between blanks.", API
)
JPEG_IS_JPG: Final = _ours(
    "fields.jpeg-is-jpg",
    "The format JPEG is read as JPG, and a warning says so.",
    f"{API}#spellings-that-are-taken-too",
)
MODE_WORDS: Final = _vendor("fields.mode-words", "`mode` is sync or async; `auto` is no longer one.", FIELDS)
WRONG_VALUE: Final = _vendor("fields.wrong-value", "A wrong parameter is 422.", ERRORS)
WRONG_VALUE_WORDS: Final = _vendor(
    "fields.wrong-value-words",
    "The 422 of a wrong value has the vendor's message, and its detail names the field and repeats the value.",
    ERRORS,
)
REFUSAL_NAMES_FIELD: Final = _ours(
    "fields.refusal-names-field", "A refusal names the offending field and has a typed code.", API_ERRORS
)
BLANK_IS_LEFT_OUT: Final = _ours(
    "fields.blank-is-left-out", "An optional field that is blank counts as left out.", f"{FIELDS}, Client quirks"
)
SENT_TWICE: Final = _ours("fields.sent-twice", "A field sent twice is refused.", API_REQUEST)
UNKNOWN_FIELDS: Final = _ours("fields.unknown", "Unknown fields are accepted, whatever they hold.", API_REQUEST)
UNKNOWN_FIELDS_WARNING: Final = _ours(
    "fields.unknown-warning", "Unknown fields are named in a warning header, and nothing else is.", API
)
FIELD_NAMES: Final = _ours("fields.names", "Field names are matched exactly.", API_REQUEST)
MASK_READING: Final = _ours(
    "fields.mask-reading", "`mask_mode` says how the mask is read, and the answer says how it was.", API
)
SEEDS: Final = _ours("fields.seeds", "Picture i is made from seed + i, and each item tells its own.", API_REQUEST)
SEED_AFTER_LAST: Final = _ours("fields.seed-after-last", "Seeds count on from 0 after the last.", API)
SEED_REPEATS: Final = _ours(
    "fields.seed-repeats",
    "The same seed, pictures and prompt make the same picture again, alone or among others.",
    API_REQUEST,
)
VARIANTS: Final = _ours("fields.variants", "The pictures of a request differ from one another.", API)

# Pictures by address or id

DATA_URI: Final = _vendor(
    "sources.data-uri", "An address may be a base64 data: URI, which counts as an upload.", FIELDS
)
DATA_URI_LENGTH: Final = _ours(
    "sources.data-uri-length", "The limit of 2,083 characters is not for data: URIs.", FIELDS
)
SPELLINGS: Final = _ours("sources.spellings", "An address is read as browsers read it, and base64url too.", FILES_SENT)
ADDRESS: Final = _vendor("sources.address", "A picture may be read from its address.", FIELDS)
ADDRESS_LENGTH: Final = _vendor("sources.address-length", "An address has 1 to 2,083 characters.", FIELDS)
ADDRESS_UNREACHABLE: Final = _vendor("sources.unreachable", "A source that answers an error is 422.", ERRORS)
ADDRESS_CODES: Final = _ours(
    "sources.codes", "The refusal of a source names its field and has a typed code.", API_ERRORS
)
FENCE: Final = _ours("sources.fence", "Addresses of private, local and reserved networks are not read.", API_ERRORS)
IDS: Final = _ours("sources.ids", "An id is one of the account's own: an upload's or an earlier result's.", FIELDS)
UPLOADS: Final = _ours("uploads.ticket", "A picture may be sent ahead by a form that is asked for, at no charge.", API)
UPLOADS_FENCE: Final = _ours(
    "uploads.fence", "A form takes its own picture and no other, and only its account can use it.", API
)
UPLOADS_ONCE: Final = _ours(
    "uploads.once",
    "A form stores one file: the very same again changes nothing, and another is refused.",
    f"{API}#pictures-sent-ahead",
)

# Pictures that are taken

BY_BYTES: Final = _vendor("pictures.by-bytes", "A picture is known by its bytes, whatever its label says.", PICTURES_IN)
TAKEN_FORMATS: Final = _vendor("pictures.taken-formats", "JPEG, PNG, WEBP, BMP and TIFF are taken.", PICTURES_IN)
NO_PICTURE: Final = _vendor("pictures.no-picture", "A file of any other type is 415.", ERRORS)
NO_PICTURE_WORDS: Final = _ours(
    "pictures.no-picture-words",
    "The refusal of a file says what it was taken for and what is taken instead.",
    PICTURES_IN,
)
DAMAGED: Final = _ours("pictures.damaged", "A damaged or incomplete picture is a typed 422.", API_ERRORS)
COMPLETE: Final = _ours(
    "pictures.complete", "A picture is complete where its pixels are there, however its file ends.", PICTURES_IN
)
DIMENSIONS: Final = _ours(
    "pictures.dimensions",
    "A picture of 16 to 8,192 pixels a side and 40 million in all is taken; one of more than 16,384 or 64 million is "
    "refused before anything is decoded.",
    PICTURES_IN,
)
ANIMATED: Final = _ours("pictures.animated", "A picture of several frames is a typed 422.", PICTURES_IN)
NOTHING_TO_PAINT: Final = _ours(
    "pictures.nothing-to-paint", "Where nothing is left open the answer is 422, with the way out.", PAINTED_PIXELS
)
NOTHING_TO_KEEP: Final = _ours("pictures.nothing-to-keep", "Where nothing is kept the answer is 422.", PAINTED_PIXELS)
SIZES_MATCH: Final = _ours(
    "pictures.sizes-match",
    "Image and mask have one size once each is upright; else 422 names both, and nothing is resized.",
    PAINTED_PIXELS,
)

# Pixels that are kept and painted

OPAQUE_IS_KEPT: Final = _vendor(
    "pixels.opaque-is-kept",
    "What is opaque is kept and what is transparent is painted, by the mask's alpha or the image's own.",
    PAINTED_PIXELS,
)
KEPT_IS_EXACT: Final = _ours("pixels.kept-is-exact", "Kept pixels are byte-identical in PNG.", PAINTED_PIXELS)
KEPT_IS_CLOSE: Final = _ours(
    "pixels.kept-is-close", "Kept pixels are unchanged before encoding in JPG and WEBP.", PAINTED_PIXELS
)
HIDDEN_STAYS_HIDDEN: Final = _ours(
    "pixels.hidden-stays-hidden", "Colours under alpha 0 are ignored and never show in a result.", PAINTED_PIXELS
)
MASK_COLOURS_IGNORED: Final = _vendor(
    "pixels.mask-colours-ignored", "Where a mask's alpha varies its colours do not matter.", PAINTED_PIXELS
)
LUMINANCE: Final = _ours(
    "pixels.luminance",
    "A mask without transparency is read by its brightness: white keeps, black paints.",
    PAINTED_PIXELS,
)
SMALLER_WEIGHT: Final = _ours(
    "pixels.smaller-weight",
    "Where both a mask and the image's own alpha say how far a pixel is kept, the smaller weight counts.",
    PAINTED_PIXELS,
)
SOFT_IS_BLENDED: Final = _ours(
    "pixels.soft-is-blended",
    "A half transparent pixel is k * original + (1 - k) * painted, in straight alpha.",
    PAINTED_PIXELS,
)
JPEG_MASK: Final = _ours(
    "pixels.jpeg-mask",
    "A mask drawn in black and white is read as it was drawn, whatever greys compression put along its edges.",
    PAINTED_PIXELS,
)
SIZE_STAYS: Final = _ours("pixels.size-stays", "A result has the size of what was sent.", PAINTED_PIXELS)
RESULT_IS_OPAQUE: Final = _ours("pixels.result-is-opaque", "A result is opaque RGB.", PAINTED_PIXELS)
UPRIGHT: Final = _ours(
    "pixels.upright", "EXIF orientation is applied to image and mask, each by its own, and then dropped.", PICTURES_IN
)
BROKEN_ORIENTATION: Final = _vendor(
    "pixels.broken-orientation",
    "An orientation tag that is not valid, as in the vendor's own test picture, is ignored.",
    PAINTED_PIXELS,
)
COLOURS_IN: Final = _ours(
    "pixels.colours-in",
    "Grey, palette and 1-bit pictures come in without loss, 16 bits rounded to 8, CMYK as sRGB.",
    PICTURES_IN,
)
CHANGED_WITH_A_WORD: Final = _ours(
    "pixels.changed-with-a-word", "A picture whose values had to be changed is answered with a warning.", PICTURES_IN
)
PROFILE_STAYS: Final = _ours(
    "pixels.profile-stays", "An RGB picture's ICC profile is embedded in its result.", PICTURES_IN
)
STATED_COLOURS: Final = _ours(
    "pixels.stated-colours",
    "Colours that a PNG states by cICP, or by gAMA and cHRM, look the same in its result.",
    PICTURES_IN,
)
NO_OTHER_COLOURS: Final = _ours(
    "pixels.no-other-colours",
    "The result of a picture that states no colours states none, or that they are sRGB.",
    RESULT_FILES,
)
NO_METADATA: Final = _ours("pixels.no-metadata", "EXIF, GPS, XMP and comments never reach a result.", PICTURES_IN)

# Idempotency

REPLAY: Final = _ours(
    "idempotency.replay",
    "A request sent again under its Idempotency-Key is answered with the first one's job.",
    SENT_AGAIN,
)
REPLAY_FREE: Final = _ours("idempotency.free", "A replay is not charged.", SENT_AGAIN)
REPLAY_FLAG: Final = _ours(
    "idempotency.flag", "A replay, and nothing else, is marked `Idempotent-Replayed: true`.", SENT_AGAIN
)
REPLAY_MISMATCH: Final = _ours(
    "idempotency.mismatch", "Other fields or other bytes of pictures under the same key are 422.", SENT_AGAIN
)
REPLAY_SAME: Final = _ours(
    "idempotency.same", "Field order, spelling, content type, file names, `mode` and `Prefer` may differ.", SENT_AGAIN
)
REPLAY_WAITS: Final = _ours(
    "idempotency.in-progress", "While the first still waits for its answer, the same again is 409.", SENT_AGAIN
)
REPLAY_REFUSED: Final = _ours("idempotency.refused", "A refused request leaves its key free.", SENT_AGAIN)
REPLAY_FAILED: Final = _ours("idempotency.failed", "A job that ran and failed is replayed like any other.", SENT_AGAIN)
REPLAY_ACCOUNT: Final = _ours("idempotency.account", "Each account has its own keys.", SENT_AGAIN)
REPLAY_LIFETIME: Final = _ours("idempotency.lifetime", "A key is remembered for 24 hours.", SENT_AGAIN)
REPLAY_KEY: Final = _ours(
    "idempotency.key", "A key is 1 to 255 visible ASCII characters, compared as they are.", SENT_AGAIN
)

# Jobs

POLL: Final = _vendor("jobs.poll", "A poll is 202 while the job is pending and 200 when it is done.", ROUTES)
ACCEPTED_BODY: Final = _vendor(
    "jobs.accepted-body", "202 has a status word, an `inference_id`, and `data`, present and empty.", RESPONSES
)
JOB_WORDS: Final = _vendor(
    "jobs.words", "The status word is processing while a job runs, success with its pictures, error without.", RESPONSES
)
BOTH_IDS: Final = _ours(
    "jobs.both-ids", "202 and a failed job carry the id as `inference_id` and as `transaction_id`, equal.", RESPONSES
)
LOCATION: Final = _ours("jobs.location", "202 says where to poll in `Location`.", WAITING)
JOB_OUR_MEMBERS: Final = _ours("jobs.our-members", "202 says what was understood of the mask.", API_REQUEST)
ENDED_IS_FINAL: Final = _vendor("jobs.ended-is-final", "A job that has ended stays as it ended.", ROUTES)
FOUND_AT_ONCE: Final = _ours("jobs.found-at-once", "An id is found from the moment it was given out.", ERRORS)
JOB_LIFETIME: Final = _ours(
    "jobs.lifetime", "A job that does not end within its lifetime is ended as timed out.", API_ERRORS
)
JOB_KEPT: Final = _ours("jobs.kept", "A job is kept as long as its files, and no longer.", RESULT_FILES)
JOB_OWN_ACCOUNT: Final = _ours(
    "jobs.own-account", "A job is its account's alone: to any other it is as unknown as an id never given out.", ERRORS
)
WORD_OF_2025: Final = _ours(
    "jobs.word-of-2025",
    "A setting chooses the word success for the async POST, as the vendor had it in 2025.",
    RESPONSES,
)

# Jobs that fail

FAILED_POLL: Final = _vendor("failures.poll", "A failed job polls as status error, with message and detail.", RESPONSES)
FAILED_OUR_MEMBERS: Final = _ours(
    "failures.our-members",
    "A failed job polls as 200 with its ids, `code`, a typed `error_code` and an empty `data`.",
    WAITING,
)
FAILED_POST: Final = _ours(
    "failures.post", "A POST that waited for a job that failed answers the error itself.", WAITING
)
FAILED_SILENT: Final = _ours(
    "failures.silent",
    "An error that nobody foresaw ends the job as painting_failed and tells nothing of our insides.",
    API_ERRORS,
)

# Results

RESULT_BODY: Final = _vendor(
    "results.body", "200 has the status success and `data`, an `id` and a `url` for each picture.", RESPONSES
)
RESULT_OUR_MEMBERS: Final = _ours(
    "results.our-members",
    "200 tells the job's id, each picture's end and seed, the painter, and what was taken for the mask.",
    API_REQUEST,
)
SIZE_KEPT: Final = _ours("results.size", "A picture comes back in the size that was sent.", PIXELS)
RESULT_IDS: Final = _vendor(
    "results.ids", "A picture's id is a UUID and the extension of its format, and is never given twice.", RESPONSES
)
SYNC_POLLED: Final = _ours("results.sync-polled", "A job that was waited for can be polled like any other.", WAITING)

# Result files

URL_OPEN: Final = _vendor("files.url-open", "A result's URL is fetched without a key, as often as wanted.", RESPONSES)
FILE_HEADERS: Final = _ours(
    "files.headers",
    "A file comes with its media type, with its length or in chunks, is not sniffed, and is cached no longer than its "
    "URL works.",
    RESULT_FILES,
)
FILES_LIVE: Final = _vendor("files.live", "Result files live 24 hours, and no URL outlives its file.", RESPONSES)
URL_END: Final = _ours(
    "files.url-end",
    "expires_at is the URL's end: 24 hours after the job's, or sooner where a store beside the API signs for less.",
    RESULT_FILES,
)
URL_SIGNED: Final = _ours("files.signed", "A URL that was not signed as it stands opens nothing.", API_ERRORS)
URL_ANEW: Final = _ours("files.url-anew", "A poll gives URLs that work.", RESULT_FILES)
FILES_WHOLE: Final = _rfc(
    "files.whole",
    "A picture's file is whole, and nothing comes after its end.",
    "PNG, third edition, 5; ITU-T T.81, B; RFC 9649, 2.4",
)
FILE_PARTS: Final = _rfc(
    "files.parts", "A part of a file is 206 and says which part it is; without that, all of it is 200.", "RFC 9110, 14"
)
FILE_NAMED: Final = _ours(
    "files.named", "The URL of a file that a host serves itself ends, before its query, in the picture's id.", API
)
URL_HOST: Final = _ours(
    "files.host", "A host that serves its files itself gives URLs at the address its client spoke to.", RESULT_FILES
)
RESULT_REUSED: Final = _ours(
    "files.reused",
    "A result's id can be sent as the image of another request of the same account, and of no other, while it lives.",
    FIELDS,
)

# Preferences and waiting

PREFER_ASYNC: Final = _vendor(
    "prefer.respond-async", "`Prefer: respond-async` is answered 202, and said to be applied.", FIELDS
)
PREFER_WAIT: Final = _vendor(
    "prefer.wait", "`Prefer: wait=N`, 1 to 600, waits up to N seconds, then 202; it is said to be applied.", FIELDS
)
PREFER_BEATS_MODE: Final = _vendor("prefer.beats-mode", "`Prefer` beats `mode`.", FIELDS)
PREFER_SYNTAX: Final = _rfc(
    "prefer.syntax",
    "Preferences are a list, in any case, quoted or not, over several lines too; what means nothing is ignored.",
    "RFC 7240, 2",
)
PREFER_MOST: Final = _ours(
    "prefer.most", "A wait beyond the most that a host grants, 600 or less, is granted that.", WAITING
)
WAIT_LOSES_NOTHING: Final = _ours(
    "waiting.loses-nothing", "A wait that runs out is answered 202, and its job goes on.", WAITING
)
