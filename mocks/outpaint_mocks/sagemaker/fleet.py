"""An endpoint's instances: how many there are, start, and are wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from outpaint_mocks.sagemaker.definitions import Scaling


@dataclass(slots=True)
class Fleet:
    """Counts only; `per_instance` is how many inferences an instance takes at a time."""

    scaling: Scaling
    per_instance: int
    up: int = 0
    starting: int = 0
    busy: int = 0

    @property
    def free(self) -> int:
        """How many more inferences can begin now; below zero while instances are missing that were there."""
        return self.up * self.per_instance - self.busy

    def wanted(self, queued: int) -> int:
        """How many instances should be started now for a queue of that length."""
        backlog = queued + self.busy
        target = self.scaling.target_backlog_per_instance
        wanted = min(queued, 1) if target is None else math.ceil(backlog / target)
        wanted = min(max(wanted, self.scaling.min_instances), self.scaling.max_instances)
        return max(0, wanted - self.up - self.starting)
