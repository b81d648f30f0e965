"""The grammar of the scenario language.

Terms are such as `polls(2)`, `cut(1000, lying)` or `sequence(processing*2, success)`:

scenario := term (";" term)*
term     := name [ "(" [argument ("," argument)*] ")" ]
argument := [name "="] value ["*" times]
value    := number | "text" | term
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError

MAX_LENGTH: Final = 2000
_MAX_TIMES: Final = 1000
_MAX_DEPTH: Final = 4
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r'|"(?P<text>[^"\\]*(?:\\.[^"\\]*)*)"|(?P<sign>[();,=*]))'
)


class ScenarioError(OutpaintError):
    """A wrong scenario: an unknown name, an argument out of range, effects that contradict each other."""

    def __init__(self, detail: str, *, field: str = "scenario") -> None:
        super().__init__(ErrorCode.INVALID_PARAMETER, detail, field=field)


@dataclass(frozen=True, slots=True)
class Term:
    """A name and its arguments, not yet checked; a bare word is a term without arguments."""

    name: str
    positional: tuple[Value, ...] = ()
    named: tuple[tuple[str, Value], ...] = ()
    called: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Text in quotation marks."""

    value: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """A value that is repeated: `processing*2`."""

    value: Value
    times: int


Value = int | float | Text | Term | Repeated


def nearest(name: str, names: Iterable[object]) -> str:
    """A hint that names the valid word closest to a wrong one, or a few of those there are."""
    known = sorted(str(word) for word in names)
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"


def read(text: str) -> tuple[Term, ...]:
    """The terms of a scenario; raises `ScenarioError` naming what cannot be read and where."""
    if len(text) > MAX_LENGTH:
        raise ScenarioError(f"a scenario has at most {MAX_LENGTH} characters, this one {len(text)}")
    return _Reader(text).scenario()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                start = at + len(text[at:]) - len(text[at:].lstrip())
                raise self._wrong(f"{text[start]!r} cannot stand there", start)
            self._tokens.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
            at = found.end()
        self._next = 0

    def scenario(self) -> tuple[Term, ...]:
        if not self._tokens:
            raise ScenarioError("a scenario names at least one effect, such as succeed")
        terms = [self._term(0)]
        while self._taken(";"):
            if self._next == len(self._tokens):
                break
            terms.append(self._term(0))
        if self._next < len(self._tokens):
            _, shown, at = self._tokens[self._next]
            raise self._wrong(f"{shown!r} cannot stand there: effects are parted by ';'", at)
        return tuple(terms)

    def _term(self, depth: int) -> Term:
        kind, word, at = self._token()
        if kind != "word":
            raise self._wrong(f"an effect's name is missing before {word!r}", at)
        if depth > _MAX_DEPTH:
            raise self._wrong("effects are nested too deeply", at)
        if not self._taken("("):
            return Term(word)
        positional: list[Value] = []
        named: list[tuple[str, Value]] = []
        while not self._taken(")"):
            if positional or named:
                self._expect(",")
            name = self._argument_name()
            value = self._value(depth)
            if name is not None:
                if name in dict(named):
                    raise self._wrong(f"{name} is given twice", self._tokens[self._next - 1][2])
                named.append((name, value))
            elif named:
                raise self._wrong(
                    "arguments without a name come before those with one", self._tokens[self._next - 1][2]
                )
            else:
                positional.append(value)
        return Term(word, tuple(positional), tuple(named), called=True)

    def _argument_name(self) -> str | None:
        here = self._tokens[self._next : self._next + 2]
        if len(here) == 2 and here[0][0] == "word" and here[1][1] == "=" and here[1][0] == "sign":
            self._next += 2
            return here[0][1]
        return None

    def _value(self, depth: int) -> Value:
        kind, word, at = self._token()
        value: Value
        if kind == "number":
            value = int(word) if re.fullmatch(r"-?\d{1,18}", word) else float(word)
        elif kind == "text":
            value = Text(re.sub(r"\\(.)", r"\1", word))
        elif kind == "word":
            self._next -= 1
            value = self._term(depth + 1)
        else:
            raise self._wrong(f"a value is missing before {word!r}", at)
        if not self._taken("*"):
            return value
        kind, word, at = self._token()
        if kind != "number" or not word.isdigit() or not 1 <= int(word) <= _MAX_TIMES:
            raise self._wrong(f"after '*' comes a whole number, 1 to {_MAX_TIMES}", at)
        return Repeated(value, int(word))

    def _token(self) -> tuple[str, str, int]:
        if self._next >= len(self._tokens):
            raise self._wrong("it ends too early", len(self._text))
        self._next += 1
        return self._tokens[self._next - 1]

    def _taken(self, sign: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next][:2] == ("sign", sign):
            self._next += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        kind, word, at = self._token()
        if (kind, word) != ("sign", sign):
            raise self._wrong(f"{sign!r} is missing before {word!r}", at)

    def _wrong(self, what: str, at: int) -> ScenarioError:
        shown = self._text if len(self._text) <= 60 else self._text[max(0, at - 30) : at + 30]
        return ScenarioError(f"the scenario {shown!r} cannot be read at character {at + 1}: {what}")
