"""`outpaint keys`: who may use a data folder's service, and with how many credits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outpaint_functions.embedded.cli.console import ERR, OUT, table
from outpaint_functions.embedded.cli.options import data_option

if TYPE_CHECKING:
    from outpaint_functions.embedded.key_ring import KeyRing


@click.group()
def keys() -> None:
    """Look after API keys and credits.

    Works while the server runs, too.
    """


@keys.command()
@click.argument("name")
@click.option("--credits", "credits_", type=int, default=100, show_default=True, help="Credits to add to the account.")
@data_option
def create(name: str, credits_: int, data: Path) -> None:
    """Make a key for the account NAME.

    The account is opened where there is none by that name.

    The key is shown once and stored as a hash only. A second key for the same account shares its credits: make
    one, change over, revoke the first.

    \b
    Example:
      outpaint keys create "Ann's laptop" --credits 500
    """
    with _ring(data) as ring:
        key = ring.create(name, credits_, time.time())
    OUT.print(key, markup=False)
    ERR.print("Keep it: it is not shown again.", style="dim")


@keys.command("list")
@data_option
def list_(data: Path) -> None:
    """Show every key, its account and free credits."""
    rows = [("id", "account", "credits", "made", "state")]
    with _ring(data) as ring:
        for entry in ring.entries():
            made = datetime.fromtimestamp(entry.created_at).astimezone().strftime("%Y-%m-%d %H:%M")
            state = "revoked" if entry.revoked_at is not None else "open"
            if entry.account.loopback_only:
                state += ", this machine only"
            rows.append((entry.id, entry.account.name, f"{entry.account.credits:,}", made, state))
    table(*rows)


@keys.command()
@click.argument("key")
@data_option
def revoke(key: str, data: Path) -> None:
    """Let KEY open nothing any more.

    It is given by its id or in full. Its account, credits and results stay.

    \b
    Example:
      outpaint keys list
      outpaint keys revoke 1f3a5c7e
    """
    with _ring(data) as ring:
        entry = ring.revoke(key, time.time())
    OUT.print(f"{entry.id} of {entry.account.name} is revoked", markup=False)


@keys.command(context_settings={"ignore_unknown_options": True})
@click.argument("account")
@click.argument("amount", type=int)
@data_option
def credit(account: str, amount: int, data: Path) -> None:
    """Add AMOUNT credits to ACCOUNT.

    The account is given by its name or by the id of one of its keys; a negative amount takes away.

    \b
    Example:
      outpaint keys credit development 1000
    """
    with _ring(data) as ring:
        changed = ring.credit(account, amount)
    OUT.print(f"{changed.name} has {changed.credits:,} credits", markup=False)


@contextmanager
def _ring(data: Path) -> Iterator[KeyRing]:
    from outpaint_functions.embedded.key_ring import KeyRing
    from outpaint_functions.embedded.stores import open_database

    with open_database(data) as database:
        yield KeyRing(database)
