"""What scripts and people in a browser need beside the API's own routes."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, FIELDS, OURS, RFC, VENDOR

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
