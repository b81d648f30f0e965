"""What one job's polls are answered, in turn."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, SerializeAsAny, model_validator

from outpaint_mocks.effects.answers import Error, Gateway, Latency, WrongShape
from outpaint_mocks.effects.effect import CallEffect, Effect, plain
from outpaint_mocks.effects.jobs import Fail, Processing, Succeed
from outpaint_mocks.effects.slots import Slot
from outpaint_mocks.effects.wire import Refuse, Reset
from outpaint_mocks.grammar import Repeated, ScenarioError, Term, nearest

_STEPS: Final[tuple[type[Effect], ...]] = (
    Processing,
    Error,
    Gateway,
    WrongShape,
    Refuse,
    Reset,
    Latency,
    Succeed,
    Fail,
)


class Sequence(Effect):
    """What successive polls of the job are answered: processing, success, fail(code), or trouble such as
    error(code), gateway, wrong_shape, refuse, reset(when), latency(s). It ends with success or a fail."""

    name = "sequence"
    slots = frozenset({Slot.PROGRESS, Slot.OUTCOME})

    steps: Annotated[tuple[SerializeAsAny[Effect], ...], Field(min_length=1, max_length=1000)]

    @classmethod
    def from_term(cls, term: Term) -> Self:
        """The sequence that a term asks for: each argument is a step, `*n` repeats it."""
        if term.named:
            raise ScenarioError(f"sequence takes steps only, not {term.named[0][0]}=...")
        if not term.positional:
            raise ScenarioError("a sequence has steps, such as sequence(processing*2, error, success)")
        steps: list[Effect] = []
        for value in term.positional:
            times = value.times if isinstance(value, Repeated) else 1
            inner = value.value if isinstance(value, Repeated) else value
            if not isinstance(inner, Term):
                raise ScenarioError(f"{plain(inner)!r} is no step of a sequence: {_steps_hint('')}")
            kind = STEP_NAMES.get(inner.name)
            if kind is None:
                raise ScenarioError(f"{inner.name} is no step of a sequence: {_steps_hint(inner.name)}")
            if len(steps) + times > 1000:
                raise ScenarioError("a sequence has at most 1000 steps")
            steps += [kind.from_term(inner)] * times
        return cls.from_values({"steps": tuple(steps)})

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for number, step in enumerate(self.steps, 1):
            last = number == len(self.steps)
            ends = isinstance(step, Succeed | Fail)
            if not isinstance(step, _STEPS):
                raise ValueError(f"{step} is no step of a sequence")
            if isinstance(step, CallEffect) and (step.on is not None or step.times is not None):
                raise ValueError(f"step {number} is one poll already: leave out on= and times=")
            if ends and not last:
                raise ValueError(f"nothing can follow {_step_text(step)}, for it ends the job; it is step {number}")
            if last and not ends:
                raise ValueError(f"a sequence ends with success or fail(code), not with {_step_text(step)}")
        return self

    def __str__(self) -> str:
        parts: list[tuple[str, int]] = []
        for step in self.steps:
            text = _step_text(step)
            if parts and parts[-1][0] == text:
                parts[-1] = (text, parts[-1][1] + 1)
            else:
                parts.append((text, 1))
        shown = ", ".join(text if times == 1 else f"{text}*{times}" for text, times in parts)
        return f"sequence({shown})"


STEP_NAMES: Final[dict[str, type[Effect]]] = {kind.name: kind for kind in _STEPS} | {"success": Succeed}
"""What a step of a sequence may be, by its name there."""


def _steps_hint(name: str) -> str:
    return nearest(name, STEP_NAMES)


def _step_text(step: Effect) -> str:
    return "success" if isinstance(step, Succeed) else str(step)
