"""Which paths, verbs and media types are answered, and how the others are refused."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, ERRORS, OURS, RFC, VENDOR

NOT_FOUND: Final = Clause("paths.not-found", "404: there is no such path, or no such id.", ERRORS, VENDOR)
NOT_FOUND_CODES: Final = Clause(
    "paths.not-found-codes",
    "An unknown path and an unknown id have typed codes of their own.",
    f"{API}#errors",
    OURS,
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
    f"{API}#errors; RFC 9457",
    OURS,
)
