"""What differs between two schemas, whichever way they are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from outpaint.conformance.diff.canonical_schema import ANY, TYPES, Choice, Raw, SchemaLimits, Schemas, SchemaShape

MIRRORED: Final = (
    ("type.narrowed", "type.widened"),
    ("null.refused", "null.allowed"),
    ("enum.value-removed", "enum.value-added"),
    ("enum.closed", "enum.opened"),
    *((f"{kind}.narrowed", f"{kind}.widened") for kind in ANY),
    ("pattern.added", "pattern.removed"),
    ("format.narrowed", "format.widened"),
    ("multiple.narrowed", "multiple.widened"),
    ("duplicates.refused", "duplicates.allowed"),
    ("property.became-required", "property.became-optional"),
    ("unknown-fields.refused", "unknown-fields.allowed"),
    ("alternative.removed", "alternative.added"),
    ("choice.narrowed", "choice.widened"),
    ("rule.added", "rule.removed"),
    ("file-size.lowered", "file-size.raised"),
)
"""Kinds of differences that take something away, each with the kind that it is when read backwards."""

_WIDER_NUMBERS: Final = (("int32", "int64"), ("float", "double"))
_ABOUT: Final = {
    "pattern": frozenset({"string"}),
    "multiple": SchemaLimits.ABOUT["range"],
    "array": frozenset({"array"}),
}


@dataclass(frozen=True, slots=True)
class SchemaDifference:
    """One difference: its kind, the field it is about, and what was and is there."""

    kind: str
    field: str = ""
    was: str = ""
    is_: str = ""

    def under(self, name: str) -> SchemaDifference:
        """The same, seen from an object that holds the field under a name, or from a list of such (`[]`)."""
        joint = "." if self.field and not self.field.startswith("[") else ""
        return replace(self, field=f"{name}{joint}{self.field}")


class SchemaComparison:
    """Compares schemas of two documents."""

    def __init__(self, old: Schemas, new: Schemas) -> None:
        self._old = old
        self._new = new
        self._open: set[tuple[str, str]] = set()

    def differences(self, old: Raw, new: Raw) -> list[SchemaDifference]:
        """Every difference between two schemas; none for two that say the same."""
        pair = (self._old.fingerprint(old), self._new.fingerprint(new))
        # A schema that holds itself is being compared already.
        if pair[0] == pair[1] or pair in self._open:
            return []
        self._open.add(pair)
        try:
            return [*_notes(self._old.shape(old), self._new.shape(new)), *self._rules(old, new)]
        finally:
            self._open.remove(pair)

    def _rules(self, old_raw: Raw, new_raw: Raw) -> Iterator[SchemaDifference]:
        old, new = self._old.shape(old_raw), self._new.shape(new_raw)
        if old.is_only_alternatives != new.is_only_alternatives:
            # One schema that became several, or the other way round.
            old = old if old.is_only_alternatives else SchemaShape(choices=(Choice(new.choices[0].kind, (old_raw,)),))
            new = new if new.is_only_alternatives else SchemaShape(choices=(Choice(old.choices[0].kind, (new_raw,)),))
        types = list(_types(old, new))
        yield from types
        if any(one.kind == "type.changed" for one in types) or not old.types or not new.types:
            return
        shared = old.types & new.types
        yield from _values(old, new)
        yield from _limits(old, new, shared)
        yield from _texts(old, new, shared)
        if "array" in shared:
            if old.unique != new.unique:
                yield SchemaDifference("duplicates.refused" if new.unique else "duplicates.allowed")
            yield from (one.under("[]") for one in self.differences(old.items, new.items))
        if "object" in shared:
            yield from self._fields(old, new)
        yield from self._choices(old, new)
        for name in sorted({*old.rules, *new.rules}):
            was, is_ = " and ".join(old.rules.get(name, ())), " and ".join(new.rules.get(name, ()))
            if was != is_:
                kind = "rule.added" if not was else "rule.removed" if not is_ else "rule.changed"
                yield SchemaDifference(kind, "", f"{name} {was}" if was else "", f"{name} {is_}" if is_ else "")

    def _fields(self, old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
        olds, news = {*old.properties, *old.required}, {*new.properties, *new.required}
        for name in sorted(olds | news):
            required = (name in old.required, name in new.required)
            if name not in news:
                yield SchemaDifference(
                    "property.removed-required" if required[0] else "property.removed-optional", name
                )
                continue
            if name not in olds:
                word = "required" if required[1] else "optional"
                closed = "-to-closed" if old.others is False else ""
                yield SchemaDifference(f"property.added-{word}{closed}", name, "", word)
                continue
            if required == (False, True):
                yield SchemaDifference("property.became-required", name, "optional", "required")
            elif required == (True, False):
                yield SchemaDifference("property.became-optional", name, "required", "optional")
            before = old.properties.get(name, old.others)
            after = new.properties.get(name, new.others)
            yield from (one.under(name) for one in self.differences(before, after))
        if (old.others is False) != (new.others is False):
            yield SchemaDifference("unknown-fields.refused" if new.others is False else "unknown-fields.allowed")
        elif old.others is not False:
            yield from (one.under("*") for one in self.differences(old.others, new.others))

    def _choices(self, old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
        left_old = list(old.choices)
        left_new: list[Choice] = []
        for choice in new.choices:
            same = next((one for one in left_old if self._same(one, choice)), None)
            if same is None:
                left_new.append(choice)
            else:
                left_old.remove(same)
        for family in (("exactly one", "at least one", "at most one"), ("alternatives", "exclusive"), ("not",)):
            before = [one for one in left_old if one.kind in family]
            after = [one for one in left_new if one.kind in family]
            for was, is_ in _likely_pairs(before, after):
                before.remove(was)
                after.remove(is_)
                yield from self._choice(was, is_, old, new)
            for one in before:
                yield SchemaDifference("rule.removed", "", _told(one), "")
            for one in after:
                yield SchemaDifference("rule.added", "", "", _told(one))

    def _same(self, old: Choice, new: Choice) -> bool:
        return (old.kind, old.names) == (new.kind, new.names) and sorted(
            self._old.fingerprint(one) for one in old.alternatives
        ) == sorted(self._new.fingerprint(one) for one in new.alternatives)

    def _choice(self, was: Choice, is_: Choice, old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
        if was.kind == "not":
            yield SchemaDifference("rule.changed", "", _told(was), _told(is_))
            return
        if was.names or is_.names:
            step = _choice_of_names(was, is_, old, new)
            if step is not None:
                yield SchemaDifference(f"choice.{step}", "", _told(was), _told(is_))
            return
        if was.kind != is_.kind:
            yield SchemaDifference(
                "choice.narrowed" if is_.kind == "exclusive" else "choice.widened", "", _told(was), _told(is_)
            )
        olds, news = list(was.alternatives), list(is_.alternatives)
        for before, after in self._same_alternatives(olds, news):
            olds.remove(before)
            news.remove(after)
            yield from self.differences(before, after)
        for one in olds:
            yield SchemaDifference("alternative.removed", "", _name(one), "")
        for one in news:
            yield SchemaDifference("alternative.added", "", "", _name(one))

    def _same_alternatives(self, olds: list[Raw], news: list[Raw]) -> list[tuple[Raw, Raw]]:
        """Which alternative became which: by what they say, then by name, then because only one is left over."""
        pairs: list[tuple[Raw, Raw]] = []
        left_old, left_new = list(olds), list(news)
        for of_old, of_new in ((self._old.fingerprint, self._new.fingerprint), (_name, _name)):
            for before in list(left_old):
                after = next((one for one in left_new if of_old(before) == of_new(one)), None)
                if after is not None:
                    pairs.append((before, after))
                    left_old.remove(before)
                    left_new.remove(after)
        if len(left_old) == len(left_new) == 1:
            pairs.append((left_old[0], left_new[0]))
        return pairs


def _notes(old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
    """What is no rule about values and still matters: defaults, deprecation, a file's size told in words."""
    if old.default != new.default:
        kind = "added" if old.default is None else "removed" if new.default is None else "changed"
        yield SchemaDifference(f"default.{kind}", "", old.default or "", new.default or "")
    if old.deprecated != new.deprecated:
        yield SchemaDifference("deprecation.added" if new.deprecated else "deprecation.removed")
    was, is_ = old.told_size, new.told_size
    if was != is_ and old.formats == new.formats == {"binary"}:
        kind = "stated" if was is None else "unstated" if is_ is None else "lowered" if is_ < was else "raised"
        yield SchemaDifference(f"file-size.{kind}", "", _bytes(was), _bytes(is_))


def _types(old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
    lost, gained = old.types - new.types, new.types - old.types
    if lost == {"null"}:
        yield SchemaDifference("null.refused", "", _shown(old.types), _shown(new.types))
        lost = frozenset()
    elif gained == {"null"}:
        yield SchemaDifference("null.allowed", "", _shown(old.types), _shown(new.types))
        gained = frozenset()
    if lost or gained:
        kind = "changed" if lost and gained else "narrowed" if lost else "widened"
        yield SchemaDifference(f"type.{kind}", "", _shown(old.types), _shown(new.types))


def _values(old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
    if old.values is None and new.values is not None:
        yield SchemaDifference("enum.closed", "", "", _listed(new.values))
    elif old.values is not None and new.values is None:
        yield SchemaDifference("enum.opened", "", _listed(old.values), "")
    elif old.values is not None and new.values is not None:
        for value in sorted(old.values - new.values):
            yield SchemaDifference("enum.value-removed", "", value, "")
        for value in sorted(new.values - old.values):
            yield SchemaDifference("enum.value-added", "", "", value)


def _limits(old: SchemaShape, new: SchemaShape, shared: frozenset[str]) -> Iterator[SchemaDifference]:
    for name, none in ANY.items():
        if not shared & SchemaLimits.ABOUT[name]:
            continue
        was, is_ = old.limits.get(name, none), new.limits.get(name, none)
        step = was.change_to(is_)
        if step is None:
            continue
        if name == "length" and old.formats == new.formats == {"binary"} and was.low == is_.low:
            yield SchemaDifference(
                "file-size.lowered" if step == "narrowed" else "file-size.raised", "", str(was), str(is_)
            )
        else:
            yield SchemaDifference(f"{name}.{step}", "", str(was), str(is_))


def _texts(old: SchemaShape, new: SchemaShape, shared: frozenset[str]) -> Iterator[SchemaDifference]:
    """Patterns, formats and multiples: each a set of demands."""
    if old.patterns != new.patterns and shared & _ABOUT["pattern"]:
        step = "added" if old.patterns < new.patterns else "removed" if new.patterns < old.patterns else "changed"
        yield SchemaDifference(
            f"pattern.{step}", "", " and ".join(sorted(old.patterns)), " and ".join(sorted(new.patterns))
        )
    if old.formats != new.formats:
        was, is_ = " and ".join(sorted(old.formats)), " and ".join(sorted(new.formats))
        if "binary" in old.formats | new.formats:
            yield SchemaDifference("file.became-text" if "binary" in old.formats else "text.became-file", "", was, is_)
        else:
            narrower = old.formats < new.formats or any((was, is_) == (wide, small) for small, wide in _WIDER_NUMBERS)
            wider = new.formats < old.formats or (was, is_) in _WIDER_NUMBERS
            yield SchemaDifference(
                f"format.{'narrowed' if narrower else 'widened' if wider else 'changed'}", "", was, is_
            )
    if old.multiples != new.multiples and shared & _ABOUT["multiple"]:
        narrower = all(any(_divides(one, other) for other in new.multiples) for one in old.multiples)
        wider = all(any(_divides(one, other) for other in old.multiples) for one in new.multiples)
        # Both, where a multiple of another is asked for beside it: that asks for nothing more.
        if not (narrower and wider):
            step = "narrowed" if narrower else "widened" if wider else "changed"
            yield SchemaDifference(f"multiple.{step}", "", _numbers(old.multiples), _numbers(new.multiples))


def _choice_of_names(was: Choice, is_: Choice, old: SchemaShape, new: SchemaShape) -> str | None:
    """Whether a rule about which fields are there got narrower or wider."""
    narrower = wider = False
    if was.kind != is_.kind:
        free = {"at most one": {"least"}, "at least one": {"most"}, "exactly one": set()}
        before, after = free[was.kind], free[is_.kind]
        narrower, wider = bool(before - after), bool(after - before)
    # A name that means nothing yet can be added to a choice without harm; one that is sent already cannot.
    lost, gained = was.names - is_.names, is_.names - was.names
    counts_least, counts_most = is_.kind != "at most one", is_.kind != "at least one"
    narrower = narrower or bool(lost and counts_least) or bool(counts_most and gained & set(old.properties))
    wider = wider or bool(gained and counts_least) or bool(counts_most and lost & set(new.properties))
    if not (narrower or wider):
        return None
    return "changed" if narrower and wider else "narrowed" if narrower else "widened"


def _likely_pairs(before: list[Choice], after: list[Choice]) -> list[tuple[Choice, Choice]]:
    """Rules that are the old and the new form of one: those that share most names, else in their order."""
    pairs: list[tuple[Choice, Choice]] = []
    left = list(after)
    for was in before:
        if not left:
            break
        best = max(left, key=lambda one: (len(was.names & one.names), one.kind == was.kind))
        if was.names and best.names and not was.names & best.names:
            continue
        left.remove(best)
        pairs.append((was, best))
    return pairs


def _told(choice: Choice) -> str:
    if choice.names:
        return f"{choice.kind} of {', '.join(sorted(choice.names))}"
    word = {"alternatives": "any of", "exclusive": "one of", "not": "not"}[choice.kind]
    return f"{word} {', '.join(_name(one) for one in choice.alternatives)}"


def _name(raw: Raw) -> str:
    if isinstance(raw, bool):
        return "anything" if raw else "nothing"
    if "$ref" in raw:
        return str(raw["$ref"]).rpartition("/")[2]
    told = ", ".join(f"{name} {value}" for name, value in raw.items() if name != "description")
    return str(raw.get("title", told[:80] or "anything"))


def _shown(types: frozenset[str]) -> str:
    if types == TYPES:
        return "anything"
    names = {name for name in types if name not in ("integer", "fraction")}
    names |= {"number"} if "fraction" in types else {"integer"} & types
    return " or ".join(sorted(names)) or "nothing"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.15g}" for value in sorted(values))


def _divides(small: float, large: float) -> bool:
    return large / small == int(large / small)


def _bytes(size: int | None) -> str:
    return "" if size is None else f"{size} bytes"
