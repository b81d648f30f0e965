"""Worlds, calls, jobs and pictures in the form in which the admin API shows them."""

from __future__ import annotations

import math
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

from PIL import Image

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.contracts.redaction import Redaction
from outpaint.contracts.requests import IdSource, Source, Upload, UrlSource
from outpaint.functions.service.records import Job
from outpaint.mocks.admin.admin_models import (
    AccountState,
    CallDetail,
    CallSummary,
    ClockState,
    Header,
    JobSummary,
    PictureState,
    ScenarioState,
    ScenarioStates,
    SourceList,
    SourceState,
    WorldDetail,
    WorldSummary,
)
from outpaint.mocks.mock_paths import prefix_of
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.scenarios.world_scenarios import QueuedScenario
from outpaint.mocks.world.recorded_call import Call
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World

_MODES: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
"""The modes that PNG has."""
_MAX_ACCOUNTS: Final = 100
_MAX_CONSUMED: Final = 50
_MAX_TEXT: Final = 64 * 1024
_MAX_WORDS: Final = 500


def picture_of(world: World, call: Call, what: str, side: int | None = None) -> bytes:
    """PNG of `image`, `mask`, `keep-map` or `results/<place>`, no side longer than `side` px.

    Raises `OutpaintError` (404) where there is none, it is no longer kept, or it cannot be decoded.
    """
    try:
        if what == "image":
            picture = call.image
        elif what == "mask":
            mask = call.mask
            if mask is None:
                raise LookupError(f"{call} brought no mask")
            picture = mask
        elif what == "keep-map":
            picture = call.keep_map
        else:
            picture = Image.open(BytesIO(_result(world, call, what.removeprefix("results/"))))
        return _png(picture, side)
    except LookupError as error:
        raise OutpaintError(ErrorCode.UNKNOWN_FILE, str(error.args[0])) from None
    except OutpaintError as error:
        raise OutpaintError(ErrorCode.UNKNOWN_FILE, f"call {call.number} has no {what}: {error.detail}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise OutpaintError(
            ErrorCode.UNKNOWN_FILE, f"the {what} of call {call.number} is no picture that can be shown"
        ) from None


def finished_job(world: World, call: Call) -> Job | None:
    """The job of a call, if it has results that have not expired."""
    if call.inference_id is None:
        return None
    job = world.ledger.find(call.inference_id, world.clock.now())
    return job if job is not None and job.state is JobState.SUCCEEDED and job.manifest is not None else None


def _result(world: World, call: Call, place: str) -> bytes:
    job = finished_job(world, call)
    files = () if job is None or job.manifest is None else job.manifest.files
    if not place.isascii() or not place.isdigit() or int(place) >= len(files):
        raise LookupError(f"call {call.number} has {len(files)} results, none at {place[:20]}")
    stored = world.pictures.get(files[int(place)].id, world.clock.now())
    if stored is None:
        raise LookupError(f"what result {place} of call {call.number} is painted from is no longer kept")
    return stored.data


def _png(picture: Image.Image, side: int | None) -> bytes:
    if picture.mode not in _MODES:
        picture = picture.convert("RGB")
    if side is not None and max(picture.size) > side:
        picture = picture.convert("RGBA" if "A" in picture.mode or picture.mode == "P" else "RGB")
        picture.thumbnail((side, side))
    stream = BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def clock_state(clock: VirtualClock) -> ClockState:
    """A world's time."""
    return ClockState(now=clock.now(), time=clock.time, scale=clock.scale, frozen=clock.is_frozen)


def world_summary(world: World, origin: str) -> WorldSummary:
    """A world in short; `origin` is where its server is reached."""
    scenarios = world.scenarios
    return WorldSummary(
        name=world.name,
        base_url=f"{origin.rstrip('/')}{prefix_of(world.name)}/v1",
        clock=clock_state(world.clock),
        calls=world.journal.total,
        pending=len(world.pending),
        scenarios=len(scenarios.lasting) + len(scenarios.waiting),
    )


def world_detail(world: World, origin: str) -> WorldDetail:
    """A world with its accounts."""
    accounts = tuple(AccountState.model_validate(account) for account in world.ledger.accounts[:_MAX_ACCOUNTS])
    summary = world_summary(world, origin)
    keeps = world.journal.keeps_bodies
    return WorldDetail(**dict(summary), accounts=accounts, keeps_bodies=keeps, profile=world.profile)


def scenario_states(world: World) -> ScenarioStates:
    """What is set in a world."""
    scenarios = world.scenarios
    return ScenarioStates(
        always=tuple(
            ScenarioState(number=one.id, scenario=str(one.scenario), on=in_order(one.scenario.routes))
            for one in scenarios.lasting
        ),
        next=tuple(map(_queued, scenarios.waiting)),
        consumed=tuple(map(_queued, scenarios.consumed[-_MAX_CONSUMED:])),
    )


def _queued(one: QueuedScenario) -> ScenarioState:
    return ScenarioState(
        number=one.id, scenario=str(one.scenario), on=in_order(one.routes), left=one.left, used=one.used
    )


def in_order(routes: frozenset[On]) -> tuple[On, ...]:
    """Kinds of calls in their usual order."""
    return tuple(on for on in On if on in routes)


def job_summary(world: World, job: Job) -> JobSummary:
    """A job, with its plan while it runs."""
    plan = None if job.state.ended else world.dispatch.plan_of(job.id)
    return JobSummary(
        inference_id=job.id,
        state=job.state,
        created_at=job.created_at,
        ends_at=None if plan is None or math.isinf(plan.ends_at) else plan.ends_at,
        progress=None if plan is None else str(plan.progress),
        polls=None if plan is None else plan.polls,
        outcome=None if plan is None else str(plan.outcome),
        prompt=job.request.wish.prompt[:_MAX_WORDS],
        count=len(job.request.output_ids),
        error_code=None if job.failure is None else job.failure.error_code,
    )


def call_summary(call: Call) -> CallSummary:
    """A call in short."""
    response, request = call.response, call.request
    fault = None if response is None else response.fault
    return CallSummary(
        number=call.number,
        at=call.at,
        answered=response is not None,
        method=call.method,
        path=call.path,
        route=call.route,
        status=call.status,
        error_code=call.error_code,
        inference_id=call.inference_id,
        prompt=None if request is None else request.wish.prompt[:_MAX_WORDS],
        count=None if request is None else request.wish.count,
        effects=call.effects,
        latency=0.0 if response is None else response.latency,
        fault=None if fault is None or fault.breaks is None else fault.breaks.value,
        abandoned=call.abandoned,
        replayed=call.replayed,
        has_image=call.image_sha256 is not None,
        has_mask=call.mask_sha256 is not None,
    )


def call_detail(world: World, call: Call, base: str, *, show_keys: bool = False) -> CallDetail:
    """A call with all that is kept of it, without credentials unless they are asked for.

    `base` is where its pictures are shown.
    """
    response, redaction = call.response, None if show_keys else Redaction(filter(None, (call.api_key,)))
    text = _text(call)
    return CallDetail(
        **dict(call_summary(call)),
        query=call.request_head.query if redaction is None else redaction.text(call.request_head.query),
        account_id=call.account_id,
        idempotency_key=call.idempotency_key,
        request_headers=_headers(call.request_head.headers, redaction),
        request=_request(call),
        body_size=call.body_size,
        answered_at=call.answered_at,
        response_headers=() if response is None else _headers(response.headers, redaction),
        response=text if text is None or redaction is None else redaction.text(text),
        response_size=_response_size(call),
        pictures=_pictures(world, call, base),
    )


def source_list(world: World) -> SourceList:
    """What is registered for addresses."""
    return SourceList(
        sources=tuple(
            SourceState(
                url=source.url,
                size=None if source.data is None else len(source.data),
                sha256=None if source.data is None else sha256(source.data).hexdigest(),
                status=source.status,
                seconds=source.seconds,
                broken=source.broken,
                fetched=source.fetched,
            )
            for source in world.sources.registered
        )
    )


def _headers(pairs: tuple[tuple[str, str], ...], redaction: Redaction | None) -> tuple[Header, ...]:
    shown = pairs if redaction is None else redaction.headers(pairs)
    return tuple(Header(name=name, value=value) for name, value in shown)


def _request(call: Call) -> dict[str, Any] | None:
    request = call.request
    if request is None:
        return None
    return {
        request.image_field: _source(request.image, call.image_size),
        **({} if request.mask is None else {request.mask_field or "mask": _source(request.mask, call.mask_size)}),
        **{name: value for name, value in request.plain_values.items() if value is not None},
    }


def _source(source: Source, size: int | None) -> str:
    if isinstance(source, Upload):
        return f"a file of {size} bytes" + (f", {source.filename}" if source.filename else "")
    if isinstance(source, DataUri):
        return f"a data: URI of {size} bytes, {source.shown_label}"
    if isinstance(source, UrlSource):
        return source.url if len(source.url) <= _MAX_WORDS else source.url[:_MAX_WORDS] + "..."
    assert isinstance(source, IdSource)
    return source.id


def _text(call: Call) -> str | None:
    response = call.response
    if response is None or not response.body or len(response.body) > _MAX_TEXT or call.route is On.FILE:
        return None
    return response.body.decode("utf-8", "replace")


def _response_size(call: Call) -> int | None:
    if call.response is None:
        return None
    declared = call.response.header("content-length") or ""
    return int(declared) if declared.isdigit() else len(call.response.body)


def _pictures(world: World, call: Call, base: str) -> tuple[PictureState, ...]:
    shown: list[PictureState] = []
    if call.image_sha256 is not None:
        shown.append(_picture(base, "image", call.image_sha256, call.image_size))
    if call.mask_sha256 is not None:
        shown.append(_picture(base, "mask", call.mask_sha256, call.mask_size))
    if call.image_sha256 is not None:
        shown.append(_picture(base, "keep-map"))
    job = finished_job(world, call)
    if job is not None and job.manifest is not None:
        shown += [_picture(base, f"results/{place}") for place in range(len(job.manifest.files))]
    return tuple(shown)


def _picture(base: str, what: str, digest: str | None = None, size: int | None = None) -> PictureState:
    return PictureState(what=what, url=f"{base}/{what}", sha256=digest, size=size)
