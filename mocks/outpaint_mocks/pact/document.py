"""A pact: the interactions of one consumer with one provider, each once, in one order, as a v4 file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_mocks.pact.recording import Interaction, LeftOut

PROVIDER: Final = "outpaint"
SPECIFICATION: Final = "4.0"


@dataclass(frozen=True, slots=True)
class Pact:
    """What a consumer asks of a provider.

    `interactions` are told apart by what the contract gives a meaning, sorted by description; `left_out` are calls
    that made none. The same behaviour gives the same bytes, in whatever order the calls came.
    """

    consumer: str
    provider: str
    interactions: tuple[Interaction, ...]
    left_out: tuple[LeftOut, ...] = ()

    @classmethod
    def of(cls, consumer: str, provider: str, found: Iterable[Interaction | LeftOut]) -> Pact:
        """The pact of what was recorded; raises `OutpaintError` for a name that is none."""
        for what, name in (("consumer", consumer), ("provider", provider)):
            if not name.strip() or len(name) > 200:
                raise OutpaintError.wrong_value(what, name, f"a {what} has a name of 1 to 200 characters")
        kept: dict[str, Interaction] = {}
        left_out: list[LeftOut] = []
        for one in found:
            if isinstance(one, LeftOut):
                left_out.append(one)
                continue
            other = kept.get(one.key)
            # Of alike ones always the same stands for all, whichever came first.
            kept[one.key] = one if other is None else min(one, other, key=lambda either: either.text)
        ordered = sorted(kept.values(), key=lambda one: (one.description, one.text))
        return cls(consumer, provider, tuple(ordered), tuple(left_out))

    def document(self) -> dict[str, Any]:
        """The whole file, as JSON values."""
        return {
            "consumer": {"name": self.consumer},
            "provider": {"name": self.provider},
            "interactions": [one.document for one in self.interactions],
            "metadata": {"pactSpecification": {"version": SPECIFICATION}},
        }

    def text(self) -> str:
        """The whole file."""
        return json.dumps(self.document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def write(self, path: Path | str) -> Path:
        """Write the file, and its folder where there is none; raises `OutpaintError` where there is nothing to say."""
        if not self.interactions:
            reasons = "".join(f"; {one}" for one in self.left_out[:3])
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER, f"no call made an interaction, so there is no pact to write{reasons}"
            )
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.text(), encoding="utf-8")
        return file
