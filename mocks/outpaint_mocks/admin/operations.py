"""Every operation of the admin API in one table: the router, the OpenAPI document and the tests are made from it."""

from __future__ import annotations

from typing import Final

from outpaint_mocks.admin import models
from outpaint_mocks.admin.acts import clock, jobs, journal, pacts, reports, scenarios, sources, worlds
from outpaint_mocks.admin.language import Language
from outpaint_mocks.admin.operation import HTML, JSON, PNG, XML, Operation
from outpaint_mocks.report import Report

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/worlds", "worlds", "List the worlds", worlds.worlds_listed, models.WorldList, of_world=False),
    Operation(
        "PUT", "/worlds/{name}", "make-world", "Make a world, or find it", worlds.make_world, models.WorldDetail,
        takes=models.SetUp, optional_body=True, of_world=False, makes=True,
    ),
    Operation(
        "DELETE", "/worlds/{name}", "remove-world", "Forget a world and all in it", worlds.remove_world,
        models.WorldList, of_world=False,
    ),
    Operation(
        "GET", "/language", "language", "The scenario language: effects and presets", scenarios.tell_language,
        Language, of_world=False,
    ),
    Operation("GET", "/world", "world", "The world and its accounts", worlds.world_shown, models.WorldDetail),
    Operation(
        "POST", "/accounts", "open-account", "Open a key's account, or let it stand otherwise", worlds.open_account,
        models.AccountState, takes=models.OpenAccount, makes=True,
    ),
    Operation(
        "POST", "/reset", "reset", "Let the world stand as at its beginning", worlds.reset_world,
        models.WorldDetail,
    ),
    Operation("GET", "/clock", "clock", "The world's time", clock.clock_shown, models.ClockState),
    Operation(
        "POST", "/clock/advance", "advance-clock", "Move time on by so much, at once", clock.advance_clock,
        models.ClockState, takes=models.Advance,
    ),
    Operation(
        "POST", "/clock/set", "set-clock", "Move time on to a date", clock.set_clock, models.ClockState,
        takes=models.SetTime,
    ),
    Operation("POST", "/clock/freeze", "freeze-clock", "Let time stand still", clock.freeze_clock, models.ClockState),
    Operation(
        "POST", "/clock/tick", "tick-clock", "Let time go, as fast as it does or faster", clock.tick_clock,
        models.ClockState, takes=models.Tick, optional_body=True,
    ),
    Operation(
        "GET", "/scenarios", "scenarios", "The scenarios that are set", scenarios.scenarios_listed,
        models.ScenarioStates,
    ),
    Operation(
        "DELETE", "/scenarios", "clear-scenarios", "Take back every scenario of the world and of the next calls",
        scenarios.clear_scenarios, models.ScenarioStates,
    ),
    Operation(
        "POST", "/scenarios/always", "always", "Let a scenario stand for the world until it is removed",
        scenarios.set_always, models.ScenarioStates, takes=models.SetAlways, makes=True,
    ),
    Operation(
        "POST", "/scenarios/next", "next", "Let a scenario stand for the next calls", scenarios.set_next,
        models.ScenarioStates, takes=models.SetNext, makes=True,
    ),
    Operation(
        "POST", "/scenarios/check", "check-scenario", "Read a scenario and do nothing with it",
        scenarios.check_scenario, models.Understood, takes=models.SetAlways,
    ),
    Operation(
        "DELETE", "/scenarios/{number}", "remove-scenario", "Take one scenario back", scenarios.remove_scenario,
        models.ScenarioStates,
    ),
    Operation("GET", "/jobs", "jobs", "The latest jobs", jobs.jobs_listed, models.JobList, query=models.JobQuery),
    Operation("POST", "/jobs/release", "release-jobs", "End every running job", jobs.release_jobs, models.JobList),
    Operation("GET", "/jobs/{inference_id}", "job", "One job", jobs.job_shown, models.JobSummary),
    Operation(
        "POST", "/jobs/{inference_id}/release", "release-job", "End a running job, as its plan says",
        jobs.release_job, models.JobSummary,
    ),
    Operation(
        "POST", "/jobs/{inference_id}/scenario", "job-scenario", "Let a running job go on otherwise",
        jobs.set_job_scenario, models.JobSummary, takes=models.SetForJob,
    ),
    Operation(
        "GET", "/journal", "journal", "The calls that came", journal.calls_listed, models.CallPage,
        query=models.CallQuery,
    ),
    Operation("DELETE", "/journal", "clear-journal", "Forget every call", journal.clear_journal, models.CallPage),
    Operation(
        "POST", "/journal/assertions", "assert-calls", "Whether calls came as expected; if not, the nearest one",
        journal.assert_calls, models.Judged, takes=models.Expected,
    ),
    Operation(
        "GET", "/journal/{number}", "call", "One call with all that is kept of it", journal.call_shown,
        models.CallDetail,
    ),
    Operation(
        "GET", "/journal/{number}/image", "call-image", "The picture that a call brought",
        journal.call_picture("image"), PNG, query=models.PictureQuery,
    ),
    Operation(
        "GET", "/journal/{number}/mask", "call-mask", "The mask that a call brought", journal.call_picture("mask"),
        PNG, query=models.PictureQuery,
    ),
    Operation(
        "GET", "/journal/{number}/keep-map", "call-keep-map", "What the service keeps: white kept, black painted",
        journal.call_picture("keep-map"), PNG, query=models.PictureQuery,
    ),
    Operation(
        "GET", "/journal/{number}/results/{place}", "call-result", "A picture of the call's job, from place 0 on",
        journal.call_picture("results"), PNG, query=models.PictureQuery,
    ),
    Operation(
        "GET", "/sources", "sources", "What stands behind addresses", sources.sources_listed, models.SourceList
    ),
    Operation(
        "POST", "/sources", "set-source", "Put bytes, a status, a delay or a broken connection behind an address",
        sources.set_source, models.SourceList, takes=models.SetSource, makes=True,
    ),
    Operation(
        "DELETE", "/sources", "forget-source", "Take back what stands behind an address", sources.forget_source,
        models.SourceList, query=models.SourceQuery,
    ),
    Operation(
        "GET", "/pact", "pact", "The calls that came, as a Pact file", pacts.pact_written, JSON,
        query=models.PactQuery,
    ),
    Operation(
        "POST", "/pact/state", "pact-state", "Put the world into a provider state, as Pact's verifiers ask",
        pacts.stage_state, models.StateValues, takes=models.SetState,
    ),
    Operation("GET", "/report", "report", "How well the client behaves", reports.report_shown, Report),
    Operation("GET", "/report.html", "report-page", "The same as a page to read", reports.report_page, HTML),
    Operation(
        "GET", "/report.xml", "report-junit", "The same as JUnit XML", reports.report_junit, XML,
        query=models.ReportQuery,
    ),
)  # fmt: skip
"""Every operation; where two paths could mean one request, the first counts."""
