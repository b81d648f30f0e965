"""What a client sees of Lambda's 6 MiB: who refuses a body that is too large, and whether the way out is named."""

from __future__ import annotations

from typing import Final

import httpx
from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.headers import API_KEY

from local_cloud.processes import CloudError, say

# Base64 makes four bytes of three: the first still comes through to the function, the others not.
SIZES: Final = (4_600_000, 6_291_457, 10_485_761)
_OUTPAINT: Final = "/v1/painting/outpaint"


def check(base_url: str, key: str, *, names_the_way_out: bool) -> None:
    """Post bodies of these sizes; each must be 413 and cost nothing, the first in the function's own words.

    `names_the_way_out`: whether the front door's own 413 tells of POST /v1/uploads too, as a REST API's does and a
    Function URL's cannot.

    Raises `CloudError` for what was answered otherwise.
    """
    with httpx.Client(base_url=base_url, headers={API_KEY: key}, timeout=120, trust_env=False) as client:
        before = client.get("/v1/balance").json()
        for size in SIZES:
            answer = client.post(_OUTPAINT, files={"image": ("a.png", bytes(size), "image/png")}, data={"prompt": "x"})
            document = answer.json()
            is_ours = document.get("error_code") == ErrorCode.BODY_TOO_LARGE
            named = "/v1/uploads" in document.get("detail", "")
            say(f"  {size:>10,} bytes: {answer.status_code} {document.get('detail') or document}")
            expected = size == SIZES[0] or names_the_way_out
            if answer.status_code != 413 or (expected and not (is_ours and named)):
                raise CloudError(f"a body of {size} bytes was answered {answer.status_code} {answer.text[:300]}")
        if client.get("/v1/balance").json() != before:
            raise CloudError("a body that was refused has cost credits")
