"""`outpaint contract cases`: what is proven, a line for each case."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.option(
    "--only", metavar="PATTERN", multiple=True, help="Cases by id, with * for anything, or an area; repeat it."
)
@click.option(
    "--profile",
    type=click.Choice(["full", "vendor"]),
    default="full",
    show_default=True,
    help="vendor: only what the vendor promises, and standards.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything about them as JSON.")
def cases(only: tuple[str, ...], profile: str, as_json: bool) -> None:
    """List the contract's cases.

    \b
    Examples:
      outpaint contract cases
      outpaint contract cases --only idempotency
      outpaint contract cases --json | jq -r '.[] | select(.severity == "critical") | .id'
    """
    import json

    from outpaint_contracts.cases import all_cases
    from outpaint_contracts.proving.always import checks
    from outpaint_contracts.verification.selection import Profile, Selection

    selection = Selection(only=only, profile=Profile(profile))
    found = [*map(_told, selection.of(all_cases())), *map(_told, selection.of(checks()))]
    if not found:
        raise click.UsageError(f"no case is named {' or '.join(only)}")
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for case in found:
        click.echo(f"{case['id']}\n    {case['sentence']}")


def _told(what: Any) -> dict[str, Any]:
    from outpaint_contracts.proving.case import Case
    from outpaint_contracts.verification.outcome import Subject

    subject = Subject.of(what)
    told: dict[str, Any] = {
        "id": subject.id,
        "area": subject.area,
        "sentence": subject.sentence,
        "severity": subject.severity.value,
        "clause": {
            "id": subject.guards.id,
            "says": subject.guards.says,
            "source": subject.guards.source,
            "origin": subject.guards.origin.value,
        },
    }
    if isinstance(what, Case):
        told |= {
            "needs": sorted(need.value for need in what.needs),
            "credits": what.credits,
            "seconds": what.seconds,
            "watches_account": what.watches_account,
        }
    return told
