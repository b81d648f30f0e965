"""Recorded at our local server as a process: neither it, the mock server nor the mock in process drifts from that."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from wire_kit.consumer import drift_at, recorded
from wire_kit.processes import served, started

from outpaint.conformance.drift.recording_file import Recording

CREDITS = {"ours": 1000, "poor": 3}


@pytest.fixture(scope="module")
def local_server() -> Iterator[tuple[str, str, str]]:
    """Base URL, a key and the key of an account that cannot pay much."""
    with TemporaryDirectory(prefix="outpaint-drift-") as folder, served(folder) as base_url:
        keys = [_key(folder, name, credits_) for name, credits_ in CREDITS.items()]
        yield base_url, keys[0], keys[1]


@pytest.fixture(scope="module")
def recording(local_server: tuple[str, str, str]) -> Recording:
    base_url, key, poor_key = local_server
    return recorded(base_url, key, poor_key=poor_key)


def test_it_met_everything(recording: Recording) -> None:
    statuses = {one.answer.status for one in recording.exchanges if one.answer is not None}
    assert statuses >= {200, 202, 204, 400, 401, 402, 404, 405, 406, 415, 422}
    assert all(one.mark is None for one in recording.exchanges)


def test_no_key_is_in_it(recording: Recording, local_server: tuple[str, str, str]) -> None:
    text = recording.text()
    assert not any(key in text for key in local_server[1:])
    assert "nobody-knows-this-key" not in text
    assert {one.request.key for one in recording.exchanges} == {"key-1", "key-2", "key-3", None}


def test_the_mock_in_process_says_the_same(recording: Recording) -> None:
    drift = drift_at(recording)
    assert drift.is_none, drift.differences
    assert len(drift.replayed) == len(recording.exchanges)


def test_the_mock_server_says_the_same(recording: Recording) -> None:
    with started(["mock", "--port", "0"], r"outpaint mock on (http://\S+)/v1") as base_url:
        drift = drift_at(recording, base_url)
    assert drift.is_none, drift.differences
    assert len(drift.replayed) == len(recording.exchanges)


def test_the_local_server_says_it_again(recording: Recording, local_server: tuple[str, str, str]) -> None:
    base_url, *keys = local_server
    drift = drift_at(recording, base_url, keys)
    assert drift.is_none, drift.differences
    assert not drift.not_replayed


def test_what_the_mock_server_says_the_local_server_says_too(local_server: tuple[str, str, str]) -> None:
    base_url, *keys = local_server
    with started(["mock", "--port", "0"], r"outpaint mock on (http://\S+)/v1") as mock:
        told = recorded(mock, "any-key-will-do-here")
    drift = drift_at(told, base_url, keys)
    unknown = {one.exchange for one in drift.differences if one.recorded == "200" and one.replayed == "401"}
    assert [one for one in drift.differences if one.exchange not in unknown] == []


def _key(folder: str, name: str, credits_: int) -> str:
    outpaint = str(Path(sys.executable).with_name("outpaint"))
    made = subprocess.run(
        [outpaint, "keys", "create", name, "--credits", str(credits_), "--data", folder],
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.strip()
