"""Many jobs in little memory: those that ended a while ago are packed, and unpacked when somebody asks."""

from __future__ import annotations

import marshal
import zlib
from collections import deque
from collections.abc import ValuesView
from dataclasses import fields
from typing import Any, Final, cast

from outpaint_contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint_contracts.jobs import JobState
from outpaint_contracts.pictures import MaskInterpretation
from outpaint_functions.service.records import Job
from pydantic import BaseModel

_LOOSE: Final = 1000
_FIELDS: Final = tuple(field.name for field in fields(Job))
_MODELS: Final[dict[str, type[BaseModel]]] = {
    "request": InferenceRequest,
    "interpretation": MaskInterpretation,
    "manifest": Manifest,
    "failure": InferenceFailure,
}


class JobShelf(dict[str, Job]):
    """Jobs by their id. The latest thousand that ended lie as they are, older ones as a thirtieth of their size.

    Each is packed by what it has beyond the first that was, for the jobs of a test look much alike.

    A mock is asked for twenty thousand jobs and for few of their results, and a job weighs four kilobytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ended: deque[str] = deque()
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
        other._model = self._model
        return other

    def _pack(self, inference_id: str) -> None:
        job = super().get(inference_id)
        if type(job) is not Job:
            return  # gone meanwhile, or packed
        whole = marshal.dumps([_plain(getattr(job, name)) for name in _FIELDS])
        self._model = self._model or whole
        packer = zlib.compressobj(1, zdict=self._model)
        super().__setitem__(inference_id, cast("Job", packer.compress(whole) + packer.flush()))

    def _unpacked(self, held: Job | bytes) -> Job:
        if isinstance(held, Job):
            return held
        values = dict(zip(_FIELDS, marshal.loads(zlib.decompressobj(zdict=self._model).decompress(held)), strict=True))  # noqa: S302 - this process packed it
        for name, model in _MODELS.items():
            if values[name] is not None:
                values[name] = model.model_validate_json(values[name])
        return Job(**values | {"state": JobState(values["state"])})


def _plain(value: object) -> object:
    """A field as what marshal takes: models as JSON, which pydantic writes faster than pickle reads their parts."""
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return value.value if isinstance(value, JobState) else value
