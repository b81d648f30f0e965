"""What a running cloud is tested for: it outpaints the sample, refuses large bodies and passes the contract's cases."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
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
from outpaint.conformance.verify.text_reports import print_table, progress, report_console
from outpaint.conformance.verify.verification import verify_provider
from outpaint.conformance.verify.verification_page import as_page
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import API_KEY, BALANCE_PATH, OUTPAINT_PATH, UPLOADS_PATH
from outpaint.functions.aws.aws_settings import PREFIX
from outpaint.functions.command_line.demo_command import outpaint_sample
from outpaint.functions.command_line.exit_codes import ExitCode

# Base64 makes four bytes of three: the first still reaches the function, the others do not.
SIZES: Final = (4_600_000, 6_291_457, 10_485_761)
CONTRACTS_REFUSAL_UP_TO: Final[Mapping[str, int]] = {
    # Has no limit, so the function itself refuses.
    "ministack": SIZES[2],
    # What Lambda refuses is a gateway response of template.yaml, what the gateway itself refuses is not.
    "RestApi": SIZES[1],
    "FunctionUrl": SIZES[0],
}
"""By what is in front of the function: up to how many bytes the 413 is the contract's, and names POST /v1/uploads."""
LEFT_OUT: Final[Mapping[str, str]] = {
    "routes.an-invented-verb-is-405": "an unknown method does not get through AWS's gateway, which is not real here",
    "limits.headers-far-over-the-limit-lose-no-idempotency-key": "a gateway refuses such a head in words of its own",
}
"""Families of cases that a stack here is not held to, and why."""
_TIMEOUT_S: Final = 120.0
_POLL_PAUSE_S: Final = 0.05
_NUMBERS: Final = itertools.count(1)


def show_sample(deployment: LocalDeployment, output: Path) -> None:
    """Outpaint the sample photo, one picture in sync mode and two in async mode, all written to `output`."""
    began = time.monotonic()
    for paths in outpaint_sample(deployment.url, deployment.open_account("the sample's"), output):
        say(f"  after {time.monotonic() - began:.1f} s: {', '.join(map(str, paths))}")


def check_sizes(base_url: str, key: str, gateway: str) -> None:
    """Post bodies of `SIZES`: each must be refused by 413, as `CONTRACTS_REFUSAL_UP_TO` says, and cost nothing.

    Raises `CloudError` for any other answer.
    """
    with httpx.Client(base_url=base_url, headers={API_KEY: key}, timeout=_TIMEOUT_S, trust_env=False) as client:
        before = client.get(BALANCE_PATH).json()
        for size in SIZES:
            form = {"image": ("a.png", bytes(size), "image/png")}
            answer = client.post(OUTPAINT_PATH, files=form, data={"prompt": "x"})
            is_ours = f'"error_code":"{ErrorCode.BODY_TOO_LARGE}"' in answer.text and UPLOADS_PATH in answer.text
            say(f"  {size:>10,} bytes: {answer.status_code} {answer.json()['detail'] if is_ours else answer.text}")
            if answer.status_code != 413 or is_ours != (size <= CONTRACTS_REFUSAL_UP_TO[gateway]):
                raise CloudError(f"a body of {size} bytes was answered {answer.status_code} {answer.text[:300]}")
        if client.get(BALANCE_PATH).json() != before:
            raise CloudError("a body that was refused has cost credits")


class StackProvider(NewAccounts):
    """A deployed stack as a provider: accounts, held and failing jobs, an API function with other settings.

    Not offered: its clock is AWS's; its fetcher refuses our addresses, which are private; and bytes that are no HTTP do
    not get through AWS's gateway, which is not real here.
    """

    offers = frozenset({Need.ACCOUNTS, Need.SECOND_ACCOUNT, Need.HELD_JOBS, Need.FAILING_JOBS, Need.SETTINGS})
    shares_account = False
    poll_pause = _POLL_PAUSE_S

    def __init__(self, name: str, deployment: LocalDeployment) -> None:
        self.name = name
        self.longest_wait = deployment.longest_wait
        self._deployment = deployment

    def client(self) -> httpx.Client:
        # Plain HTTP: without `verify` no certificates are read, which takes longer than most cases.
        return httpx.Client(base_url=self._deployment.url, timeout=_TIMEOUT_S, verify=False, trust_env=False)  # noqa: S501

    def new_account(self, balance: int, *, allowed: bool = True) -> str:
        return self._deployment.open_account(f"{self.name} {next(_NUMBERS)}", balance, allowed=allowed)

    def publish(self, data: bytes | ErrorCode) -> str:  # noqa: ARG002 - the protocol's signature
        raise NotOffered("its fetcher refuses private addresses, and this machine has no other")

    def hold(self) -> AbstractContextManager[None]:
        return self._deployment.orders.hold()

    def failing(self, error: Exception) -> AbstractContextManager[None]:
        return self._deployment.orders.failing(error)

    def advance(self, seconds: float) -> None:  # noqa: ARG002 - the protocol's signature
        raise NotOffered("its clock is AWS's")

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:
        """Another API function of the same stack, with these settings."""
        variables = {
            PREFIX + name.upper(): json.dumps(value) if isinstance(value, dict) else str(value)
            for name, value in settings.items()
        }
        with self._deployment.another(variables) as url:
            yield StackProvider(self.name, replace(self._deployment, url=url))

    def address(self) -> tuple[str, int]:
        raise NotOffered("bytes that are no HTTP do not get through AWS's gateway, which is not real here")


def stack_cases() -> tuple[Case, ...]:
    """The cases that a stack here is held to."""
    return tuple(case for case in all_cases() if case.family not in LEFT_OUT)


def prove(provider: Provider, *, only: Sequence[str] = (), html: Path | None = None) -> int:
    """Hold the provider to the cases and print the verdict; 0 where it keeps the contract, else 1."""
    say_left_out()
    seed = random.randrange(100_000)  # noqa: S311 - an order, not a secret
    with progress(len(stack_cases())) as on_result:
        found = verify_provider(
            provider, stack_cases(), selection=Selection(only=tuple(only)), seed=seed, on_result=on_result
        )
    print_table(found, report_console())
    if html is not None:
        html.write_text(as_page(found), encoding="utf-8")
    return int(found.exit_code is not ExitCode.PROVEN)


def say_left_out() -> None:
    """Print which cases are left out, and why."""
    for family, reason in LEFT_OUT.items():
        say(f"left out: {family}, for {reason}")
