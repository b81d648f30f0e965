"""`outpaint doctor`: what a stack or a data folder lacks, and what to do about it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.command_line.console import ERR, OUT
from outpaint.functions.command_line.exit_codes import ExitCode, exit_code_lines
from outpaint.functions.operations.checkup import Check, CheckFinding, Verdict, fault, not_checked
from outpaint.functions.operations.deployment import StackName
from outpaint.functions.operations.place import needs_botocore, opened, place_options

if TYPE_CHECKING:
    from outpaint.functions.operations.stack.stack_connection import StackConnection

_P = TypeVar("_P")
PAINT: Final = "paint"
"""The name of the check by a job, which `--paint` adds."""
_STYLES: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAULT: "red", Verdict.NOT_CHECKED: "dim"}


@click.command(epilog=exit_code_lines("doctor"))
@click.option("--check", "names", metavar="NAME", multiple=True, help="Only this check; may be given more than once.")
@click.option("--paint", is_flag=True, help="Have one tiny picture painted too, end to end; of a stack only.")
@click.option(
    "--wait",
    type=click.IntRange(1, 3600),
    default=900,
    show_default=True,
    help="Seconds that --paint waits, for an instance may have to start.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, in the end, in place of lines.")
@place_options
def doctor(names: tuple[str, ...], paint: bool, wait: int, as_json: bool, place: Path | StackName) -> None:
    """Check a stack, or a data folder, and say what to do.

    \b
    Each check ends as
      ok           nothing to do
      warning      it works, and will fall short one day
      fault        it does not work until somebody does what the line below says
      not checked  these credentials may not ask, or it cannot be asked from here

    Nothing is changed, but for --paint: that sends one picture through the stack's own URL, by a key of the account
    `outpaint doctor`. In the end that key is revoked, its credits are taken back, and a job still running is ended. It
    costs what one picture costs on the endpoint.

    docs/deploy.md lists the checks and the rights that they take.

    \b
    Examples:
      outpaint doctor --stack outpaint                   # after a deployment, and first thing when something stops
      outpaint doctor --stack outpaint --paint           # the whole way, to a picture
      outpaint doctor --stack outpaint --check quota     # again, after mending
      outpaint doctor                                    # the data folder
    """
    rows: list[tuple[str, CheckFinding]] = []
    for name, finding in _findings(place, names, paint, wait):
        rows.append((name, finding))
        if not as_json:
            _print(name, finding)
    counts = Counter(finding.verdict for _, finding in rows)
    if as_json:
        checks = [
            {"name": name, "verdict": finding.verdict, "says": finding.says, "todo": finding.todo}
            for name, finding in rows
        ]
        where = {"stack": place.name} if isinstance(place, StackName) else {"data": str(place)}
        OUT.print(json.dumps({**where, "checks": checks}, indent=2, ensure_ascii=False), markup=False)
    else:
        OUT.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]), markup=False)
    if counts[Verdict.FAULT]:
        click.get_current_context().exit(ExitCode.FAILED)


def _findings(
    place: Path | StackName, names: tuple[str, ...], paint: bool, wait: int
) -> Iterator[tuple[str, CheckFinding]]:
    """What each check finds, as it is found."""
    if isinstance(place, Path):
        from outpaint.functions.operations.folder_checks import FOLDER_CHECKS

        if paint:
            raise click.UsageError("--paint is for a stack: `outpaint demo` paints without one")
        for folder_check in _chosen(FOLDER_CHECKS, names):
            with _progress(folder_check.name):
                finding = folder_check.look(place)
            yield folder_check.name, finding
        return
    with needs_botocore():
        from outpaint.functions.operations.stack.stack_checks import STACK_CHECKS
        from outpaint.functions.operations.stack.stack_connection import connected
        from outpaint.functions.operations.stack.stack_parts import StackParts
    checks = () if names == (PAINT,) else _chosen(STACK_CHECKS, tuple(name for name in names if name != PAINT))
    with connected(place) as connection:
        parts = StackParts(connection)
        for check in checks:
            with _progress(check.name):
                finding = _looked(check, parts, connection)
            yield check.name, finding
        if paint or PAINT in names:
            yield PAINT, _paint(connection, wait)


def _chosen(checks: Iterable[Check[_P]], names: tuple[str, ...]) -> list[Check[_P]]:
    known = {check.name: check for check in checks}
    for name in names:
        if name not in known:
            raise click.UsageError(f"there is no check {name}: choose of {', '.join(known)}")
    return [check for name, check in known.items() if not names or name in names]


def _looked(check: Check[Any], parts: Any, connection: StackConnection) -> CheckFinding:
    """What a check finds; what AWS refuses it is a fault where something is gone, else not checked."""
    from botocore.exceptions import BotoCoreError, ClientError

    from outpaint.functions.aws.aws_clients import code_of
    from outpaint.functions.operations.stack.stack_connection import DENIED, explanation, is_gone

    try:
        return check.look(parts)
    except ClientError as error:
        says = explanation(error, connection.stack)
        if code_of(error) in DENIED:
            return not_checked(says, f"these take {', '.join(check.rights)}")
        return fault(says, "deploy the stack again") if is_gone(error) else not_checked(says)
    except BotoCoreError as error:
        return not_checked(explanation(error, connection.stack))
    except OutpaintError as error:
        return not_checked(error.detail)
    except Exception as error:  # noqa: BLE001 - an answer that nobody has foreseen costs one check and no more
        return not_checked(f"an answer was not as this release expects it ({type(error).__name__}: {error})")


def _paint(connection: StackConnection, wait: int) -> CheckFinding:
    from outpaint.functions.operations.stack.trial_job import ACCOUNT, paint_one

    try:
        with _progress(PAINT) as say, opened(connection.stack) as deployment:
            return paint_one(deployment, connection.output("Url").rstrip("/"), float(wait), say)
    except OutpaintError as error:
        listed = f"outpaint keys list --stack {connection.stack.name}"
        return fault(error.detail, f"`{listed}` shows whether a key of `{ACCOUNT}` is open: revoke it")


@contextmanager
def _progress(name: str) -> Iterator[Callable[[str], None]]:
    """A line on a terminal's standard error that says what is being checked, and what is told it."""
    if not ERR.is_terminal:
        yield lambda _: None
        return
    with ERR.status(name) as status:
        yield lambda step: status.update(f"{name}: {step}")


def _print(name: str, finding: CheckFinding) -> None:
    OUT.print(f"{finding.verdict:<12}", style=_STYLES[finding.verdict], end=" ")
    OUT.print(f"{name:<19}{' '.join(finding.says.split())}", markup=False)
    if finding.todo:
        OUT.print(f"{'':<32}-> {finding.todo}", markup=False)
