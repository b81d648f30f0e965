"""Outpaint contract verify and cases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final

import click

from outpaint.contracts.paths_and_headers import MAX_WAIT

if TYPE_CHECKING:
    from rich.console import Console

    from outpaint.conformance.proving.provider import Provider
    from outpaint.conformance.verify.case_selection import Plan, Purse
    from outpaint.conformance.verify.verification import ExitCode, Verification


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

    from outpaint.conformance.cases import all_cases
    from outpaint.conformance.proving.answer_promises import checks
    from outpaint.conformance.verify.case_selection import Profile, Selection

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
    from outpaint.conformance.proving.case import Case
    from outpaint.conformance.verify.case_outcome import Subject

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


_WIDE: Final = 140
"""Columns of a table that nobody's terminal bounds."""
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--base-url", metavar="URL", required=True, help="What stands before /v1 at the provider.")
@click.option(
    "--api-key", metavar="KEY", envvar="OUTPAINT_KEY", show_envvar=True, help="The key to use; our mock needs none."
)
@click.option(
    "--second-api-key",
    metavar="KEY",
    envvar="OUTPAINT_SECOND_KEY",
    show_envvar=True,
    help="A key of another account: proves that accounts are apart.",
)
@click.option(
    "--max-credits",
    metavar="N",
    type=click.IntRange(0),
    help="Refuse to begin where the cases could cost more; by default, more than the key has.",
)
@click.option(
    "--longest-wait",
    metavar="SECONDS",
    type=click.IntRange(20, MAX_WAIT),
    default=MAX_WAIT,
    show_default=True,
    help="The most that it grants to Prefer: wait; less where a gateway before it hangs up sooner.",
)
@click.option("--partial", is_flag=True, help="Begin all the same, and stop where the next case would cost too much.")
@click.option("--dry-run", is_flag=True, help="Print what would run and what it could cost, and do nothing.")
@click.option(
    "--profile",
    type=click.Choice(["full", "vendor"]),
    default="full",
    show_default=True,
    help="vendor: only what the vendor promises, and standards; full: our extensions too.",
)
@click.option(
    "--only", metavar="PATTERN", multiple=True, help="Cases by id, with * for anything, or an area; repeat it."
)
@click.option("--skip", metavar="PATTERN", multiple=True, help="Leave these out.")
@click.option(
    "--severity",
    type=click.Choice(["critical", "major", "minor"]),
    default="minor",
    show_default=True,
    help="The mildest that is wanted.",
)
@click.option(
    "--jobs", metavar="N", type=click.IntRange(1, 64), help="Cases side by side.  [default: twice the cores, up to 8]"
)
@click.option(
    "--seed", metavar="N", type=click.IntRange(0), help="Order of the cases; printed, and drawn where not given."
)
@click.option("--junit", metavar="FILE", type=_FILE, help="Write JUnit XML.")
@click.option("--json", "json_", metavar="FILE", type=_FILE, help="Write JSON.")
@click.option(
    "--html", metavar="FILE", type=_FILE, help="Write one page with the requests, answers and pictures of failures."
)
@click.pass_context
def verify(
    context: click.Context,
    base_url: str,
    api_key: str | None,
    second_api_key: str | None,
    max_credits: int | None,
    longest_wait: int,
    partial: bool,
    dry_run: bool,
    profile: str,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    severity: str,
    jobs: int | None,
    seed: int | None,
    junit: Path | None,
    json_: Path | None,
    html: Path | None,
) -> None:
    """Prove that what answers at a base URL keeps the contract.

    Our mock server is recognised, and proven with its clock, accounts and faults under control in a world of its own.
    Of any other provider that is asked which can be asked from outside.

    \b
    Examples:
      outpaint contract verify --base-url http://127.0.0.1:8080 --api-key dev
      outpaint contract verify --base-url http://127.0.0.1:4010          # our mock
      outpaint contract verify --base-url https://api.example --profile vendor --max-credits 50 --html report.html
      outpaint contract verify --base-url https://api.example --only "idempotency.*" --severity critical

    \b
    Exit codes:
      0  proven: every case that the provider offers passed, and enough of the contract was seen
      1  a case failed
      2  wrong usage
      3  nothing answers there, or not in time, or TLS fails
      4  something answers that is not this API
      5  the key is refused
      6  nothing failed, but too little was seen to call anything proven
      7  the cases could cost more than may be spent
    """
    from outpaint.conformance.cases import all_cases
    from outpaint.conformance.proving.answer_promises import checks
    from outpaint.conformance.proving.case import Severity
    from outpaint.conformance.verify.case_selection import OverBudget, Plan, Profile, Selection
    from outpaint.conformance.verify.reachability import NotReady
    from outpaint.conformance.verify.verification import ExitCode
    from outpaint.conformance.verify.verification import verify as verified

    selection = Selection(only, skip, Profile(profile), Severity(severity))
    if unmatched := selection.unmatched((*all_cases(), *checks())):
        raise click.UsageError(f"no case is named {unmatched[0]}: `outpaint contract cases` lists them")
    cases = selection.of(all_cases())
    from rich.console import Console

    from outpaint.conformance.verify.redaction import Redaction
    from outpaint.conformance.verify.text_reports import progress

    seed = SystemRandom().randrange(100_000) if seed is None else seed
    redaction = Redaction(filter(None, (api_key, second_api_key)))
    out, err = Console(highlight=False, emoji=False, soft_wrap=True), Console(stderr=True)
    if not out.is_terminal:
        out.width = _WIDE
    try:
        with _provider(base_url, api_key, second_api_key, longest_wait) as (provider, balance):
            plan = Plan.of(cases, provider)
            if dry_run:
                _print_plan(plan, balance, out)
                return
            if not partial:
                plan.check(balance=balance, max_credits=max_credits)
            purse = _purse(plan, provider, balance, max_credits)
            err.print(f"{len(plan.runnable)} cases at {redaction.text(provider.name)}, seed {seed}", style="dim")
            with progress(err, len(cases)) as tell:
                found = verified(
                    provider,
                    cases,
                    selection=selection,
                    jobs=jobs,
                    seed=seed,
                    purse=purse,
                    redaction=redaction,
                    on_result=tell,
                )
    except NotReady as error:
        _end(context, error.exit_code, redaction.text(str(error)))
    except OverBudget as error:
        _end(context, ExitCode.OVER_BUDGET, str(error))
    _write(found, junit=junit, json_=json_, html=html)
    from outpaint.conformance.verify.text_reports import print_table

    print_table(found, out)
    context.exit(found.exit_code)


@contextmanager
def _provider(
    base_url: str, key: str | None, second_key: str | None, longest_wait: int
) -> Iterator[tuple[Provider, int | None]]:
    """Who is verified, and the credits of its key where they are somebody's."""
    from outpaint.conformance.proving.expectations import NotOffered
    from outpaint.conformance.verify.mock_server_provider import MockServer
    from outpaint.conformance.verify.reachability import NotReady, balance_at, check_base_url
    from outpaint.conformance.verify.remote_provider import RemoteProvider

    url = check_base_url(base_url)
    with ExitStack() as stack:
        mock = MockServer.at(url)
        if mock is not None:
            stack.callback(mock.close)
            world = None
            # A mock that somebody's test serves makes no worlds: it is asked like any stranger.
            with suppress(NotOffered):
                world = stack.enter_context(mock.world())
            if world is not None:
                yield world, None
                return
        if key is None:
            raise click.UsageError("a key is missing: give --api-key, or set OUTPAINT_KEY")
        balance = balance_at(url, key)
        if second_key is not None:
            try:
                balance_at(url, second_key)
            except NotReady as error:
                raise NotReady(error.exit_code, f"with the second key: {error}") from None
        yield RemoteProvider(url, key, second_key, longest_wait), balance


def _purse(plan: Plan, provider: Provider, balance: int | None, max_credits: int | None) -> Purse:
    from outpaint.conformance.proving.api import Api
    from outpaint.conformance.proving.expectations import Unmet
    from outpaint.conformance.verify.case_selection import Purse

    if not plan.costs or balance is None:
        return Purse(None)
    had = balance

    def really_spent() -> int:
        try:
            with Api.connected(provider, provider.key()) as api:
                return had - api.balance()
        except Unmet:
            return 0  # then what was declared counts

    return Purse(had if max_credits is None else min(had, max_credits), really_spent)


def _print_plan(plan: Plan, balance: int | None, console: Console) -> None:
    for case in plan.runnable:
        console.print(f"{case.credits:3d}  {case.id}", markup=False)
    lacking = f", {len(plan.not_offered)} not offered" if plan.not_offered else ""
    console.print(f"{len(plan.runnable)} cases{lacking}; {plan.seconds:.0f} s of waiting on purpose", markup=False)
    if plan.costs:
        has = "" if balance is None else f"; the key has {balance:,}"
        console.print(f"at most {plan.credits:,} credits{has}", markup=False)
    else:
        console.print(f"at most {plan.credits:,} credits of accounts that are made for it", markup=False)


def _write(found: Verification, *, junit: Path | None, json_: Path | None, html: Path | None) -> None:
    if junit is not None:
        from outpaint.conformance.verify.text_reports import as_junit

        junit.write_text(as_junit(found), encoding="utf-8")
    if json_ is not None:
        from outpaint.conformance.verify.text_reports import as_json

        json_.write_text(as_json(found), encoding="utf-8")
    if html is not None:
        from outpaint.conformance.verify.verification_page import as_page

        html.write_text(as_page(found), encoding="utf-8")


def _end(context: click.Context, code: ExitCode, sentence: str) -> None:
    click.echo(f"error: {sentence}", err=True)
    context.exit(code)
