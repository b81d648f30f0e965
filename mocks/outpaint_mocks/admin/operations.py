"""Every operation of the admin API in one table: the router, the OpenAPI document and the tests are made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_functions.service.authentication import key_digest
from outpaint_functions.service.records import Account
from pydantic import BaseModel

from outpaint_mocks.admin import models, shown
from outpaint_mocks.admin.language import Language, language, scenario_of
from outpaint_mocks.admin.pictures import picture_of
from outpaint_mocks.grammar import ScenarioError, nearest
from outpaint_mocks.pact import pact_of
from outpaint_mocks.pact.staging import stage
from outpaint_mocks.report import Report, judge
from outpaint_mocks.report.junit import as_junit
from outpaint_mocks.report.page import as_page
from outpaint_mocks.worlds import DEFAULT

if TYPE_CHECKING:
    from outpaint_mocks.calls import Call
    from outpaint_mocks.world import World
    from outpaint_mocks.worlds import Worlds

ROOT: Final = "/_mock"
PNG: Final = "image/png"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
XML: Final = "application/xml"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to one operation: its world, what stood in its path, query and body, and where the server is."""

    worlds: Worlds
    world_name: str
    origin: str
    base: str
    """What stood before /_mock: empty, or a world's prefix."""
    path: dict[str, str] = field(default_factory=dict)
    query: Any = None
    body: Any = None

    @property
    def world(self) -> World:
        """The world that the request is about; it must exist, but for the default one."""
        if self.world_name == DEFAULT:
            return self.worlds.get()
        return self.worlds.find(self.world_name)


@dataclass(frozen=True, slots=True)
class Made:
    """An answer that made something."""

    body: BaseModel


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `path` is a template below /_mock, `gives` a model or a media type."""

    verb: str
    path: str
    name: str
    summary: str
    act: Callable[[Asked], BaseModel | Made | bytes]
    gives: type[BaseModel] | str
    takes: type[BaseModel] | None = None
    optional_body: bool = False
    query: type[BaseModel] | None = None
    of_world: bool = True
    makes: bool = False


# Worlds


def _worlds(asked: Asked) -> models.WorldList:
    found = [asked.worlds.get(name) for name in asked.worlds.names]
    return models.WorldList(worlds=tuple(shown.world_summary(world, asked.origin) for world in found))


def _make_world(asked: Asked) -> models.WorldDetail | Made:
    name, wanted = asked.path["name"], asked.body.model_dump(exclude_none=True)
    if wanted:
        return Made(shown.world_detail(asked.worlds.make(name, wanted), asked.origin))
    known = name in asked.worlds.names
    detail = shown.world_detail(asked.worlds.get(name), asked.origin)
    return detail if known else Made(detail)


def _remove_world(asked: Asked) -> models.WorldList:
    name = asked.path["name"]
    if name == DEFAULT:
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, "the default world stays: reset it instead", field="name")
    asked.worlds.remove(name)
    return _worlds(asked)


def _world(asked: Asked) -> models.WorldDetail:
    return shown.world_detail(asked.world, asked.origin)


def _reset(asked: Asked) -> models.WorldDetail:
    asked.world.reset()
    return _world(asked)


def _open_account(asked: Asked) -> Made:
    wanted: models.OpenAccount = asked.body
    ledger, digest = asked.world.ledger, key_digest(wanted.key)
    found = ledger.by_key_digest(digest)
    if found is None:
        found = Account(id=f"account-{digest[:16]}", name=f"mock account {digest[:8]}", credits=wanted.credits)
    account = replace(found, credits=wanted.credits, allowed=wanted.allowed)
    ledger.add_account(account, digest)
    return Made(models.AccountState(id=account.id, name=account.name, credits=account.credits))


# The clock


def _clock(asked: Asked) -> models.ClockState:
    return shown.clock_state(asked.world.clock)


def _advance(asked: Asked) -> models.ClockState:
    step: models.Advance = asked.body
    asked.world.clock.advance(step.seconds, minutes=step.minutes, hours=step.hours, days=step.days)
    return _clock(asked)


def _set_time(asked: Asked) -> models.ClockState:
    asked.world.clock.set(asked.body.time)
    return _clock(asked)


def _freeze(asked: Asked) -> models.ClockState:
    asked.world.clock.freeze()
    return _clock(asked)


def _tick(asked: Asked) -> models.ClockState:
    asked.world.clock.tick(asked.body.scale)
    return _clock(asked)


# Scenarios


def _language(_: Asked) -> Language:
    return language()


def _scenarios(asked: Asked) -> models.ScenarioStates:
    return shown.scenario_states(asked.world)


def _always(asked: Asked) -> Made:
    wanted: models.SetAlways = asked.body
    asked.world.scenarios.always(scenario_of(wanted.scenario), on=wanted.on)
    return Made(_scenarios(asked))


def _next(asked: Asked) -> Made:
    wanted: models.SetNext = asked.body
    asked.world.scenarios.next(scenario_of(wanted.scenario), times=wanted.times, on=wanted.on)
    return Made(_scenarios(asked))


def _check(asked: Asked) -> models.Understood:
    wanted: models.SetAlways = asked.body
    scenario = scenario_of(wanted.scenario, wanted.on)
    return models.Understood(scenario=str(scenario), on=shown.scenario_routes(scenario))


def _clear_scenarios(asked: Asked) -> models.ScenarioStates:
    asked.world.scenarios.clear()
    return _scenarios(asked)


def _remove_scenario(asked: Asked) -> models.ScenarioStates:
    scenarios, number = asked.world.scenarios, _number(asked, "number")
    known = {one.id for one in scenarios.standing} | {one.id for one in scenarios.waiting}
    if number not in known:
        raise OutpaintError(ErrorCode.UNKNOWN_ROUTE, f"there is no scenario {number}: it was used up or removed")
    scenarios.remove(number)
    return _scenarios(asked)


# Jobs


def _jobs(asked: Asked) -> models.JobList:
    world, wanted = asked.world, asked.query
    with world.lock:
        world.settle()
        jobs = world.ledger.latest_jobs(10 * wanted.limit if wanted.pending else wanted.limit)
        told = [shown.job_summary(world, job) for job in jobs if not (wanted.pending and job.state.ended)]
    return models.JobList(jobs=tuple(told[: wanted.limit]))


def _job(asked: Asked) -> models.JobSummary:
    world, inference_id = asked.world, asked.path["inference_id"]
    job = world.ledger.find(inference_id, world.clock.now())
    if job is None:
        raise _no_job(world, inference_id)
    return shown.job_summary(world, job)


def _release(asked: Asked) -> models.JobSummary:
    _job(asked)  # one of this world's
    asked.world.release(asked.path["inference_id"])
    return _job(asked)


def _release_all(asked: Asked) -> models.JobList:
    world = asked.world
    with world.lock:
        ids = world.pending
        world.release()
        jobs = [world.ledger.find(inference_id, world.clock.now()) for inference_id in ids]
        return models.JobList(jobs=tuple(shown.job_summary(world, job) for job in jobs if job is not None))


def _job_scenario(asked: Asked) -> models.JobSummary:
    _job(asked)
    asked.world.scenarios.job(asked.path["inference_id"], scenario_of(asked.body.scenario))
    return _job(asked)


def _no_job(world: World, inference_id: str) -> OutpaintError:
    return OutpaintError(
        ErrorCode.UNKNOWN_INFERENCE,
        f"there is no job {inference_id[:60]} in world {world.name}: every world has its own",
        field="inference_id",
    )


# The journal


def _journal(asked: Asked) -> models.CallPage:
    wanted: models.CallQuery = asked.query
    world = asked.world
    with world.lock:
        found = [call for call in world.journal.since(wanted.after) if _wanted(call, wanted)]
        told = tuple(shown.call_summary(call) for call in found[-wanted.limit :])
        return models.CallPage(calls=told, total=world.journal.total, dropped=world.journal.dropped)


def _wanted(call: Call, wanted: models.CallQuery) -> bool:
    return (
        (wanted.route is None or call.route is wanted.route)
        and (wanted.status is None or call.status == wanted.status)
        and (wanted.inference_id is None or call.inference_id == wanted.inference_id)
    )


def _clear_journal(asked: Asked) -> models.CallPage:
    asked.world.journal.clear()
    return models.CallPage(calls=(), total=asked.world.journal.total, dropped=0)


def _call(asked: Asked) -> models.CallDetail:
    world, call = asked.world, _kept(asked)
    with world.lock:
        return shown.call_detail(world, call, f"{asked.base}{ROOT}/journal/{call.number}")


def _picture(what: str) -> Callable[[Asked], bytes]:
    def act(asked: Asked) -> bytes:
        wanted = f"{what}/{asked.path['place']}" if what == "results" else what
        return picture_of(asked.world, _kept(asked), wanted, asked.query.side)

    return act


def _kept(asked: Asked) -> Call:
    number = _number(asked, "number")
    call = asked.world.journal.find(number)
    if call is None:
        raise OutpaintError(
            ErrorCode.UNKNOWN_ROUTE,
            f"there is no call {number} in the journal of world {asked.world.name}",
        )
    return call


def _judge_calls(asked: Asked) -> models.Judged:
    wanted: models.Expected = asked.body
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
            return models.Judged(holds=False, message=str(error))
        except TypeError as error:
            raise OutpaintError(ErrorCode.INVALID_PARAMETER, str(error), field="values") from None
    return models.Judged(holds=True, call=matched)


# Sources


def _sources(asked: Asked) -> models.SourceList:
    return shown.source_list(asked.world)


def _set_source(asked: Asked) -> Made:
    wanted: models.SetSource = asked.body
    asked.world.sources.register(
        wanted.url, wanted.data, status=wanted.status, seconds=wanted.seconds, broken=wanted.broken
    )
    return Made(_sources(asked))


def _forget_source(asked: Asked) -> models.SourceList:
    url = asked.query.url
    known = [source.url for source in asked.world.sources.registered]
    if url not in known:
        hint = nearest(url, known) if known else "none is"
        raise OutpaintError(ErrorCode.UNKNOWN_ROUTE, f"nothing is registered for {url[:100]}: {hint}", field="url")
    asked.world.sources.forget(url)
    return _sources(asked)


# Pact


def _pact(asked: Asked) -> bytes:
    wanted: models.PactQuery = asked.query
    world = asked.world
    with world.lock:
        return pact_of(world, wanted.consumer, wanted.provider).text().encode()


def _pact_state(asked: Asked) -> models.StateValues:
    wanted: models.SetState = asked.body
    if wanted.action == "teardown":
        return models.StateValues({})
    world = asked.world
    with world.lock:
        return models.StateValues(stage(world, wanted.state, wanted.params or {}, asked.origin))


# The report


def _report(asked: Asked) -> Report:
    return judge(asked.world)


def _report_page(asked: Asked) -> bytes:
    return as_page(judge(asked.world)).encode()


def _report_junit(asked: Asked) -> bytes:
    return as_junit(judge(asked.world), strict=asked.query.strict).encode()


def _number(asked: Asked, name: str) -> int:
    text = asked.path[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ScenarioError(f"{text[:30]!r} is no number", field=name)
    return int(text)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/worlds", "worlds", "List the worlds", _worlds, models.WorldList, of_world=False),
    Operation(
        "PUT", "/worlds/{name}", "make-world", "Make a world, or find it", _make_world, models.WorldDetail,
        takes=models.SetUp, optional_body=True, of_world=False, makes=True,
    ),
    Operation(
        "DELETE", "/worlds/{name}", "remove-world", "Forget a world and all in it", _remove_world, models.WorldList,
        of_world=False,
    ),
    Operation(
        "GET", "/language", "language", "The scenario language: effects and presets", _language, Language,
        of_world=False,
    ),
    Operation("GET", "/world", "world", "The world and its accounts", _world, models.WorldDetail),
    Operation(
        "POST", "/accounts", "open-account", "Open a key's account, or let it stand otherwise", _open_account,
        models.AccountState, takes=models.OpenAccount, makes=True,
    ),
    Operation("POST", "/reset", "reset", "Let the world stand as at its beginning", _reset, models.WorldDetail),
    Operation("GET", "/clock", "clock", "The world's time", _clock, models.ClockState),
    Operation(
        "POST", "/clock/advance", "advance-clock", "Move time on by so much, at once", _advance, models.ClockState,
        takes=models.Advance,
    ),
    Operation(
        "POST", "/clock/set", "set-clock", "Move time on to a date", _set_time, models.ClockState,
        takes=models.SetTime,
    ),
    Operation("POST", "/clock/freeze", "freeze-clock", "Let time stand still", _freeze, models.ClockState),
    Operation(
        "POST", "/clock/tick", "tick-clock", "Let time go, as fast as it does or faster", _tick, models.ClockState,
        takes=models.Tick, optional_body=True,
    ),
    Operation("GET", "/scenarios", "scenarios", "The scenarios that are set", _scenarios, models.ScenarioStates),
    Operation(
        "DELETE", "/scenarios", "clear-scenarios", "Take back every scenario of the world and of the next calls",
        _clear_scenarios, models.ScenarioStates,
    ),
    Operation(
        "POST", "/scenarios/always", "always", "Let a scenario stand for the world until it is removed", _always,
        models.ScenarioStates, takes=models.SetAlways, makes=True,
    ),
    Operation(
        "POST", "/scenarios/next", "next", "Let a scenario stand for the next calls", _next, models.ScenarioStates,
        takes=models.SetNext, makes=True,
    ),
    Operation(
        "POST", "/scenarios/check", "check-scenario", "Read a scenario and do nothing with it", _check,
        models.Understood, takes=models.SetAlways,
    ),
    Operation(
        "DELETE", "/scenarios/{number}", "remove-scenario", "Take one scenario back", _remove_scenario,
        models.ScenarioStates,
    ),
    Operation("GET", "/jobs", "jobs", "The latest jobs", _jobs, models.JobList, query=models.JobQuery),
    Operation("POST", "/jobs/release", "release-jobs", "End every running job", _release_all, models.JobList),
    Operation("GET", "/jobs/{inference_id}", "job", "One job", _job, models.JobSummary),
    Operation(
        "POST", "/jobs/{inference_id}/release", "release-job", "End a running job, as its plan says", _release,
        models.JobSummary,
    ),
    Operation(
        "POST", "/jobs/{inference_id}/scenario", "job-scenario", "Let a running job go on otherwise", _job_scenario,
        models.JobSummary, takes=models.SetForJob,
    ),
    Operation("GET", "/journal", "journal", "The calls that came", _journal, models.CallPage, query=models.CallQuery),
    Operation("DELETE", "/journal", "clear-journal", "Forget every call", _clear_journal, models.CallPage),
    Operation(
        "POST", "/journal/assertions", "assert-calls", "Whether calls came as expected; if not, the nearest one",
        _judge_calls, models.Judged, takes=models.Expected,
    ),
    Operation("GET", "/journal/{number}", "call", "One call with all that is kept of it", _call, models.CallDetail),
    Operation(
        "GET", "/journal/{number}/image", "call-image", "The picture that a call brought", _picture("image"), PNG,
        query=models.PictureQuery,
    ),
    Operation(
        "GET", "/journal/{number}/mask", "call-mask", "The mask that a call brought", _picture("mask"), PNG,
        query=models.PictureQuery,
    ),
    Operation(
        "GET", "/journal/{number}/keep-map", "call-keep-map", "What the service keeps: white kept, black painted",
        _picture("keep-map"), PNG, query=models.PictureQuery,
    ),
    Operation(
        "GET", "/journal/{number}/results/{place}", "call-result", "A picture of the call's job, from place 0 on",
        _picture("results"), PNG, query=models.PictureQuery,
    ),
    Operation("GET", "/sources", "sources", "What stands behind addresses", _sources, models.SourceList),
    Operation(
        "POST", "/sources", "set-source", "Put bytes, a status, a delay or a broken connection behind an address",
        _set_source, models.SourceList, takes=models.SetSource, makes=True,
    ),
    Operation(
        "DELETE", "/sources", "forget-source", "Take back what stands behind an address", _forget_source,
        models.SourceList, query=models.SourceQuery,
    ),
    Operation(
        "GET", "/pact", "pact", "The calls that came, as a Pact file", _pact, JSON, query=models.PactQuery,
    ),
    Operation(
        "POST", "/pact/state", "pact-state", "Put the world into a provider state, as Pact's verifiers ask",
        _pact_state, models.StateValues, takes=models.SetState,
    ),
    Operation("GET", "/report", "report", "How well the client behaves", _report, Report),
    Operation("GET", "/report.html", "report-page", "The same as a page to read", _report_page, HTML),
    Operation(
        "GET", "/report.xml", "report-junit", "The same as JUnit XML", _report_junit, XML, query=models.ReportQuery
    ),
)  # fmt: skip
"""Every operation; where two paths could mean one request, the first counts."""
