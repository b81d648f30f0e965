"""Sending a request twice and paying once."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, OURS

REPLAY: Final = Clause(
    "idempotency.replay",
    "A request sent again under its Idempotency-Key is answered with the first one's job.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_FREE: Final = Clause("idempotency.free", "A replay is not charged.", f"{API}#sending-twice-paying-once", OURS)
REPLAY_FLAG: Final = Clause(
    "idempotency.flag",
    "A replay, and nothing else, is marked `Idempotent-Replayed: true`.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_MISMATCH: Final = Clause(
    "idempotency.mismatch",
    "Other fields or other bytes of pictures under the same key are 422.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_SAME: Final = Clause(
    "idempotency.same",
    "Field order, spelling, content type, file names, `mode` and `Prefer` may differ.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_WAITS: Final = Clause(
    "idempotency.in-progress",
    "While the first still waits for its answer, the same again is 409.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_REFUSED: Final = Clause(
    "idempotency.refused", "A refused request leaves its key free.", f"{API}#sending-twice-paying-once", OURS
)
REPLAY_FAILED: Final = Clause(
    "idempotency.failed",
    "A job that ran and failed is replayed like any other.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
REPLAY_ACCOUNT: Final = Clause(
    "idempotency.account", "Each account has its own keys.", f"{API}#sending-twice-paying-once", OURS
)
REPLAY_LIFETIME: Final = Clause(
    "idempotency.lifetime", "A key is remembered for 24 hours.", f"{API}#sending-twice-paying-once", OURS
)
REPLAY_KEY: Final = Clause(
    "idempotency.key",
    "A key is 1 to 255 visible ASCII characters, compared as they are.",
    f"{API}#sending-twice-paying-once",
    OURS,
)
