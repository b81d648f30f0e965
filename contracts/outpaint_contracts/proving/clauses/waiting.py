"""How a client says whether and how long it waits for a job, and what a wait costs it."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, FIELDS, OURS, RFC, VENDOR

PREFER_ASYNC: Final = Clause(
    "prefer.respond-async",
    "`Prefer: respond-async` is answered 202, and said to be applied.",
    FIELDS,
    VENDOR,
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
    "prefer.most",
    "A wait beyond the most that a host grants, 600 or less, is granted that.",
    f"{API}#waiting-or-not",
    OURS,
)
WAIT_LOSES_NOTHING: Final = Clause(
    "waiting.loses-nothing",
    "A wait that runs out is answered 202, and its job goes on.",
    f"{API}#waiting-or-not",
    OURS,
)
