"""Many jobs in little memory: those that ended a while ago are packed, and unpacked when somebody asks."""

from __future__ import annotations

import pickle
import zlib
from collections import deque
from collections.abc import ValuesView
from io import BytesIO
from typing import Any, Final, cast

from outpaint_contracts.pictures import MaskInterpretation
from outpaint_contracts.responses import PainterCard
from outpaint_functions.service.records import Job

_LOOSE: Final = 1000
_SHARED: Final = (MaskInterpretation, PainterCard)


class JobShelf(dict[str, Job]):
    """Jobs by their id. The latest thousand that ended lie as they are, older ones as a thirtieth of their size.

    Each is packed by what it has beyond the first that was, for the jobs of a test look much alike.

    A mock is asked for twenty thousand jobs and for few of their results, and a job weighs four kilobytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ended: deque[str] = deque()
        self._parts: list[object] = []
        self._numbers: dict[object, int] = {}
        self._model = b""

    def __setitem__(self, inference_id: str, job: Job) -> None:
        super().__setitem__(inference_id, job)
        if job.state.ended:
            self._ended.append(inference_id)
            if len(self._ended) > _LOOSE:
                self._pack(self._ended.popleft())

    def __getitem__(self, inference_id: str) -> Job:
        return self._unpacked(super().__getitem__(inference_id))

    def get(self, inference_id: str, default: Any = None) -> Any:
        """The job, or the default."""
        found = super().get(inference_id)
        return default if found is None else self._unpacked(found)

    def values(self) -> ValuesView[Job]:  # type: ignore[override]
        """Every job; the packed ones are unpacked for it."""
        return {key: self._unpacked(value) for key, value in self.items()}.values()

    def copy(self) -> JobShelf:
        """Another shelf with the same jobs, packed as they are."""
        other = JobShelf()
        dict.update(other, self)
        other._ended = self._ended.copy()
        other._parts, other._numbers = self._parts, self._numbers  # only ever added to
        other._model = self._model
        return other

    def _pack(self, inference_id: str) -> None:
        job = super().get(inference_id)
        if type(job) is not Job:
            return  # gone meanwhile, or packed
        stream = BytesIO()
        pickler = pickle.Pickler(stream, protocol=5)
        pickler.persistent_id = self._number  # type: ignore[method-assign]
        pickler.dump(job)
        whole = stream.getvalue()
        self._model = self._model or whole
        packer = zlib.compressobj(1, zdict=self._model)
        super().__setitem__(inference_id, cast("Job", packer.compress(whole) + packer.flush()))

    def _unpacked(self, held: Job | bytes) -> Job:
        if isinstance(held, Job):
            return held
        whole = zlib.decompressobj(zdict=self._model).decompress(held)
        unpickler = pickle.Unpickler(BytesIO(whole))  # noqa: S301 - this process packed it
        unpickler.persistent_load = self._part  # type: ignore[method-assign]
        return cast("Job", unpickler.load())

    def _number(self, part: object) -> int | None:
        """Stand a number in for what thousands of jobs share."""
        if not isinstance(part, _SHARED):
            return None
        number = self._numbers.get(part)
        if number is None:
            number = self._numbers[part] = len(self._parts)
            self._parts.append(part)
        return number

    def _part(self, number: int) -> object:
        return self._parts[number]
