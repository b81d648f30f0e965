"""What changed between two OpenAPI documents, judged by what it does to the clients of the first."""

from outpaint_contracts.comparison.changes import Change, Comparison, Verdict
from outpaint_contracts.comparison.operations import compare

__all__ = ["Change", "Comparison", "Verdict", "compare"]
