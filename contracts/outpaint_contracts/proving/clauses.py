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
