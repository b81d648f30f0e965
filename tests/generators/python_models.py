"""The pydantic models of datamodel-code-generator, over httpx: asks the mock, and prints what it was answered."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import httpx
from outpaint_models import Accepted, Balance, ErrorBody, OutpaintForm, OutpaintJson, OutpaintMultipart, Result

PICTURE = Path(os.environ["PICTURE"])
POST = "/v1/painting/outpaint"

with httpx.Client(base_url=os.environ["MOCK_URL"], headers={"X-Picsart-API-Key": "any"}, trust_env=False) as client:
    fields = {"prompt": "a wide beach", "count": 1, "format": "PNG", "mode": "async"}
    form = OutpaintMultipart.model_validate({**fields, "image": PICTURE.read_bytes()})
    sent = form.model_dump(mode="json", exclude={"image"}, exclude_unset=True)
    answer = client.post(POST, data=sent, files={"image": ("picture.png", form.image, "image/png")})
    path = f"/v1/painting/{Accepted.model_validate_json(answer.content).inference_id}"
    client.get(path)
    done = Result.model_validate_json(client.get(path).content)
    elsewhere = {"prompt": "a wide beach", "image_url": "https://example.com/a.png", "count": 1}
    wanted = OutpaintJson.model_validate(elsewhere).model_dump(mode="json", exclude_unset=True)
    second = client.post(POST, json=wanted)
    third = client.post(POST, data=OutpaintForm.model_validate(elsewhere).model_dump(mode="json", exclude_unset=True))
    refused = ErrorBody.model_validate_json(client.post(POST, json={**wanted, "count": 11}).content)
    left = Balance.model_validate_json(client.get("/v1/balance").content)

sys.stdout.write(
    json.dumps(
        {
            "pictures": len(done.data),
            "second": second.status_code,
            "third": third.status_code,
            "error_code": refused.error_code.value,
            "credits": left.credits,
        }
    )
)
