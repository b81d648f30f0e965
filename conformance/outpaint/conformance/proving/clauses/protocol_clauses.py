"""Routes, HTTP, browsers, answers, accounts."""

from __future__ import annotations

from typing import Final

from outpaint.conformance.proving.clause import API, ERRORS, FIELDS, OURS, RFC, VENDOR, WIRE, Clause

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


PREFLIGHT: Final = Clause(
    "browsers.preflight", "A preflight needs no key and allows the API's verbs and headers.", f"{API}#headers", OURS
)
PREFLIGHT_PREFER: Final = Clause(
    "browsers.preflight-prefer", "A preflight allows `Prefer`.", f"{FIELDS}, Prefer", VENDOR
)
OPTIONS: Final = Clause("browsers.options", "OPTIONS tells the verbs of a path.", "RFC 9110, 9.3.7", RFC)
DOCUMENTS: Final = Clause(
    "browsers.documents", "The description is served at /openapi.json and a page of it at /docs.", API, OURS
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
