"""`outpaint keys`: who may use a service, and with how many credits."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from outpaint.functions.command_line.console import ERR, OUT, table
from outpaint.functions.operations.deployment import StackName
from outpaint.functions.operations.place import opened, place_options
from outpaint.functions.service import account_keys


@click.group()
def keys() -> None:
    """Look after API keys and credits, in a data folder or a stack.

    Works while the service runs, too.
    """


@keys.command()
@click.argument("name")
@click.option("--credits", "credits_", type=int, default=100, show_default=True, help="Credits to add to the account.")
@place_options
def create(name: str, credits_: int, place: Path | StackName) -> None:
    """Make a key for the account NAME.

    The account is opened where there is none by that name.

    The key is shown once and stored as a hash only. A second key for the same account shares its credits: make
    one, change over, revoke the first.

    \b
    Examples:
      outpaint keys create "Ann's laptop" --credits 500
      outpaint keys create Ann --stack outpaint --region eu-west-1
    """
    with opened(place) as deployment:
        service = deployment.service
        key = account_keys.create(deployment.keys, service.ids, name, credits_, service.clock.now())
    OUT.print(key, markup=False)
    ERR.print("Keep it: it is not shown again.", style="dim")


@keys.command("list")
@place_options
def list_(place: Path | StackName) -> None:
    """Show every key, its account and free credits.

    \b
    Examples:
      outpaint keys list
      outpaint keys list --stack outpaint
    """
    rows = [("id", "account", "credits", "made", "state")]
    with opened(place) as deployment:
        for entry in deployment.keys.entries():
            made = datetime.fromtimestamp(entry.created_at).astimezone().strftime("%Y-%m-%d %H:%M")
            state = "revoked" if entry.revoked_at is not None else "open"
            if entry.account.loopback_only:
                state += ", this machine only"
            rows.append((entry.id, entry.account.name, f"{entry.account.credits:,}", made, state))
    table(*rows)


@keys.command()
@click.argument("key")
@place_options
def revoke(key: str, place: Path | StackName) -> None:
    """Let KEY open nothing any more.

    It is given by its id or in full. Its account, credits and results stay.

    \b
    Examples:
      outpaint keys revoke 1f3a5c7e
      outpaint keys revoke 1f3a5c7e --stack outpaint
    """
    with opened(place) as deployment:
        entry = account_keys.revoke(deployment.keys, key, deployment.service.clock.now())
    OUT.print(f"{entry.id} of {entry.account.name} is revoked", markup=False)


@keys.command(context_settings={"ignore_unknown_options": True})
@click.argument("account")
@click.argument("amount", type=int)
@place_options
def credit(account: str, amount: int, place: Path | StackName) -> None:
    """Add AMOUNT credits to ACCOUNT.

    The account is given by its name or by the id of one of its keys; a negative amount takes away.

    \b
    Examples:
      outpaint keys credit first 1000
      outpaint keys credit Ann -50 --stack outpaint
    """
    with opened(place) as deployment:
        changed = account_keys.credit(deployment.keys, account, amount, deployment.service.clock.now())
    OUT.print(f"{changed.name} has {changed.credits:,} credits", markup=False)
