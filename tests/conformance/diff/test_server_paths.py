"""A path counts behind the path of its first server: a base path may move from the one to the other."""

from __future__ import annotations

from typing import Any

import pytest

from outpaint.conformance.diff.diff_rules import DiffVerdict
from outpaint.conformance.diff.operation_diff import compare

ITEM: dict[str, Any] = {"get": {"operationId": "balance", "responses": {"200": {"description": "ok"}}}}


def document(path: str, *servers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {path: {**ITEM, **more}},
        **({"servers": list(servers)} if servers else {}),
    }


AT_HOST = {"url": "https://api.example"}
VARIABLES = {"host": {"default": "api.example"}, "v": {"default": "v1"}}
IN_PATH = document("/v1/balance", AT_HOST)


@pytest.mark.parametrize(
    "other",
    [
        document("/balance", {"url": "https://api.example/v1"}),
        document("/balance", {"url": "https://api.example/v1/"}),
        document(
            "/balance",
            {"url": "https://{host}/{v}", "variables": {"host": {"default": "api.example"}, "v": {"default": "v1"}}},
        ),
    ],
    ids=["server", "slash", "variables"],
)
def test_a_base_path_may_be_the_servers_or_the_paths(other: dict[str, Any]) -> None:
    for old, new in ((IN_PATH, other), (other, IN_PATH)):
        assert compare(old, new).changes == ()


def test_a_relative_server_counts_as_well() -> None:
    assert compare(document("/v1/balance"), document("/balance", {"url": "/v1"})).changes == ()


def test_a_paths_own_server_is_nearer() -> None:
    own = document("/balance", AT_HOST, servers=[{"url": "https://api.example/v1"}])
    assert [change.code for change in compare(IN_PATH, own).changes if change.operation] == []


def test_another_base_path_is_another_operation() -> None:
    found = compare(document("/balance", {"url": "https://a/v1"}), document("/balance", {"url": "https://a/v2"}))
    assert {change.code for change in found.changes} == {"operation.removed", "operation.added"}
    assert found.verdict is DiffVerdict.BREAKING


def test_another_host_is_another_server() -> None:
    found = compare(document("/balance", {"url": "https://a/v1"}), document("/balance", {"url": "https://b/v1"}))
    assert {change.code for change in found.changes} == {"server.removed", "server.added"}
