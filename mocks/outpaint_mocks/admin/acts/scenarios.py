"""The scenario language, and the scenarios that are set."""

from __future__ import annotations

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_mocks.admin import models, shown
from outpaint_mocks.admin.language import Language, language, scenario_of
from outpaint_mocks.admin.operation import Asked, Made


def tell_language(_: Asked) -> Language:
    """Every effect and preset."""
    return language()


def scenarios_listed(asked: Asked) -> models.ScenarioStates:
    """The scenarios that stand and wait."""
    return shown.scenario_states(asked.world)


def set_always(asked: Asked) -> Made:
    """Let a scenario stand for the world."""
    wanted: models.SetAlways = asked.body
    asked.world.scenarios.always(scenario_of(wanted.scenario), on=wanted.on)
    return Made(scenarios_listed(asked))


def set_next(asked: Asked) -> Made:
    """Let a scenario stand for the next calls."""
    wanted: models.SetNext = asked.body
    asked.world.scenarios.next(scenario_of(wanted.scenario), times=wanted.times, on=wanted.on)
    return Made(scenarios_listed(asked))


def check_scenario(asked: Asked) -> models.Understood:
    """What a scenario comes to, without setting it."""
    wanted: models.SetAlways = asked.body
    scenario = scenario_of(wanted.scenario, wanted.on)
    return models.Understood(scenario=str(scenario), on=shown.scenario_routes(scenario))


def clear_scenarios(asked: Asked) -> models.ScenarioStates:
    """Take back every scenario."""
    asked.world.scenarios.clear()
    return scenarios_listed(asked)


def remove_scenario(asked: Asked) -> models.ScenarioStates:
    """Take one scenario back; raises `OutpaintError` for one that is gone."""
    scenarios, number = asked.world.scenarios, asked.number("number")
    known = {one.id for one in scenarios.standing} | {one.id for one in scenarios.waiting}
    if number not in known:
        raise OutpaintError(ErrorCode.UNKNOWN_ROUTE, f"there is no scenario {number}: it was used up or removed")
    scenarios.remove(number)
    return scenarios_listed(asked)
