"""What HTTP itself asks of a connection, down to its bytes."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import RFC

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
