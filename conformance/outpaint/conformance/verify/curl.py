"""An exchange as a curl command, and the parts of the form that it sent."""

from __future__ import annotations

import shlex

from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.contracts import curl_commands
from outpaint.contracts.curl_commands import SentPart, curl_options


def form_parts(exchange: ObservedExchange) -> tuple[SentPart, ...]:
    """The parts of a multipart request in their order; none where it was another, or no whole form."""
    return curl_commands.form_parts(exchange.request_headers, exchange.request_body)


def as_curl(exchange: ObservedExchange) -> str:
    """The request on one line, but for line breaks in its body; files are `@FIELD.bin`, with sizes in a comment."""
    options = curl_options(
        exchange.method, exchange.request_headers, exchange.request_body, saved=lambda part: part.file_name
    )
    sizes = ", ".join(f"{part.file_name}: {len(part.data):,} bytes" for part in form_parts(exchange) if part.is_file)
    return " ".join(["curl -sS -i", *options, shlex.quote(exchange.url)]) + (f"  # {sizes}" if sizes else "")
