"""What is asked of a running cloud: the sample, the size limit, the contract's cases."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx

from local_cloud.local_deployment import LocalDeployment
from local_cloud.processes import CloudError, say
from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving.case import Case
from outpaint.conformance.proving.expectations import NotOffered
from outpaint.conformance.proving.provider import Need, NewAccounts, Provider
from outpaint.conformance.verify.case_selection import Selection
from outpaint.conformance.verify.exit_codes import ExitCode
from outpaint.conformance.verify.text_reports import print_table, progress, report_console
from outpaint.conformance.verify.verification import Verification, verify
from outpaint.conformance.verify.verification_page import as_page
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.aws.aws_settings import PREFIX
from outpaint.painting.inputs.extension import TargetSize, canvas_file, extend
from outpaint.painting.sample import sample_photo

PAINT_S: Final = 300.0


def outpaint(deployment: LocalDeployment, output: Path) -> None:
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


TIMEOUT_S: Final = 120.0
_POLL_PAUSE_S: Final = 0.05
_NUMBERS: Final = itertools.count(1)


class StackProvider(NewAccounts):
    """Offers what its operator can do: accounts, held and failing jobs, an API function with other settings.

    Not offered: its clock is AWS's; its fetcher refuses addresses of ours, for they are private; and bytes that are no
    HTTP end at AWS's front door, in whose place a stand-in's stands here.
    """

    offers = frozenset({Need.ACCOUNTS, Need.SECOND_ACCOUNT, Need.HELD_JOBS, Need.FAILING_JOBS, Need.SETTINGS})
    shares_account = False
    poll_pause = _POLL_PAUSE_S

    def __init__(self, name: str, deployment: LocalDeployment) -> None:
        self.name = name
        self.longest_wait = deployment.longest_wait
        self._deployment = deployment

    def client(self) -> httpx.Client:
        """A client of the front door."""
        # Plain HTTP: without `verify` no certificates are read, which takes longer than most cases.
        return httpx.Client(base_url=self._deployment.url, timeout=TIMEOUT_S, verify=False, trust_env=False)  # noqa: S501

    def new_account(self, balance: int, *, allowed: bool = True) -> str:
        """A key of a new account in the stack's table."""
        return self._deployment.open_account(f"{self.name} {next(_NUMBERS)}", balance, allowed=allowed)

    def publish(self, data: bytes | ErrorCode) -> str:  # noqa: ARG002 - the protocol's signature
        """Not offered."""
        raise NotOffered("its fetcher refuses private addresses, and this machine has no other")

    def hold(self) -> AbstractContextManager[None]:
        """The painting process paints nothing meanwhile."""
        return self._deployment.orders.hold()

    def failing(self, error: Exception) -> AbstractContextManager[None]:
        """The painter raises this error meanwhile."""
        return self._deployment.orders.failing(error)

    def advance(self, seconds: float) -> None:  # noqa: ARG002 - the protocol's signature
        """Not offered."""
        raise NotOffered("its clock is AWS's")

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:
        """Another API function of the same stack, with these settings."""
        told = {
            PREFIX + name.upper(): json.dumps(value) if isinstance(value, dict) else str(value)
            for name, value in settings.items()
        }
        with self._deployment.another(told) as url:
            yield StackProvider(self.name, replace(self._deployment, url=url))

    def address(self) -> tuple[str, int]:
        """Not offered."""
        raise NotOffered("bytes that are no HTTP end at AWS's front door, and here at a stand-in's")


FRONT_DOOR: Final = "a verb of nobody's ends at AWS's front door, and here at a stand-in's"
LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = {
    FRONT_DOOR: ("routes.an-invented-verb-is-405",),
}
"""Families of cases by the reason why they are not asked of a stack here."""


def asked() -> tuple[Case, ...]:
    """The cases that a stack here is held to."""
    families = {family for some in LEFT_OUT.values() for family in some}
    return tuple(case for case in all_cases() if case.family not in families)


def run(provider: Provider, *, only: Sequence[str] = (), html: Path | None = None) -> int:
    """Prove the provider and print the verdict; 0 where it is proven."""
    tell_left_out()
    found = proven(provider, only=only, seed=random.randrange(100_000))  # noqa: S311 - an order, not a secret
    print_table(found, report_console())
    if html is not None:
        html.write_text(as_page(found), encoding="utf-8")
    return int(found.exit_code is not ExitCode.PROVEN)


def proven(provider: Provider, *, only: Iterable[str] = (), seed: int = 0) -> Verification:
    """What the cases found."""
    with progress(len(asked())) as on_result:
        return verify(provider, asked(), selection=Selection(only=tuple(only)), seed=seed, on_result=on_result)


def tell_left_out() -> None:
    """Print a line for each reason."""
    for reason, families in LEFT_OUT.items():
        say(f"left out, for {reason}: {', '.join(families)}")
