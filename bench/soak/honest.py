"""Honest clients: the mixed traffic of accounts that submit, poll, download and look at their credits."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import aiohttp
import yarl
from PIL import Image
from uploads import CONTENT_TYPE, form, grained_file, mask_file, noise_file

from soak.promises import CreditCheck, Latencies

CLIENT = "honest clients"
MIX = (
    "async PNG", "poll", "balance", "download", "sync JPEG", "poll", "repeat", "poll", "JSON data URI", "balance",
    "async PNG", "poll", "download", "sync JPEG", "poll", "repeat", "balance", "form data URI", "poll", "download",
)  # fmt: skip
"""What is sent, again and again in this order."""
KINDS = tuple(dict.fromkeys(MIX))
SUBMITS = frozenset({"async PNG", "sync JPEG", "JSON data URI", "form data URI"})
JOBS_OF_A_TURN = 1500
"""Submits of one account, after which its jobs are ended, its credits are compared and another has its turn."""
CONNECTIONS = 128
DRAIN_S = 60.0
"""How long accepted jobs may take to end once nothing more is submitted."""
_PICTURES = 32
_TIMEOUT = aiohttp.ClientTimeout(total=90)


class UnexpectedError(Exception):
    """An answer other than the one that this client has to get."""


@dataclass
class Job:
    """A job that was accepted."""

    id: str
    price: int
    size: tuple[int, int]
    format: str
    ended: bool = False


Sent = tuple[dict[str, str], bytes, Job]
"""Headers and body of a submit, and the job that it makes."""


@dataclass
class Tenant:
    """An account that has its turn: where its service is, its key, and what it did since its turn began.

    `renew` is called when its credits were compared, and may put it back to its beginning.
    """

    name: str
    base: str
    key: str
    renew: Callable[[], Awaitable[None]] | None = None
    opening: int = 0
    spent: int = 0
    submits: int = 0
    unended: int = 0
    under_way: int = 0
    resting: bool = False
    to_poll: deque[Job] = field(default_factory=deque)
    ended: deque[Job] = field(default_factory=lambda: deque(maxlen=200))
    files: deque[tuple[str, Job]] = field(default_factory=lambda: deque(maxlen=200))
    repeatable: deque[Sent] = field(default_factory=lambda: deque(maxlen=50))
    unanswered: deque[Sent] = field(default_factory=deque)
    """Submits whose answer was lost, of which nobody knows whether they made a job."""


class Honest:
    """The honest clients of one server, for as long as the block runs.

    `latencies` is where the next answers are counted; `unexpected` counts what they should not have got.
    """

    def __init__(self, tenants: list[Tenant]) -> None:
        self.latencies = Latencies()
        self.unexpected: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.credits: list[CreditCheck] = []
        self.left: list[str] = []
        self.jobs = 0
        self.succeeded = 0
        self.downloads = 0
        self._tenants = tenants
        self._turn = 0
        self._numbers = itertools.count(1)
        self._kinds = itertools.cycle(MIX)
        self._renewals: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession
        self._acts: dict[str, Callable[[Tenant], Awaitable[None]]] = {
            "async PNG": self._async_png,
            "sync JPEG": self._sync_jpeg,
            "JSON data URI": self._json,
            "form data URI": self._form,
            "poll": self._poll,
            "download": self._download,
            "balance": self._balance,
            "repeat": self._repeat,
        }
        self._photos, self._pngs = _pictures()

    async def __aenter__(self) -> Honest:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )
        for tenant in self._tenants:
            tenant.opening = await self._credits_of(tenant)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._renewals:
            task.cancel()
        await self._session.close()

    def next_kind(self) -> str:
        """What is to be sent next."""
        return next(self._kinds)

    @property
    def unended(self) -> int:
        """Accepted jobs whose end was not seen yet."""
        return sum(tenant.unended for tenant in self._tenants)

    async def act(self, kind: str, due: float) -> None:
        """Send a request of this kind, due at a time of the event loop, and judge its answer; never raises."""
        tenant = self._tenant()
        tenant.under_way += 1
        try:
            await self._acts[kind](tenant)
            self.outcomes[kind] += 1
        except UnexpectedError as error:
            self.unexpected[f"{kind}: {error}"] += 1
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.unexpected[f"{kind}: no answer ({type(error).__name__})"] += 1
        finally:
            tenant.under_way -= 1
        self.latencies.add(kind, asyncio.get_running_loop().time() - due)

    async def settle(self) -> None:
        """End the traffic: wait for renewals, then for every accepted job, and compare every account's credits."""
        await asyncio.gather(*self._renewals)
        for tenant in self._tenants:
            # One that still rests could not be begun anew, which was told.
            if not tenant.resting:
                await self._renew(tenant)

    # Whose turn it is

    def _tenant(self) -> Tenant:
        tenant = self._tenants[self._turn]
        if tenant.submits >= JOBS_OF_A_TURN:
            following = (self._turn + 1) % len(self._tenants)
            if not self._tenants[following].resting and following != self._turn:
                task = asyncio.ensure_future(self._renew(tenant))
                self._renewals.add(task)
                task.add_done_callback(self._renewals.discard)
                self._turn = following
        return self._tenants[self._turn]

    async def _renew(self, tenant: Tenant) -> None:
        """Close an account's books; where that fails, it has no further turn."""
        tenant.resting = True
        try:
            await self._close_books(tenant)
            tenant.resting = False
        except UnexpectedError as error:
            self.unexpected[f"end of a turn: {error}"] += 1
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.unexpected[f"end of a turn: no answer ({type(error).__name__})"] += 1

    async def _close_books(self, tenant: Tenant) -> None:
        """See every job of an account end, compare its credits, and begin its next turn."""
        loop = asyncio.get_running_loop()
        latest = loop.time() + DRAIN_S
        while (tenant.under_way or tenant.unended or tenant.unanswered) and loop.time() < latest:
            try:
                if tenant.unanswered:
                    await self._send_again(tenant, *tenant.unanswered.popleft())
                elif tenant.to_poll:
                    await self._poll(tenant)
            except UnexpectedError as error:
                self.unexpected[f"end of a turn: {error}"] += 1
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self.unexpected[f"end of a turn: no answer ({type(error).__name__})"] += 1
            await asyncio.sleep(0.02)
        self.left += [f"job {job.id} of {tenant.name} still ran after {DRAIN_S:g} s" for job in tenant.to_poll]
        self.credits.append(CreditCheck(tenant.name, tenant.opening - tenant.spent, await self._credits_of(tenant)))
        if tenant.renew is not None:
            await tenant.renew()
        tenant.opening = await self._credits_of(tenant)
        tenant.spent = tenant.submits = tenant.unended = 0
        for kept in (tenant.to_poll, tenant.ended, tenant.files, tenant.repeatable, tenant.unanswered):
            kept.clear()

    # What they send

    async def _async_png(self, tenant: Tenant) -> None:
        data, size = self._pngs[next(self._numbers) % _PICTURES]
        fields = {**self._wish("PNG"), "mode": "async"}
        await self._submit(tenant, CONTENT_TYPE, form(fields, {"image": data}), Job("", 1, size, "PNG"))

    async def _sync_jpeg(self, tenant: Tenant) -> None:
        photo, mask, size = self._photos[next(self._numbers) % _PICTURES]
        files = {"image": photo, "mask_image": mask}
        await self._submit(tenant, CONTENT_TYPE, form(self._wish("JPG"), files), Job("", 1, size, "JPEG"), waits=True)

    async def _json(self, tenant: Tenant) -> None:
        data, size = self._pngs[next(self._numbers) % _PICTURES]
        uri = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        body = json.dumps({**self._wish("WEBP"), "count": 2, "mode": "async", "image_url": uri}).encode()
        await self._submit(tenant, "application/json", body, Job("", 2, size, "WEBP"))

    async def _form(self, tenant: Tenant) -> None:
        data, size = self._pngs[next(self._numbers) % _PICTURES]
        uri = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        body = urlencode({**self._wish("PNG"), "mode": "async", "image_url": uri}).encode()
        await self._submit(tenant, "application/x-www-form-urlencoded", body, Job("", 1, size, "PNG"))

    def _wish(self, format_: str) -> dict[str, str]:
        number = next(self._numbers)
        return {"prompt": f"a wide beach, number {number}", "count": "1", "format": format_, "seed": str(number)}

    async def _submit(self, tenant: Tenant, content_type: str, body: bytes, job: Job, *, waits: bool = False) -> None:
        tenant.submits += 1
        headers = {"Content-Type": content_type, "Idempotency-Key": f"{tenant.name}-{next(self._numbers)}"}
        try:
            status = await self._send_again(tenant, headers, body, job)
        except UnexpectedError:
            raise
        except BaseException:
            tenant.unanswered.append((headers, body, job))
            raise
        if (status == 200) is not waits:
            raise UnexpectedError(f"{status} to a request that {'waits' if waits else 'does not wait'}")

    async def _send_again(self, tenant: Tenant, headers: dict[str, str], body: bytes, job: Job) -> int:
        """Send a submit, also one whose answer was lost: its idempotency key finds the job that it may have made."""
        status, answer, _ = await self._json_of(tenant, "POST", "/v1/painting/outpaint", headers, body)
        if status not in (200, 202) or "inference_id" not in answer:
            raise UnexpectedError(_said(status, answer))
        job.id = answer["inference_id"]
        self.jobs += 1
        tenant.unended += 1
        tenant.repeatable.append((headers, body, job))
        if status == 200:
            self._ended(tenant, job, answer)
        else:
            tenant.to_poll.append(job)
        return status

    async def _poll(self, tenant: Tenant) -> None:
        if not tenant.to_poll:
            return await self._balance(tenant) if not tenant.ended else await self._poll_again(tenant)
        job = tenant.to_poll.popleft()
        try:
            status, answer, _ = await self._json_of(tenant, "GET", f"/v1/painting/{job.id}")
        except BaseException:
            tenant.to_poll.append(job)
            raise
        if status == 200:
            return self._ended(tenant, job, answer)
        tenant.to_poll.append(job)
        if status != 202:
            raise UnexpectedError(_said(status, answer))
        return None

    async def _poll_again(self, tenant: Tenant) -> None:
        """Poll a job that ended well: it still has."""
        job = tenant.ended[next(self._numbers) % len(tenant.ended)]
        status, answer, _ = await self._json_of(tenant, "GET", f"/v1/painting/{job.id}")
        if status != 200 or answer.get("status") != "success":
            raise UnexpectedError(f"after its end {_said(status, answer)}")

    def _ended(self, tenant: Tenant, job: Job, answer: dict[str, Any]) -> None:
        """Take note of a job's end, once."""
        if job.ended:
            return
        job.ended = True
        tenant.unended -= 1
        if answer.get("status") != "success":
            self.left.append(f"job {job.id} of {tenant.name} failed: {answer.get('detail')}")
            raise UnexpectedError(f"the job failed with {answer.get('error_code')}")
        self.succeeded += 1
        tenant.spent += job.price
        tenant.ended.append(job)
        if len(answer["data"]) != job.price:
            raise UnexpectedError(f"{len(answer['data'])} pictures in place of {job.price}")
        tenant.files.extend((picture["url"], job) for picture in answer["data"])

    async def _download(self, tenant: Tenant) -> None:
        if not tenant.files:
            return await self._balance(tenant)
        url, job = tenant.files.popleft()
        # The signature is of the URL as it was written.
        async with self._session.get(yarl.URL(url, encoded=True)) as answer:
            data = await answer.read()
        if answer.status != 200:
            raise UnexpectedError(_said(answer.status, data))
        with Image.open(BytesIO(data)) as picture:
            found = (picture.size, picture.format)
        if found != (job.size, job.format):
            raise UnexpectedError(f"a {found[1]} of {found[0]} in place of a {job.format} of {job.size}")
        self.downloads += 1
        return None

    async def _balance(self, tenant: Tenant) -> None:
        await self._credits_of(tenant)

    async def _credits_of(self, tenant: Tenant) -> int:
        status, answer, _ = await self._json_of(tenant, "GET", "/v1/balance")
        if status != 200 or not isinstance(answer.get("credits"), int):
            raise UnexpectedError(_said(status, answer))
        return int(answer["credits"])

    async def _repeat(self, tenant: Tenant) -> None:
        """Send a submit again under its idempotency key: the same job, and no price."""
        if not tenant.repeatable:
            return await self._balance(tenant)
        headers, body, job = tenant.repeatable[next(self._numbers) % len(tenant.repeatable)]
        status, answer, replayed = await self._json_of(tenant, "POST", "/v1/painting/outpaint", headers, body)
        if status not in (200, 202) or answer.get("inference_id") != job.id or not replayed:
            raise UnexpectedError(_said(status, answer) if status >= 300 else f"{status} with another job")
        return None

    async def _json_of(
        self, tenant: Tenant, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, dict[str, Any], bool]:
        """Status, body and whether it is a replay."""
        sent = {"X-Picsart-API-Key": tenant.key, **(headers or {})}
        async with self._session.request(method, tenant.base + path, headers=sent, data=body) as answer:
            data = await answer.read()
        try:
            found = json.loads(data)
        except ValueError:
            raise UnexpectedError(f"{answer.status} with a body that is not JSON") from None
        if not isinstance(found, dict):
            raise UnexpectedError(f"{answer.status} with a body that is no object")
        return answer.status, found, answer.headers.get("Idempotent-Replayed") == "true"


@cache
def _pictures() -> tuple[list[tuple[bytes, bytes, tuple[int, int]]], list[tuple[bytes, tuple[int, int]]]]:
    """Photos with their masks and sizes, and pictures with a transparent edge and their sizes; all differ."""
    sides = [160 + 8 * number for number in range(_PICTURES)]
    # Grain at a low quality has about the bytes a pixel of a photo on the web.
    photos = [(grained_file(side, 60), mask_file(side, side * 3 // 4), (side, side)) for side in sides]
    return photos, [(noise_file(side, side // 2, 96), (side // 2, 96)) for side in sides]


def _said(status: int, answer: dict[str, Any] | bytes) -> str:
    """A status with the error's code."""
    code = answer.get("error_code") if isinstance(answer, dict) else None
    return f"{status} {code or ''}".rstrip()
