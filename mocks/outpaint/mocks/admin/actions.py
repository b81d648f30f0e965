"""The operations of the admin API, in the order of its documentation, and what each does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar, get_type_hints

from pydantic import BaseModel

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account
from outpaint.mocks.admin import admin_models as models
from outpaint.mocks.admin import views
from outpaint.mocks.admin.operation import HTML, JSON, PNG, XML, Action, AdminOperation, AdminRequest, Found
from outpaint.mocks.admin.scenario_json import Language, language, scenario_of
from outpaint.mocks.mock_paths import ADMIN_ROOT, DEFAULT_WORLD
from outpaint.mocks.pact.pact_file import pact_of
from outpaint.mocks.pact.provider_states import stage
from outpaint.mocks.report.client_checks import judge
from outpaint.mocks.report.findings import Report
from outpaint.mocks.report.junit_xml import as_junit
from outpaint.mocks.report.report_pages import as_page
from outpaint.mocks.scenarios.grammar import nearest
from outpaint.mocks.world.calls import CannotTellError
from outpaint.mocks.world.recorded_call import Call

_A = TypeVar("_A", bound=Action)

OPERATIONS: Final[list[AdminOperation]] = []
"""Every operation; where two paths could mean one request, the first counts."""


def operation(
    method: str,
    path: str,
    name: str,
    *,
    gives: type[BaseModel] | str | None = None,
    takes: type[BaseModel] | None = None,
    optional_body: bool = False,
    query: type[BaseModel] | None = None,
    of_world: bool = True,
    makes: bool = False,
) -> Callable[[_A], _A]:
    """Enter an action in `OPERATIONS`; its docstring's first line is the summary, its return type what it gives."""

    def entered(act: _A) -> _A:
        summary = (act.__doc__ or "").partition("\n")[0].removesuffix(".")
        given = gives or get_type_hints(act)["return"]
        OPERATIONS.append(
            AdminOperation(method, path, name, summary, act, given, takes, optional_body, query, of_world, makes)
        )
        return act

    return entered


# Worlds


@operation("GET", "/worlds", "worlds", of_world=False)
def list_worlds(asked: AdminRequest) -> models.WorldList:
    """List the worlds."""
    return models.WorldList(
        worlds=tuple(views.world_summary(world, asked.origin) for world in asked.worlds), dropped=asked.worlds.dropped
    )


@operation(
    "PUT", "/worlds/{name}", "make-world",
    gives=models.WorldDetail, takes=models.SetUp, optional_body=True, of_world=False, makes=True,
)  # fmt: skip
def make_world(asked: AdminRequest) -> models.WorldDetail | Found:
    """Make a world, or find it."""
    name, wanted = asked.path["name"], asked.body.model_dump(exclude_none=True)
    scenario = wanted.get("scenario")
    if isinstance(scenario, list) and not all(isinstance(one, str) for one in scenario):
        wanted["scenario"] = scenario_of(scenario)  # texts alone are several scenarios, of which a later one wins
    if wanted:
        return views.world_detail(asked.worlds.make(name, wanted), asked.origin)
    known = name in asked.worlds.names
    detail = views.world_detail(asked.worlds.get(name), asked.origin)
    asked.worlds.keep(name)
    return Found(detail) if known else detail


@operation("DELETE", "/worlds/{name}", "remove-world", of_world=False)
def remove_world(asked: AdminRequest) -> models.WorldList:
    """Forget a world with all its state.

    Raises `OutpaintError` for the default world and for an unknown one.
    """
    name = asked.path["name"]
    if name == DEFAULT_WORLD:
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, "the default world stays: reset it instead", field="name")
    asked.worlds.remove(name)
    return list_worlds(asked)


@operation("GET", "/language", "language", of_world=False)
def show_language(_: AdminRequest) -> Language:
    """The scenario language: effects and presets."""
    return language()


@operation("GET", "/world", "world")
def show_world(asked: AdminRequest) -> models.WorldDetail:
    """The world and its accounts."""
    return views.world_detail(asked.world, asked.origin)


@operation("POST", "/accounts", "open-account", takes=models.OpenAccount, makes=True)
def open_account(asked: AdminRequest) -> models.AccountState:
    """Open a key's account, or change its credits and permission."""
    wanted: models.OpenAccount = asked.body
    ledger, digest = asked.world.ledger, key_digest(wanted.key)
    found = ledger.by_key_digest(digest)
    if found is None:
        found = Account(id=f"account-{digest[:16]}", name=f"mock account {digest[:8]}", credits=wanted.credits)
    account = replace(found, credits=wanted.credits, allowed=wanted.allowed)
    ledger.add_account(account, digest)
    return models.AccountState.model_validate(account)


@operation("POST", "/reset", "reset")
def reset_world(asked: AdminRequest) -> models.WorldDetail:
    """Reset the world to its beginning."""
    asked.world.reset()
    return show_world(asked)


# The clock


@operation("GET", "/clock", "clock")
def show_clock(asked: AdminRequest) -> models.ClockState:
    """The world's time."""
    return views.clock_state(asked.world.clock)


@operation("POST", "/clock/advance", "advance-clock", takes=models.Advance)
def advance_clock(asked: AdminRequest) -> models.ClockState:
    """Move time on by so much, at once."""
    step: models.Advance = asked.body
    asked.world.clock.advance(step.seconds, minutes=step.minutes, hours=step.hours, days=step.days)
    return show_clock(asked)


@operation("POST", "/clock/set", "set-clock", takes=models.SetTime)
def set_clock(asked: AdminRequest) -> models.ClockState:
    """Move time on to a date."""
    asked.world.clock.set(asked.body.time)
    return show_clock(asked)


@operation("POST", "/clock/freeze", "freeze-clock")
def freeze_clock(asked: AdminRequest) -> models.ClockState:
    """Stop time."""
    asked.world.clock.freeze()
    return show_clock(asked)


@operation("POST", "/clock/tick", "tick-clock", takes=models.Tick, optional_body=True)
def tick_clock(asked: AdminRequest) -> models.ClockState:
    """Let time pass by itself, at real speed or faster."""
    asked.world.clock.tick(asked.body.scale)
    return show_clock(asked)


# Scenarios


@operation("GET", "/scenarios", "scenarios")
def list_scenarios(asked: AdminRequest) -> models.ScenarioStates:
    """The scenarios that are set."""
    return views.scenario_states(asked.world)


@operation("DELETE", "/scenarios", "clear-scenarios")
def clear_scenarios(asked: AdminRequest) -> models.ScenarioStates:
    """Remove every scenario of the world and of the next calls."""
    asked.world.scenarios.clear()
    return list_scenarios(asked)


@operation("POST", "/scenarios/always", "always", takes=models.SetAlways, makes=True)
def set_always(asked: AdminRequest) -> models.ScenarioStates:
    """Apply a scenario to the world until it is removed."""
    wanted: models.SetAlways = asked.body
    asked.world.scenarios.always(scenario_of(wanted.scenario), on=wanted.on)
    return list_scenarios(asked)


@operation("POST", "/scenarios/next", "next", takes=models.SetNext, makes=True)
def set_next(asked: AdminRequest) -> models.ScenarioStates:
    """Apply a scenario to the next calls."""
    wanted: models.SetNext = asked.body
    asked.world.scenarios.next(scenario_of(wanted.scenario), times=wanted.times, on=wanted.on)
    return list_scenarios(asked)


@operation("POST", "/scenarios/check", "check-scenario", takes=models.SetAlways)
def check_scenario(asked: AdminRequest) -> models.Understood:
    """Check a scenario without setting it."""
    wanted: models.SetAlways = asked.body
    scenario = scenario_of(wanted.scenario, wanted.on)
    return models.Understood(scenario=str(scenario), on=views.in_order(scenario.routes))


@operation("DELETE", "/scenarios/{number}", "remove-scenario")
def remove_scenario(asked: AdminRequest) -> models.ScenarioStates:
    """Remove one scenario.

    Raises `OutpaintError` for one that was used up or removed.
    """
    scenarios, number = asked.world.scenarios, asked.number()
    known = {one.id for one in scenarios.lasting} | {one.id for one in scenarios.waiting}
    if number not in known:
        raise OutpaintError(ErrorCode.UNKNOWN_ROUTE, f"there is no scenario {number}: it was used up or removed")
    scenarios.remove(number)
    return list_scenarios(asked)


# Jobs


@operation("GET", "/jobs", "jobs", query=models.JobQuery)
def list_jobs(asked: AdminRequest) -> models.JobList:
    """The latest jobs."""
    world, wanted = asked.world, asked.query
    with world.lock:
        world.settle()
        jobs = world.ledger.latest_jobs(10 * wanted.limit if wanted.pending else wanted.limit)
        shown = [views.job_summary(world, job) for job in jobs if not (wanted.pending and job.state.ended)]
    return models.JobList(jobs=tuple(shown[: wanted.limit]))


@operation("POST", "/jobs/release", "release-jobs")
def release_jobs(asked: AdminRequest) -> models.JobList:
    """End every running job."""
    world = asked.world
    with world.lock:
        ids = world.pending
        world.release()
        jobs = [world.ledger.find(inference_id, world.clock.now()) for inference_id in ids]
        return models.JobList(jobs=tuple(views.job_summary(world, job) for job in jobs if job is not None))


@operation("GET", "/jobs/{inference_id}", "job")
def show_job(asked: AdminRequest) -> models.JobSummary:
    """One job.

    Raises `OutpaintError` for one that this world does not have.
    """
    world, inference_id = asked.world, asked.path["inference_id"]
    job = world.ledger.find(inference_id, world.clock.now())
    if job is None:
        raise OutpaintError(
            ErrorCode.UNKNOWN_INFERENCE,
            f"there is no job {inference_id[:60]} in world {world.name}: every world has its own",
            field="inference_id",
        )
    return views.job_summary(world, job)


@operation("POST", "/jobs/{inference_id}/release", "release-job")
def release_job(asked: AdminRequest) -> models.JobSummary:
    """End a running job, as its plan says."""
    show_job(asked)  # refuses an unknown one
    asked.world.release(asked.path["inference_id"])
    return show_job(asked)


@operation("POST", "/jobs/{inference_id}/scenario", "job-scenario", takes=models.SetForJob)
def set_job_scenario(asked: AdminRequest) -> models.JobSummary:
    """Change how a running job goes on."""
    show_job(asked)  # refuses an unknown one
    asked.world.scenarios.job(asked.path["inference_id"], scenario_of(asked.body.scenario))
    return show_job(asked)


# The journal


@operation("GET", "/journal", "journal", query=models.CallQuery)
def list_calls(asked: AdminRequest) -> models.CallPage:
    """The calls that came."""
    wanted: models.CallQuery = asked.query
    world = asked.world
    with world.lock:
        calls = world.calls
        if wanted.route is not None:
            calls = calls.of_kind(wanted.route)
        fitting = calls.where(lambda call: _wanted(call, wanted))
        found = [call for call in fitting if call.number > wanted.after]
        shown = tuple(views.call_summary(call) for call in found[-wanted.limit :])
        by_kind_alone = wanted.status is None and wanted.inference_id is None
        total = len(fitting) + calls.dropped if by_kind_alone or not calls.dropped else None
        return models.CallPage(calls=shown, total=total, dropped=calls.dropped)


@operation("DELETE", "/journal", "clear-journal")
def clear_journal(asked: AdminRequest) -> models.CallPage:
    """Forget every call."""
    asked.world.journal.clear()
    return models.CallPage(calls=(), total=0, dropped=0)


@operation("POST", "/journal/assertions", "assert-calls", takes=models.Expected)
def assert_calls(asked: AdminRequest) -> models.Judged:
    """Whether calls came as expected; if not, the nearest one."""
    wanted: models.Expected = asked.body
    world = asked.world
    field = "values"
    with world.lock:
        calls = world.calls if wanted.route is None else world.calls.of_kind(wanted.route)
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
            if wanted.order is not None:
                field = "order"
                calls.assert_in_order(*wanted.order)
        except CannotTellError as error:
            return models.Judged(holds=None, message=str(error))
        except AssertionError as error:
            return models.Judged(holds=False, message=str(error))
        except TypeError as error:
            raise OutpaintError(ErrorCode.INVALID_PARAMETER, str(error), field=field) from None
    return models.Judged(holds=True, call=matched)


@operation("GET", "/journal/{number}", "call", query=models.KeysQuery)
def show_call(asked: AdminRequest) -> models.CallDetail:
    """One call with all that is kept of it."""
    world, call = asked.world, _kept(asked)
    with world.lock:
        base = f"{asked.base}{ADMIN_ROOT}/journal/{call.number}"
        return views.call_detail(world, call, base, show_keys=asked.query.keys == "shown")


@operation("GET", "/journal/{number}/image", "call-image", gives=PNG, query=models.PictureQuery)
def show_image(asked: AdminRequest) -> bytes:
    """The picture that a call brought."""
    return views.picture_of(asked.world, _kept(asked), "image", asked.query.side)


@operation("GET", "/journal/{number}/mask", "call-mask", gives=PNG, query=models.PictureQuery)
def show_mask(asked: AdminRequest) -> bytes:
    """The mask that a call brought."""
    return views.picture_of(asked.world, _kept(asked), "mask", asked.query.side)


@operation("GET", "/journal/{number}/keep-map", "call-keep-map", gives=PNG, query=models.PictureQuery)
def show_keep_map(asked: AdminRequest) -> bytes:
    """What the service keeps: white kept, black painted."""
    return views.picture_of(asked.world, _kept(asked), "keep-map", asked.query.side)


@operation("GET", "/journal/{number}/results/{place}", "call-result", gives=PNG, query=models.PictureQuery)
def show_result(asked: AdminRequest) -> bytes:
    """A picture of the call's job, from place 0 on."""
    return views.picture_of(asked.world, _kept(asked), f"results/{asked.path['place']}", asked.query.side)


def _wanted(call: Call, wanted: models.CallQuery) -> bool:
    return (wanted.status is None or call.status == wanted.status) and (
        wanted.inference_id is None or call.inference_id == wanted.inference_id
    )


def _kept(asked: AdminRequest) -> Call:
    """The call that the path names; raises `OutpaintError` for one that is not kept."""
    number = asked.number()
    call = asked.world.journal.find(number)
    if call is None:
        raise OutpaintError(
            ErrorCode.UNKNOWN_ROUTE, f"there is no call {number} in the journal of world {asked.world.name}"
        )
    return call


# Sources


@operation("GET", "/sources", "sources")
def list_sources(asked: AdminRequest) -> models.SourceList:
    """The registered sources."""
    return views.source_list(asked.world)


@operation("POST", "/sources", "set-source", takes=models.SetSource, makes=True)
def set_source(asked: AdminRequest) -> models.SourceList:
    """Register bytes, a status, a delay or a broken connection for an address."""
    wanted: models.SetSource = asked.body
    asked.world.sources.register(
        wanted.url, wanted.data, status=wanted.status, seconds=wanted.seconds, broken=wanted.broken
    )
    return list_sources(asked)


@operation("DELETE", "/sources", "forget-source", query=models.SourceQuery)
def forget_source(asked: AdminRequest) -> models.SourceList:
    """Remove what is registered for an address.

    Raises `OutpaintError` where nothing is.
    """
    url = asked.query.url
    known = [source.url for source in asked.world.sources.registered]
    if url not in known:
        hint = nearest(url, known) if known else "none is"
        raise OutpaintError(ErrorCode.UNKNOWN_ROUTE, f"nothing is registered for {url[:100]}: {hint}", field="url")
    asked.world.sources.forget(url)
    return list_sources(asked)


# Pact and the consumer report


@operation("GET", "/pact", "pact", gives=JSON, query=models.PactQuery)
def write_pact(asked: AdminRequest) -> bytes:
    """The calls that came, as a Pact file."""
    wanted: models.PactQuery = asked.query
    world = asked.world
    with world.lock:
        return pact_of(world, wanted.consumer, wanted.provider).text().encode()


@operation("POST", "/pact/state", "pact-state", takes=models.SetState)
def stage_state(asked: AdminRequest) -> models.StateValues:
    """Put the world into a provider state, as Pact's verifiers ask.

    The answer has the values that the state gives; a teardown does nothing.
    """
    wanted: models.SetState = asked.body
    if wanted.action == "teardown":
        return models.StateValues({})
    world = asked.world
    with world.lock:
        return models.StateValues(stage(world, wanted.state, wanted.params or {}, asked.origin))


@operation("GET", "/report", "report", query=models.ReportQuery)
def show_report(asked: AdminRequest) -> Report:
    """How well the client behaves."""
    return judge(asked.world, asked.query.profile)


@operation("GET", "/report.html", "report-page", gives=HTML, query=models.ReportQuery)
def show_report_page(asked: AdminRequest) -> bytes:
    """The same as a page to read."""
    return as_page(judge(asked.world, asked.query.profile)).encode()


@operation("GET", "/report.xml", "report-junit", gives=XML, query=models.StrictQuery)
def show_report_junit(asked: AdminRequest) -> bytes:
    """The same as JUnit XML."""
    return as_junit(judge(asked.world, asked.query.profile), strict=asked.query.strict).encode()
