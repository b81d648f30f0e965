"""A job on its way: how it is told of, how long it is kept, and how it fails."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, ERRORS, OURS, VENDOR, WIRE

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
