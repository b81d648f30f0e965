"""The scenario language: what reads, what is refused, and that texts and effects mean each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.mocks.scenarios import call_effects, job_effects
from outpaint.mocks.scenarios.effect import Effect, On
from outpaint.mocks.scenarios.grammar import ScenarioError
from outpaint.mocks.scenarios.scenario import EFFECTS, PRESETS, Scenario, preset_of


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("succeed", job_effects.Succeed()),
        ("polls(2)", job_effects.Polls(n=2)),
        ("fail(timed_out)", job_effects.Fail(code=ErrorCode.TIMED_OUT)),
        ('fail(painting_failed, detail="the brush broke")', job_effects.Fail(detail="the brush broke")),
        ("fail_after_polls(3, internal)", job_effects.FailAfterPolls(n=3, code=ErrorCode.INTERNAL)),
        ("time(1.5)", job_effects.Time(seconds=1.5)),
        ("latency(0.3)", call_effects.Latency(seconds=0.3)),
        (
            "latency(lognormal, median=0.2, sigma=0.5)",
            call_effects.Latency(distribution="lognormal", median=0.2, sigma=0.5),
        ),
        (
            "latency(uniform, low=1, high=2, on=poll)",
            call_effects.Latency(distribution="uniform", low=1, high=2, on=On.POLL),
        ),
        ("error(rate_limited, retry_after=7)", call_effects.Error(code=ErrorCode.RATE_LIMITED, retry_after=7)),
        ("cut(1000, lying)", call_effects.Cut(at=1000, length="lying")),
        ("drip(2000)", call_effects.Drip(bytes_per_second=2000)),
        ('content_type("text/html; charset=utf-8")', call_effects.ContentType(value="text/html; charset=utf-8")),
        ("gateway(504)", call_effects.Gateway(status=504)),
        ("reset(after, on=submit, times=1)", call_effects.Reset(when="after", on=On.SUBMIT, times=1)),
        ("rate_limit(2, 10)", call_effects.RateLimit(limit=2, window=10)),
        ("credits(0)", call_effects.Credits(n=0)),
        (
            "sequence(processing*2, error(internal), success)",
            job_effects.Sequence(
                steps=(job_effects.Processing(), job_effects.Processing(), call_effects.Error(), job_effects.Succeed()),
            ),
        ),
    ],
)
def test_a_text_reads_as_its_effect_and_is_written_the_same(text: str, effect: Effect) -> None:
    scenario = Scenario.of(text)
    assert scenario.effects == (effect,)
    assert str(scenario) == text
    assert Scenario.of(effect) == scenario


def test_blanks_a_last_semicolon_and_several_effects_read() -> None:
    assert str(Scenario.of("  polls ( 2 ) ;fail( painting_failed ) ; ")) == "polls(2); fail(painting_failed)"
    assert Scenario.of([job_effects.Polls(n=2), job_effects.Fail()]) == Scenario.of("polls(2); fail")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at least one effect"),
        ("pols(2)", "there is no effect pols: did you mean polls?"),
        ("error(rate_limted)", "did you mean rate_limited?"),
        ("reset(beforee)", "did you mean before?"),
        ("gateway(500)", "use 502 or 503 or 504"),
        ("fail(rate_limited)", r"use error\(rate_limited\)"),
        ("polls", r"polls needs n: write polls\(n\)"),
        ("polls(-1)", "greater than or equal to 0"),
        ("polls(2.5)", "valid integer"),
        ("polls(1, 2)", "too many arguments"),
        ("polls(n=1, n=2)", "n is given twice"),
        ("polls(1, n=2)", "polls got n twice"),
        ("polls(m=1)", "polls has no argument m"),
        ("manual(1)", "too many arguments"),
        ("latency(lognormal, median=1)", "given by median and sigma"),
        ("latency(uniform, low=2, high=1)", "low is above high"),
        ("latency(1e400)", "finite"),
        ("polls(2); time(3)", "contradict each other: both decide the progress"),
        ("fail; sequence(success)", "both decide the outcome"),
        ("error(internal); gateway", "both decide the answer of"),
        ("cut(1); refuse(on=file)", "both decide the wire of file calls"),
        ("sequence()", "a sequence has steps"),
        ("sequence(processing)", r"ends with success or fail\(code\), not with processing"),
        ("sequence(success, processing)", "nothing can follow success"),
        ("sequence(fail, success)", "nothing can follow fail"),
        ("sequence(processing*2, polls(2), success)", "polls is no step"),
        ("sequence(procesing, success)", "did you mean processing?"),
        ("sequence(error(internal, on=poll), success)", "leave out on= and times="),
        ("sequence(processing*2000, success)", "after '\\*' comes a whole number"),
        ("sequence(2, success)", "is no step"),
        ("polls(2", "ends too early"),
        ("polls)2(", "cannot stand there"),
        ("polls(2) fail", "parted by ';'"),
        ("polls(time(2))", "cannot stand inside another effect"),
        ("polls(2*3)", "repeats a step"),
        ('content_type("")', "content_type cannot take"),
        ('content_type("a\nb")', "content_type cannot take"),
        ("päuse", "cannot stand there"),
        ("x" * 3000, "at most 2000 characters"),
        ("sequence(" * 50, "nested too deeply"),
    ],
)
def test_what_cannot_be_is_one_clear_error(text: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says) as caught:
        Scenario.of(text)
    assert caught.value.code is ErrorCode.INVALID_PARAMETER
    assert "\n" not in caught.value.detail.replace("a\nb", "")


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        scenario = Scenario.of(text)
    except OutpaintError:
        return
    assert Scenario.of(str(scenario)) == scenario


WORDS = "succeed fail polls( 2 ) time(3 ) , ; sequence( processing *2 error(internal) success cut(5, lying) on=poll = *"
TERMS = st.sampled_from(WORDS.split())


@given(st.lists(TERMS, max_size=12).map(" ".join))
def test_no_jumble_of_words_breaks_the_reader(text: str) -> None:
    try:
        scenario = Scenario.of(text)
    except ScenarioError:
        return
    assert Scenario.of(str(scenario)) == scenario


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_says_what_it_does_and_how_it_is_written(name: str) -> None:
    kind = EFFECTS[name]
    assert kind.summary().endswith(".")
    assert kind.signature().startswith(name)
    assert kind.slots


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_scenario(name: str) -> None:
    assert preset_of(f"mock_{name}") == Scenario.of(PRESETS[name])


def test_every_error_code_has_a_preset_of_its_own_name() -> None:
    assert {code.value for code in ErrorCode} <= set(PRESETS)


def test_a_magic_word_that_stands_for_nothing_names_the_nearest() -> None:
    assert preset_of("any key") is None
    with pytest.raises(ScenarioError, match="did you mean mock_no_credits"):
        preset_of("mock_no_credit")
