"""Messages of AWS's event stream encoding (application/vnd.amazon.eventstream), as streamed answers use them.

A message is its length, its headers' length, a CRC of both, the headers, the payload and a CRC of everything before;
all numbers big-endian. Only string headers (type 7) occur here.
"""

from __future__ import annotations

import json
import struct
from binascii import crc32
from collections.abc import Mapping
from typing import Final

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_STRING: Final = 7


def payload_part(part: bytes) -> bytes:
    """One piece of a streamed answer."""
    return _message(
        {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}, part
    )


def stream_error(error_code: str, text: str) -> bytes:
    """ModelStreamError: the end of a stream whose model failed; the code is AWS's, such as StreamBroken."""
    return _message(
        {":message-type": "exception", ":exception-type": "ModelStreamError", ":content-type": "application/json"},
        json.dumps({"Message": text, "ErrorCode": error_code}).encode(),
    )


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    prelude += struct.pack("!I", crc32(prelude))
    return prelude + head + payload + struct.pack("!I", crc32(prelude + head + payload))
