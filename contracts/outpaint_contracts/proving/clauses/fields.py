"""What the fields of a request are and mean."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, ERRORS, FIELDS, OURS, VENDOR

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
