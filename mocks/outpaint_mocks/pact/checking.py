"""Whether our contract covers a consumer's pact: every request is taken, and every answer is one it can give."""

from __future__ import annotations

from dataclasses import dataclass

from outpaint_functions.http.routes import METHODS, match

from outpaint_mocks.pact.answer_coverage import TEMPLATES, Found, answer_coverage
from outpaint_mocks.pact.reading import ExpectedInteraction
from outpaint_mocks.pact.request_coverage import STUDIO, request_coverage
from outpaint_mocks.pact.staging import StateError, stage
from outpaint_mocks.world import World


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing about an interaction that the contract does not cover, or (`warning`) that will not stay true."""

    description: str
    text: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{'warning: ' if self.warning else ''}{self.description or '(no description)'}: {self.text}"


def objections(interaction: ExpectedInteraction, base_path: str = "") -> list[Objection]:
    """Everything that stands against an interaction; none for one that the contract covers.

    `base_path` stands before every path of the pact, such as /v1 for a consumer whose base URL ends in it.
    """
    return [
        Objection(interaction.description, text, warning)
        for text, warning in (*_states(interaction), *_exchange(interaction, base_path.rstrip("/")))
    ]


def _states(interaction: ExpectedInteraction) -> Found:
    for name, params in interaction.states:
        try:
            stage(World("pact", studio=STUDIO), name, params, "http://localhost")
        except StateError as error:
            yield error.detail, False


def _exchange(interaction: ExpectedInteraction, base_path: str) -> Found:
    path = base_path + interaction.path
    found = match(path)
    if found is None or found.route not in TEMPLATES:
        if interaction.status == 404:
            yield from answer_coverage(interaction, None)
            return
        way_out = "" if base_path or match(f"/v1{path}") is None else ": did you mean it with --base-path /v1?"
        yield f"the contract has nothing at {path[:100]}{way_out}", False
        return
    if interaction.method not in METHODS[found.route]:
        if interaction.status != 405:
            taken = " or ".join(METHODS[found.route])
            yield f"{path[:100]} does not take {interaction.method}: use {taken}", False
        else:
            yield from answer_coverage(interaction, found.route)
        return
    yield from request_coverage(interaction, found, path)
    yield from answer_coverage(interaction, found.route)
