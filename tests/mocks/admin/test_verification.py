"""A verification finds the mock by itself, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving.expectations import NotOffered
from outpaint.conformance.proving.provider import Need
from outpaint.conformance.verify.case_runner import Outcome
from outpaint.conformance.verify.mock_server_provider import MockServer
from outpaint.conformance.verify.verification import verify_provider
from outpaint.functions.command_line.command_group import outpaint
from outpaint.functions.embedded.server import serving
from outpaint.mocks.transports.tcp_connection import MockConnection
from outpaint.mocks.transports.tcp_server import MockHost, thread_server
from outpaint.mocks.world.worlds import Worlds


@pytest.fixture
def worlds() -> Worlds:
    return Worlds()


@pytest.fixture
def url(worlds: Worlds) -> Iterator[str]:
    host = MockHost(worlds)
    with serving(host, connection=MockConnection) as url:
        yield url
    host.close()


def test_it_is_found_below_any_world_and_proven_in_one_of_its_own(worlds: Worlds, url: str) -> None:
    server = MockServer.at(f"{url}/t/somebodys")
    assert server is not None
    with server.world() as world:
        assert world.offers == frozenset(Need)
        held = [case for case in all_cases() if Need.HELD_JOBS in case.needs]
        assert held
        found = verify_provider(world, held)
        assert {result.outcome for result in found.results if result.subject.area != "always"} == {Outcome.PASSED}
    server.close()
    assert worlds.names == ()


def test_a_server_that_is_none_is_not_taken_for_one(url: str) -> None:
    assert MockServer.at("https://127.0.0.1:1") is None
    assert MockServer.at("http://127.0.0.1:1") is None


def test_a_mock_of_somebodys_test_makes_no_worlds() -> None:
    with thread_server() as running:
        server = MockServer.at(running.url)
        assert server is not None
        with pytest.raises(NotOffered, match="made by its test"), server.world():
            pass
        server.close()


def test_it_is_asked_like_a_stranger_then() -> None:
    words = ["contract", "verify", "--base-url"]
    with thread_server() as running:
        without_key = CliRunner().invoke(outpaint, [*words, running.url], env={"OUTPAINT_KEY": ""})
        assert without_key.exit_code == 2
        with_key = CliRunner().invoke(outpaint, [*words, running.url, "--api-key", "any", "--dry-run"])
        assert with_key.exit_code == 0
        assert "the key has 1,000" in with_key.stdout
