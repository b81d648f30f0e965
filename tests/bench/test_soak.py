"""The soak: its judge finds each broken promise, its hostile clients know what they may get, and a short run works."""

from __future__ import annotations

import asyncio
import math
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "bench"))

import soak.__main__ as command  # noqa: E402
from soak import hostiles, outcome, phases  # noqa: E402
from soak.attacks import bombs, huge_heads, without_credit  # noqa: E402
from soak.honest import CLIENT, KINDS, MIX, SUBMITS, Honest, Tenant  # noqa: E402
from soak.pacing import at_rate  # noqa: E402
from soak.phases import Plan, soaked  # noqa: E402
from soak.promises import CreditCheck, Latencies, Record, ServerRecord, judge, percentile, windows  # noqa: E402

MIB = 1024 * 1024
HOSTILES = [hostile.name for hostile in hostiles.HOSTILES]


def kept() -> Record:
    """A soak of ten minutes that kept every promise."""
    servers = [
        ServerRecord(
            name,
            full_rate=200,
            rate=100,
            quiet=Latencies({kind: [0.004] * 100 + [0.030] * 2 for kind in KINDS}),
            beside=Latencies({kind: [0.005] * 100 + [0.055] * 2 for kind in KINDS}),
            memory=[(float(second), 100 * MIB) for second in range(600)],
            jobs=50,
            succeeded=50,
            files=70,
            credits=[CreditCheck("tenant-0", 900, 900)],
            errors="2026-01-01 WARNING a warning is no traceback",
            exit_status=0,
        )
        for name in ("serve", "mock")
    ]
    clients = (CLIENT, *HOSTILES)
    seen = Counter({(server.name, client, "as it should"): 10 for server in servers for client in clients})
    return Record(600.0, servers, KINDS, HOSTILES, outcomes=seen)


def grown(server: ServerRecord) -> None:
    server.memory = [(at, size + int(at) * MIB // 10) for at, size in server.memory]


BREAK: dict[str, tuple[Callable[[Record, ServerRecord], Any], str]] = {
    "an honest client's status": (
        lambda record, _: record.unexpected.update({("mock", CLIENT, "balance: 503 unavailable"): 3}),
        "no unexpected status: mock, honest clients: balance: 503 unavailable, 3 times",
    ),
    "a hostile client's status": (
        lambda record, _: record.unexpected.update({("mock", "bombs", "PNG: 500"): 1}),
        "no unexpected status: mock, bombs: PNG: 500, 1 times",
    ),
    "slow answers": (
        lambda _, mock: mock.beside.by_kind.update({kind: [0.005] * 100 + [0.061] * 2 for kind in KINDS}),
        "honest clients' p99 with hostile clients is at most 2 times that without: mock: 61.0 ms, without 30.0 ms",
    ),
    "too few answers": (
        lambda _, mock: mock.quiet.by_kind.clear(),
        "honest clients' p99 with hostile clients is at most 2 times that without: mock: only 0 answers in a phase",
    ),
    "memory that grows": (
        lambda _, mock: grown(mock),
        "memory is flat within 10%: mock: 120 MiB after the warm-up, 152 MiB at the end",
    ),
    "memory that nobody looked at": (lambda _, mock: mock.memory.clear(), "memory is flat within 10%: mock: nan MiB"),
    "a credit that is missing": (
        lambda _, mock: mock.credits.append(CreditCheck("tenant-1", 900, 899)),
        "credits are exact: mock: tenant-1 has 899 credits and should have 900",
    ),
    "a credit too many": (
        lambda _, mock: mock.credits.append(CreditCheck("tenant-1", 900, 901)),
        "credits are exact: mock: tenant-1 has 901 credits and should have 900",
    ),
    "credits that nobody compared": (
        lambda _, mock: mock.credits.clear(),
        "credits are exact: mock: no account was looked at",
    ),
    "a job that does not end": (
        lambda _, mock: mock.left.extend(["job 1 of tenant-0 still ran after 60 s", "job 2 of tenant-0 failed"]),
        "every accepted job ends with its pictures: mock: 2 did not, the first: job 1 of tenant-0 still ran after 60 s",
    ),
    "a traceback": (
        lambda _, mock: setattr(mock, "errors", 'Traceback (most recent call last):\n  File "x"\nKeyError: 1\nmore'),
        "no traceback: mock: 1 in stderr, the first: KeyError: 1",
    ),
    "an end with a status": (
        lambda _, mock: setattr(mock, "exit_status", 1),
        "servers end when they are asked to: mock ended with 1",
    ),
    "an end by force": (
        lambda _, mock: setattr(mock, "exit_status", None),
        "servers end when they are asked to: mock had to be killed",
    ),
    "a kind that was not sent": (
        lambda _, mock: mock.beside.by_kind.pop("repeat"),
        "everything is measured: mock: no repeat was answered beside the hostile clients",
    ),
    "a hostile client that was not there": (
        lambda record, _: record.outcomes.pop(("mock", "bombs", "as it should")),
        "everything is measured: mock: the hostile client bombs saw nothing",
    ),
    "results that nobody looked at": (
        lambda _, mock: setattr(mock, "files", 0),
        "everything is measured: mock: no result was downloaded",
    ),
}


class TestTheJudge:
    def test_finds_nothing_where_every_promise_is_kept(self) -> None:
        assert judge(kept()) == []

    @pytest.mark.parametrize("name", BREAK)
    def test_names_the_promise_that_is_broken(self, name: str) -> None:
        spoil, told = BREAK[name]
        record = kept()
        spoil(record, record.servers[1])
        (broken,) = judge(record)
        assert f"{broken.promise}: {broken.seen}".startswith(told)

    def test_a_server_may_use_less_memory_in_the_end(self) -> None:
        record = kept()
        record.servers[0].memory = [(at, size - int(at) * MIB // 10) for at, size in record.servers[0].memory]
        assert judge(record) == []

    @pytest.mark.parametrize(("seconds", "warm"), [(1800.0, 360.0), (300.0, 90.0), (120.0, 60.0)])
    def test_memory_counts_after_the_warm_up(self, seconds: float, warm: float) -> None:
        record = Record(seconds, [], KINDS, HOSTILES)
        memory = [(float(at), MIB if at < warm else 2 * MIB) for at in range(int(seconds))]
        assert windows(record, ServerRecord("serve", memory=memory)) == (2 * MIB, 2 * MIB)

    @given(values=st.lists(st.floats(0, 10), min_size=1), share=st.floats(0.01, 1))
    def test_a_percentile_is_the_least_that_the_share_does_not_exceed(self, values: list[float], share: float) -> None:
        found = percentile(values, share)
        assert found in values
        assert sum(value <= found for value in values) >= share * len(values) - 1e-9
        assert sum(value < found for value in values) < share * len(values)

    def test_a_percentile_of_nothing_is_none(self) -> None:
        assert math.isnan(percentile([], 0.99))


class TestTheCommand:
    def run(self, record: Record, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
        monkeypatch.setattr(command, "soaked", lambda *_: record)
        monkeypatch.setattr(sys, "argv", ["soak", "--minutes", "0.1", *options])
        try:
            command.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    def test_ends_well_where_every_promise_was_kept(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(kept(), monkeypatch) == 0
        assert "every promise was kept" in capsys.readouterr().out

    def test_ends_with_1_and_names_what_was_broken_and_writes_it(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        record, written = kept(), {}
        record.servers[0].exit_status = 3

        def put(target: str, text: str) -> str:
            written[target] = text
            return "the page"

        monkeypatch.setattr(command, "put", put)
        assert self.run(record, monkeypatch, "--write") == 1
        assert "broken: servers end when they are asked to: serve ended with 3" in capsys.readouterr().out
        assert "- Broken: servers end when they are asked to: serve ended with 3" in written["soak"]
        for row in outcome.rows(record):
            assert f"| {row[0]} | {row[1]} | {row[2]} |" in written["soak"]

    def test_the_parts_of_a_soak_have_their_lengths(self) -> None:
        assert Plan.of(30) == Plan(full=15, quiet=300, beside=1800)
        assert Plan.of(2) == Plan(full=10, quiet=30, beside=120)


class Pretence(Honest):
    """Honest clients whose first answer takes 0.3 seconds, during which the server answers nobody."""

    def __init__(self) -> None:
        super().__init__([])
        self._stalled_until = 0.0

    async def act(self, kind: str, due: float) -> None:
        loop = asyncio.get_running_loop()
        self._stalled_until = self._stalled_until or loop.time() + 0.3
        await asyncio.sleep(max(0.0, self._stalled_until - loop.time()))
        self.latencies.add(kind, loop.time() - due)


def test_a_stall_shows_in_every_request_that_was_due_meanwhile() -> None:
    honest = Pretence()
    asyncio.run(at_rate(honest, rate=300, seconds=0.6, seed=1))
    seconds = honest.latencies.all()
    assert len(seconds) == pytest.approx(180, rel=0.3)
    # The requests that were due in the first half of the stall waited for the other half, or longer.
    assert sum(each >= 0.15 for each in seconds) == pytest.approx(45, rel=0.6)


def test_a_submit_whose_answer_was_lost_is_found_by_its_key(outpaint_server: Any, outpaint_world: Any) -> None:
    async def clients() -> Honest:
        async with Honest([Tenant("tenant", outpaint_server.url, "any")]) as honest:
            outpaint_world.scenarios.next("reset(after)")
            await honest.act("async PNG", 0.0)
            await honest.act("download", 0.0)
            await honest.settle()
            return honest

    honest = asyncio.run(clients())
    assert [(check.expected, check.found) for check in honest.credits] == [(999, 999)]
    assert (honest.jobs, honest.succeeded, honest.left) == (1, 1, [])
    assert list(honest.unexpected.values()) == [1]


class Answering:
    """A server on loopback that answers every request with one status, or closes the connection, at once."""

    def __init__(self, status: int | None) -> None:
        self._status = status

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._status is not None:
            writer.write(b"HTTP/1.1 %d Said\r\nContent-Length: 0\r\n\r\n" % self._status)
        writer.close()


@pytest.mark.parametrize(
    ("status", "seen", "expected"), [(200, 200, False), (402, 402, True), (503, 503, True), (None, 0, False)]
)
def test_a_hostile_client_judges_what_it_gets(status: int | None, seen: int, expected: bool) -> None:
    async def attacked() -> hostiles.WithoutCredit:
        async with Answering(status) as port:
            client = hostiles.WithoutCredit(hostiles.Target("serve", port, "", "key", "broke", "/"))
            await client.attempt(0)
            return client

    client = asyncio.run(attacked())
    told = {f"picture: {seen or 'closed'}": 1}
    assert (dict(client.outcomes), dict(client.unexpected)) == ((told, {}) if expected else ({}, told))


def test_no_attack_may_be_answered_as_if_it_were_taken() -> None:
    attacks = [attack for made in (huge_heads, bombs, without_credit) for attack in made("", "key")]
    assert all(attack.allowed and not any(200 <= status < 400 for status in attack.allowed) for attack in attacks)
    assert len({attack.name for attack in attacks}) == len(attacks) >= 18


def test_the_mix_has_every_kind_and_a_poll_or_download_for_each_submit() -> None:
    counts = Counter(MIX)
    submits = sum(counts[kind] for kind in SUBMITS)
    assert set(counts) == set(KINDS) > SUBMITS
    assert counts["poll"] + counts["download"] >= submits


@pytest.mark.skipif(sys.platform != "linux", reason="memory and processor time are read from /proc")
def test_a_short_soak_measures_everything(tmp_path: Path) -> None:
    told: list[str] = []
    record = soaked(Plan(full=0.4, quiet=0.6, beside=0.9), tmp_path, lambda name, _: told.append(name))
    assert told[:3] == ["full load", "without hostile clients", "beside hostile clients"]
    assert [broken for broken in judge(record) if broken.promise == "everything is measured"] == []
    assert {client for _, client, _ in record.unexpected} <= set(HOSTILES)
    for server in record.servers:
        assert server.rate == server.full_rate * phases.SHARE_OF_FULL > 0
        assert server.left == []
        assert server.succeeded == server.jobs > 0
        assert [check for check in server.credits if check.account.startswith(("tenant", "world"))] != []
        assert [
            check for check in server.credits if check.found != check.expected and "hostile" not in check.account
        ] == []
        assert server.exit_status == 0
        assert all(size > 10 * MIB for _, size in server.memory)
    assert len(list(outcome.rows(record))) > 20
