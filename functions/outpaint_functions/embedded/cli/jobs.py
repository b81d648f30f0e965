"""`outpaint jobs`: what a data folder's service was asked for, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_functions.embedded.cli.console import OUT, table
from outpaint_functions.embedded.cli.options import data_option

if TYPE_CHECKING:
    from outpaint_functions.embedded.sqlite_ledger import SqliteLedger


@click.group()
def jobs() -> None:
    """Look at jobs.

    Works while the server runs, too.
    """


@jobs.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, newest first.")
@data_option
def list_(limit: int, data: Path) -> None:
    """Show the latest jobs and where they stand."""
    rows = [("job", "accepted", "account", "state", "pictures", "prompt")]
    with _ledger(data) as ledger:
        for job in ledger.latest(limit):
            accepted = datetime.fromtimestamp(job.created_at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
            # A prompt may have line breaks and worse in it.
            prompt = " ".join("".join(c if c.isprintable() else " " for c in job.request.prompt[:60]).split())
            rows.append((job.id, accepted, job.account_id, job.state, str(len(job.request.output_ids)), prompt))
    table(*rows)


@jobs.command()
@click.argument("inference_id")
@data_option
def show(inference_id: str, data: Path) -> None:
    """Show the job INFERENCE_ID as JSON."""
    from pydantic import TypeAdapter

    from outpaint_functions.service.records import Job

    with _ledger(data) as ledger:
        job = ledger.find(inference_id, time.time())
    if job is None:
        raise OutpaintError(
            ErrorCode.UNKNOWN_INFERENCE, f"there is no job {inference_id}: `outpaint jobs list` shows what there is"
        )
    OUT.print(TypeAdapter(Job).dump_json(job, indent=2).decode(), markup=False)


@contextmanager
def _ledger(data: Path) -> Iterator[SqliteLedger]:
    from outpaint_functions.embedded.sqlite_ledger import SqliteLedger
    from outpaint_functions.embedded.stores import open_database

    with open_database(data) as database:
        yield SqliteLedger(database)
