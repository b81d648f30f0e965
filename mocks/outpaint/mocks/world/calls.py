"""Calls as a journal keeps them, and lists of calls with filters and assertions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, overload

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.masks_and_formats import MaskMode
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY
from outpaint.contracts.profiles import RequestWarning, WireProfile
from outpaint.contracts.redaction import REDACTED, SECRET_HEADERS
from outpaint.contracts.requests import PLAIN_FIELDS, OutpaintRequest, Upload
from outpaint.functions.http.messages import RequestHead
from outpaint.functions.service.account_keys import ID_LENGTH
from outpaint.functions.service.admission import key_digest
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.blobs import Blobs
from outpaint.mocks.world.mock_answers import MockResponse

if TYPE_CHECKING:
    from PIL import Image

_KEPT_BODY: Final = 4096
"""Bytes of an answer that is kept whatever else is dropped."""


@dataclass(slots=True, repr=False)
class Call:
    """One call that a mock was sent, and its answer; its text shows no key.

    `at` and `answered_at` are virtual time, seconds since the epoch; answered_at is before the latency. `route` is the
    kind of call, None for a request that no effect touches. `request` is what a POST asks for, None where it was not
    understood. `image_sha256` and `mask_sha256` (hex) are of the pictures that it brought or pointed to. `body` is None
    where bodies are not kept; `body_size` is its size in bytes all the same. `effects` are what scenarios did to it, as
    text. `real_at` is the machine's monotonic time, and `scale` the clock's (0 frozen), when it came.
    """

    number: int
    at: float
    route: On | None
    request_head: RequestHead
    real_at: float = 0.0
    scale: float = 0.0
    account_id: str | None = None
    request: OutpaintRequest | None = None
    body: bytes | None = None
    body_size: int = 0
    image_sha256: str | None = None
    mask_sha256: str | None = None
    image_size: int | None = None
    mask_size: int | None = None
    inference_id: str | None = None
    effects: tuple[str, ...] = ()
    response: MockResponse | None = None
    answered_at: float | None = None
    abandoned: bool = False
    """Whether the client went away while it waited."""
    profile: WireProfile = WireProfile.OURS
    """Whose API was played."""
    hidden_code: ErrorCode | None = None
    """The error code of an answer whose profile does not send it."""
    field_names: tuple[str, ...] = ()
    """The names of its body's fields, whether or not they mean something."""
    warnings: tuple[RequestWarning, ...] = ()
    """What the service warns of, whether or not the answer has a header for it."""
    stalled: int = 0
    """How many polls in a row, this one the latest, found their job as it was at one time; 0 if not too many."""
    blobs: Blobs | None = None

    @property
    def method(self) -> str:
        """The method."""
        return self.request_head.method

    @property
    def path(self) -> str:
        """The path, percent-decoded, without a world's prefix."""
        return self.request_head.path

    @property
    def api_key(self) -> str | None:
        """The API key it came with."""
        return self.request_head.header(API_KEY)

    @property
    def idempotency_key(self) -> str | None:
        """The Idempotency-Key it came with."""
        return self.request_head.header(IDEMPOTENCY_KEY)

    @property
    def status(self) -> int | None:
        """The status of its answer; None while it waits, and where a fault kept the answer from the client."""
        if self.response is None or (self.response.fault is not None and not self.response.fault.answers):
            return None
        return self.response.status

    @property
    def standstill(self) -> str | None:
        """What is wrong where a client polls on while the clock stands, and the ways out; None where it does not."""
        if not self.stalled:
            return None
        return (
            f"#{self.number} is poll {self.stalled} of job {self.inference_id} at one time of a frozen clock, and only "
            "time or the test ends that job: let the client's sleeps move the clock (the fixture outpaint_sleeps, or "
            "VirtualSleeps), move it by clock.advance(), let it go by clock='ticking', or end the job by release()"
        )

    @property
    def error_code(self) -> str | None:
        """The error code of its answer, a refusal or a failed job; None for any other answer."""
        response = self.response
        if self.hidden_code is not None:
            return self.hidden_code
        if response is None or b'"error_code"' not in response.body[:_KEPT_BODY]:
            return None
        code = self.json_object.get("error_code")
        return code if isinstance(code, str) else None

    @property
    def json_object(self) -> dict[str, Any]:
        """The JSON object that it was answered with; empty where there was none, or it is no longer kept."""
        try:
            found = None if self.response is None else json.loads(self.response.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def json(self) -> Any:
        """The answer's body, parsed."""
        if self.response is None:
            raise LookupError("this call has no answer yet")
        return json.loads(self.response.body)

    @property
    def image(self) -> Image.Image:
        """The picture it brought, decoded and turned by its EXIF orientation."""
        return self._decoded(self.image_sha256, "image")

    @property
    def mask(self) -> Image.Image | None:
        """The mask it brought, decoded and turned by its EXIF orientation; None where it brought none."""
        return None if self.mask_sha256 is None else self._decoded(self.mask_sha256, "mask")

    @property
    def keep_map(self) -> Image.Image:
        """What the service keeps of the picture, by its alpha or mask: mode L, 255 kept exactly, 0 painted.

        Raises `OutpaintError` as the service does where neither says that.
        """
        mask = None if self.mask_sha256 is None else self._bytes(self.mask_sha256, "mask")
        from outpaint.painting.inputs.inspection import read_canvas  # brings the image library

        mode = MaskMode.AUTO if self.request is None else self.request.wish.mask_mode
        return read_canvas(self._bytes(self.image_sha256, "image"), mask, mask_mode=mode).keep

    @property
    def picture_bytes(self) -> int:
        """Bytes of the pictures that its request still has."""
        if self.request is None:
            return 0
        return sum(
            len(one.data) for one in (self.request.image, self.request.mask) if isinstance(one, Upload | DataUri)
        )

    def strip(self) -> None:
        """Drop its bytes; sizes and SHA-256 stay."""
        self.body = None
        if self.request is not None and self.picture_bytes:
            pictures = {"image": _emptied(self.request.image), "mask": _emptied(self.request.mask)}
            self.request = self.request.model_copy(update=pictures)
        if self.response is not None and (self.route is On.FILE or len(self.response.body) > _KEPT_BODY):
            self.response = replace(self.response, body=b"")

    def __repr__(self) -> str:
        return f"<Call {self}>"

    def __str__(self) -> str:
        what = f"#{self.number} {self.method} {self.path}"
        if self.request is not None:
            what += f" prompt={self.request.wish.prompt[:40]!r} count={self.request.wish.count}"
        answer = "no answer" if self.status is None else str(self.status)
        code = self.error_code
        return f"{what} -> {answer}{f' {code}' if code else ''}"

    def _bytes(self, digest: str | None, what: str) -> bytes:
        if digest is None:
            raise LookupError(f"{self} brought no {what}")
        data = None if self.blobs is None else self.blobs.get(digest)
        if data is None:
            raise LookupError(f"the {what} of {self} is no longer kept; its SHA-256 is {digest}")
        return data

    def _decoded(self, digest: str | None, what: str) -> Image.Image:
        from PIL import Image, ImageOps

        picture = Image.open(BytesIO(self._bytes(digest, what)))
        return ImageOps.exif_transpose(picture)


class Calls(Sequence[Call]):
    """Calls in the order they came; every filter gives another `Calls`."""

    def __init__(self, calls: Sequence[Call], what: str = "call") -> None:
        self._calls = calls
        self._what = what

    @overload
    def __getitem__(self, place: int) -> Call: ...
    @overload
    def __getitem__(self, place: slice) -> Calls: ...
    def __getitem__(self, place: int | slice) -> Call | Calls:
        if isinstance(place, slice):
            return Calls(list(self._calls)[place], self._what)
        try:
            return self._calls[place]
        except IndexError:
            raise LookupError(f"there are {len(self)} {self._what}s, none at {place}") from None

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    # Lists

    @property
    def last(self) -> Call:
        """The latest; raises `AssertionError` where there is none."""
        self.assert_called()
        return self._calls[-1]

    @property
    def first(self) -> Call:
        """The earliest; raises `AssertionError` where there is none."""
        self.assert_called()
        return self._calls[0]

    @property
    def submits(self) -> Calls:
        """POSTs of jobs."""
        return self._of(On.SUBMIT)

    @property
    def polls(self) -> Calls:
        """GETs of a job."""
        return self._of(On.POLL)

    @property
    def balances(self) -> Calls:
        """GETs of the credits."""
        return self._of(On.BALANCE)

    @property
    def files(self) -> Calls:
        """GETs of results."""
        return self._of(On.FILE)

    def of_job(self, inference_id: str) -> Calls:
        """The calls of one job: its submit, its polls, its files."""
        return self.where(lambda call: call.inference_id == inference_id)

    def of_key(self, api_key: str) -> Calls:
        """The calls of one API key."""
        return self.where(lambda call: call.api_key == api_key)

    def with_status(self, status: int) -> Calls:
        """The calls answered with a status."""
        return self.where(lambda call: call.status == status)

    def where(self, wanted: Callable[[Call], bool]) -> Calls:
        """The calls for which a function says yes."""
        return Calls([call for call in self._calls if wanted(call)], self._what)

    # Assertions

    def assert_called(self) -> None:
        """There is at least one."""
        if not self._calls:
            raise AssertionError(f"no {self._what} came")

    def assert_not_called(self) -> None:
        """There is none."""
        if self._calls:
            raise AssertionError(f"no {self._what} was expected, {len(self)} came:\n{self._listed()}")

    def assert_called_once(self) -> None:
        """There is exactly one."""
        self.assert_call_count(1)

    def assert_call_count(self, count: int) -> None:
        """There are exactly so many."""
        if len(self) != count:
            listed = f":\n{self._listed()}" if self._calls else ""
            raise AssertionError(f"{count} {self._what}s were expected, {len(self)} came{listed}")

    def assert_called_with(self, **expected: object) -> Call:
        """One call has all these values; returns the latest that does.

        Names are those of the request's fields (prompt, count, format, ...) or of `Call` (status, api_key,
        inference_id, image_sha256, ...); `headers` maps names to values, all of which must be there. A value may be a
        function that says whether it fits. The `AssertionError` shows the closest call, value by value, and of keys
        their ids alone.
        """
        self.assert_called()
        best: list[tuple[str, object, object]] | None = None
        nearest_call: Call | None = None
        for call in reversed(self._calls):
            differences = _differences(call, expected)
            if not differences:
                return call
            if best is None or len(differences) < len(best):
                best, nearest_call = differences, call
        assert best is not None
        lines = [
            f"  {name}: expected {_short(_unkeyed(name, want))}, was {_short(_unkeyed(name, have))}"
            for name, want, have in best
        ]
        wrong = {"headers" if name.startswith("header ") else name for name, _, _ in best}
        right = [name for name in expected if name not in wrong]
        if right:
            lines.append(f"  as expected: {', '.join(right)}")
        raise AssertionError(
            f"none of {len(self)} {self._what}s came like that; the closest is {nearest_call}\n" + "\n".join(lines)
        )

    def __repr__(self) -> str:
        return f"<{len(self)} {self._what}s>"

    def _of(self, route: On) -> Calls:
        return Calls([call for call in self._calls if call.route is route], route.value)

    def _listed(self) -> str:
        calls = list(self._calls)
        shown = [f"  {call}" for call in calls[:20]]
        if len(calls) > 20:
            shown.append(f"  and {len(calls) - 20} more")
        return "\n".join(shown)


def _differences(call: Call, expected: dict[str, object]) -> list[tuple[str, object, object]]:
    wrong: list[tuple[str, object, object]] = []
    for name, want in expected.items():
        if name == "headers" and isinstance(want, dict):
            for header, value in want.items():
                sent = call.request_head.header(str(header))
                if not _fits(sent, value):
                    wrong.append((f"header {str(header).lower()}", value, sent))
            continue
        have = _value(call, name)
        if not _fits(have, want):
            wrong.append((name, want, have))
    return wrong


def _value(call: Call, name: str) -> object:
    if name in PLAIN_FIELDS:
        return _MISSING if call.request is None else call.request.plain_values[name]
    if name.startswith("_") or not hasattr(Call, name):
        raise TypeError(f"a call has no {name}: use {', '.join(PLAIN_FIELDS)}, or a property of Call")
    return getattr(call, name)


def _fits(have: object, want: object) -> bool:
    return bool(want(have)) if callable(want) else have == want


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 120 else shown[:117] + "..."


def _unkeyed(name: str, value: object) -> object:
    """A value as a message may show it: of a key its id, as in `outpaint keys list`, of other credentials nothing."""
    if isinstance(value, str):
        if name in ("api_key", f"header {API_KEY}".lower()):
            return f"key {key_digest(value)[:ID_LENGTH]}"
        if name.removeprefix("header ") in SECRET_HEADERS:
            return REDACTED
    return value


def _emptied(source: object) -> object:
    return replace(source, data=b"") if isinstance(source, Upload | DataUri) else source


class _Missing:
    def __repr__(self) -> str:
        return "nothing (the request was not understood)"


_MISSING: Final = _Missing()
