"""`outpaint contract`: the contract as something that people run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import click


def _cases() -> click.Command:
    from outpaint.conformance.verify.verify_command import cases

    return cases


def _diff() -> click.Command:
    from outpaint.conformance.diff.diff_command import diff

    return diff


def _drift() -> click.Command:
    from outpaint.conformance.drift.drift_command import drift

    return drift


def _export() -> click.Command:
    from outpaint.conformance.export.export_command import export

    return export


def _pact() -> click.Command:
    from outpaint.conformance.pact_check.pact_command import pact

    return pact


def _record() -> click.Command:
    from outpaint.conformance.drift.record_command import record

    return record


def _verify() -> click.Command:
    from outpaint.conformance.verify.verify_command import verify

    return verify


_COMMANDS: Final[Mapping[str, Callable[[], click.Command]]] = {
    "cases": _cases,
    "diff": _diff,
    "drift": _drift,
    "export": _export,
    "pact": _pact,
    "record": _record,
    "verify": _verify,
}


class _ContractCommands(click.Group):
    """A group whose commands are imported when they are asked for: none waits for what another needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        load = _COMMANDS.get(cmd_name)
        return None if load is None else load()


@click.group(cls=_ContractCommands)
def contract() -> None:
    """Prove that somebody keeps the contract, and see how it changes.

    \b
    First steps:
      outpaint contract verify --base-url http://127.0.0.1:8080 --api-key dev
      outpaint contract cases            # what is proven
      outpaint contract COMMAND --help   # what a command takes, with examples
    """
