"""What a finished job answers, and the files that it leaves."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, FIELDS, OURS, PIXELS, VENDOR, WIRE

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
