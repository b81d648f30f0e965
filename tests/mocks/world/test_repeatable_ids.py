"""Ids, seeds and chance that come out the same each time."""

from __future__ import annotations

import uuid

from outpaint.contracts.requests import MAX_SEED
from outpaint.mocks.world.repeatable_ids import RepeatableIds


def test_the_same_seed_gives_the_same_ids_and_another_gives_others() -> None:
    one, same, other = RepeatableIds(1), RepeatableIds(1), RepeatableIds(2)
    first = [one.uuid() for _ in range(50)]
    assert first == [same.uuid() for _ in range(50)]
    assert not set(first) & {other.uuid() for _ in range(50)}


def test_ids_are_uuids_of_version_4_and_all_differ() -> None:
    ids = RepeatableIds()
    drawn = [ids.uuid() for _ in range(1000)]
    assert len(set(drawn)) == 1000
    assert all(str(uuid.UUID(text)) == text and uuid.UUID(text).version == 4 for text in drawn)


def test_seeds_fill_their_range() -> None:
    ids = RepeatableIds()
    seeds = [ids.seed() for _ in range(1000)]
    assert all(0 <= seed <= MAX_SEED for seed in seeds)
    assert max(seeds) > MAX_SEED * 0.9
    assert min(seeds) < MAX_SEED * 0.1


def test_chance_takes_nothing_from_the_ids() -> None:
    one, other = RepeatableIds(), RepeatableIds()
    drawn = one.chance().random()
    assert one.uuid() == other.uuid()
    assert other.chance().random() == drawn


def test_a_snapshot_is_drawn_on_from() -> None:
    ids = RepeatableIds()
    ids.uuid()
    state = ids.snapshot()
    after = ids.uuid(), ids.seed(), ids.chance().random()
    ids.restore(state)
    assert (ids.uuid(), ids.seed(), ids.chance().random()) == after
