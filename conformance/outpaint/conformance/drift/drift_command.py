"""`outpaint contract drift`: a recording asked again, and every difference listed."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from outpaint.contracts.profiles import WireProfile
from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.console import progress
from outpaint.functions.command_line.exit_codes import ExitCode, exit_code_lines
from outpaint.functions.command_line.report_files import WRITABLE_FILE, show_and_write

if TYPE_CHECKING:
    from outpaint.conformance.drift.answer_comparison import Baseline
    from outpaint.conformance.drift.recording_file import Recording
    from outpaint.conformance.drift.replay import Drift

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=exit_code_lines("contract drift"))
@click.argument("recording", type=_FILE)
@click.option("--against", metavar="URL", help="Ask this base URL instead of the mock in process; a mock server too.")
@click.option(
    "--api-key", metavar="KEY", multiple=True, envvar="OUTPAINT_KEY", show_envvar=True,
    help="The key to use there; again for the recording's second key, and so on.",
)  # fmt: skip
@click.option(
    "--max-credits", metavar="N", type=click.IntRange(0),
    help="Refuse to begin at --against where the recorded requests cost more; at a mock they cost nothing.",
)  # fmt: skip
@click.option(
    "--profile", type=click.Choice([profile.value for profile in WireProfile]), default=WireProfile.OURS.value,
    show_default=True, help="vendor: the mock plays the vendor's API, without our extensions.",
)  # fmt: skip
@click.option("--ignore", metavar="PATTERN", multiple=True, help="Differences to live with, as the table names them.")
@click.option(
    "--baseline", type=click.Choice(["recorded", "replayed"]),
    help="Whose answers clients rely on.  [default: the mock's, where one is asked; else the recording's]",
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice(["any", "breaking"]), default="any", show_default=True,
    help="Which differences end with 1.",
)  # fmt: skip
@click.option("--junit", metavar="FILE", type=WRITABLE_FILE, help="Write JUnit XML.")
@click.option("--json", "json_", metavar="FILE", type=WRITABLE_FILE, help="Write JSON.")
@click.option(
    "--to-fixtures", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False),
    help="Turn the recording into files for tests instead of replaying it.",
)  # fmt: skip
@click.pass_context
def drift(
    context: click.Context,
    recording: Path,
    against: str | None,
    api_key: tuple[str, ...],
    max_credits: int | None,
    profile: str,
    ignore: tuple[str, ...],
    baseline: str | None,
    fail_on: str,
    junit: Path | None,
    json_: Path | None,
    to_fixtures: Path | None,
) -> None:
    """Ask everything in RECORDING again, and list every difference.

    The mock is asked, in process and by its own clock, unless --against names somebody else. Its accounts, jobs and
    troubles are set to what was recorded. Compared are status, which headers there are and of what kind, the body's
    members, types, status words and patterns of ids, pictures' size and format, and whether an answer comes at once.

    A difference breaks clients where something they rely on is missing or another. They rely on the mock's answers
    where the mock is asked (they are tested against it), and on the recorded ones elsewhere; --baseline says otherwise.

    At --against URL a job takes the time it takes, and a request that was refused for its account's state (402, 403,
    429) or met trouble (5xx) is passed over where it is answered now. REQUESTS COST THERE WHAT THEY COST.

    \b
    Examples:
      outpaint contract drift vendor.json
      outpaint contract drift vendor.json --profile vendor     # what else would the vendor's clients meet?
      outpaint contract drift vendor.json --junit drift.xml --fail-on breaking
      outpaint contract drift vendor.json --ignore "body:/data/*/seed" --ignore timing
      outpaint contract drift vendor.json --against http://127.0.0.1:8080 --api-key dev --max-credits 20
      outpaint contract drift vendor.json --to-fixtures tests/fixtures/vendor
    """
    from outpaint.conformance.drift.answer_comparison import Baseline
    from outpaint.conformance.drift.drift_reports import as_json, as_junit, print_drift
    from outpaint.conformance.drift.recorded_fixtures import write_fixtures
    from outpaint.conformance.drift.recording_file import Recording
    from outpaint.conformance.drift.replay import ignoring
    from outpaint.conformance.verify.text_reports import report_console

    # A form that cannot be parsed may be what was recorded.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    recorded = Recording.read(recording)
    if to_fixtures is not None:
        count = write_fixtures(recorded, to_fixtures)
        click.echo(f"{count} files in {to_fixtures}: its README.md says how tests load them")
        return
    relied_on = None if baseline is None else Baseline(baseline)
    found = _replayed(recorded, against, api_key, relied_on, max_credits, WireProfile(profile))
    found = ignoring(found, ignore)
    reports = ((path, partial(report, found)) for path, report in ((junit, as_junit), (json_, as_json)))
    written = show_and_write(lambda: print_drift(found, report_console()), reports)
    if not found.replayed:
        raise CommandError(ExitCode.TOO_LITTLE_SEEN, "nothing in the recording could be replayed: nothing can be said")
    if found.breaks if fail_on == "breaking" else not found.is_none:
        context.exit(ExitCode.FAILED)
    context.exit(ExitCode.PROVEN if written else ExitCode.MACHINE)


def _replayed(
    recording: Recording,
    against: str | None,
    keys: tuple[str, ...],
    baseline: Baseline | None,
    max_credits: int | None,
    profile: WireProfile,
) -> Drift:
    from outpaint.conformance.drift.drift_targets import target_of
    from outpaint.conformance.drift.job_scripts import Setting
    from outpaint.conformance.drift.replay import replay

    with target_of(recording, against, keys, profile) as target, progress() as bar:
        cost = Setting.of(recording).cost
        if not target.scripted and max_credits is not None and cost > max_credits:
            raise CommandError(
                ExitCode.OVER_BUDGET,
                f"the recorded requests cost {cost:,} credits and {max_credits:,} may be spent: raise --max-credits",
            )
        task = bar.add_task("replaying", total=len(recording.exchanges))
        return replay(recording, target, baseline=baseline, on_exchange=lambda _: bar.advance(task))
