"""The API's own description: openapi.json, and a page to read it; what writes them is imported when it is asked for."""

from __future__ import annotations

import json
from functools import cache

from outpaint_functions.http.negotiation import JSON


@cache
def openapi() -> tuple[str, bytes]:
    """Media type and bytes of openapi.json."""
    from outpaint_contracts import openapi as contract

    return JSON, json.dumps(contract.document()).encode()


@cache
def docs() -> tuple[str, bytes]:
    """Media type and bytes of the page at /docs."""
    from outpaint_functions.http.docs_page import docs_page

    return "text/html; charset=utf-8", docs_page().encode()
