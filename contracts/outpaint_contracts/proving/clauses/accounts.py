"""What belongs to an account: its keys, its rate limit and its credits."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, ERRORS, OURS, RFC, VENDOR, WIRE

# Keys

KEY_NEEDED: Final = Clause(
    "keys.needed", "401, token_error: the key is missing or unknown; every route needs one.", ERRORS, VENDOR
)
KEY_HEADER: Final = Clause("keys.header", "The key's header is read in any case.", f"{WIRE}#routes", VENDOR)
KEY_IN_URL: Final = Clause("keys.in-url", "A key in the URL counts for nothing.", f"{WIRE}#routes", OURS)
KEY_CODES: Final = Clause(
    "keys.codes", "Missing, unknown and forbidden keys have typed codes of their own.", f"{API}#errors", OURS
)
KEY_SECRET: Final = Clause("keys.secret", "A refused key is not repeated.", f"{API}#errors", OURS)
KEY_FIRST: Final = Clause("keys.first", "The key is judged before the body is.", f"{API}#errors", OURS)
KEY_FORBIDDEN: Final = Clause("keys.forbidden", "403: the key is known, its account is not allowed.", ERRORS, VENDOR)
KEY_SCHEME: Final = Clause("keys.scheme", "401 says how to authenticate.", "RFC 9110, 11.6.1", RFC)

# The rate limit

RATE_COUNTED: Final = Clause(
    "rate.counted", "Every request takes one from what is available until the reset.", f"{WIRE}#headers", VENDOR
)
RATE_MINUTE: Final = Clause("rate.minute", "The limit is for a minute.", f"{WIRE}#headers", VENDOR)
RATE_LIMITED: Final = Clause("rate.limited", "One request too many is 429.", ERRORS, VENDOR)
RATE_WAY_OUT: Final = Clause("rate.way-out", "429 says when to come back, and who comes then is served.", ERRORS, OURS)
RATE_OWN: Final = Clause("rate.own", "Each account has a limit of its own.", f"{API}#headers", OURS)

# Credits

BALANCE: Final = Clause(
    "credits.balance", "The balance is one whole number, `credits`, and no other member.", f"{WIRE}#routes", VENDOR
)
CREDIT_HEADER: Final = Clause(
    "credits.header", "The credit header is the balance before the request's own charge.", f"{WIRE}#headers", VENDOR
)
PRICE: Final = Clause("credits.price", "A picture costs one credit by default; nothing else costs any.", ERRORS, OURS)
RESERVED: Final = Clause(
    "credits.reserved",
    "Credits are taken when a job is accepted, and can never be spent twice.",
    ERRORS,
    OURS,
)
GIVEN_BACK: Final = Clause(
    "credits.given-back", "A job that ends without pictures gives its credits back, once.", ERRORS, OURS
)
REFUSED_FREE: Final = Clause("credits.refused-free", "A refused request is not charged.", ERRORS, VENDOR)
USED_UP: Final = Clause("credits.used-up", "402, Payment Required: the credits do not suffice.", ERRORS, VENDOR)
