"""What a client sees of Lambda's 6 MiB: who refuses a body that is too large, and whether the way out is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx
from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.headers import API_KEY

from local_cloud.processes import CloudError, say

# Base64 makes four bytes of three: the first still comes through to the function, the others not.
SIZES: Final = (4_600_000, 6_291_457, 10_485_761)
IN_OUR_WORDS: Final[Mapping[str, int]] = {
    # Knows no limit, so the function itself says it.
    "ministack": SIZES[2],
    # What Lambda refuses is a gateway response of template.yaml, what the gateway itself refuses is not.
    "RestApi": SIZES[1],
    "FunctionUrl": SIZES[0],
}
"""By front door: up to how many bytes the 413 is of our shape and tells of POST /v1/uploads."""
_OUTPAINT: Final = "/v1/painting/outpaint"


def check(base_url: str, key: str, front_door: str) -> None:
    """Post bodies of these sizes; each must be 413, in our words as far as the front door lets us, and cost nothing.

    Raises `CloudError` for what was answered otherwise.
    """
    with httpx.Client(base_url=base_url, headers={API_KEY: key}, timeout=120, trust_env=False) as client:
        before = client.get("/v1/balance").json()
        for size in SIZES:
            answer = client.post(_OUTPAINT, files={"image": ("a.png", bytes(size), "image/png")}, data={"prompt": "x"})
            is_ours = f'"error_code":"{ErrorCode.BODY_TOO_LARGE}"' in answer.text and "/v1/uploads" in answer.text
            say(f"  {size:>10,} bytes: {answer.status_code} {answer.json()['detail'] if is_ours else answer.text}")
            if answer.status_code != 413 or is_ours != (size <= IN_OUR_WORDS[front_door]):
                raise CloudError(f"a body of {size} bytes was answered {answer.status_code} {answer.text[:300]}")
        if client.get("/v1/balance").json() != before:
            raise CloudError("a body that was refused has cost credits")
