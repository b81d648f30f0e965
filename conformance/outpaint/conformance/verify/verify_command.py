"""`outpaint contract verify`, and `outpaint contract cases`, which lists what it can prove."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import click

from outpaint.contracts.paths_and_headers import MAX_WAIT
from outpaint.contracts.profiles import WireProfile
from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.console import ERR, OUT
from outpaint.functions.command_line.exit_codes import ExitCode, exit_code_lines
from outpaint.functions.command_line.report_files import WRITABLE_FILE, show_and_write

if TYPE_CHECKING:
    from outpaint.conformance.proving.answer_promises import AnswerCheck
    from outpaint.conformance.proving.case import Case
    from outpaint.conformance.proving.provider import Provider
    from outpaint.conformance.verify.case_selection import CreditBudget, Plan

_only_option = click.option(
    "--only", metavar="PATTERN", multiple=True, help="Cases by id, with * for anything, or an area; repeat it."
)
_profile_option = click.option(
    "--profile",
    type=click.Choice([profile.value for profile in WireProfile]),
    default=WireProfile.OURS.value,
    show_default=True,
    help="vendor: only what the vendor promises, and standards; ours: our extensions too.",
)


@click.command()
@_only_option
@_profile_option
@click.option("--json", "as_json_", is_flag=True, help="Print everything about them as JSON.")
def cases(only: tuple[str, ...], profile: str, as_json_: bool) -> None:
    """List the contract's cases.

    \b
    Examples:
      outpaint contract cases
      outpaint contract cases --only idempotency
      outpaint contract cases --json | jq -r '.[] | select(.severity == "critical") | .id'
    """
    from outpaint.conformance.cases import all_cases
    from outpaint.conformance.proving.answer_promises import checks
    from outpaint.conformance.verify.case_selection import Selection

    selection = Selection(only=only, profile=WireProfile(profile))
    found = [*map(_as_object, selection.of(all_cases())), *map(_as_object, selection.of(checks()))]
    if not found:
        raise click.UsageError(f"no case is named {' or '.join(only)}")
    if as_json_:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for case in found:
        click.echo(f"{case['id']}\n    {case['sentence']}")


def _as_object(what: Case | AnswerCheck) -> dict[str, Any]:
    from outpaint.conformance.proving.case import Case

    described = what.as_object()
    if isinstance(what, Case):
        described |= {
            "needs": sorted(need.value for need in what.needs),
            "credits": what.credits,
            "seconds": what.seconds,
            "watches_account": what.watches_account,
        }
    return described


@click.command(epilog=exit_code_lines("contract verify"))
@click.option("--base-url", metavar="URL", required=True, help="The provider's, with or without /v1.")
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
@_profile_option
@_only_option
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
@click.option("--junit", metavar="FILE", type=WRITABLE_FILE, help="Write JUnit XML.")
@click.option("--json", "json_", metavar="FILE", type=WRITABLE_FILE, help="Write JSON.")
@click.option(
    "--html",
    metavar="FILE",
    type=WRITABLE_FILE,
    help="Write one page with the requests, answers and pictures of failures.",
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

    Our mock server is recognised: its clock, accounts and faults are under control, in a world made for the run, which
    plays the API of the profile. Any other provider is asked what can be asked from outside.

    \b
    Examples:
      outpaint contract verify --base-url http://127.0.0.1:8080 --api-key "$KEY"  # by `outpaint keys create`
      outpaint contract verify --base-url http://127.0.0.1:4010          # our mock
      outpaint contract verify --base-url https://api.example --profile vendor --max-credits 50 --html report.html
      outpaint contract verify --base-url https://api.example --only "idempotency.*" --severity critical
    """
    from outpaint.conformance.cases import all_cases
    from outpaint.conformance.proving.answer_promises import checks
    from outpaint.conformance.proving.case import Severity
    from outpaint.conformance.verify.case_selection import Plan, Selection
    from outpaint.conformance.verify.text_reports import as_json, as_junit, print_table, progress, report_console
    from outpaint.conformance.verify.verification import verify_provider
    from outpaint.conformance.verify.verification_page import as_page
    from outpaint.contracts.redaction import Redaction

    selection = Selection(only, skip, WireProfile(profile), Severity(severity))
    if unmatched := selection.unmatched((*all_cases(), *checks())):
        raise click.UsageError(f"no case is named {unmatched[0]}: `outpaint contract cases` lists them")
    wanted = selection.of(all_cases())
    seed = SystemRandom().randrange(100_000) if seed is None else seed
    redaction = Redaction(filter(None, (api_key, second_api_key)))
    try:
        with _provider(base_url, api_key, second_api_key, longest_wait, selection.profile) as (provider, balance):
            plan = Plan.of(wanted, provider)
            if dry_run:
                _print_plan(plan, balance)
                return
            if not partial:
                plan.check(balance=balance, max_credits=max_credits)
            budget = _budget(plan, provider, balance, max_credits)
            ERR.print(f"{len(plan.runnable)} cases at {redaction.text(provider.name)}, seed {seed}", style="dim")
            with progress(len(wanted)) as on_result:
                found = verify_provider(
                    provider,
                    wanted,
                    selection=selection,
                    jobs=jobs,
                    seed=seed,
                    budget=budget,
                    redaction=redaction,
                    on_result=on_result,
                )
    except CommandError as error:
        raise CommandError(error.exit_code, redaction.text(error.message)) from None
    reports = ((junit, as_junit), (json_, as_json), (html, as_page))
    written = show_and_write(
        lambda: print_table(found, report_console()),
        ((path, functools.partial(report, found)) for path, report in reports),
    )
    context.exit(found.exit_code or (ExitCode.PROVEN if written else ExitCode.MACHINE))


@contextmanager
def _provider(
    base_url: str, key: str | None, second_key: str | None, longest_wait: int, profile: WireProfile
) -> Iterator[tuple[Provider, int | None]]:
    """Who is verified, and the credits of its key where the account is somebody's."""
    from outpaint.conformance.verify.mock_server_provider import world_at
    from outpaint.conformance.verify.reachability import balances_at, check_base_url
    from outpaint.conformance.verify.remote_provider import RemoteProvider

    url = check_base_url(base_url)
    with world_at(url, profile=profile) as world:
        if world is not None:
            yield world, None
            return
        keys = [one for one in (key, second_key) if one] if key else []
        balance, *_ = balances_at(url, keys)
        yield RemoteProvider(url, keys[0], second_key, longest_wait), balance


def _budget(plan: Plan, provider: Provider, balance: int | None, max_credits: int | None) -> CreditBudget:
    from outpaint.conformance.proving.api import Api
    from outpaint.conformance.proving.expectations import Unmet
    from outpaint.conformance.verify.case_selection import CreditBudget

    if not plan.costs or balance is None:
        return CreditBudget(None)

    def really_spent() -> int:
        try:
            with Api.connected(provider, provider.key()) as api:
                return balance - api.balance()
        except Unmet:
            return 0  # then what the cases declare counts

    return CreditBudget(balance if max_credits is None else min(balance, max_credits), really_spent)


def _print_plan(plan: Plan, balance: int | None) -> None:
    for case in plan.runnable:
        OUT.print(f"{case.credits:3d}  {case.id}", markup=False)
    lacking = f", {len(plan.not_offered)} not offered" if plan.not_offered else ""
    OUT.print(f"{len(plan.runnable)} cases{lacking}; {plan.seconds:.0f} s of waiting on purpose", markup=False)
    has = f"; the key has {balance:,}" if balance is not None else " of accounts that are made for it"
    OUT.print(f"at most {plan.credits:,} credits{has}", markup=False)
