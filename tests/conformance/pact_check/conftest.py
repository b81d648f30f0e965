"""The pact of the web shop, made by its own suite in a process of its own; and a real server to verify by it."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from outpaint.conformance.pact_check.pact_verifying import PublicProvider
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.responses import PainterCard
from outpaint.functions.embedded.host import Host, open_host
from outpaint.functions.embedded.memory_ledger import MemoryLedger
from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.starting_keys import StartingKeys
from outpaint.functions.http.messages import Response
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.pact.provider_states import StateName
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.flat import FlatPainter

SUITE = Path(__file__).parent / "web_shop" / "test_web_shop.py"
# Other plugins of this environment would take most of the time.
QUIET = ("-q", *(f"-pno:{name}" for name in ("cacheprovider", "cov", "hypothesispytest", "pact", "anyio", "xdist")))

RunSuite = Callable[..., tuple[subprocess.CompletedProcess[str], Path]]


@pytest.fixture(scope="session")
def run_suite(tmp_path_factory: pytest.TempPathFactory) -> RunSuite:
    """Runs the web shop's suite; `reverse` has its tests in the other order."""

    def run(*words: str, reverse: bool = False) -> tuple[subprocess.CompletedProcess[str], Path]:
        file = tmp_path_factory.mktemp("pacts") / "deep" / "web-shop-outpaint.json"
        tests = [str(SUITE)]
        if reverse:
            names = re.findall(r"^def (test_\w+)", SUITE.read_text(encoding="utf-8"), re.MULTILINE)
            tests = [f"{SUITE}::{name}" for name in reversed(names)]
        command = [sys.executable, "-m", "pytest", *QUIET, "--outpaint-pact", str(file), *words, *tests]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=SUITE.parent, timeout=300)
        return done, file

    return run


@pytest.fixture(scope="session")
def web_shop_pact(run_suite: RunSuite) -> Path:
    """The file."""
    done, file = run_suite("--outpaint-consumer", "web-shop")
    assert done.returncode == 0, done.stdout + done.stderr
    return file


# The real server

RATE_LIMIT = 20
_NUMBERS = itertools.count(1)


class HeldPainter:
    """The flat painter, held or broken at a state's word."""

    def __init__(self) -> None:
        self._flat = FlatPainter()
        self.may_paint = threading.Event()
        self.error: OutpaintError | None = None

    @property
    def card(self) -> PainterCard:
        return self._flat.card

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        assert self.may_paint.wait(60)
        if self.error is not None:
            raise self.error
        yield from self._flat.paint(canvas, brief)


class _Web:
    """Every address has a picture."""

    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
        from outpaint.mocks.world.web_sources import picture_for

        return picture_for(url)


class LocalProvider:
    """A server and its provider states; each begins with a painter that paints and a service that takes jobs."""

    def __init__(self, host: Host, painter: HeldPainter, url: str) -> None:
        self.url = url
        self._host = host
        self._painter = painter
        self._start: Callable[[InferenceRequest], None] = host.painting.start

    def stage(self, name: str, params: dict[str, Any]) -> dict[str, str]:
        state = StateName(name)
        if state is StateName.ADDRESSES:
            return {}
        self._painter.error = None
        self._painter.may_paint.set()
        self._host.painting.start = self._start  # type: ignore[method-assign]
        key = self._account(params.get("credits", 1000), allowed=state is not StateName.FORBIDDEN_ACCOUNT)
        public = PublicProvider(self.url, key)
        match state:
            case StateName.NO_ACCOUNT | StateName.SUCCEEDED:
                return {"api_key": key} | public.stage(name, params)
            case StateName.LIMITED_ACCOUNT:
                self._use_up(key)
            case StateName.SLOW_PAINTER:
                self._painter.may_paint.clear()
            case StateName.FAILING_PAINTER:
                self._painter.error = OutpaintError(ErrorCode(params["error_code"]), "as the state wants it")
            case StateName.PROCESSING:
                self._painter.may_paint.clear()
                return {"api_key": key, "inference_id": self._submit(key)}
            case StateName.FAILED:
                self._painter.error = OutpaintError(ErrorCode(params["error_code"]), "as the state wants it")
                inference_id = self._submit(key)
                self._until_ended(key, inference_id)
                return {"api_key": key, "inference_id": inference_id}
            case StateName.EXPIRED_URL:
                file_id = f"5f0c2f0e-3c58-4a57-9d0e-6f6a2f3f1b7d.{params['format'].lower()}"
                stores = self._host.service.file_urls
                assert stores is not None
                url = httpx.URL(stores.sign(file_id, time.time() - 1))
                return {"file_id": file_id, "expires": url.params["expires"], "signature": url.params["signature"]}
            case StateName.ERROR:
                self._host.painting.start = self._refusing(ErrorCode(params["error_code"]))  # type: ignore[method-assign]
        return {"api_key": key}

    def _account(self, credits: int, *, allowed: bool) -> str:  # noqa: A002
        name = f"pact-{next(_NUMBERS)}"
        accounts = self._host.service.accounts
        assert isinstance(accounts, MemoryLedger)
        accounts.add_account(Account(id=name, name=name, credits=credits, allowed=allowed), key_digest(f"key-{name}"))
        return f"key-{name}"

    def _use_up(self, key: str) -> None:
        """Every request of this window and, should it end meanwhile, of the next."""
        service = self._host.service
        account = service.accounts.by_key_digest(key_digest(key))
        assert account is not None
        window = int(time.time() / service.settings.rate_window)
        for number in (window, window + 1):
            for _ in range(RATE_LIMIT):
                service.limits.count(account.id, number, (number + 1.0) * service.settings.rate_window)

    def _submit(self, key: str) -> str:
        answer = httpx.post(
            f"{self.url}/v1/painting/outpaint",
            headers={"X-Picsart-API-Key": key, "Prefer": "respond-async"},
            data={"image_url": "https://example.com/a.png", "prompt": "a wide beach", "count": "1"},
            trust_env=False,
        )
        return str(answer.raise_for_status().json()["inference_id"])

    def _until_ended(self, key: str, inference_id: str) -> None:
        host = self._host
        ended = threading.Event()
        while not ended.wait(0.01):
            job = host.service.jobs.find(inference_id, time.time())
            if job is not None and job.state.ended:
                ended.set()

    @staticmethod
    def _refusing(code: ErrorCode) -> Callable[[InferenceRequest], None]:
        def start(request: InferenceRequest) -> None:
            raise OutpaintError(code, "as the state wants it")

        return start


Change = Callable[[int, list[tuple[bytes, bytes]], bytes], tuple[int, list[tuple[bytes, bytes]], bytes]]


def _unchanged(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    return status, headers, body


class _Answering:
    """The server's application with every answer changed on its way out, as a provider with a bug has it."""

    def __init__(self, app: Any, change: Change) -> None:
        self._app = app
        self._change = change
        self.limits, self.load, self.proxies = app.limits, app.load, app.proxies

    def release_waits(self) -> None:
        self._app.release_waits()

    def refusal(self, error: OutpaintError) -> Response:
        answer: Response = self._app.refusal(error)
        return answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        messages: list[Any] = []

        async def keep(message: Any) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        body = b"".join(message.get("body", b"") for message in messages[1:])
        status, headers, body = self._change(messages[0]["status"], list(messages[0]["headers"]), body)
        headers = [pair for pair in headers if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        # One connection a request: a pooled one may be closed for its idleness just when the verifier takes it again.
        headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def _local_provider(change: Change | None = None) -> Iterator[LocalProvider]:
    """A server for as long as the block runs; `change` breaks its answers."""
    painter = HeldPainter()
    # A sync request waits long enough for the flat painter, and no longer than a verifier does.
    settings = ServiceSettings(rate_limit=RATE_LIMIT, sync_wait=2)
    keys = StartingKeys(development=True)
    with open_host([painter], settings=settings, fetch=_Web(), keys=keys) as host:
        app: Any = _Answering(host.asgi, change or _unchanged)
        with serving(app) as url:
            yield LocalProvider(host, painter, url)
            painter.may_paint.set()


@pytest.fixture
def local_provider() -> Callable[..., AbstractContextManager[LocalProvider]]:
    """Serves the real server for as long as a block runs; given a change, it breaks its answers."""
    return _local_provider
