"""The client of openapi-python-client: asks the mock, and prints what it was answered."""

from __future__ import annotations

import json
import os
import sys
from io import BytesIO
from pathlib import Path

from outpaint_image_client import AuthenticatedClient
from outpaint_image_client.api.account import balance
from outpaint_image_client.api.painting import genai_image_outpainting, genai_painting_result
from outpaint_image_client.models import (
    ErrorBody,
    OutpaintForm,
    OutpaintJson,
    OutpaintMultipart,
    OutpaintMultipartFormat,
    OutpaintMultipartMode,
    Result,
)
from outpaint_image_client.types import File

BASE_URL, PICTURE = os.environ["MOCK_URL"], Path(os.environ["PICTURE"])

with AuthenticatedClient(BASE_URL, token="any", prefix="", auth_header_name="X-Picsart-API-Key") as client:
    form = OutpaintMultipart(
        prompt="a wide beach",
        image=File(BytesIO(PICTURE.read_bytes()), "picture.png", "image/png"),
        count=1,
        format_=OutpaintMultipartFormat.PNG,
        mode=OutpaintMultipartMode.ASYNC,
    )
    taken = genai_image_outpainting.sync(client=client, body=form)
    inference_id = taken.inference_id
    genai_painting_result.sync(inference_id, client=client)
    done = genai_painting_result.sync(inference_id, client=client)
    assert isinstance(done, Result), done
    elsewhere = {"prompt": "a wide beach", "image_url": "https://example.com/a.png"}
    second = genai_image_outpainting.sync_detailed(client=client, body=OutpaintJson(**elsewhere, count=1))
    third = genai_image_outpainting.sync_detailed(client=client, body=OutpaintForm(**elsewhere, count=1))
    refused = genai_image_outpainting.sync(client=client, body=OutpaintJson(**elsewhere, count=11))
    assert isinstance(refused, ErrorBody), refused
    left = balance.sync(client=client)

sys.stdout.write(
    json.dumps(
        {
            "pictures": len(done.data),
            "second": int(second.status_code),
            "third": int(third.status_code),
            "error_code": refused.error_code.value,
            "credits": left.credits_,
        }
    )
)
