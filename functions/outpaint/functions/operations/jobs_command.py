"""`outpaint jobs`: lists and shows jobs, ends one, erases what is stored of them, and sweeps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

import click
from pydantic import TypeAdapter

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.console import OUT, table, warn
from outpaint.functions.command_line.exit_codes import ExitCode, exit_code_lines
from outpaint.functions.operations.deployment import Deployment, StackName
from outpaint.functions.operations.place import opened, place_options
from outpaint.functions.service import account_keys, erasure, settle, sweeping
from outpaint.functions.service.ports import UnreadableJobsError
from outpaint.functions.service.records import Job

LOOKED_THROUGH: Final = 10_000
"""How many jobs are read to find those that are asked for, so that a rare one does not cost the whole table."""


@click.group()
def jobs() -> None:
    """Look at jobs, in a data folder or a stack; end and erase them.

    Works while the service runs, too.
    """


@jobs.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, newest first.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([*(state.value for state in JobState), "unended"]),
    help="Only jobs in this state; may be given more than once.",
)
@click.option("--account", metavar="ID", help="Only this account's, by its id as the list shows it.")
@place_options
def list_(limit: int, states: tuple[str, ...], account: str | None, place: Path | StackName) -> None:
    """Show the latest jobs and their states.

    Looks through the newest 10,000 jobs at most, or through all of those that have not ended.

    \b
    Examples:
      outpaint jobs list
      outpaint jobs list --stack outpaint --state failed --limit 100
      outpaint jobs list --stack outpaint --state unended    # accepted, dispatched or painting
    """
    rows: list[tuple[str, ...]] = [("job", "accepted", "account", "state", "pictures", "prompt")]
    wanted, seen = _states(states), 0
    with opened(place) as deployment:
        for job in islice(_readable(_newest_first(deployment, wanted)), LOOKED_THROUGH):
            seen += 1
            if job.state in wanted and account in (None, job.account_id):
                rows.append(_row(job))
            if len(rows) > limit:
                break
    table(*rows)
    if seen == LOOKED_THROUGH and len(rows) <= limit:
        warn(f"only the newest {LOOKED_THROUGH:,} jobs were looked through")


@jobs.command()
@click.argument("inference_id")
@place_options
def show(inference_id: str, place: Path | StackName) -> None:
    """Show the job INFERENCE_ID as JSON.

    Its files come last: its inputs, its results and what was written of its end, with paths or URLs and sizes in bytes,
    null for a file that is not there.

    \b
    Examples:
      outpaint jobs show 0b9fb2a4-5c8e-4f0e-9d57-3f6f6c1d2e7a
      outpaint jobs show 0b9fb2a4-5c8e-4f0e-9d57-3f6f6c1d2e7a --stack outpaint
    """
    with opened(place) as deployment:
        job = deployment.service.jobs.find(inference_id, 0.0)
        if job is None:
            raise settle.unknown_job(inference_id)
        files = deployment.files(job)
    shown = {**TypeAdapter(Job).dump_python(job, mode="json"), "files": [asdict(file) for file in files]}
    OUT.print(json.dumps(shown, indent=2, ensure_ascii=False), markup=False)


@jobs.command()
@click.argument("inference_id")
@place_options
def end(inference_id: str, place: Path | StackName) -> None:
    """End the job INFERENCE_ID now and give its credits back.

    If its pictures are finished and only their report was lost, it succeeds with them. Its client may send it again
    with the same idempotency key. What a painter still makes of it is thrown away.

    \b
    Examples:
      outpaint jobs end 0b9fb2a4-5c8e-4f0e-9d57-3f6f6c1d2e7a --stack outpaint
    """
    with opened(place) as deployment:
        job = settle.end_by_hand(deployment.service, inference_id)
    said = "its credits were kept" if job.state is JobState.SUCCEEDED else "its credits were given back"
    OUT.print(f"{job.id} is {job.state}; {said}", markup=False)


@jobs.command(epilog=exit_code_lines("jobs erase"))
@click.argument("inference_id", required=False)
@click.option("--account", metavar="NAME", help="All of this account's jobs and uploads; its name or a key's id.")
@click.option("--end", "end_first", is_flag=True, help="End a job that runs first, and give its credits back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@place_options
def erase(inference_id: str | None, account: str | None, end_first: bool, yes: bool, place: Path | StackName) -> None:
    """Erase the job INFERENCE_ID, or all of an account's, for good.

    Its pictures, results, prompt and idempotency key go, and what was written of its end; so does an upload or an
    earlier result that it was made from. To its client it is as if it had expired: a poll is answered 404. Credits
    stay as they are. An account keeps its name, keys and credits: `outpaint keys revoke` closes it.

    What is out of reach, such as the table's point-in-time recovery, is said in the end. What broke off is completed
    by the same command again.

    \b
    Examples:
      outpaint jobs erase 0b9fb2a4-5c8e-4f0e-9d57-3f6f6c1d2e7a --stack outpaint
      outpaint jobs erase --account Ann --end --yes --stack outpaint
    """
    if (inference_id is None) == (account is None):
        raise click.UsageError("name a job or an --account", click.get_current_context())
    with opened(place) as deployment:
        service = deployment.service
        if inference_id is not None:
            what, erased = f"the job {inference_id}", partial(erasure.erase_job, service, inference_id)
        else:
            assert account is not None
            owner = account_keys.account_of(deployment.keys, account)
            what = f"all jobs and uploads of {owner.name}"
            erased = partial(erasure.erase_account, service, owner.id, deployment.latest())
        if not yes:
            click.confirm(f"Erase {what} for good?", abort=True, err=True)
        done = erased(end=end_first)
        beyond = deployment.beyond_erasure()
    OUT.print(f"erased: {_counted(done.jobs, 'job')}, {_counted(done.files, 'file')}", markup=False)
    for line in beyond:
        OUT.print(f"not erased: {line}", markup=False)
    if done.running:
        raise CommandError(
            ExitCode.FAILED,
            f"{_counted(len(done.running), 'job')} had not ended and stayed, uploads too: end them first with --end, "
            "or erase again after their end",
        )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


@jobs.command(epilog=exit_code_lines("jobs sweep"))
@place_options
def sweep(place: Path | StackName) -> None:
    """Sweep once, as the service does by itself.

    Ends jobs that are overdue, that were cut off before they had begun, or whose end was never reported. Safe at any
    time, also while the service sweeps itself. A job that cannot be looked at keeps no other from its end; the command
    then says why.

    \b
    Examples:
      outpaint jobs sweep --stack outpaint    # when the alarm says that the sweeper has stopped
    """
    with opened(place) as deployment:
        swept = sweeping.sweep_some(deployment.service)
        ended = ", ".join(f"{number} {state}" for state, number in sorted(swept.ended.items())) or "none ended"
        OUT.print(f"{swept.looked_at} jobs had not ended: {ended}; {swept.left} go on", markup=False)
        if swept.errors:
            # The first one's cause, which is AWS's, is explained where the block ends.
            first = swept.errors[0]
            if isinstance(first, OutpaintError):
                raise first
            unlooked = f"{_counted(swept.failed, 'job')} could not be looked at"
            detail = f"{unlooked}, the first for {type(first).__name__}: {first}"
            raise OutpaintError(ErrorCode.INTERNAL, detail) from first


def _states(words: tuple[str, ...]) -> frozenset[JobState]:
    chosen = {JobState(word) for word in words if word != "unended"}
    if "unended" in words:
        chosen |= {state for state in JobState if not state.ended}
    return frozenset(chosen or JobState)


def _newest_first(deployment: Deployment, wanted: frozenset[JobState]) -> Iterable[Job]:
    """Jobs that have not ended are few, and found without reading all others."""
    if any(state.ended for state in wanted):
        return deployment.latest()
    return sorted(_readable(deployment.service.jobs.unended()), key=lambda job: (-job.created_at, job.id))


def _readable(jobs: Iterable[Job]) -> Iterator[Job]:
    """The jobs that can be read; those that cannot are a warning."""
    try:
        yield from jobs
    except UnreadableJobsError as error:
        warn(error.detail)


def _row(job: Job) -> tuple[str, ...]:
    accepted = datetime.fromtimestamp(job.created_at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    # A prompt may have line breaks and control characters in it.
    prompt = " ".join("".join(c if c.isprintable() else " " for c in job.request.wish.prompt[:60]).split())
    return job.id, accepted, job.account_id, job.state, str(len(job.request.output_ids)), prompt
