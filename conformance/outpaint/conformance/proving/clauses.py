"""The clauses of the contract, by subject: the sentences that its cases guard, each with its source.

docs/facts says which publication of the vendor's each fact was read in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
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


VENDOR, OURS, RFC = Origin.VENDOR, Origin.OURS, Origin.RFC

# Where the sentences were written first: what is known of the vendor, and our own pages.
WIRE: Final = "docs/facts/wire.md"
ERRORS: Final = f"{WIRE}#errors"
FIELDS: Final = f"{WIRE}#request-fields"
HEADERS: Final = f"{WIRE}#headers"
RESPONSES: Final = f"{WIRE}#responses"
ROUTES: Final = f"{WIRE}#routes"
PIXELS: Final = "docs/facts/pixels.md"
WHAT_COMES_IN: Final = f"{PIXELS}#what-comes-in"
WHICH_ARE_PAINTED: Final = f"{PIXELS}#which-pixels-are-painted"
API: Final = "docs/api.md"
API_ERRORS: Final = f"{API}#errors"
API_HEADERS: Final = f"{API}#headers"
API_REQUEST: Final = f"{API}#the-request"
RESULT_FILES: Final = f"{API}#result-files"
SENT_AGAIN: Final = f"{API}#sending-twice-paying-once"
WAITING: Final = f"{API}#waiting-or-not"

# Keys

KEY_NEEDED: Final = Clause(
    "keys.needed", "401, token_error: the key is missing or unknown; every route needs one.", ERRORS, VENDOR
)
KEY_HEADER: Final = Clause("keys.header", "The key's header is read in any case.", ROUTES, VENDOR)
KEY_IN_URL: Final = Clause("keys.in-url", "A key in the URL counts for nothing.", ROUTES, OURS)
KEY_CODES: Final = Clause(
    "keys.codes", "Missing, unknown and forbidden keys have typed codes of their own.", API_ERRORS, OURS
)
KEY_SECRET: Final = Clause("keys.secret", "A refused key is not repeated.", API_ERRORS, OURS)
KEY_FIRST: Final = Clause("keys.first", "The key is judged before the body is.", API_ERRORS, OURS)
KEY_FORBIDDEN: Final = Clause("keys.forbidden", "403: the key is known, its account is not allowed.", ERRORS, VENDOR)
KEY_SCHEME: Final = Clause("keys.scheme", "401 says how to authenticate.", "RFC 9110, 11.6.1", RFC)

# The rate limit

RATE_COUNTED: Final = Clause(
    "rate.counted", "Every request takes one from what is available until the reset.", HEADERS, VENDOR
)
RATE_MINUTE: Final = Clause("rate.minute", "The limit is for a minute.", HEADERS, VENDOR)
RATE_LIMITED: Final = Clause("rate.limited", "One request too many is 429.", ERRORS, VENDOR)
RATE_WAY_OUT: Final = Clause("rate.way-out", "429 says when to come back, and who comes then is served.", ERRORS, OURS)
RATE_OWN: Final = Clause("rate.own", "Each account has a limit of its own.", API_HEADERS, OURS)

# Credits

BALANCE: Final = Clause(
    "credits.balance", "The balance is one whole number, `credits`, and no other member.", ROUTES, VENDOR
)
CREDIT_HEADER: Final = Clause(
    "credits.header", "The credit header is the balance before the request's own charge.", HEADERS, VENDOR
)
PRICE: Final = Clause("credits.price", "A picture costs one credit by default; nothing else costs any.", ERRORS, OURS)
RESERVED: Final = Clause(
    "credits.reserved", "Credits are taken when a job is accepted, and can never be spent twice.", ERRORS, OURS
)
GIVEN_BACK: Final = Clause(
    "credits.given-back", "A job that ends without pictures gives its credits back, once.", ERRORS, OURS
)
REFUSED_FREE: Final = Clause("credits.refused-free", "A refused request is not charged.", ERRORS, VENDOR)
USED_UP: Final = Clause("credits.used-up", "402, Payment Required: the credits do not suffice.", ERRORS, VENDOR)

# Every answer

CORRELATION: Final = Clause(
    "answers.correlation", "Every answer, errors too, carries a correlation id.", HEADERS, VENDOR
)
COUNTERS: Final = Clause(
    "answers.counters",
    "Every answer, errors too, carries the rate limit, what is left of it, when it begins anew, and the credits.",
    HEADERS,
    VENDOR,
)
RESET_FROM_NOW: Final = Clause(
    "answers.reset-from-now",
    "The reset time is whole seconds from now, a 32-bit number: clients sleep on it.",
    HEADERS,
    VENDOR,
)
BROWSERS_READ: Final = Clause(
    "answers.browsers-read", "Scripts of any origin can read an answer and its headers.", HEADERS, OURS
)
RETRY_AFTER: Final = Clause(
    "answers.retry-after", "202, 429 and 503 say when to come back.", f"{HEADERS}; RFC 9110, 10.2.3", OURS
)
NOT_CACHED: Final = Clause("answers.not-cached", "Answers in JSON are not cached.", API_HEADERS, OURS)
OWN_CORRELATION: Final = Clause(
    "answers.own-correlation", "Each answer has a correlation id of its own.", HEADERS, VENDOR
)
LENGTH: Final = Clause("answers.length", "An answer is as long as its Content-Length says.", "RFC 9110, 8.6", RFC)
JSON_ANSWERS: Final = Clause("answers.json", "Answers to requests, polls and balances are JSON.", RESPONSES, VENDOR)

# Errors

ALLOW: Final = Clause("errors.allow", "405 names the verbs that the path takes.", f"{ERRORS}; RFC 9110, 15.5.6", RFC)
ERROR_BODY: Final = Clause(
    "errors.body", "An error's body has a detail, and may have a message and a code.", ERRORS, VENDOR
)
ERROR_CODES: Final = Clause("errors.codes", "Each typed error code has one status and one message.", ERRORS, OURS)
ERROR_DETAIL: Final = Clause(
    "errors.detail", "A detail is one line for a person, without a word about our insides.", ERRORS, OURS
)
ERRORS_IN_JSON: Final = Clause(
    "errors.in-json", "Errors are JSON for a client that asks for nothing.", API_ERRORS, OURS
)

# Browsers and documents

PREFLIGHT: Final = Clause(
    "browsers.preflight", "A preflight needs no key and allows the API's verbs and headers.", API_HEADERS, OURS
)
PREFLIGHT_PREFER: Final = Clause(
    "browsers.preflight-prefer", "A preflight allows `Prefer`.", f"{FIELDS}, Prefer", VENDOR
)
OPTIONS: Final = Clause("browsers.options", "OPTIONS tells the verbs of a path.", "RFC 9110, 9.3.7", RFC)
DOCUMENTS: Final = Clause(
    "browsers.documents", "The description is served at /openapi.json and a page of it at /docs.", API, OURS
)

# HTTP itself

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

# Paths, verbs and Accept

NOT_FOUND: Final = Clause("paths.not-found", "404: there is no such path, or no such id.", ERRORS, VENDOR)
NOT_FOUND_CODES: Final = Clause(
    "paths.not-found-codes", "An unknown path and an unknown id have typed codes of their own.", API_ERRORS, OURS
)
WRONG_VERB: Final = Clause(
    "verbs.wrong", "405: the path does not take this verb.", f"{ERRORS}; RFC 9110, 15.5.6", VENDOR
)
HEAD: Final = Clause("verbs.head", "HEAD is answered as GET is, without a body.", "RFC 9110, 9.3.2", RFC)
ACCEPT_MET: Final = Clause("accept.met", "An Accept that JSON meets is met.", "RFC 9110, 12.5.1", RFC)
ACCEPT_UNMET: Final = Clause("accept.unmet", "406: JSON cannot meet this Accept.", ERRORS, VENDOR)
PROBLEM_DETAILS: Final = Clause(
    "accept.problem-details",
    "Who names application/problem+json in Accept gets errors as RFC 9457 problem details.",
    f"{API_ERRORS}; RFC 9457",
    OURS,
)

# Bodies and content types

UNREADABLE_BODY: Final = Clause(
    "bodies.unreadable", "A body that cannot be parsed is 400, and told so at once.", ERRORS, VENDOR
)
UNREADABLE_BODY_CODE: Final = Clause(
    "bodies.unreadable-code", "A body that cannot be parsed is `malformed_body`.", API_ERRORS, OURS
)
ABUSIVE_BODY: Final = Clause(
    "bodies.abusive", "Whatever bytes are sent, the answer is never a fault of the service.", API_ERRORS, OURS
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
    API_ERRORS,
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
    "limits.headers", "431: the headers have more than 32 KiB.", f"{ERRORS}; {API_ERRORS}", OURS
)
FILE_LIMIT: Final = Clause("limits.file", "413: a file is larger than the host takes.", ERRORS, VENDOR)
BODY_LIMIT: Final = Clause(
    "limits.body", "413: a body is larger than the host takes, however it is sent.", ERRORS, VENDOR
)

# What is asked for

MODE: Final = Clause("requests.mode", "`mode` may stand in the body or in the query; the body wins.", FIELDS, VENDOR)
MODE_SPELLING: Final = Clause(
    "requests.mode-spelling", "`mode` is read in any case and without the blanks around it.", API_REQUEST, OURS
)
DEFAULTS: Final = Clause("requests.defaults", "Without count, format and mode: two JPGs, waited for.", FIELDS, VENDOR)
COUNT: Final = Clause("requests.count", "As many pictures come back as were asked for, 1 to 10.", FIELDS, VENDOR)
FORMAT: Final = Clause("requests.format", "Pictures come as JPG, PNG or WEBP, as asked for.", FIELDS, VENDOR)

# Fields: names and values; which values a plain field takes is in field_clauses.py

ONE_IMAGE: Final = Clause("fields.one-image", "A request has exactly one image source.", FIELDS, VENDOR)
ONE_MASK: Final = Clause("fields.one-mask", "A request has at most one mask source.", FIELDS, VENDOR)
MASK_SPELLINGS: Final = Clause(
    "fields.mask-spellings", "A mask counts under the OpenAPI's names and under the Python SDK's.", FIELDS, VENDOR
)
PROMPT_TEXT: Final = Clause("fields.prompt-text", "A prompt is any text of up to 20,000 characters.", API_REQUEST, OURS)
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
    "fields.refusal-names-field", "A refusal names the offending field and has a typed code.", API_ERRORS, OURS
)
BLANK_IS_LEFT_OUT: Final = Clause(
    "fields.blank-is-left-out", "An optional field that is blank counts as left out.", f"{FIELDS}, Client quirks", OURS
)
SENT_TWICE: Final = Clause("fields.sent-twice", "A field sent twice is refused.", API_REQUEST, OURS)
UNKNOWN_FIELDS: Final = Clause("fields.unknown", "Unknown fields are accepted, whatever they hold.", API_REQUEST, OURS)
UNKNOWN_FIELDS_WARNING: Final = Clause(
    "fields.unknown-warning", "Unknown fields are named in a warning header, and nothing else is.", API, OURS
)
FIELD_NAMES: Final = Clause("fields.names", "Field names are matched exactly.", API_REQUEST, OURS)
MASK_READING: Final = Clause(
    "fields.mask-reading", "`mask_mode` says how the mask is read, and the answer says how it was.", API, OURS
)
SEEDS: Final = Clause(
    "fields.seeds", "Picture i is made from seed + i, and each item tells its own.", API_REQUEST, OURS
)
SEED_AFTER_LAST: Final = Clause("fields.seed-after-last", "Seeds count on from 0 after the last.", API, OURS)
SEED_REPEATS: Final = Clause(
    "fields.seed-repeats",
    "The same seed, pictures and prompt make the same picture again, alone or among others.",
    API_REQUEST,
    OURS,
)
VARIANTS: Final = Clause("fields.variants", "The pictures of a request differ from one another.", API, OURS)

# Pictures by address or id

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
    "sources.codes", "The refusal of a source names its field and has a typed code.", API_ERRORS, OURS
)
FENCE: Final = Clause(
    "sources.fence", "Addresses of private, local and reserved networks are not read.", API_ERRORS, OURS
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

# Pictures that are taken

BY_BYTES: Final = Clause(
    "pictures.by-bytes", "A picture is known by its bytes, whatever its label says.", WHAT_COMES_IN, VENDOR
)
TAKEN_FORMATS: Final = Clause(
    "pictures.taken-formats", "JPEG, PNG, WEBP, BMP and TIFF are taken.", WHAT_COMES_IN, VENDOR
)
NO_PICTURE: Final = Clause("pictures.no-picture", "A file of any other type is 415.", ERRORS, VENDOR)
NO_PICTURE_WORDS: Final = Clause(
    "pictures.no-picture-words",
    "The refusal of a file says what it was taken for and what is taken instead.",
    WHAT_COMES_IN,
    OURS,
)
DAMAGED: Final = Clause("pictures.damaged", "A damaged or incomplete picture is a typed 422.", API_ERRORS, OURS)
DIMENSIONS: Final = Clause(
    "pictures.dimensions",
    "A side has 16 to 8,192 pixels and a picture at most 40 million, judged before anything is decoded.",
    WHAT_COMES_IN,
    OURS,
)
ANIMATED: Final = Clause("pictures.animated", "A picture of several frames is a typed 422.", WHAT_COMES_IN, OURS)
NOTHING_TO_PAINT: Final = Clause(
    "pictures.nothing-to-paint",
    "Where nothing is left open the answer is 422, with the way out.",
    WHICH_ARE_PAINTED,
    OURS,
)
NOTHING_TO_KEEP: Final = Clause(
    "pictures.nothing-to-keep", "Where nothing is kept the answer is 422.", WHICH_ARE_PAINTED, OURS
)
SIZES_MATCH: Final = Clause(
    "pictures.sizes-match",
    "Image and mask have one size once each is upright; else 422 names both, and nothing is resized.",
    WHICH_ARE_PAINTED,
    OURS,
)

# Pixels that are kept and painted

OPAQUE_IS_KEPT: Final = Clause(
    "pixels.opaque-is-kept",
    "What is opaque is kept and what is transparent is painted, by the mask's alpha or the image's own.",
    WHICH_ARE_PAINTED,
    VENDOR,
)
KEPT_IS_EXACT: Final = Clause("pixels.kept-is-exact", "Kept pixels are byte-identical in PNG.", WHICH_ARE_PAINTED, OURS)
KEPT_IS_CLOSE: Final = Clause(
    "pixels.kept-is-close", "Kept pixels are unchanged before encoding in JPG and WEBP.", WHICH_ARE_PAINTED, OURS
)
HIDDEN_STAYS_HIDDEN: Final = Clause(
    "pixels.hidden-stays-hidden",
    "Colours under alpha 0 are ignored and never show in a result.",
    WHICH_ARE_PAINTED,
    OURS,
)
MASK_COLOURS_IGNORED: Final = Clause(
    "pixels.mask-colours-ignored", "Where a mask's alpha varies its colours do not matter.", WHICH_ARE_PAINTED, VENDOR
)
LUMINANCE: Final = Clause(
    "pixels.luminance",
    "A mask without transparency is read by its brightness: white keeps, black paints.",
    WHICH_ARE_PAINTED,
    OURS,
)
MASK_OVER_EMPTY: Final = Clause(
    "pixels.mask-over-empty",
    "The mask wins over the image's alpha, but where that is 0 there is nothing to keep.",
    WHICH_ARE_PAINTED,
    OURS,
)
SOFT_IS_BLENDED: Final = Clause(
    "pixels.soft-is-blended",
    "A half transparent pixel is k * original + (1 - k) * painted, in straight alpha.",
    WHICH_ARE_PAINTED,
    OURS,
)
JPEG_MASK: Final = Clause(
    "pixels.jpeg-mask", "In a JPEG mask brightness up to 8 is black and from 247 is white.", WHICH_ARE_PAINTED, OURS
)
SIZE_STAYS: Final = Clause("pixels.size-stays", "A result has the size of what was sent.", WHICH_ARE_PAINTED, OURS)
RESULT_IS_OPAQUE: Final = Clause("pixels.result-is-opaque", "A result is opaque RGB.", WHICH_ARE_PAINTED, OURS)
UPRIGHT: Final = Clause(
    "pixels.upright",
    "EXIF orientation is applied to image and mask, each by its own, and then dropped.",
    WHAT_COMES_IN,
    OURS,
)
BROKEN_ORIENTATION: Final = Clause(
    "pixels.broken-orientation",
    "An orientation tag that is not valid, as in the vendor's own test picture, is ignored.",
    WHICH_ARE_PAINTED,
    VENDOR,
)
COLOURS_IN: Final = Clause(
    "pixels.colours-in",
    "Grey, palette and 1-bit pictures come in without loss, 16 bits rounded to 8, CMYK as sRGB.",
    WHAT_COMES_IN,
    OURS,
)
CHANGED_WITH_A_WORD: Final = Clause(
    "pixels.changed-with-a-word",
    "A picture whose values had to be changed is answered with a warning.",
    WHAT_COMES_IN,
    OURS,
)
PROFILE_STAYS: Final = Clause(
    "pixels.profile-stays", "An RGB picture's ICC profile is embedded in its result.", WHAT_COMES_IN, OURS
)
NO_METADATA: Final = Clause(
    "pixels.no-metadata", "EXIF, GPS, XMP and comments never reach a result.", WHAT_COMES_IN, OURS
)

# Idempotency

REPLAY: Final = Clause(
    "idempotency.replay",
    "A request sent again under its Idempotency-Key is answered with the first one's job.",
    SENT_AGAIN,
    OURS,
)
REPLAY_FREE: Final = Clause("idempotency.free", "A replay is not charged.", SENT_AGAIN, OURS)
REPLAY_FLAG: Final = Clause(
    "idempotency.flag", "A replay, and nothing else, is marked `Idempotent-Replayed: true`.", SENT_AGAIN, OURS
)
REPLAY_MISMATCH: Final = Clause(
    "idempotency.mismatch", "Other fields or other bytes of pictures under the same key are 422.", SENT_AGAIN, OURS
)
REPLAY_SAME: Final = Clause(
    "idempotency.same",
    "Field order, spelling, content type, file names, `mode` and `Prefer` may differ.",
    SENT_AGAIN,
    OURS,
)
REPLAY_WAITS: Final = Clause(
    "idempotency.in-progress", "While the first still waits for its answer, the same again is 409.", SENT_AGAIN, OURS
)
REPLAY_REFUSED: Final = Clause("idempotency.refused", "A refused request leaves its key free.", SENT_AGAIN, OURS)
REPLAY_FAILED: Final = Clause(
    "idempotency.failed", "A job that ran and failed is replayed like any other.", SENT_AGAIN, OURS
)
REPLAY_ACCOUNT: Final = Clause("idempotency.account", "Each account has its own keys.", SENT_AGAIN, OURS)
REPLAY_LIFETIME: Final = Clause("idempotency.lifetime", "A key is remembered for 24 hours.", SENT_AGAIN, OURS)
REPLAY_KEY: Final = Clause(
    "idempotency.key", "A key is 1 to 255 visible ASCII characters, compared as they are.", SENT_AGAIN, OURS
)

# Jobs

POLL: Final = Clause("jobs.poll", "A poll is 202 while the job is pending and 200 when it is done.", ROUTES, VENDOR)
ACCEPTED_BODY: Final = Clause(
    "jobs.accepted-body", "202 has a status word, an `inference_id`, and `data`, present and empty.", RESPONSES, VENDOR
)
JOB_WORDS: Final = Clause(
    "jobs.words",
    "The status word is processing while a job runs, success with its pictures, error without.",
    RESPONSES,
    VENDOR,
)
BOTH_IDS: Final = Clause(
    "jobs.both-ids",
    "202 and a failed job carry the id as `inference_id` and as `transaction_id`, equal.",
    RESPONSES,
    OURS,
)
LOCATION: Final = Clause("jobs.location", "202 says where to poll in `Location`.", WAITING, OURS)
JOB_OUR_MEMBERS: Final = Clause("jobs.our-members", "202 says what was understood of the mask.", API_REQUEST, OURS)
ENDED_IS_FINAL: Final = Clause("jobs.ended-is-final", "A job that has ended stays as it ended.", ROUTES, VENDOR)
FOUND_AT_ONCE: Final = Clause("jobs.found-at-once", "An id is found from the moment it was given out.", ERRORS, OURS)
JOB_LIFETIME: Final = Clause(
    "jobs.lifetime", "A job that does not end within its lifetime is ended as timed out.", API_ERRORS, OURS
)
JOB_KEPT: Final = Clause("jobs.kept", "A job is kept as long as its files, and no longer.", RESULT_FILES, OURS)
JOB_OWN_ACCOUNT: Final = Clause(
    "jobs.own-account",
    "A job is its account's alone: to any other it is as unknown as an id never given out.",
    ERRORS,
    OURS,
)
WORD_OF_2025: Final = Clause(
    "jobs.word-of-2025",
    "A setting chooses the word success for the async POST, as the vendor had it in 2025.",
    RESPONSES,
    OURS,
)

# Jobs that fail

FAILED_POLL: Final = Clause(
    "failures.poll", "A failed job polls as status error, with message and detail.", RESPONSES, VENDOR
)
FAILED_OUR_MEMBERS: Final = Clause(
    "failures.our-members",
    "A failed job polls as 200 with its ids, `code`, a typed `error_code` and an empty `data`.",
    WAITING,
    OURS,
)
FAILED_POST: Final = Clause(
    "failures.post", "A POST that waited for a job that failed answers the error itself.", WAITING, OURS
)
FAILED_SILENT: Final = Clause(
    "failures.silent",
    "An error that nobody foresaw ends the job as painting_failed and tells nothing of our insides.",
    API_ERRORS,
    OURS,
)

# Results

RESULT_BODY: Final = Clause(
    "results.body", "200 has the status success and `data`, an `id` and a `url` for each picture.", RESPONSES, VENDOR
)
RESULT_OUR_MEMBERS: Final = Clause(
    "results.our-members",
    "200 tells the job's id, each picture's end and seed, the painter, and what was taken for the mask.",
    API_REQUEST,
    OURS,
)
SIZE_KEPT: Final = Clause("results.size", "A picture comes back in the size that was sent.", PIXELS, OURS)
RESULT_IDS: Final = Clause(
    "results.ids",
    "A picture's id is a UUID and the extension of its format, and is never given twice.",
    RESPONSES,
    VENDOR,
)
SYNC_POLLED: Final = Clause(
    "results.sync-polled", "A job that was waited for can be polled like any other.", WAITING, OURS
)

# Result files

URL_OPEN: Final = Clause(
    "files.url-open", "A result's URL is fetched without a key, as often as wanted.", RESPONSES, VENDOR
)
FILE_HEADERS: Final = Clause(
    "files.headers",
    "A file comes with its media type and length, is not sniffed, and is cached no longer than its URL works.",
    RESULT_FILES,
    OURS,
)
FILES_LIVE: Final = Clause("files.live", "Result files live 24 hours, and no URL outlives its file.", RESPONSES, VENDOR)
URL_END: Final = Clause(
    "files.url-end",
    "expires_at is the URL's end: 24 hours after the job's, or sooner where a store beside the API signs for less.",
    RESULT_FILES,
    OURS,
)
URL_SIGNED: Final = Clause("files.signed", "A URL that was not signed as it stands opens nothing.", API_ERRORS, OURS)
URL_ANEW: Final = Clause("files.url-anew", "A poll gives URLs that work.", RESULT_FILES, OURS)
URL_HOST: Final = Clause(
    "files.host",
    "A host that serves its files itself gives URLs at the address its client spoke to.",
    RESULT_FILES,
    OURS,
)
RESULT_REUSED: Final = Clause(
    "files.reused",
    "A result's id can be sent as the image of another request of the same account, and of no other, while it lives.",
    FIELDS,
    OURS,
)

# Preferences and waiting

PREFER_ASYNC: Final = Clause(
    "prefer.respond-async", "`Prefer: respond-async` is answered 202, and said to be applied.", FIELDS, VENDOR
)
PREFER_WAIT: Final = Clause(
    "prefer.wait",
    "`Prefer: wait=N`, 1 to 600, waits up to N seconds, then 202; it is said to be applied.",
    FIELDS,
    VENDOR,
)
PREFER_BEATS_MODE: Final = Clause("prefer.beats-mode", "`Prefer` beats `mode`.", FIELDS, VENDOR)
PREFER_SYNTAX: Final = Clause(
    "prefer.syntax",
    "Preferences are a list, in any case, quoted or not, over several lines too; what means nothing is ignored.",
    "RFC 7240, 2",
    RFC,
)
PREFER_MOST: Final = Clause(
    "prefer.most", "A wait beyond the most that a host grants, 600 or less, is granted that.", WAITING, OURS
)
WAIT_LOSES_NOTHING: Final = Clause(
    "waiting.loses-nothing", "A wait that runs out is answered 202, and its job goes on.", WAITING, OURS
)
