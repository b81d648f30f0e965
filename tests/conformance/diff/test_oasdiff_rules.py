"""oasdiff's published rules one by one: a change that each is about, what it is judged as here, and why otherwise.

oasdiff's level `error` is our `breaking`, `warn` our `risky` and `info` our `compatible`. Where a verdict is another or
nothing is reported, the row names a reason of `REASONS`.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain

from oasdiff_rules import document_rules, rule_row, schema_rules, value_rules
from oasdiff_rules.rule_row import LEVELS, REASONS, OasdiffRule

from outpaint.conformance.diff.diff_rules import RULES
from outpaint.conformance.diff.operation_diff import compare

ROWS: tuple[OasdiffRule, ...] = tuple(
    chain.from_iterable(
        family()
        for family in (
            schema_rules.bound_rules,
            schema_rules.keyword_rules,
            schema_rules.multiple_rules,
            value_rules.type_rules,
            value_rules.value_rules,
            value_rules.member_rules,
            document_rules.operation_rules,
            document_rules.parameter_rules,
            document_rules.property_policies,
            document_rules.body_rules,
            document_rules.response_rules,
            document_rules.security_rules,
        )
    )
)


def test_each_of_its_rules_is_judged_as_the_table_says() -> None:
    wrong = {}
    for row in ROWS:
        found = compare(row.old, row.new)
        codes = {change.code for change in found.changes}
        if codes != row.codes:
            wrong[row.id] = f"{sorted(codes)} is found where the table has {sorted(row.codes)}"
        elif (found.verdict is LEVELS[row.level]) == bool(row.reason):
            wrong[row.id] = f"{found.verdict} is found beside {row.level}, with the reason {row.reason!r}"
    assert not wrong


def test_the_table_has_every_rule_once_and_every_reason_is_needed() -> None:
    twice = [name for name, count in Counter(row.id for row in ROWS).items() if count > 1]
    assert not twice
    assert len(ROWS) >= 500
    assert {row.reason for row in ROWS} - {""} == set(REASONS)
    assert set().union(*(row.codes for row in ROWS)) <= set(RULES)
    assert {row.level for row in ROWS} == set(LEVELS)


def test_a_change_that_is_not_reported_is_one() -> None:
    """The rows without a code show documents that differ, but for the two that oasdiff finds in one and the same."""
    same = {row.id for row in ROWS if row.old == row.new}
    assert same == {"api-version-not-bumped"}


def test_where_oasdiff_says_error_nothing_passes_without_a_word() -> None:
    """Beside policies, extensions, annotations and OpenAPI 3.2, whatever it takes for an error is reported."""
    silent = {row.reason for row in ROWS if row.level == "error" and not row.codes}
    assert silent <= {"policy", "extension", "annotations", "3.2"}


def test_the_documents_are_what_they_are_meant_to_be() -> None:
    assert compare(rule_row.small_document(), rule_row.small_document()).changes == ()
