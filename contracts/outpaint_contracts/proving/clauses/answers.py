"""What every answer carries, and what an error's body says."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, ERRORS, OURS, RFC, VENDOR, WIRE

CORRELATION: Final = Clause(
    "answers.correlation", "Every answer, errors too, carries a correlation id.", f"{WIRE}#headers", VENDOR
)
COUNTERS: Final = Clause(
    "answers.counters",
    "Every answer, errors too, carries the rate limit, what is left of it, when it begins anew, and the credits.",
    f"{WIRE}#headers",
    VENDOR,
)
RESET_FROM_NOW: Final = Clause(
    "answers.reset-from-now",
    "The reset time is whole seconds from now, a 32-bit number: clients sleep on it.",
    f"{WIRE}#headers",
    VENDOR,
)
BROWSERS_READ: Final = Clause(
    "answers.browsers-read", "Scripts of any origin can read an answer and its headers.", f"{WIRE}#headers", OURS
)
RETRY_AFTER: Final = Clause(
    "answers.retry-after", "202, 429 and 503 say when to come back.", f"{WIRE}#headers; RFC 9110, 10.2.3", OURS
)
NOT_CACHED: Final = Clause("answers.not-cached", "Answers in JSON are not cached.", f"{API}#headers", OURS)
OWN_CORRELATION: Final = Clause(
    "answers.own-correlation", "Each answer has a correlation id of its own.", f"{WIRE}#headers", VENDOR
)
LENGTH: Final = Clause("answers.length", "An answer is as long as its Content-Length says.", "RFC 9110, 8.6", RFC)
JSON_ANSWERS: Final = Clause(
    "answers.json", "Answers to requests, polls and balances are JSON.", f"{WIRE}#responses", VENDOR
)

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
    "errors.in-json", "Errors are JSON for a client that asks for nothing.", f"{API}#errors", OURS
)
