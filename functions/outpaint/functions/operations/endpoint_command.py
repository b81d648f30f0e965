"""`outpaint endpoint`: the painter's endpoint of a stack, and the queue of ends that could not be settled."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from outpaint.functions.command_line.console import OUT, table
from outpaint.functions.operations.deployment import StackName
from outpaint.functions.operations.place import needs_botocore, stack_options

if TYPE_CHECKING:
    from outpaint.functions.operations.stack.stack_endpoint import EndpointStatus


@click.group()
def endpoint() -> None:
    """Look after the painter's endpoint of a stack in AWS.

    \b
    What stands in the way of pictures, from the outside in:
      outpaint endpoint status --stack outpaint         # instances, backlog, why the last change failed
      outpaint endpoint dead-letters --stack outpaint   # ends of jobs that could not be settled
      outpaint jobs list --stack outpaint --state unended
      outpaint endpoint logs --stack outpaint           # where to read on
    """


@endpoint.command()
@stack_options
def status(stack: StackName) -> None:
    """Show how the stack's endpoints stand, their backlog, and what lies among the dead letters.

    \b
    Examples:
      outpaint endpoint status --stack outpaint
      outpaint endpoint status --stack outpaint --region eu-west-1 --profile production
    """
    with needs_botocore():
        from outpaint.functions.operations.stack.stack_connection import connected
        from outpaint.functions.operations.stack.stack_endpoint import DeadLetters, StackEndpoint
    with connected(stack) as connection:
        outputs = connection.outputs
        names = [outputs[key] for key in ("EndpointName", "RealtimeEndpointName") if key in outputs]
        stands = [StackEndpoint(connection, name).status() for name in names]
        letters = DeadLetters(connection).depth()
    for each in stands:
        for what, said in _told(each):
            OUT.print(f"{what:<14}{said}", markup=False)
    OUT.print(f"{'dead letters':<14}{letters}", markup=False)
    OUT.print(f"{'address':<14}{outputs.get('Url', 'none')}", markup=False)


@endpoint.command()
@click.argument("least", metavar="MIN", type=click.IntRange(0))
@click.argument("most", metavar="MAX", type=click.IntRange(0))
@stack_options
def scale(least: int, most: int, stack: StackName) -> None:
    """Let the endpoint scale between MIN and MAX instances.

    MIN over 0 keeps instances, and their price, while nothing is asked for; 0 0 stops painting, and jobs wait.
    The next deployment that changes MaxInstances sets both anew.

    \b
    Examples:
      outpaint endpoint scale 1 8 --stack outpaint    # warm before a campaign
      outpaint endpoint scale 0 2 --stack outpaint    # back to the template's
    """
    with needs_botocore():
        from outpaint.functions.operations.stack.stack_connection import connected
        from outpaint.functions.operations.stack.stack_endpoint import StackEndpoint
    if least > most:
        raise click.UsageError(f"MIN {least} is more than MAX {most}", click.get_current_context())
    with connected(stack) as connection:
        name = connection.outputs["EndpointName"]
        StackEndpoint(connection, name).scale(least, most)
    OUT.print(f"{name} keeps between {least} and {most} instances; a start takes minutes", markup=False)


@endpoint.command()
@click.option("--hours", type=click.IntRange(1, 336), default=1, show_default=True, help="How far back to count.")
@stack_options
def invocations(hours: int, stack: StackName) -> None:
    """Show what the endpoint was asked for in the last hours, and how it ended.

    \b
    Examples:
      outpaint endpoint invocations --stack outpaint
      outpaint endpoint invocations --stack outpaint --hours 24
    """
    with needs_botocore():
        from outpaint.functions.operations.stack.stack_connection import connected
        from outpaint.functions.operations.stack.stack_endpoint import StackEndpoint
    with connected(stack) as connection:
        counts = StackEndpoint(connection, connection.outputs["EndpointName"]).counts(hours)
    rows = [(what, "none" if value is None else f"{value:,.10g}") for what, value in counts]
    table((f"in the last {hours} h", ""), *rows)


@endpoint.command()
@stack_options
def logs(stack: StackName) -> None:
    """Show which log holds what, and how to follow it.

    \b
    Examples:
      outpaint endpoint logs --stack outpaint
    """
    with needs_botocore():
        from outpaint.functions.operations.stack.stack_connection import connected
        from outpaint.functions.operations.stack.stack_endpoint import logs as groups
    with connected(stack) as connection:
        found = groups(connection)
    where = f"--region {connection.region}" + ("" if stack.profile is None else f" --profile {stack.profile}")
    for what, group in found.items():
        OUT.print(f"{what:<12}aws logs tail {group} --follow --since 1h {where}", markup=False)


@endpoint.command("dead-letters")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True, help="How many to show.")
@stack_options
def dead_letters(limit: int, stack: StackName) -> None:
    """Show ends of jobs that could not be settled in five tries.

    The sweep finds the end of such a job in the bucket; what matters is why it could not be settled, which the
    completion function's log says.

    \b
    Examples:
      outpaint endpoint dead-letters --stack outpaint
    """
    with needs_botocore():
        from outpaint.functions.operations.stack.stack_connection import connected
        from outpaint.functions.operations.stack.stack_endpoint import DeadLetters
    rows = [("job", "since", "status", "reason")]
    with connected(stack) as connection:
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
def redrive(stack: StackName) -> None:
    """Send all dead letters through the completion function again.

    Safe at any time: a job that has ended since stays as it is. Mend what put them there first.

    \b
    Examples:
      outpaint endpoint redrive --stack outpaint
    """
    with needs_botocore():
        from outpaint.functions.operations.stack.stack_connection import connected
        from outpaint.functions.operations.stack.stack_endpoint import DeadLetters
    with connected(stack) as connection:
        number = DeadLetters(connection).redrive()
    OUT.print(f"on their way again: {_dead_letters(number)}" if number else "there are no dead letters", markup=False)


def _dead_letters(number: int) -> str:
    return "1 dead letter" if number == 1 else f"{number} dead letters"


def _told(status: EndpointStatus) -> list[tuple[str, str]]:
    """What there is to say of an endpoint, line by line."""
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
