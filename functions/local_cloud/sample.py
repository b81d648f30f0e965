"""The sample photo, outpainted through a deployed stack."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import httpx
from outpaint_contracts.headers import API_KEY
from outpaint_painting.extension import TargetSize, canvas_file, extend
from outpaint_painting.sample import sample_photo

from local_cloud.deployment import Deployment
from local_cloud.processes import CloudError, say

PAINT_S: Final = 300.0


def outpaint(deployment: Deployment, output: Path) -> None:
    """One picture waited for and two polled for, all written to `output`."""
    output.mkdir(parents=True, exist_ok=True)
    upload = output / "sample-to-grow.png"
    upload.write_bytes(canvas_file(extend(sample_photo(), TargetSize(1024, 768))))
    headers = {API_KEY: deployment.open_account("the sample's")}
    made = []
    with httpx.Client(base_url=deployment.url, headers=headers, timeout=PAINT_S, trust_env=False) as client:
        for mode, count in (("sync", 1), ("async", 2)):
            began = time.monotonic()
            fields = {"prompt": "an espresso on a wooden table", "seed": "1", "count": str(count), "mode": mode}
            files = {"image": (upload.name, upload.read_bytes(), "image/png")}
            answer = client.post("/v1/painting/outpaint", data=fields, files=files)
            # A wait that has run out is answered 202, like an asynchronous request: the job goes on.
            if answer.status_code not in ((200, 202) if mode == "sync" else (202,)):
                raise CloudError(f"{mode}: {answer.status_code} {answer.text[:500]}")
            result = _finished(client, answer.json())
            for number, picture in enumerate(result["data"], start=1):
                path = output / f"sample-{mode}-{number}.jpg"
                path.write_bytes(client.get(picture["url"]).raise_for_status().content)
                made.append(path)
            say(f"  {mode}, {count} of {count}: {time.monotonic() - began:.1f} s")
    say("Finished pictures:")
    for path in made:
        say(f"  {path}")


def _finished(client: httpx.Client, answer: dict[str, Any]) -> dict[str, Any]:
    """The result, polled for until it is there."""
    until = time.monotonic() + PAINT_S
    while answer["status"] == "processing":
        if time.monotonic() > until:
            raise CloudError(f"the pictures were not finished after {PAINT_S:.0f} seconds")
        time.sleep(0.5)
        answer = client.get(f"/v1/painting/{answer['inference_id']}").json()
    if answer["status"] != "success":
        raise CloudError(f"painting failed: {answer}")
    return answer
