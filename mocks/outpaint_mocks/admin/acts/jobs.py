"""A world's jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_mocks.admin import models, shown
from outpaint_mocks.admin.language import scenario_of
from outpaint_mocks.admin.operation import Asked

if TYPE_CHECKING:
    from outpaint_mocks.world import World


def jobs_listed(asked: Asked) -> models.JobList:
    """The latest jobs, or of these only those that have not ended."""
    world, wanted = asked.world, asked.query
    with world.lock:
        world.settle()
        jobs = world.ledger.latest_jobs(10 * wanted.limit if wanted.pending else wanted.limit)
        told = [shown.job_summary(world, job) for job in jobs if not (wanted.pending and job.state.ended)]
    return models.JobList(jobs=tuple(told[: wanted.limit]))


def job_shown(asked: Asked) -> models.JobSummary:
    """One job; raises `OutpaintError` for one that this world does not have."""
    world, inference_id = asked.world, asked.path["inference_id"]
    job = world.ledger.find(inference_id, world.clock.now())
    if job is None:
        raise _no_job(world, inference_id)
    return shown.job_summary(world, job)


def release_job(asked: Asked) -> models.JobSummary:
    """End a running job now, as its plan says."""
    job_shown(asked)  # one of this world's
    asked.world.release(asked.path["inference_id"])
    return job_shown(asked)


def release_jobs(asked: Asked) -> models.JobList:
    """End every running job now."""
    world = asked.world
    with world.lock:
        ids = world.pending
        world.release()
        jobs = [world.ledger.find(inference_id, world.clock.now()) for inference_id in ids]
        return models.JobList(jobs=tuple(shown.job_summary(world, job) for job in jobs if job is not None))


def set_job_scenario(asked: Asked) -> models.JobSummary:
    """Let a running job go on otherwise."""
    job_shown(asked)
    asked.world.scenarios.job(asked.path["inference_id"], scenario_of(asked.body.scenario))
    return job_shown(asked)


def _no_job(world: World, inference_id: str) -> OutpaintError:
    return OutpaintError(
        ErrorCode.UNKNOWN_INFERENCE,
        f"there is no job {inference_id[:60]} in world {world.name}: every world has its own",
        field="inference_id",
    )
