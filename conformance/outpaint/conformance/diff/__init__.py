"""What changed between two OpenAPI documents, judged by what it does to the clients of the first."""

from outpaint.conformance.diff.diff_rules import Change, Comparison, DiffVerdict
from outpaint.conformance.diff.operation_diff import compare

__all__ = ["Change", "Comparison", "DiffVerdict", "compare"]
