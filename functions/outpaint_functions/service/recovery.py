"""After a host was killed: every job it had begun is begun again or ended."""

from __future__ import annotations

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.inference import InferenceFailure
from outpaint_contracts.jobs import JobState

from outpaint_functions.service import settle
from outpaint_functions.service.records import Job
from outpaint_functions.service.service import Service


def recover(service: Service) -> None:
    """Begin again what can be, end the rest and give its credits back.

    For a host that has just started and knows that no painter works for it yet; call it once, before serving.
    """
    now = service.clock.now()
    for job in list(service.jobs.unended()):
        if now >= job.deadline_at:
            settle.expire(service, job)
        elif job.attempts >= service.settings.max_attempts:
            _give_up(
                service,
                job,
                ErrorCode.PAINTING_FAILED,
                f"painting was cut off {job.attempts} times; the credits were given back",
            )
        elif not _has_inputs(service, job, now):
            _give_up(
                service,
                job,
                ErrorCode.UNAVAILABLE,
                "the job was cut off before it had begun; its credits were given back: send it again",
            )
        elif service.jobs.begin_again(job.id) is not None:
            try:
                service.dispatch.start(job.request)
            except OutpaintError as error:
                settle.fail(service, InferenceFailure.of(job.id, error), release_claim=True)
            else:
                service.jobs.move(job.id, JobState.DISPATCHED)


def _has_inputs(service: Service, job: Job, now: float) -> bool:
    names = [job.request.image] + ([job.request.mask] if job.request.mask else [])
    return all(service.pictures.get(name, now) is not None for name in names)


def _give_up(service: Service, job: Job, code: ErrorCode, detail: str) -> None:
    failure = InferenceFailure(inference_id=job.id, error_code=code, detail=detail)
    settle.fail(service, failure, release_claim=True)
