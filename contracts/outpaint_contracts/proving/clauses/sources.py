"""Where a picture comes from, other than the request's own body."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, ERRORS, FIELDS, OURS, VENDOR

DATA_URI: Final = Clause(
    "sources.data-uri", "An address may be a base64 data: URI, which counts as an upload.", FIELDS, VENDOR
)
DATA_URI_LENGTH: Final = Clause(
    "sources.data-uri-length", "The limit of 2,083 characters is not for data: URIs.", FIELDS, OURS
)
ADDRESS: Final = Clause("sources.address", "A picture may be read from its address.", FIELDS, VENDOR)
ADDRESS_LENGTH: Final = Clause("sources.address-length", "An address has 1 to 2,083 characters.", FIELDS, VENDOR)
ADDRESS_UNREACHABLE: Final = Clause("sources.unreachable", "A source that answers an error is 422.", ERRORS, VENDOR)
ADDRESS_CODES: Final = Clause(
    "sources.codes", "The refusal of a source names its field and has a typed code.", f"{API}#errors", OURS
)
FENCE: Final = Clause(
    "sources.fence", "Addresses of private, local and reserved networks are not read.", f"{API}#errors", OURS
)
IDS: Final = Clause(
    "sources.ids", "An id is one of the account's own: an upload's or an earlier result's.", FIELDS, OURS
)
UPLOADS: Final = Clause(
    "uploads.ticket", "A picture may be sent ahead by a form that is asked for, at no charge.", API, OURS
)
UPLOADS_FENCE: Final = Clause(
    "uploads.fence", "A form takes its own picture and no other, and only its account can use it.", API, OURS
)
