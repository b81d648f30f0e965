"""What differs between two schemas, whether they are of a request or of a response."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from outpaint.conformance.diff.canonical_schema import TYPES, Choice, Discriminator, Raw, Schemas, SchemaShape
from outpaint.conformance.diff.schema_limits import ANY, LIMITED_TYPES

_WIDER_NUMBERS: Final = (("int32", "int64"), ("float", "double"))


@dataclass(frozen=True, slots=True)
class SchemaDifference:
    """One difference: its kind, the old and new value as far as there are any, and the field; empty for all of it."""

    kind: str
    was: str = ""
    is_: str = ""
    field: str = ""

    def under(self, name: str) -> SchemaDifference:
        """The same for the object that has the field under this name, or for the list whose items have it (`[]`)."""
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
            # One schema that became several, or several that became one.
            old = old if old.is_only_alternatives else SchemaShape(choices=(Choice(new.choices[0].kind, (old_raw,)),))
            new = new if new.is_only_alternatives else SchemaShape(choices=(Choice(old.choices[0].kind, (new_raw,)),))
        types = list(_types(old, new))
        yield from types
        if any(one.kind == "type.changed" for one in types) or not old.types or not new.types:
            return
        shared = old.types & new.types
        yield from _values(old, new)
        yield from _limits(old, new, shared)
        if "string" in shared:
            yield from _patterns(old, new)
        yield from _formats(old, new)
        if shared & LIMITED_TYPES["range"]:
            yield from _multiples(old, new)
        if "array" in shared:
            if old.unique != new.unique:
                yield SchemaDifference("duplicates.refused" if new.unique else "duplicates.allowed")
            yield from (one.under("[]") for one in self.differences(old.items, new.items))
        if "object" in shared:
            yield from self._fields(old, new)
        yield from self._choices(old, new)
        yield from self._discriminators(old, new)
        for name in sorted({*old.rules, *new.rules}):
            was, is_ = " and ".join(old.rules.get(name, ())), " and ".join(new.rules.get(name, ()))
            if was != is_:
                shown = [f"{name} {text}" if text else "" for text in (was, is_)]
                yield SchemaDifference(f"rule.{_came_or_went(was, is_)}", *shown)

    def _fields(self, old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
        olds, news = {*old.properties, *old.required}, {*new.properties, *new.required}
        for name in sorted(olds | news):
            required = (name in old.required, name in new.required)
            was, is_ = ("required" if one else "optional" for one in required)
            if name not in news:
                # A member may stay in the document and be no part of this side any more.
                shown = (was, "no part of it") if name in new.hidden else ("", "")
                yield SchemaDifference(f"property.removed-{was}", *shown, name)
                continue
            if name not in olds:
                closed = "-to-closed" if old.others is False else ""
                before_it = "no part of it" if name in old.hidden else ""
                yield SchemaDifference(f"property.added-{is_}{closed}", before_it, is_, name)
                continue
            if was != is_:
                yield SchemaDifference(f"property.became-{is_}", was, is_, name)
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
                yield SchemaDifference("rule.removed", _described(one))
            for one in after:
                yield SchemaDifference("rule.added", "", _described(one))

    def _same(self, old: Choice, new: Choice) -> bool:
        return (old.kind, old.names) == (new.kind, new.names) and sorted(
            self._old.fingerprint(one) for one in old.alternatives
        ) == sorted(self._new.fingerprint(one) for one in new.alternatives)

    def _choice(self, was: Choice, is_: Choice, old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
        if was.kind == "not":
            yield SchemaDifference("rule.changed", _described(was), _described(is_))
            return
        if was.names or is_.names:
            narrower, wider = _choice_of_names(was, is_, old, new)
            if narrower or wider:
                yield SchemaDifference(f"choice.{_step(narrower, wider)}", _described(was), _described(is_))
            return
        if was.kind != is_.kind:
            step = "narrowed" if is_.kind == "exclusive" else "widened"
            yield SchemaDifference(f"choice.{step}", _described(was), _described(is_))
        olds, news = list(was.alternatives), list(is_.alternatives)
        for before, after in self._same_alternatives(olds, news):
            olds.remove(before)
            news.remove(after)
            yield from self.differences(before, after)
        for one in olds:
            yield SchemaDifference("alternative.removed", _name(one))
        for one in news:
            yield SchemaDifference("alternative.added", "", _name(one))

    def _discriminators(self, old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
        was, is_ = old.discriminator, new.discriminator
        if was is None or is_ is None:
            if was is not None:
                yield SchemaDifference("discriminator.removed", was.field)
            elif is_ is not None:
                yield SchemaDifference("discriminator.added", "", is_.field)
            return
        if was.field != is_.field:
            yield SchemaDifference("discriminator.renamed", was.field, is_.field)
        olds, news = dict(was.targets), dict(is_.targets)
        for word in sorted({*olds, *news}):
            before, after = olds.get(word), news.get(word)
            if before is None:
                # An alternative that came with its word is told as an alternative.
                if after is not None and not (is_.of_choice and self._is_new(after, was)):
                    yield SchemaDifference("discriminator.word-added", "", word)
            elif after is None:
                if not (was.of_choice and self._is_gone(before, is_)):
                    yield SchemaDifference("discriminator.word-removed", word)
            elif _name(before) != _name(after) and not self._alike(before, after):
                shown = (f"{word}: {_name(before)}", f"{word}: {_name(after)}")
                yield SchemaDifference("discriminator.word-moved", *shown)

    def _alike(self, before: Raw, after: Raw) -> bool:
        return self._old.fingerprint(before) == self._new.fingerprint(after)

    def _is_new(self, after: Raw, was: Discriminator) -> bool:
        return not any(_name(one) == _name(after) or self._alike(one, after) for _, one in was.targets)

    def _is_gone(self, before: Raw, is_: Discriminator) -> bool:
        return not any(_name(one) == _name(before) or self._alike(before, one) for _, one in is_.targets)

    def _same_alternatives(self, olds: list[Raw], news: list[Raw]) -> list[tuple[Raw, Raw]]:
        """Old and new alternatives that belong together: by what they say, by name, or as the only two left."""
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
    """Differences of what is no rule about values: defaults, deprecation, a file's size in a description."""
    if old.default != new.default:
        was, is_ = old.default or "", new.default or ""
        yield SchemaDifference(f"default.{_came_or_went(was, is_)}", was, is_)
    if old.deprecated != new.deprecated:
        yield SchemaDifference("deprecation.added" if new.deprecated else "deprecation.removed")
    if old.size != new.size and old.formats == new.formats == {"binary"}:
        if old.size is None or new.size is None:
            kind = "stated" if old.size is None else "unstated"
        else:
            kind = "lowered" if new.size < old.size else "raised"
        yield SchemaDifference(f"file-size.{kind}", _bytes(old.size), _bytes(new.size))


def _types(old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
    lost, gained = old.types - new.types, new.types - old.types
    was, is_ = _shown(old.types), _shown(new.types)
    if lost == {"null"}:
        yield SchemaDifference("null.refused", was, is_)
        lost = frozenset()
    elif gained == {"null"}:
        yield SchemaDifference("null.allowed", was, is_)
        gained = frozenset()
    if lost or gained:
        yield SchemaDifference(f"type.{_step(bool(lost), bool(gained))}", was, is_)


def _values(old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
    if old.values is None and new.values is not None:
        yield SchemaDifference("enum.closed", "", ", ".join(sorted(new.values)))
    elif old.values is not None and new.values is None:
        yield SchemaDifference("enum.opened", ", ".join(sorted(old.values)))
    elif old.values is not None and new.values is not None:
        for value in sorted(old.values - new.values):
            yield SchemaDifference("enum.value-removed", value)
        for value in sorted(new.values - old.values):
            yield SchemaDifference("enum.value-added", "", value)


def _limits(old: SchemaShape, new: SchemaShape, shared: frozenset[str]) -> Iterator[SchemaDifference]:
    for name, none in ANY.items():
        if not shared & LIMITED_TYPES[name]:
            continue
        was, is_ = old.limits.get(name, none), new.limits.get(name, none)
        step = was.change_to(is_)
        if step is None:
            continue
        kind = f"{name}.{step}"
        if name == "length" and old.formats == new.formats == {"binary"} and was.low == is_.low:
            kind = "file-size.lowered" if step == "narrowed" else "file-size.raised"
        yield SchemaDifference(kind, str(was), str(is_))


def _patterns(old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
    if old.patterns != new.patterns:
        step = "added" if old.patterns < new.patterns else "removed" if new.patterns < old.patterns else "changed"
        was, is_ = (" and ".join(sorted(one.patterns)) for one in (old, new))
        yield SchemaDifference(f"pattern.{step}", was, is_)


def _formats(old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
    if old.formats == new.formats:
        return
    was, is_ = (" and ".join(sorted(one.formats)) for one in (old, new))
    if "binary" in old.formats | new.formats:
        kind = "file.became-text" if "binary" in old.formats else "text.became-file"
    else:
        narrower = old.formats < new.formats or (is_, was) in _WIDER_NUMBERS
        wider = new.formats < old.formats or (was, is_) in _WIDER_NUMBERS
        kind = f"format.{_step(narrower, wider)}"
    yield SchemaDifference(kind, was, is_)


def _multiples(old: SchemaShape, new: SchemaShape) -> Iterator[SchemaDifference]:
    narrower = all(any(_divides(one, other) for other in new.multiples) for one in old.multiples)
    wider = all(any(_divides(one, other) for other in old.multiples) for one in new.multiples)
    # Both, where nothing changed or where a multiple of another is asked for beside it, which excludes nothing more.
    if not (narrower and wider):
        yield SchemaDifference(f"multiple.{_step(narrower, wider)}", _numbers(old.multiples), _numbers(new.multiples))


def _choice_of_names(was: Choice, is_: Choice, old: SchemaShape, new: SchemaShape) -> tuple[bool, bool]:
    """Whether a rule about which fields are present takes less than before, and whether it takes more."""
    free = {"at most one": {"least"}, "at least one": {"most"}, "exactly one": set()}
    narrower, wider = bool(free[was.kind] - free[is_.kind]), bool(free[is_.kind] - free[was.kind])
    # A choice may gain a name that had no meaning without harm, but not one that clients send already.
    lost, gained = was.names - is_.names, is_.names - was.names
    counts_least, counts_most = is_.kind != "at most one", is_.kind != "at least one"
    narrower = narrower or bool(lost and counts_least) or bool(counts_most and gained & set(old.properties))
    wider = wider or bool(gained and counts_least) or bool(counts_most and lost & set(new.properties))
    return narrower, wider


def _likely_pairs(before: list[Choice], after: list[Choice]) -> list[tuple[Choice, Choice]]:
    """Old and new rules that belong together: those that share most names, else in their order."""
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


def _described(choice: Choice) -> str:
    if choice.names:
        return f"{choice.kind} of {', '.join(sorted(choice.names))}"
    word = {"alternatives": "any of", "exclusive": "one of", "not": "not"}[choice.kind]
    return f"{word} {', '.join(_name(one) for one in choice.alternatives)}"


def _name(raw: Raw) -> str:
    if isinstance(raw, bool):
        return "anything" if raw else "nothing"
    if "$ref" in raw:
        return str(raw["$ref"]).rpartition("/")[2]
    listed = ", ".join(f"{name} {value}" for name, value in raw.items() if name != "description")
    return str(raw.get("title", listed[:80] or "anything"))


def _shown(types: frozenset[str]) -> str:
    if types == TYPES:
        return "anything"
    names = {name for name in types if name not in ("integer", "fraction")}
    names |= {"number"} if "fraction" in types else {"integer"} & types
    return " or ".join(sorted(names)) or "nothing"


def _step(narrower: bool, wider: bool) -> str:
    return "changed" if narrower == wider else "narrowed" if narrower else "widened"


def _came_or_went(was: str, is_: str) -> str:
    return "added" if not was else "removed" if not is_ else "changed"


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.15g}" for value in sorted(values))


def _divides(small: float, large: float) -> bool:
    return large / small == int(large / small)


def _bytes(size: int | None) -> str:
    return "" if size is None else f"{size} bytes"
