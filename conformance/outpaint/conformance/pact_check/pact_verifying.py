"""A provider verified by a pact with Pact's own engine, which asks a state server for each provider state."""

from __future__ import annotations

import copy
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx

from outpaint.conformance.pact_check.pact_reading import HTTP, ExpectedInteraction, PactFile
from outpaint.conformance.proving.answer_reading import finished
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.expectations import Unmet, equal
from outpaint.conformance.verify.reachability import balance_at, check_base_url, check_is_there, json_at
from outpaint.conformance.verify.remote_provider import RemoteProvider
from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY, PREFER
from outpaint.contracts.requests import MAX_COUNT
from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.exit_codes import ExitCode
from outpaint.mocks.mock_paths import ADMIN_ROOT
from outpaint.mocks.pact.provider_states import StateError, StateName, Values, state_named

SUPPORTED: Final = frozenset({StateName.ACCOUNT, StateName.NO_ACCOUNT, StateName.SUCCEEDED})
"""The provider states for which an API key is enough."""
_MOCK_STATES: Final = f"{ADMIN_ROOT}/pact/state"
_MOCK_CLOCK: Final = f"{ADMIN_ROOT}/clock"
_PATIENCE_S: Final = 5.0
_REQUEST_TIMEOUT_MS: Final = 120_000
_FIRST_PAUSE_S: Final = 0.1


class PublicProvider:
    """A provider that is reached at `root` (a base URL without /v1) with one key.

    A job that succeeded is a job that is paid for: one credit an image. `patience` is how many seconds it may take.
    """

    def __init__(self, root: str, api_key: str, *, patience: float = 120.0) -> None:
        self._provider = RemoteProvider(root, api_key)
        self._key = api_key
        self._patience = patience

    def stage(self, name: str, params: dict[str, Any]) -> Values:
        """Put the provider into a state; raises `StateError` for one that takes more than a key."""
        state = state_named(name) if name.strip() else StateName.ACCOUNT
        if state is StateName.ACCOUNT:
            return {"api_key": self._key}
        if state is StateName.NO_ACCOUNT:
            return {"api_key": "no-account-has-this-key"}
        if state is not StateName.SUCCEEDED:
            raise StateError(f"{state.value!r} takes more than an API key: a mock can be put into it")
        try:
            with Api.connected(self._provider, self._key) as api:
                return self._succeeded(api, int(params.get("count", 1)), str(params.get("format", "JPG")))
        except (Unmet, httpx.HTTPError) as error:
            raise StateError(f"no job succeeded at {self._provider.name}: {error}") from None

    def _succeeded(self, api: Api, count: int, format_: str) -> Values:
        accepted = api.outpaint(prompt="a wide beach", count=count, format=format_, headers={PREFER: "respond-async"})
        equal(accepted.status_code, 202, f"the status of a submit, which says {accepted.text[:200]}")
        inference_id = str(accepted.json()["inference_id"])
        until = time.monotonic() + self._patience
        pause = _FIRST_PAUSE_S
        while (answer := api.poll(inference_id)).status_code == 202:
            if time.monotonic() > until:
                raise StateError(f"job {inference_id} did not end within {self._patience:.0f} s")
            time.sleep(pause)
            pause = min(2 * pause, float(answer.headers.get("Retry-After", "1")))
        values = {"api_key": self._key, "inference_id": inference_id}
        url = urlsplit(finished(answer)[0].url)
        query = parse_qs(url.query)
        if {"expires", "signature"} <= query.keys():
            values |= {
                "file_id": url.path.rpartition("/")[2],
                "expires": query["expires"][0],
                "signature": query["signature"][0],
            }
        return values


Stage = Callable[[str, dict[str, Any]], dict[str, str]]
"""Puts a provider into the state of this name and parameters; raises `OutpaintError` where that cannot be."""


@contextmanager
def state_server(stage: Stage) -> Iterator[str]:
    """The URL of a state-change server for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
            status, content = 200, {}
            if asked.get("action", "setup") != "teardown":
                try:
                    content = stage(str(asked.get("state", "")), asked.get("params") or {})
                except OutpaintError as error:
                    status, content = 422, {"detail": error.detail}
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called there
            """Nothing: the engine prints what happened."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="pact-states", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True, slots=True)
class PactVerdict:
    """What came of a pact: descriptions of interactions that were kept, broken (with why), and not verified."""

    kept: tuple[str, ...]
    broken: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, str], ...]


def verify(pact: PactFile, base_url: str, api_key: str, *, max_credits: int | None = None) -> PactVerdict:
    """Verify a provider by one pact.

    A mock is put into every state by its admin API; any other provider only into `SUPPORTED` ones, and interactions in
    other states are left out and named. Raises `CommandError` as `balance_at` does, OVER_BUDGET where it might cost
    more than `max_credits`, MACHINE where the engine is not installed, and USAGE where it cannot read the pact.
    """
    root = check_base_url(base_url)
    mock = _is_mock(root)
    if mock:
        check_is_there(root)  # by no key: each state has one of its own
    else:
        balance_at(root, api_key)
    document, kept, left_out = _verifiable(pact, api_key, everything=mock)
    if not kept:
        return PactVerdict((), (), tuple(left_out))
    if not mock and max_credits is not None and (cost := sum(map(_cost, kept))) > max_credits:
        says = f"verifying may cost {cost} credits, and at most {max_credits} are allowed: raise --max-credits"
        raise CommandError(ExitCode.OVER_BUDGET, says)
    with _states(root, api_key, mock=mock) as states, tempfile.TemporaryDirectory() as folder:
        # Holds the key, so no other user may read it, and it is removed afterwards.
        file = Path(folder) / "pact.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(document), encoding="utf-8")
        return _verified(file, pact.provider, root, states, left_out)


def _is_mock(root: str) -> bool:
    """Whether the world at a base URL, which need not be a whole server's, can be administered."""
    try:
        answer = json_at(root, _MOCK_CLOCK, patience=_PATIENCE_S)
        return answer.status == 200 and "now" in answer.document
    except CommandError:
        return False  # whatever is wrong there shows when the API itself is looked at


def _verifiable(
    pact: PactFile, api_key: str, *, everything: bool
) -> tuple[dict[str, Any], list[ExpectedInteraction], list[tuple[str, str]]]:
    """The pact without interactions in states that this provider cannot be put into, its requests with a key."""
    document = copy.deepcopy(pact.document)
    written: list[dict[str, Any]] = []
    kept: list[ExpectedInteraction] = []
    left_out = [(name, "it is no HTTP interaction") for name in pact.others]
    read = iter(pact.interactions)
    for one in document.get("interactions", ()):
        if one.get("type", HTTP) != HTTP:
            continue
        expected = next(read)
        beyond_key = [name for name, _ in expected.states if not everything and name not in SUPPORTED]
        if beyond_key:
            left_out.append((expected.description, f"{beyond_key[0]!r} takes more than an API key"))
            continue
        _give_key(one["request"], api_key, needed=expected.status != 401)
        written.append(one)
        kept.append(expected)
    return document | {"interactions": written}, kept, left_out


def _give_key(request: dict[str, Any], api_key: str, *, needed: bool) -> None:
    generated = {name.lower() for name in (request.get("generators") or {}).get("header", {})}
    if not needed or API_KEY.lower() in generated:
        return
    headers = {name: value for name, value in (request.get("headers") or {}).items() if name.lower() != API_KEY.lower()}
    request["headers"] = headers | {API_KEY: api_key}


def _cost(interaction: ExpectedInteraction) -> int:
    """The most credits that it may take, one an image: for the job of its state, and for the one that it asks for."""
    cost = sum(int(params.get("count", 0)) for _, params in interaction.states)
    if interaction.method == "POST" and interaction.status < 300 and "outpaint" in interaction.path:
        cost += MAX_COUNT
    return cost


def _states(root: str, api_key: str, *, mock: bool) -> AbstractContextManager[str]:
    return nullcontext(f"{root}{_MOCK_STATES}") if mock else state_server(PublicProvider(root, api_key).stage)


def _verified(file: Path, provider: str, root: str, states: str, left_out: list[tuple[str, str]]) -> PactVerdict:
    # The engine reports every run to its makers unless this is set.
    os.environ.setdefault("PACT_DO_NOT_TRACK", "true")
    try:
        from pact import Verifier
    except ImportError:
        says = "Pact's engine is not installed: pip install 'outpaint-kit[pact]', and try again"
        raise CommandError(ExitCode.MACHINE, says) from None
    host = urlsplit(root).hostname or "localhost"
    verifier = (
        Verifier(provider, host=host)
        .add_transport(url=root)
        .state_handler(states, body=True, teardown=False)
        .set_request_timeout(_REQUEST_TIMEOUT_MS)
        .set_coloured_output(enabled=sys.stdout.isatty())
        .add_source(file)
    )
    try:
        verifier.verify()
    except RuntimeError as error:
        if not verifier.results.get("interactionResults"):
            raise CommandError(ExitCode.USAGE, f"Pact's engine could not verify: {error}") from None
    return _verdict(verifier.results, left_out)


def _verdict(results: dict[str, Any], left_out: list[tuple[str, str]]) -> PactVerdict:
    reasons = {str(one.get("interaction", "")): _reason(one.get("mismatch")) for one in results.get("errors", ())}
    kept: list[str] = []
    broken: list[tuple[str, str]] = []
    for one in results["interactionResults"]:
        description = str(one["description"])
        if one["result"] == "OK":
            kept.append(description)
        else:
            why = next((reason for name, reason in reasons.items() if name.endswith(f"- {description}")), None) or next(
                (reason for name, reason in reasons.items() if description in name), "see above"
            )
            broken.append((description, why))
    return PactVerdict(tuple(kept), tuple(broken), tuple(left_out))


def _reason(mismatch: Any) -> str:
    """The engine's reason against an answer, in one line."""
    if not isinstance(mismatch, dict):
        return str(mismatch)
    several = mismatch.get("mismatches")
    if isinstance(several, list) and several:
        return "; ".join(str(one.get("mismatch", one)) for one in several)
    return str(mismatch.get("message", mismatch))
