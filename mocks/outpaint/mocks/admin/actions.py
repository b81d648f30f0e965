"""What each operation does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account
from outpaint.mocks.admin import admin_models, views
from outpaint.mocks.admin.operation import AdminRequest, Made
from outpaint.mocks.admin.scenario_json import Language, language, scenario_of
from outpaint.mocks.admin.views import picture_of
from outpaint.mocks.mock_paths import ADMIN_ROOT, DEFAULT_WORLD
from outpaint.mocks.pact.pact_file import pact_of
from outpaint.mocks.pact.provider_states import stage
from outpaint.mocks.report.findings import Report
from outpaint.mocks.report.judging import judge
from outpaint.mocks.report.junit_xml import as_junit
from outpaint.mocks.report.report_pages import as_page
from outpaint.mocks.scenarios.grammar import nearest

if TYPE_CHECKING:
    from outpaint.mocks.world.calls import Call
    from outpaint.mocks.world.world import World


def clock_shown(asked: AdminRequest) -> admin_models.ClockState:
    """The world's time and how it goes."""
    return views.clock_state(asked.world.clock)


def advance_clock(asked: AdminRequest) -> admin_models.ClockState:
    """Move time on by so much."""
    step: admin_models.Advance = asked.body
    asked.world.clock.advance(step.seconds, minutes=step.minutes, hours=step.hours, days=step.days)
    return clock_shown(asked)


def set_clock(asked: AdminRequest) -> admin_models.ClockState:
    """Move time on to a date."""
    asked.world.clock.set(asked.body.time)
    return clock_shown(asked)


def freeze_clock(asked: AdminRequest) -> admin_models.ClockState:
    """Let time stand still."""
    asked.world.clock.freeze()
    return clock_shown(asked)


def tick_clock(asked: AdminRequest) -> admin_models.ClockState:
    """Let time go, at this scale."""
    asked.world.clock.tick(asked.body.scale)
    return clock_shown(asked)


def jobs_listed(asked: AdminRequest) -> admin_models.JobList:
    """The latest jobs, or of these only those that have not ended."""
    world, wanted = asked.world, asked.query
    with world.lock:
        world.settle()
        jobs = world.ledger.latest_jobs(10 * wanted.limit if wanted.pending else wanted.limit)
        told = [views.job_summary(world, job) for job in jobs if not (wanted.pending and job.state.ended)]
    return admin_models.JobList(jobs=tuple(told[: wanted.limit]))


def job_shown(asked: AdminRequest) -> admin_models.JobSummary:
    """One job; raises `OutpaintError` for one that this world does not have."""
    world, inference_id = asked.world, asked.path["inference_id"]
    job = world.ledger.find(inference_id, world.clock.now())
    if job is None:
        raise _no_job(world, inference_id)
    return views.job_summary(world, job)


def release_job(asked: AdminRequest) -> admin_models.JobSummary:
    """End a running job now, as its plan says."""
    job_shown(asked)  # one of this world's
    asked.world.release(asked.path["inference_id"])
    return job_shown(asked)


def release_jobs(asked: AdminRequest) -> admin_models.JobList:
    """End every running job now."""
    world = asked.world
    with world.lock:
        ids = world.pending
        world.release()
        jobs = [world.ledger.find(inference_id, world.clock.now()) for inference_id in ids]
        return admin_models.JobList(jobs=tuple(views.job_summary(world, job) for job in jobs if job is not None))


def set_job_scenario(asked: AdminRequest) -> admin_models.JobSummary:
    """Let a running job go on otherwise."""
    job_shown(asked)
    asked.world.scenarios.job(asked.path["inference_id"], scenario_of(asked.body.scenario))
    return job_shown(asked)


def _no_job(world: World, inference_id: str) -> OutpaintError:
    return OutpaintError(
        ErrorCode.UNKNOWN_INFERENCE,
        f"there is no job {inference_id[:60]} in world {world.name}: every world has its own",
        field="inference_id",
    )


def calls_listed(asked: AdminRequest) -> admin_models.CallPage:
    """The calls that came and are wanted, the latest of them."""
    wanted: admin_models.CallQuery = asked.query
    world = asked.world
    with world.lock:
        found = [call for call in world.journal.since(wanted.after) if _wanted(call, wanted)]
        told = tuple(views.call_summary(call) for call in found[-wanted.limit :])
        return admin_models.CallPage(calls=told, total=world.journal.total, dropped=world.journal.dropped)


def clear_journal(asked: AdminRequest) -> admin_models.CallPage:
    """Forget every call."""
    asked.world.journal.clear()
    return admin_models.CallPage(calls=(), total=asked.world.journal.total, dropped=0)


def call_shown(asked: AdminRequest) -> admin_models.CallDetail:
    """One call with all that is kept of it; raises `OutpaintError` for one that is not kept."""
    world, call = asked.world, _kept(asked)
    with world.lock:
        return views.call_detail(world, call, f"{asked.base}{ADMIN_ROOT}/journal/{call.number}")


def call_picture(what: str) -> Callable[[AdminRequest], bytes]:
    """The act that shows one of a call's pictures as PNG: image, mask, keep-map, or results by their place."""

    def act(asked: AdminRequest) -> bytes:
        wanted = f"{what}/{asked.path['place']}" if what == "results" else what
        return picture_of(asked.world, _kept(asked), wanted, asked.query.side)

    return act


def assert_calls(asked: AdminRequest) -> admin_models.Judged:
    """Whether calls came as expected, and if not, what a test would have been told."""
    wanted: admin_models.Expected = asked.body
    world = asked.world
    with world.lock:
        calls = world.calls
        if wanted.route is not None:
            calls = calls.where(lambda call: call.route is wanted.route)
        if wanted.inference_id is not None:
            calls = calls.of_job(wanted.inference_id)
        matched = None
        try:
            if wanted.all_called:
                world.assert_all_called()
            if wanted.times is not None:
                calls.assert_call_count(wanted.times)
            if wanted.values is not None:
                matched = calls.assert_called_with(**wanted.values).number
        except AssertionError as error:
            return admin_models.Judged(holds=False, message=str(error))
        except TypeError as error:
            raise OutpaintError(ErrorCode.INVALID_PARAMETER, str(error), field="values") from None
    return admin_models.Judged(holds=True, call=matched)


def _wanted(call: Call, wanted: admin_models.CallQuery) -> bool:
    return (
        (wanted.route is None or call.route is wanted.route)
        and (wanted.status is None or call.status == wanted.status)
        and (wanted.inference_id is None or call.inference_id == wanted.inference_id)
    )


def _kept(asked: AdminRequest) -> Call:
    number = asked.number("number")
    call = asked.world.journal.find(number)
    if call is None:
        raise OutpaintError(
            ErrorCode.UNKNOWN_ROUTE,
            f"there is no call {number} in the journal of world {asked.world.name}",
        )
    return call


def pact_written(asked: AdminRequest) -> bytes:
    """The calls that came, as a Pact file."""
    wanted: admin_models.PactQuery = asked.query
    world = asked.world
    with world.lock:
        return pact_of(world, wanted.consumer, wanted.provider).text().encode()


def stage_state(asked: AdminRequest) -> admin_models.StateValues:
    """Put the world into a provider state, and tell the values that it came to; a teardown does nothing."""
    wanted: admin_models.SetState = asked.body
    if wanted.action == "teardown":
        return admin_models.StateValues({})
    world = asked.world
    with world.lock:
        return admin_models.StateValues(stage(world, wanted.state, wanted.params or {}, asked.origin))


def report_shown(asked: AdminRequest) -> Report:
    """The report as it is."""
    return judge(asked.world)


def report_page(asked: AdminRequest) -> bytes:
    """The report as a page."""
    return as_page(judge(asked.world)).encode()


def report_junit(asked: AdminRequest) -> bytes:
    """The report as JUnit XML."""
    return as_junit(judge(asked.world), strict=asked.query.strict).encode()


def tell_language(_: AdminRequest) -> Language:
    """Every effect and preset."""
    return language()


def scenarios_listed(asked: AdminRequest) -> admin_models.ScenarioStates:
    """The scenarios that stand and wait."""
    return views.scenario_states(asked.world)


def set_always(asked: AdminRequest) -> Made:
    """Let a scenario stand for the world."""
    wanted: admin_models.SetAlways = asked.body
    asked.world.scenarios.always(scenario_of(wanted.scenario), on=wanted.on)
    return Made(scenarios_listed(asked))


def set_next(asked: AdminRequest) -> Made:
    """Let a scenario stand for the next calls."""
    wanted: admin_models.SetNext = asked.body
    asked.world.scenarios.next(scenario_of(wanted.scenario), times=wanted.times, on=wanted.on)
    return Made(scenarios_listed(asked))


def check_scenario(asked: AdminRequest) -> admin_models.Understood:
    """What a scenario comes to, without setting it."""
    wanted: admin_models.SetAlways = asked.body
    scenario = scenario_of(wanted.scenario, wanted.on)
    return admin_models.Understood(scenario=str(scenario), on=views.scenario_routes(scenario))


def clear_scenarios(asked: AdminRequest) -> admin_models.ScenarioStates:
    """Take back every scenario."""
    asked.world.scenarios.clear()
    return scenarios_listed(asked)


def remove_scenario(asked: AdminRequest) -> admin_models.ScenarioStates:
    """Take one scenario back; raises `OutpaintError` for one that is gone."""
    scenarios, number = asked.world.scenarios, asked.number("number")
    known = {one.id for one in scenarios.lasting} | {one.id for one in scenarios.waiting}
    if number not in known:
        raise OutpaintError(ErrorCode.UNKNOWN_ROUTE, f"there is no scenario {number}: it was used up or removed")
    scenarios.remove(number)
    return scenarios_listed(asked)


def sources_listed(asked: AdminRequest) -> admin_models.SourceList:
    """What stands behind addresses."""
    return views.source_list(asked.world)


def set_source(asked: AdminRequest) -> Made:
    """Put bytes, a status, a delay or a broken connection behind an address."""
    wanted: admin_models.SetSource = asked.body
    asked.world.sources.register(
        wanted.url, wanted.data, status=wanted.status, seconds=wanted.seconds, broken=wanted.broken
    )
    return Made(sources_listed(asked))


def forget_source(asked: AdminRequest) -> admin_models.SourceList:
    """Take back what stands behind an address; raises `OutpaintError` where nothing does."""
    url = asked.query.url
    known = [source.url for source in asked.world.sources.registered]
    if url not in known:
        hint = nearest(url, known) if known else "none is"
        raise OutpaintError(ErrorCode.UNKNOWN_ROUTE, f"nothing is registered for {url[:100]}: {hint}", field="url")
    asked.world.sources.forget(url)
    return sources_listed(asked)


def worlds_listed(asked: AdminRequest) -> admin_models.WorldList:
    """Every world there is."""
    found = [asked.worlds.get(name) for name in asked.worlds.names]
    return admin_models.WorldList(worlds=tuple(views.world_summary(world, asked.origin) for world in found))


def make_world(asked: AdminRequest) -> admin_models.WorldDetail | Made:
    """The world of this name: made as the body says, or found, or made where there is none."""
    name, wanted = asked.path["name"], asked.body.model_dump(exclude_none=True)
    if wanted:
        return Made(views.world_detail(asked.worlds.make(name, wanted), asked.origin))
    known = name in asked.worlds.names
    detail = views.world_detail(asked.worlds.get(name), asked.origin)
    return detail if known else Made(detail)


def remove_world(asked: AdminRequest) -> admin_models.WorldList:
    """Forget a world; raises `OutpaintError` for the default one and for one that is unknown."""
    name = asked.path["name"]
    if name == DEFAULT_WORLD:
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, "the default world stays: reset it instead", field="name")
    asked.worlds.remove(name)
    return worlds_listed(asked)


def world_shown(asked: AdminRequest) -> admin_models.WorldDetail:
    """The world that is asked about."""
    return views.world_detail(asked.world, asked.origin)


def reset_world(asked: AdminRequest) -> admin_models.WorldDetail:
    """Let the world stand as at its beginning."""
    asked.world.reset()
    return world_shown(asked)


def open_account(asked: AdminRequest) -> Made:
    """Open a key's account, or give the one that it has other credits and permissions."""
    wanted: admin_models.OpenAccount = asked.body
    ledger, digest = asked.world.ledger, key_digest(wanted.key)
    found = ledger.by_key_digest(digest)
    if found is None:
        found = Account(id=f"account-{digest[:16]}", name=f"mock account {digest[:8]}", credits=wanted.credits)
    account = replace(found, credits=wanted.credits, allowed=wanted.allowed)
    ledger.add_account(account, digest)
    return Made(admin_models.AccountState(id=account.id, name=account.name, credits=account.credits))
