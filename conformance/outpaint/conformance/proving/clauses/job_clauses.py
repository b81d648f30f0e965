"""Jobs, waiting, results, idempotency."""

from __future__ import annotations

from typing import Final

from outpaint.conformance.proving.clause import API, ERRORS, FIELDS, OURS, PIXELS, RFC, VENDOR, WIRE, Clause

REPLAY: Final = Clause(
    "idempotency.replay",
    "A request sent again under its Idempotency-Key is answered with the first one's job.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_FREE: Final = Clause("idempotency.free", "A replay is not charged.", f"{API}#sending-twice-paying-once", OURS)
REPLAY_FLAG: Final = Clause(
    "idempotency.flag",
    "A replay, and nothing else, is marked `Idempotent-Replayed: true`.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_MISMATCH: Final = Clause(
    "idempotency.mismatch",
    "Other fields or other bytes of pictures under the same key are 422.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_SAME: Final = Clause(
    "idempotency.same",
    "Field order, spelling, content type, file names, `mode` and `Prefer` may differ.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_WAITS: Final = Clause(
    "idempotency.in-progress",
    "While the first still waits for its answer, the same again is 409.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_REFUSED: Final = Clause(
    "idempotency.refused", "A refused request leaves its key free.", f"{API}#sending-twice-paying-once", OURS
)
REPLAY_FAILED: Final = Clause(
    "idempotency.failed",
    "A job that ran and failed is replayed like any other.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_ACCOUNT: Final = Clause(
    "idempotency.account", "Each account has its own keys.", f"{API}#sending-twice-paying-once", OURS
)
REPLAY_LIFETIME: Final = Clause(
    "idempotency.lifetime", "A key is remembered for 24 hours.", f"{API}#sending-twice-paying-once", OURS
)
REPLAY_KEY: Final = Clause(
    "idempotency.key",
    "A key is 1 to 255 visible ASCII characters, compared as they are.",
    f"{API}#sending-twice-paying-once",
    OURS,
)


POLL: Final = Clause(
    "jobs.poll", "A poll is 202 while the job is pending and 200 when it is done.", f"{WIRE}#routes", VENDOR
)
ACCEPTED_BODY: Final = Clause(
    "jobs.accepted-body",
    "202 has a status word, an `inference_id`, and `data`, present and empty.",
    f"{WIRE}#responses",
    VENDOR,
)
JOB_WORDS: Final = Clause(
    "jobs.words",
    "The status word is processing while a job runs, success with its pictures, error without.",
    f"{WIRE}#responses",
    VENDOR,
)
BOTH_IDS: Final = Clause(
    "jobs.both-ids",
    "202 and a failed job carry the id as `inference_id` and as `transaction_id`, equal.",
    f"{WIRE}#responses",
    OURS,
)
LOCATION: Final = Clause("jobs.location", "202 says where to poll in `Location`.", f"{API}#waiting-or-not", OURS)
JOB_OUR_MEMBERS: Final = Clause(
    "jobs.our-members", "202 says what was understood of the mask.", f"{API}#the-request", OURS
)
ENDED_IS_FINAL: Final = Clause(
    "jobs.ended-is-final", "A job that has ended stays as it ended.", f"{WIRE}#routes", VENDOR
)
FOUND_AT_ONCE: Final = Clause("jobs.found-at-once", "An id is found from the moment it was given out.", ERRORS, OURS)
JOB_LIFETIME: Final = Clause(
    "jobs.lifetime", "A job that does not end within its lifetime is ended as timed out.", f"{API}#errors", OURS
)
JOB_KEPT: Final = Clause("jobs.kept", "A job is kept as long as its files, and no longer.", f"{API}#result-files", OURS)
JOB_OWN_ACCOUNT: Final = Clause(
    "jobs.own-account",
    "A job is its account's alone: to any other it is as unknown as an id never given out.",
    ERRORS,
    OURS,
)
WORD_OF_2025: Final = Clause(
    "jobs.word-of-2025",
    "A setting chooses the word success for the async POST, as the vendor had it in 2025.",
    f"{WIRE}#responses",
    OURS,
)

# Failed jobs

FAILED_POLL: Final = Clause(
    "failures.poll", "A failed job polls as status error, with message and detail.", f"{WIRE}#responses", VENDOR
)
FAILED_OUR_MEMBERS: Final = Clause(
    "failures.our-members",
    "A failed job polls as 200 with its ids, `code`, a typed `error_code` and an empty `data`.",
    f"{API}#waiting-or-not",
    OURS,
)
FAILED_POST: Final = Clause(
    "failures.post",
    "A POST that waited for a job that failed answers the error itself.",
    f"{API}#waiting-or-not",
    OURS,
)
FAILED_SILENT: Final = Clause(
    "failures.silent",
    "An error that nobody foresaw ends the job as painting_failed and tells nothing of our insides.",
    f"{API}#errors",
    OURS,
)


# Answers

RESULT_BODY: Final = Clause(
    "results.body",
    "200 has the status success and `data`, an `id` and a `url` for each picture.",
    f"{WIRE}#responses",
    VENDOR,
)
RESULT_OUR_MEMBERS: Final = Clause(
    "results.our-members",
    "200 tells the job's id, each picture's end and seed, the painter, and what was taken for the mask.",
    f"{API}#the-request",
    OURS,
)
SIZE_KEPT: Final = Clause("results.size", "A picture comes back in the size that was sent.", PIXELS, OURS)
RESULT_IDS: Final = Clause(
    "results.ids",
    "A picture's id is a UUID and the extension of its format, and is never given twice.",
    f"{WIRE}#responses",
    VENDOR,
)
SYNC_POLLED: Final = Clause(
    "results.sync-polled",
    "A job that was waited for can be polled like any other.",
    f"{API}#waiting-or-not",
    OURS,
)

# Files

URL_OPEN: Final = Clause(
    "files.url-open",
    "A result's URL is fetched without a key, as often as wanted.",
    f"{WIRE}#responses",
    VENDOR,
)
FILE_HEADERS: Final = Clause(
    "files.headers",
    "A file comes with its media type and length, is not sniffed, and is cached no longer than its URL works.",
    f"{API}#result-files",
    OURS,
)
FILES_LIVE: Final = Clause(
    "files.live", "Result files live 24 hours, and no URL outlives its file.", f"{WIRE}#responses", VENDOR
)
URL_END: Final = Clause(
    "files.url-end",
    "expires_at is the URL's end: 24 hours after the job's, or sooner where a store beside the API signs for less.",
    f"{API}#result-files",
    OURS,
)
URL_SIGNED: Final = Clause(
    "files.signed", "A URL that was not signed as it stands opens nothing.", f"{API}#errors", OURS
)
URL_ANEW: Final = Clause("files.url-anew", "A poll gives URLs that work.", f"{API}#result-files", OURS)
URL_HOST: Final = Clause(
    "files.host",
    "A host that serves its files itself gives URLs at the address its client spoke to.",
    f"{API}#result-files",
    OURS,
)
RESULT_REUSED: Final = Clause(
    "files.reused",
    "A result's id can be sent as the image of another request of the same account, and of no other, while it lives.",
    FIELDS,
    OURS,
)


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
