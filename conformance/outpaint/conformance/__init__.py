"""What holds anybody's server to the contract: cases, verification, comparison, drift, the checking of pacts."""

from __future__ import annotations

from outpaint.contracts import lazy_names

# Not typing's: whatever imports a module of this floor runs this file.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from outpaint.conformance.cases import all_cases as all_cases
    from outpaint.conformance.diff.diff_rules import Change as Change
    from outpaint.conformance.diff.diff_rules import Comparison as Comparison
    from outpaint.conformance.diff.diff_rules import DiffVerdict as DiffVerdict
    from outpaint.conformance.diff.operation_diff import compare as compare
    from outpaint.conformance.drift.answer_comparison import AnswerDifference as AnswerDifference
    from outpaint.conformance.drift.answer_comparison import Baseline as Baseline
    from outpaint.conformance.drift.answer_comparison import DifferenceKind as DifferenceKind
    from outpaint.conformance.drift.drift_targets import Target as Target
    from outpaint.conformance.drift.drift_targets import target_of as target_of
    from outpaint.conformance.drift.recorded_fixtures import write_fixtures as write_fixtures
    from outpaint.conformance.drift.recording_file import RecordedExchange as RecordedExchange
    from outpaint.conformance.drift.recording_file import Recording as Recording
    from outpaint.conformance.drift.recording_file import RecordingError as RecordingError
    from outpaint.conformance.drift.replay import Drift as Drift
    from outpaint.conformance.drift.replay import ignoring as ignoring
    from outpaint.conformance.drift.replay import replay as replay
    from outpaint.conformance.pact_check.pact_coverage import Objection as Objection
    from outpaint.conformance.pact_check.pact_coverage import objections as objections
    from outpaint.conformance.pact_check.pact_reading import ExpectedInteraction as ExpectedInteraction
    from outpaint.conformance.pact_check.pact_reading import PactFile as PactFile
    from outpaint.conformance.pact_check.pact_reading import PactFileError as PactFileError
    from outpaint.conformance.pact_check.pact_reading import read_pact as read_pact
    from outpaint.conformance.pact_check.pact_verifying import state_server as state_server
    from outpaint.conformance.proving.answer_reading import Item as Item
    from outpaint.conformance.proving.api import Api as Api
    from outpaint.conformance.proving.case import Case as Case
    from outpaint.conformance.proving.case import Severity as Severity
    from outpaint.conformance.proving.clauses import Clause as Clause
    from outpaint.conformance.proving.clauses import Origin as Origin
    from outpaint.conformance.proving.expectations import NotOffered as NotOffered
    from outpaint.conformance.proving.expectations import Unmet as Unmet
    from outpaint.conformance.proving.observed_exchange import ObservedExchange as ObservedExchange
    from outpaint.conformance.proving.provider import Need as Need
    from outpaint.conformance.proving.provider import NewAccounts as NewAccounts
    from outpaint.conformance.proving.provider import Provider as Provider
    from outpaint.conformance.verify.case_runner import CaseResult as CaseResult
    from outpaint.conformance.verify.case_runner import Outcome as Outcome
    from outpaint.conformance.verify.case_selection import CreditBudget as CreditBudget
    from outpaint.conformance.verify.case_selection import Selection as Selection
    from outpaint.conformance.verify.pytest_cases import every_case as every_case
    from outpaint.conformance.verify.pytest_cases import prove as prove
    from outpaint.conformance.verify.remote_provider import RemoteProvider as RemoteProvider
    from outpaint.conformance.verify.verification import ExitCode as ExitCode
    from outpaint.conformance.verify.verification import Verification as Verification
    from outpaint.conformance.verify.verification import verify_provider as verify_provider

# The public names of each module, as seen from here.
PUBLIC = {
    "cases": ("all_cases",),
    "diff.diff_rules": ("Change", "Comparison", "DiffVerdict"),
    "diff.operation_diff": ("compare",),
    "drift.answer_comparison": ("AnswerDifference", "Baseline", "DifferenceKind"),
    "drift.drift_targets": ("Target", "target_of"),
    "drift.recorded_fixtures": ("write_fixtures",),
    "drift.recording_file": ("RecordedExchange", "Recording", "RecordingError"),
    "drift.replay": ("Drift", "ignoring", "replay"),
    "pact_check.pact_coverage": ("Objection", "objections"),
    "pact_check.pact_reading": ("ExpectedInteraction", "PactFile", "PactFileError", "read_pact"),
    "pact_check.pact_verifying": ("state_server",),
    "proving.answer_reading": ("Item",),
    "proving.api": ("Api",),
    "proving.case": ("Case", "Severity"),
    "proving.clauses": ("Clause", "Origin"),
    "proving.expectations": ("NotOffered", "Unmet"),
    "proving.observed_exchange": ("ObservedExchange",),
    "proving.provider": ("Need", "NewAccounts", "Provider"),
    "verify.case_runner": ("CaseResult", "Outcome"),
    "verify.case_selection": ("CreditBudget", "Selection"),
    "verify.pytest_cases": ("every_case", "prove"),
    "verify.remote_provider": ("RemoteProvider",),
    "verify.verification": ("ExitCode", "Verification", "verify_provider"),
}
HOMES = {name: module for module, names in PUBLIC.items() for name in names}
__all__ = sorted(HOMES)

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, HOMES)
