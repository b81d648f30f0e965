"""`outpaint keys` says and does the same, wherever the accounts lie."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.embedded import database
from outpaint.functions.service import account_keys as rules
from outpaint.functions.service.admission import key_digest

Run = Callable[..., tuple[int, str, str]]


def account(place: Any, key: str) -> Any:
    return place.opened().service.accounts.by_key_digest(key_digest(key))


def test_a_key_is_shown_once_and_stored_as_a_hash(run: Run, place: Any) -> None:
    code, out, err = run("keys", "create", "Ann", "--credits", 5, *place.options)
    assert (code, "not shown again" in err) == (0, True)
    key = out.strip()
    assert key.startswith(rules.KEY_PREFIX)
    assert len(key) > 40
    found = account(place, key)
    assert (found.name, found.credits, found.loopback_only) == ("Ann", 5, False)
    assert key not in run("keys", "list", *place.options)[1]


def test_a_fresh_place_has_no_key(run: Run, place: Any) -> None:
    assert len(run("keys", "list", *place.options)[1].splitlines()) == 1


@pytest.mark.parametrize("in_full", [False, True])
def test_is_revoked_by_id_or_in_full(run: Run, place: Any, in_full: bool) -> None:
    keys = [run("keys", "create", "Ann", *place.options)[1].strip() for _ in range(3)]
    # The first key is where the account lies: it has to go on working for the others.
    for revoked, key in enumerate(keys, start=1):
        id_ = key_digest(key)[:8]
        code, out, _ = run("keys", "revoke", key if in_full else id_, *place.options)
        assert (code, out) == (0, f"{id_} of Ann is revoked\n")
        assert [account(place, each) is None for each in keys] == [number < revoked for number in range(3)]
        assert re.search(rf"^{id_} .* revoked$", run("keys", "list", *place.options)[1], re.MULTILINE)


def test_credits_belong_to_the_account(run: Run, place: Any) -> None:
    first = run("keys", "create", "Ann", "--credits", 5, *place.options)[1].strip()
    second = run("keys", "create", "Ann", "--credits", 7, *place.options)[1].strip()
    assert run("keys", "credit", "Ann", "-2", *place.options)[1] == "Ann has 10 credits\n"
    assert run("keys", "credit", key_digest(second)[:8], "990", *place.options)[1] == "Ann has 1,000 credits\n"
    assert run("keys", "credit", first, "10", *place.options)[1] == "Ann has 1,010 credits\n"
    assert run("keys", "list", *place.options)[1].count("1,010") == 2


def test_are_listed_oldest_first(place: Any) -> None:
    ring = place.opened().keys
    there = len(list(ring.entries()))
    for number in (3, 1, 2):
        ring.add_key(f"account {number % 2}", key_digest(str(number)), number, 1000.0 + number, f"id{number}")
    listed = [entry for entry in ring.entries() if entry.created_at < 1e6]
    assert [entry.created_at for entry in listed] == [1001.0, 1002.0, 1003.0]
    assert [entry.account.name for entry in listed] == ["account 1", "account 0", "account 1"]
    assert [entry.account.credits for entry in listed] == [4, 2, 4]
    assert len(list(ring.entries())) == there + 3


def test_more_than_a_page_is_listed(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outpaint.functions.aws.dynamo_table.BATCH", 5)
    ring = place.opened().keys
    for number in range(13):
        ring.add_key(f"account {number % 3}", key_digest(str(number)), 1, float(number), f"id{number}")
    assert [entry.created_at for entry in ring.entries() if entry.created_at < 1000] == [float(n) for n in range(13)]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["create", ""], "printable"),
        (["create", "a\nb"], "printable"),
        (["create", "Ann", "--credits", "-1"], "from 0"),
        (["create", "Ann", "--credits", "1000000001"], "to 1000000000"),
        (["credit", "Ann", "-101"], "what its running jobs cost"),
        (["credit", "Ann", "1000000000"], "0 to 1000000000"),
        (["credit", "Ann", "99999999999"], "to 1000000000"),
        (["credit", "nobody", "1"], "outpaint keys list"),
        (["revoke", "nobody"], "outpaint keys list"),
    ],
)
def test_say_what_is_wrong(run: Run, place: Any, words: list[str], hint: str) -> None:
    run("keys", "create", "Ann", *place.options)
    code, out, err = run("keys", *words, *place.options)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert hint in line
    assert run("keys", "credit", "Ann", "0", *place.options)[1] == "Ann has 100 credits\n"


def test_an_id_that_two_keys_have_is_refused(place: Any) -> None:
    ring = place.opened().keys
    for end in "ab":
        ring.add_key("Ann", "12345678" + end * 56, 1, 0.0, f"id {end}")
    with pytest.raises(OutpaintError, match="2 keys have the id 12345678"):
        rules.revoke(ring, "12345678", 1.0)
    assert all(entry.revoked_at is None for entry in ring.entries())


def test_a_key_is_revoked_once(place: Any) -> None:
    ring = place.opened().keys
    ring.add_key("Ann", key_digest("key"), 1, 0.0, "ann")
    for now in (10.0, 20.0):
        rules.revoke(ring, "key", now)
    assert ring.entry(key_digest("key")).revoked_at == 10.0


def test_keys_made_at_once_for_a_new_name_share_one_account(place: Any) -> None:
    deployment = place.opened()

    def create(number: int) -> None:
        deployment.keys.add_key("Ann", key_digest(str(number)), 10, 5.0, f"id{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(4)))
    accounts = {entry.account for entry in deployment.keys.entries() if entry.account.name == "Ann"}
    assert [account.credits for account in accounts] == [40]


def test_no_table_is_scanned_and_names_and_keys_are_looked_up(run: Run, aws: Any) -> None:
    options = ("--stack", "painting")
    key = run("keys", "create", "Ann", *options)[1].strip()
    for words, calls in (
        (("list",), ["Query", "BatchGetItem"]),
        (("credit", "Ann", 1), ["GetItem", "GetItem", "GetItem", "TransactWriteItems", "GetItem"]),
        (("revoke", key), ["GetItem", "UpdateItem"]),
        (("create", "Ann"), ["GetItem", "TransactWriteItems"]),
        (("create", "Bob"), ["GetItem", "TransactWriteItems"]),
    ):
        aws.calls.clear()
        assert run("keys", *words, *options)[0] == 0
        assert aws.calls == ["DescribeStacks", *calls]


def test_of_a_folder_never_load_botocore(run: Run) -> None:
    import subprocess
    import sys

    code = (
        "import sys; sys.argv = ['outpaint', 'keys', 'list'];"
        "from outpaint.functions.command_line.entry import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert ended.code == 0\n"
        "print([name for name in sys.modules if name.startswith(('boto', 'outpaint.functions.aws'))])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_a_folder_that_cannot_be_written_is_one_line_with_its_path(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.01)
    assert run("keys", "create", "Ann", "--data", "data")[0] == 0
    with closing(sqlite3.connect(tmp_path / "data" / "outpaint.sqlite3")) as other:
        other.execute("BEGIN IMMEDIATE")
        code, out, err = run("keys", "create", "Bob", "--data", "data")
    assert (code, out, len(err.splitlines())) == (3, "", 1)
    assert err.startswith("error: data/outpaint.sqlite3: ")
    assert "is in use by another process" in err
    assert "database is locked" in err
