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
    "202 has a status word, an `inference_id`, and `data`, present and empty.",
    f"{_WIRE}, Responses",
    VENDOR,
)
MODE: Final = Clause(
    "requests.mode", "`mode` may stand in the body or in the query; the body wins.", f"{_WIRE}, Request fields", VENDOR
)

# Waiting or not

JOB_WORDS: Final = Clause(
    "jobs.words",
    "The status word is processing while a job runs, success with its pictures, error without.",
    f"{_WIRE}, Responses",
    VENDOR,
)
BOTH_IDS: Final = Clause(
    "jobs.both-ids",
    "202 and a failed job carry the id as `inference_id` and as `transaction_id`, equal.",
    f"{_WIRE}, Responses",
    OURS,
)
LOCATION: Final = Clause("jobs.location", "202 says where to poll in `Location`.", "docs/api.md, Waiting or not", OURS)
JOB_OUR_MEMBERS: Final = Clause(
    "jobs.our-members", "202 says what was understood of the mask.", "docs/api.md, The request", OURS
)
ENDED_IS_FINAL: Final = Clause(
    "jobs.ended-is-final", "A job that has ended stays as it ended.", f"{_WIRE}, Routes", VENDOR
)
FOUND_AT_ONCE: Final = Clause(
    "jobs.found-at-once", "An id is found from the moment it was given out.", f"{_WIRE}, Errors", OURS
)
JOB_LIFETIME: Final = Clause(
    "jobs.lifetime", "A job that does not end within its lifetime is ended as timed out.", "docs/api.md, Errors", OURS
)
JOB_KEPT: Final = Clause(
    "jobs.kept", "A job is kept as long as its files, and no longer.", "docs/api.md, Result files", OURS
)
JOB_OWN_ACCOUNT: Final = Clause(
    "jobs.own-account",
    "A job is its account's alone: to any other it is as unknown as an id never given out.",
    f"{_WIRE}, Errors",
    OURS,
)
NOT_CACHED: Final = Clause("answers.not-cached", "Answers in JSON are not cached.", "docs/api.md, Headers", OURS)
MODE_SPELLING: Final = Clause(
    "requests.mode-spelling",
    "`mode` is read in any case and without the blanks around it.",
    "docs/api.md, The request",
    OURS,
)
PREFER_ASYNC: Final = Clause(
    "prefer.respond-async",
    "`Prefer: respond-async` is answered 202, and said to be applied.",
    f"{_WIRE}, Request fields",
    VENDOR,
)
PREFER_WAIT: Final = Clause(
    "prefer.wait",
    "`Prefer: wait=N`, 1 to 600, waits up to N seconds, then 202; it is said to be applied.",
    f"{_WIRE}, Request fields",
    VENDOR,
)
PREFER_BEATS_MODE: Final = Clause("prefer.beats-mode", "`Prefer` beats `mode`.", f"{_WIRE}, Request fields", VENDOR)
PREFER_SYNTAX: Final = Clause(
    "prefer.syntax",
    "Preferences are a list, in any case, quoted or not, over several lines too; what means nothing is ignored.",
    "RFC 7240, 2",
    Origin.RFC,
)
PREFER_MOST: Final = Clause("prefer.most", "A wait beyond 600 is granted 600.", "docs/api.md, Waiting or not", OURS)
WAIT_LOSES_NOTHING: Final = Clause(
    "waiting.loses-nothing",
    "A wait that runs out is answered 202, and its job goes on.",
    "docs/api.md, Waiting or not",
    OURS,
)
WORD_OF_2025: Final = Clause(
    "jobs.word-of-2025",
    "A setting chooses the word success for the async POST, as the vendor had it in 2025.",
    f"{_WIRE}, Responses",
    OURS,
)

# Results

RESULT_BODY: Final = Clause(
    "results.body",
    "200 has the status success and `data`, an `id` and a `url` for each picture.",
    f"{_WIRE}, Responses",
    VENDOR,
)
RESULT_OUR_MEMBERS: Final = Clause(
    "results.our-members",
    "200 tells the job's id, each picture's end and seed, the painter, and what was taken for the mask.",
    "docs/api.md, The request",
    OURS,
)
DEFAULTS: Final = Clause(
    "requests.defaults", "Without count, format and mode: two JPGs, waited for.", f"{_WIRE}, Request fields", VENDOR
)
COUNT: Final = Clause(
    "requests.count", "As many pictures come back as were asked for, 1 to 10.", f"{_WIRE}, Request fields", VENDOR
)
FORMAT: Final = Clause(
    "requests.format", "Pictures come as JPG, PNG or WEBP, as asked for.", f"{_WIRE}, Request fields", VENDOR
)
SIZE_KEPT: Final = Clause("results.size", "A picture comes back in the size that was sent.", f"{_PIXELS}", OURS)
RESULT_IDS: Final = Clause(
    "results.ids",
    "A picture's id is a UUID and the extension of its format, and is never given twice.",
    f"{_WIRE}, Responses",
    VENDOR,
)
SYNC_POLLED: Final = Clause(
    "results.sync-polled",
    "A job that was waited for can be polled like any other.",
    "docs/api.md, Waiting or not",
    OURS,
)

# Result files

URL_OPEN: Final = Clause(
    "files.url-open",
    "A result's URL is fetched without a key, as often as wanted.",
    f"{_WIRE}, Responses",
    VENDOR,
)
FILE_HEADERS: Final = Clause(
    "files.headers",
    "A file comes with its media type and length, is not sniffed, and is cached no longer than its URL works.",
    "docs/api.md, Result files",
    OURS,
)
FILES_LIVE: Final = Clause(
    "files.live", "Result files live 24 hours, and their URLs end with them.", f"{_WIRE}, Responses", VENDOR
)
URL_SIGNED: Final = Clause(
    "files.signed", "A URL that was not signed as it stands opens nothing.", "docs/api.md, Errors", OURS
)
URL_ANEW: Final = Clause("files.url-anew", "A poll gives URLs that work.", "docs/api.md, Result files", OURS)
URL_HOST: Final = Clause(
    "files.host",
    "A host that serves its files itself gives URLs at the address its client spoke to.",
    "docs/api.md, Result files",
    OURS,
)
RESULT_REUSED: Final = Clause(
    "files.reused",
    "A result's id can be sent as the image of another request of the same account, and of no other.",
    f"{_WIRE}, Request fields",
    OURS,
)

# Sending twice, paying once

REPLAY: Final = Clause(
    "idempotency.replay",
    "A request sent again under its Idempotency-Key is answered with the first one's job.",
    "docs/api.md, Sending twice",
    OURS,
)
REPLAY_FREE: Final = Clause("idempotency.free", "A replay is not charged.", "docs/api.md, Sending twice", OURS)
REPLAY_FLAG: Final = Clause(
    "idempotency.flag",
    "A replay, and nothing else, is marked `Idempotent-Replayed: true`.",
    "docs/api.md, Sending twice",
    OURS,
)
REPLAY_MISMATCH: Final = Clause(
    "idempotency.mismatch",
    "Other fields or other bytes of pictures under the same key are 422.",
    "docs/api.md, Sending twice",
    OURS,
)
REPLAY_SAME: Final = Clause(
    "idempotency.same",
    "Field order, spelling, content type, file names, `mode` and `Prefer` may differ.",
    "docs/api.md, Sending twice",
    OURS,
)
REPLAY_WAITS: Final = Clause(
    "idempotency.in-progress",
    "While the first still waits for its answer, the same again is 409.",
    "docs/api.md, Sending twice",
    OURS,
)
REPLAY_REFUSED: Final = Clause(
    "idempotency.refused", "A refused request leaves its key free.", "docs/api.md, Sending twice", OURS
)
REPLAY_FAILED: Final = Clause(
    "idempotency.failed", "A job that ran and failed is replayed like any other.", "docs/api.md, Sending twice", OURS
)
REPLAY_ACCOUNT: Final = Clause(
    "idempotency.account", "Each account has its own keys.", "docs/api.md, Sending twice", OURS
)
REPLAY_LIFETIME: Final = Clause(
    "idempotency.lifetime", "A key is remembered for 24 hours.", "docs/api.md, Sending twice", OURS
)
REPLAY_KEY: Final = Clause(
    "idempotency.key",
    "A key is 1 to 255 visible ASCII characters, compared as they are.",
    "docs/api.md, Sending twice",
    OURS,
)

# Credits

BALANCE: Final = Clause(
    "credits.balance", "The balance is one whole number, `credits`, and no other member.", f"{_WIRE}, Routes", VENDOR
)
CREDIT_HEADER: Final = Clause(
    "credits.header", "The credit header is the balance before the request's own charge.", f"{_WIRE}, Headers", VENDOR
)
PRICE: Final = Clause(
    "credits.price", "A picture costs one credit by default; nothing else costs any.", f"{_WIRE}, Errors", OURS
)
RESERVED: Final = Clause(
    "credits.reserved",
    "Credits are taken when a job is accepted, and can never be spent twice.",
    f"{_WIRE}, Errors",
    OURS,
)
GIVEN_BACK: Final = Clause(
    "credits.given-back", "A job that ends without pictures gives its credits back, once.", f"{_WIRE}, Errors", OURS
)
REFUSED_FREE: Final = Clause("credits.refused-free", "A refused request is not charged.", f"{_WIRE}, Errors", VENDOR)
USED_UP: Final = Clause(
    "credits.used-up", "402, Payment Required: the credits do not suffice.", f"{_WIRE}, Errors", VENDOR
)

# Failed jobs

FAILED_POLL: Final = Clause(
    "failures.poll", "A failed job polls as status error, with message and detail.", f"{_WIRE}, Responses", VENDOR
)
FAILED_OUR_MEMBERS: Final = Clause(
    "failures.our-members",
    "A failed job polls as 200 with its ids, `code`, a typed `error_code` and an empty `data`.",
    "docs/api.md, Waiting or not",
    OURS,
)
FAILED_POST: Final = Clause(
    "failures.post",
    "A POST that waited for a job that failed answers the error itself.",
    "docs/api.md, Waiting or not",
    OURS,
)
FAILED_SILENT: Final = Clause(
    "failures.silent",
    "An error that nobody foresaw ends the job as painting_failed and tells nothing of our insides.",
    "docs/api.md, Errors",
    OURS,
)

# The rate limit

RATE_COUNTED: Final = Clause(
    "rate.counted", "Every request takes one from what is available until the reset.", f"{_WIRE}, Headers", VENDOR
)
RATE_MINUTE: Final = Clause("rate.minute", "The limit is for a minute.", f"{_WIRE}, Headers", VENDOR)
RATE_LIMITED: Final = Clause("rate.limited", "One request too many is 429.", f"{_WIRE}, Errors", VENDOR)
RATE_WAY_OUT: Final = Clause(
    "rate.way-out", "429 says when to come back, and who comes then is served.", f"{_WIRE}, Errors", OURS
)
RATE_OWN: Final = Clause("rate.own", "Each account has a limit of its own.", "docs/api.md, Headers", OURS)

# Keys

KEY_NEEDED: Final = Clause(
    "keys.needed", "401, token_error: the key is missing or unknown; every route needs one.", f"{_WIRE}, Errors", VENDOR
)
KEY_HEADER: Final = Clause("keys.header", "The key's header is read in any case.", f"{_WIRE}, Routes", VENDOR)
KEY_IN_URL: Final = Clause("keys.in-url", "A key in the URL counts for nothing.", f"{_WIRE}, Routes", OURS)
KEY_CODES: Final = Clause(
    "keys.codes", "Missing, unknown and forbidden keys have typed codes of their own.", "docs/api.md, Errors", OURS
)
KEY_SECRET: Final = Clause("keys.secret", "A refused key is not repeated.", "docs/api.md, Errors", OURS)
KEY_FIRST: Final = Clause("keys.first", "The key is judged before the body is.", "docs/api.md, Errors", OURS)
KEY_FORBIDDEN: Final = Clause(
    "keys.forbidden", "403: the key is known, its account is not allowed.", f"{_WIRE}, Errors", VENDOR
)
KEY_SCHEME: Final = Clause("keys.scheme", "401 says how to authenticate.", "RFC 9110, 11.6.1", Origin.RFC)

# Paths, verbs and negotiation

NOT_FOUND: Final = Clause("paths.not-found", "404: there is no such path, or no such id.", f"{_WIRE}, Errors", VENDOR)
NOT_FOUND_CODES: Final = Clause(
    "paths.not-found-codes",
    "An unknown path and an unknown id have typed codes of their own.",
    "docs/api.md, Errors",
    OURS,
)
WRONG_VERB: Final = Clause(
    "verbs.wrong", "405: the path does not take this verb.", f"{_WIRE}, Errors; RFC 9110, 15.5.6", VENDOR
)
HEAD: Final = Clause("verbs.head", "HEAD is answered as GET is, without a body.", "RFC 9110, 9.3.2", Origin.RFC)
ACCEPT_MET: Final = Clause("accept.met", "An Accept that JSON meets is met.", "RFC 9110, 12.5.1", Origin.RFC)
ACCEPT_UNMET: Final = Clause("accept.unmet", "406: JSON cannot meet this Accept.", f"{_WIRE}, Errors", VENDOR)
PROBLEM_DETAILS: Final = Clause(
    "accept.problem-details",
    "Who names application/problem+json in Accept gets errors as RFC 9457 problem details.",
    "docs/api.md, Errors; RFC 9457",
    OURS,
)
OWN_CORRELATION: Final = Clause(
    "answers.own-correlation", "Each answer has a correlation id of its own.", f"{_WIRE}, Headers", VENDOR
)
LENGTH: Final = Clause(
    "answers.length", "An answer is as long as its Content-Length says.", "RFC 9110, 8.6", Origin.RFC
)
ERRORS_IN_JSON: Final = Clause(
    "errors.in-json", "Errors are JSON for a client that asks for nothing.", "docs/api.md, Errors", OURS
)

# Limits of size

HEADERS_LIMIT: Final = Clause(
    "limits.headers", "431: the headers have more than 32 KiB.", f"{_WIRE}, Errors; docs/api.md, Errors", OURS
)
FILE_LIMIT: Final = Clause("limits.file", "413: a file is larger than the host takes.", f"{_WIRE}, Errors", VENDOR)
BODY_LIMIT: Final = Clause(
    "limits.body", "413: a body is larger than the host takes, however it is sent.", f"{_WIRE}, Errors", VENDOR
)
