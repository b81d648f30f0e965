"""Mutants: each one fault, how the real service is patched to have it, and the cases that must find it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final
from unittest import mock

from outpaint.contracts.errors import ERROR_KINDS, ErrorCode, OutpaintError
from outpaint.functions.http.answers import Answers
from outpaint.functions.http.messages import Response

Rewrite = Callable[[Answers, Response], Response]
Apply = Callable[["Patch"], None]


class Patch:
    """Patches the service for as long as a mutant is alive."""

    def __init__(self, undoing: ExitStack) -> None:
        self._undoing = undoing

    def set(self, owner: object, name: str, value: Any) -> None:
        """`owner.name` is `value`."""
        self._undoing.enter_context(mock.patch.object(owner, name, value))

    def around(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        """`owner.name(*args)` is `wrapper(original, *args)`."""
        original = getattr(owner, name)
        _check_takes(wrapper, original)
        self.set(owner, name, lambda *args, **kwargs: wrapper(original, *args, **kwargs))

    def answers(self, rewrite: Rewrite) -> None:
        """Every answer is rewritten on its way out."""
        for name in ("content", "empty"):
            self.around(Answers, name, lambda original, self, *args: rewrite(self, original(self, *args)))

    def error_status(self, code: ErrorCode, status: int) -> None:
        """This error has another status, as if the table said so; the body's code follows."""
        changed = {**ERROR_KINDS, code: replace(ERROR_KINDS[code], status=HTTPStatus(status))}
        self.set(OutpaintError, "kind", property(lambda error: changed[error.code]))

    def header(self, name: str, change: Callable[[Response, str], str | None]) -> None:
        """This header's value becomes `change(response, value)`, or goes where that is None."""

        def rewrite(_: Answers, response: Response) -> Response:
            headers = []
            for key, value in response.headers:
                changed = change(response, value) if key.lower() == name.lower() else value
                if changed is not None:
                    headers.append((key, changed))
            return replace(response, headers=tuple(headers))

        self.answers(rewrite)

    def bodies(self, change: Callable[[Response, dict[str, Any]], object]) -> None:
        """Every JSON object that is answered passes through `change`, which edits it."""

        def rewrite(_: Answers, response: Response) -> Response:
            if "json" not in (response.header("content-type") or "") or not response.body:
                return response
            document = json.loads(response.body)
            if not isinstance(document, dict) or "openapi" in document:
                return response
            change(response, document)
            return with_body(response, json.dumps(document).encode())

        self.answers(rewrite)


def _check_takes(wrapper: Callable[..., Any], original: Callable[..., Any]) -> None:
    """Refuse a wrapper that takes neither the arguments which `original` needs nor all that it takes.

    The service would answer its TypeError with 500, which cases notice too: not for the fault that is meant.
    """
    kinds = inspect.Parameter
    found = [*inspect.signature(original).parameters.values()]
    named = [one for one in found if one.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)]
    taken = inspect.signature(wrapper)
    bind = taken.bind if named == found else taken.bind_partial
    refusal = None
    for passed in (named, [one for one in named if one.default is one.empty]):
        by_name = {one.name: None for one in passed if one.kind is kinds.KEYWORD_ONLY}
        try:
            bind(original, *(None for one in passed if one.kind is not kinds.KEYWORD_ONLY), **by_name)
        except TypeError as error:
            refusal = error
        else:
            return
    raise AssertionError(f"{original} is patched by what does not take its arguments: {refusal}")


def wishing(request: Any, **values: Any) -> Any:
    """A request that wishes for these values instead."""
    return request.model_copy(update={"wish": request.wish.model_copy(update=values)})


def with_body(response: Response, body: bytes) -> Response:
    """The answer with another body and the Content-Length that goes with it."""
    headers = tuple(
        (key, str(len(body)) if key.lower() == "content-length" else value) for key, value in response.headers
    )
    return replace(response, headers=headers, body=body)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: `breaks` says it in a sentence; each family in `caught_by` must have a case that fails.

    A promise in `caught_by` is looked at in the exchanges of the families in `seen_in`, by default of a few that have
    every kind of answer.
    """

    name: str
    breaks: str
    caught_by: tuple[str, ...]
    apply: Apply
    seen_in: tuple[str, ...] = ()

    @contextmanager
    def alive(self) -> Iterator[None]:
        """The service has the fault while the block runs."""
        with ExitStack() as undoing:
            self.apply(Patch(undoing))
            yield


CORRECT: Final = Mutant("correct", "nothing", (), lambda _: None)
"""The service without a fault."""
_MUTANTS: Final[dict[str, Mutant]] = {}


def mutant(breaks: str, *caught_by: str, seen_in: tuple[str, ...] = ()) -> Callable[[Apply], Apply]:
    """Make a patching function a mutant, named after its module and itself."""

    def register(apply: Apply) -> Apply:
        area = apply.__module__.rpartition(".")[2]
        name = f"{area}.{apply.__name__.replace('_', '-')}"
        assert name not in _MUTANTS, f"{name} stands for two mutants"
        _MUTANTS[name] = Mutant(name, breaks, caught_by, apply, seen_in)
        return apply

    return register


def all_mutants() -> tuple[Mutant, ...]:
    """Every mutant of every area, as written."""
    package = import_module("mutants.areas")
    for module in sorted(iter_modules(package.__path__), key=lambda module: module.name):
        import_module(f"{package.__name__}.{module.name}")
    return tuple(_MUTANTS.values())


def case_link(name: str) -> str:
    """A link from docs/mutants.md to the heading of this case, or of its family, in docs/cases."""
    area, _, anchor = name.partition("[")[0].partition(".")
    return f"[`{name}`](cases/{area}.md#{anchor})"
