"""A provider verified by Pact's own engine, with our provider states wired to it (extra `pact`)."""

from __future__ import annotations

import copy
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.headers import API_KEY
from outpaint_contracts.requests import MAX_COUNT
from outpaint_contracts.verification.reachability import NotReady, balance_at, check_base_url, check_is_there, json_at

from outpaint_mocks.mock_paths import ADMIN_ROOT
from outpaint_mocks.pact.public_staging import SUPPORTED, PublicProvider
from outpaint_mocks.pact.reading import ExpectedInteraction, PactFile
from outpaint_mocks.pact.state_server import state_server

MOCK_STATES: Final = f"{ADMIN_ROOT}/pact/state"
_MOCK_CLOCK: Final = f"{ADMIN_ROOT}/clock"
_PATIENCE_S: Final = 5.0
_REQUEST_TIMEOUT_MS: Final = 120_000
_HTTP: Final = "Synchronous/HTTP"


class EngineError(OutpaintError):
    """The engine is not installed, or cannot do with a pact."""

    def __init__(self, detail: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, detail)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a pact: descriptions of interactions that were kept, broken (with why), and not verified."""

    kept: tuple[str, ...]
    broken: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def holds(self) -> bool:
        """Whether something was verified, and nothing broken."""
        return bool(self.kept) and not self.broken


def verify(pact: PactFile, base_url: str, api_key: str, *, max_credits: int | None = None) -> Verdict:
    """Verify a provider by one pact; raises `NotReady`, `EngineError`, and `OutpaintError` over `max_credits`.

    A mock is put into every state by its admin API; any other provider only into those that its public API and the
    key can bring about, and interactions in other states are left out and named.
    """
    root = check_base_url(base_url)
    mock = _is_mock(root)
    if mock:
        check_is_there(root)  # by no key: each state has one of its own
    else:
        balance_at(root, api_key)
    document, kept, left_out = _verifiable(pact, api_key, everything=mock)
    if not kept:
        return Verdict((), (), tuple(left_out))
    if not mock and max_credits is not None and (cost := sum(map(_cost, kept))) > max_credits:
        raise OutpaintError(
            ErrorCode.INSUFFICIENT_CREDITS,
            f"verifying may cost {cost} credits, and at most {max_credits} are allowed: raise --max-credits",
        )
    with _states(root, api_key, mock=mock) as states, tempfile.TemporaryDirectory() as folder:
        # Holds the key, so it is nobody else's to read, and gone afterwards.
        file = Path(folder) / "pact.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(document), encoding="utf-8")
        return _verified(file, pact.provider, root, states, left_out)


def _is_mock(root: str) -> bool:
    """Whether the world at a base URL, which need not be a whole server's, can be administered."""
    try:
        told = json_at(root, _MOCK_CLOCK, patience=_PATIENCE_S)
        return told.status == 200 and "now" in told.document
    except NotReady:
        return False  # whatever is wrong there shows when the API itself is looked at


def _verifiable(
    pact: PactFile, api_key: str, *, everything: bool
) -> tuple[dict[str, Any], list[ExpectedInteraction], list[tuple[str, str]]]:
    """The pact with what this provider can be put into, its requests carrying a key where they name none."""
    document = copy.deepcopy(pact.document)
    written: list[dict[str, Any]] = []
    kept: list[ExpectedInteraction] = []
    left_out = [(name, "it is no HTTP interaction") for name in pact.strangers]
    spoken = iter(pact.interactions)
    for one in document.get("interactions", ()):
        if one.get("type", _HTTP) != _HTTP:
            continue
        expected = next(spoken)
        strange = [name for name, _ in expected.states if not everything and name not in SUPPORTED]
        if strange:
            left_out.append((expected.description, f"{strange[0]!r} takes more than an API key"))
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


@contextmanager
def _states(root: str, api_key: str, *, mock: bool) -> Iterator[str]:
    if mock:
        yield f"{root}{MOCK_STATES}"
        return
    with state_server(PublicProvider(root, api_key).stage) as url:
        yield url


def _verified(file: Path, provider: str, root: str, states: str, left_out: list[tuple[str, str]]) -> Verdict:
    # The engine tells its makers of every run unless this says no.
    os.environ.setdefault("PACT_DO_NOT_TRACK", "true")
    try:
        from pact import Verifier
    except ImportError:
        raise EngineError("Pact's engine is not installed: pip install 'outpaint-kit[pact]', and try again") from None
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
            raise EngineError(f"Pact's engine could not verify: {error}") from None
    return _told(verifier.results, left_out)


def _told(results: dict[str, Any], left_out: list[tuple[str, str]]) -> Verdict:
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
    return Verdict(tuple(kept), tuple(broken), tuple(left_out))


def _reason(mismatch: Any) -> str:
    """What the engine has against an answer, in one line."""
    if not isinstance(mismatch, dict):
        return str(mismatch)
    several = mismatch.get("mismatches")
    if isinstance(several, list) and several:
        return "; ".join(str(one.get("mismatch", one)) for one in several)
    return str(mismatch.get("message", mismatch))
