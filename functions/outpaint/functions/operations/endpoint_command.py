"""`outpaint endpoint`: a stack's painting endpoint, and the dead letters of its completions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from outpaint.functions.command_line.console import OUT, table
from outpaint.functions.operations.place import stack_options
from outpaint.functions.operations.stack.stack_endpoint import DeadLetters, EndpointStatus, StackEndpoint, log_groups

if TYPE_CHECKING:
    from outpaint.functions.operations.stack.stack_connection import StackConnection


def _not_below_min(context: click.Context, _: click.Parameter, most: int) -> int:
    least = context.params["least"]
    if least > most:
        raise click.UsageError(f"MIN {least} is more than MAX {most}", context)
    return most


@click.group()
def endpoint() -> None:
    """Look after the painter's endpoint of a stack in AWS.

    \b
    Why there are no pictures, from the outside in:
      outpaint endpoint status --stack outpaint         # instances, backlog, why the last change failed
      outpaint endpoint dead-letters --stack outpaint   # ends of jobs that could not be settled
      outpaint jobs list --stack outpaint --state unended
      outpaint endpoint logs --stack outpaint           # where to read on
    """


@endpoint.command()
@stack_options
def status(connection: StackConnection) -> None:
    """Show the status of the stack's endpoints, their backlog, and the number of dead letters.

    \b
    Examples:
      outpaint endpoint status --stack outpaint
      outpaint endpoint status --stack outpaint --region eu-west-1 --profile production
    """
    outputs = connection.outputs
    names = [outputs[key] for key in ("EndpointName", "RealtimeEndpointName") if key in outputs]
    lines = [line for name in names for line in _lines(StackEndpoint(connection, name).status())]
    lines += [("dead letters", str(DeadLetters(connection).depth())), ("address", outputs.get("Url", "none"))]
    for what, text in lines:
        OUT.print(f"{what:<14}{text}", markup=False)


@endpoint.command()
@click.argument("least", metavar="MIN", type=click.IntRange(0))
@click.argument("most", metavar="MAX", type=click.IntRange(0), callback=_not_below_min)
@stack_options
def scale(least: int, most: int, connection: StackConnection) -> None:
    """Let the endpoint scale between MIN and MAX instances.

    MIN over 0 keeps instances, and their price, while nothing is asked for; 0 0 stops painting, and jobs wait.
    The next deployment that changes MaxInstances sets both anew.

    \b
    Examples:
      outpaint endpoint scale 1 8 --stack outpaint    # warm before a campaign
      outpaint endpoint scale 0 2 --stack outpaint    # back to the template's
    """
    name = connection.outputs["EndpointName"]
    StackEndpoint(connection, name).scale(least, most)
    OUT.print(f"{name} keeps between {least} and {most} instances; a start takes minutes", markup=False)


@endpoint.command()
@click.option("--hours", type=click.IntRange(1, 336), default=1, show_default=True, help="How far back to count.")
@stack_options
def invocations(hours: int, connection: StackConnection) -> None:
    """Show what the endpoint was asked for in the last hours, and how it ended.

    \b
    Examples:
      outpaint endpoint invocations --stack outpaint
      outpaint endpoint invocations --stack outpaint --hours 24
    """
    counts = StackEndpoint(connection, connection.outputs["EndpointName"]).counts(hours)
    rows = [(what, "none" if value is None else f"{value:,.10g}") for what, value in counts]
    table((f"in the last {hours} h", ""), *rows)


@endpoint.command()
@stack_options
def logs(connection: StackConnection) -> None:
    """Show the log groups, and how to follow them.

    \b
    Examples:
      outpaint endpoint logs --stack outpaint
    """
    profile = connection.stack.profile
    where = f"--region {connection.region}" + ("" if profile is None else f" --profile {profile}")
    for what, group in log_groups(connection).items():
        OUT.print(f"{what:<12}aws logs tail {group} --follow --since 1h {where}", markup=False)


@endpoint.command("dead-letters")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True, help="How many to show.")
@stack_options
def dead_letters(limit: int, connection: StackConnection) -> None:
    """Show ends of jobs that could not be settled in five tries.

    The sweep finds the end of such a job in the bucket; what matters is why it could not be settled, which the
    completion function's log says.

    \b
    Examples:
      outpaint endpoint dead-letters --stack outpaint
    """
    rows = [("job", "since", "status", "reason")]
    letters = DeadLetters(connection)
    number = letters.depth()
    for letter in letters.peek(min(limit, number)):
        since = datetime.fromtimestamp(letter.sent_at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        rows.append((letter.inference_id, since, letter.status, letter.reason[:80]))
    OUT.print(_dead_letters(number), markup=False)
    if len(rows) > 1:
        table(*rows)


@endpoint.command()
@stack_options
def redrive(connection: StackConnection) -> None:
    """Send all dead letters through the completion function again.

    Safe at any time: a job that has ended since stays as it is. Mend what put them there first.

    \b
    Examples:
      outpaint endpoint redrive --stack outpaint
    """
    number = DeadLetters(connection).redrive()
    OUT.print(f"on their way again: {_dead_letters(number)}" if number else "there are no dead letters", markup=False)


def _dead_letters(number: int) -> str:
    return "1 dead letter" if number == 1 else f"{number} dead letters"


def _lines(status: EndpointStatus) -> list[tuple[str, str]]:
    """An endpoint's status as lines of a name and a text."""
    limits = "a fixed number" if status.least is None else f"{status.least} to {status.most} allowed"
    lines = [
        ("endpoint", status.name),
        ("status", f"{status.status} since {status.changed.astimezone():%Y-%m-%d %H:%M}"),
        ("instances", f"{status.now} now, {status.desired} wanted, {limits}, {status.instance_type or 'mixed types'}"),
    ]
    if status.suspended:
        lines.append(("scaling", "suspended by hand"))
    if status.least is not None:
        backlog = "nobody tells" if status.backlog is None else f"{status.backlog:,.0f} jobs"
        oldest = "" if status.oldest is None else f", the oldest {status.oldest:,.0f} s"
        lines.append(("backlog", backlog + oldest))
    if status.failure is not None:
        lines.append(("failure", status.failure))
    if status.scaling is not None:
        lines.append(("last scaling", status.scaling))
    return lines
