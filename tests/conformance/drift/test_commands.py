"""`outpaint contract record` and `drift` as they are called: files, tables, sentences and exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
import vendor_server
from click.testing import CliRunner, Result
from wire_kit.consumer import png, post

from outpaint.conformance.contract_command import contract
from outpaint.conformance.drift.recording_file import Recording
from outpaint.mocks.transports.tcp_server import thread_server
from outpaint.mocks.world.world import World
from outpaint.mocks.world.world_options import WorldOptions

from .conftest import KEY, Provider, Sit
from .test_drifting_providers import no_data_in_202

Run = Callable[..., Result]
CLIENT = """
import httpx, os
base_url, headers = os.environ["OUTPAINT_BASE_URL"], {"X-Picsart-API-Key": "none"}
with httpx.Client(base_url=base_url, headers=headers, trust_env=False) as api:
    api.get("/balance").raise_for_status()
raise SystemExit(%d)
"""


@pytest.fixture
def run() -> Run:
    return lambda *words: CliRunner().invoke(contract, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def upstream() -> Iterator[str]:
    """A mock whose worlds are its test's own: a stranger to whoever else asks."""
    with thread_server() as server, server.serving(World("provider", keys={KEY: 50})) as served:
        yield served.base_url


@pytest.fixture
def file(sit: Sit, tmp_path: Path) -> Path:
    sitting = sit()
    post(sitting.api, files={"image": png()}, data={"prompt": "a lake", "count": "1"})
    accepted = post(sitting.api, files={"image": png()}, data={"prompt": "a lake", "count": "1", "mode": "async"})
    sitting.api.get(f"/painting/{accepted.json()['inference_id']}")
    path = tmp_path / "recording.json"
    sitting.recording().write(path)
    return path


@pytest.fixture
def drifted(sit: Sit, tmp_path: Path) -> Path:
    sitting = sit(Provider(no_data_in_202))
    post(sitting.api, files={"image": png()}, data={"prompt": "a lake", "count": "1", "mode": "async"})
    path = tmp_path / "drifted.json"
    sitting.recording().write(path)
    return path


def test_no_drift_is_0(run: Run, file: Path) -> None:
    found = run("drift", file)
    assert found.exit_code == 0, found.output
    assert found.output.startswith("No drift: 3 of 3 exchanges replayed at the mock in process")


def test_drift_is_1_and_told_in_every_form(run: Run, drifted: Path, tmp_path: Path) -> None:
    found = run("drift", drifted, "--junit", tmp_path / "drift.xml", "--json", tmp_path / "drift.json")
    assert found.exit_code == 1
    assert re.search(r"yes +body:/data +absent +array +1 POST /v1/painting/outpaint", found.output)
    assert "Drift: 1 difference, 1 of them breaking" in found.output
    told = json.loads((tmp_path / "drift.json").read_text())
    assert (told["drift"], told["breaking"], told["baseline"]) == (True, True, "replayed")
    assert told["differences"][0]["name"] == "body:/data"
    suite = ET.parse(tmp_path / "drift.xml").getroot()
    assert suite.get("failures") == "1"
    (failure,) = suite.iter("failure")
    assert failure.get("type") == "breaking"
    assert failure.text == "body:/data: recorded absent, replayed array"


def test_what_somebody_lives_with_is_ignored(run: Run, drifted: Path) -> None:
    found = run("drift", drifted, "--ignore", "body:/data")
    assert found.exit_code == 0
    assert "1 difference ignored" in found.output
    assert run("drift", drifted, "--ignore", "header:*").exit_code == 1
    # Whoever relies on the recorded provider misses nothing there that the mock adds.
    assert run("drift", drifted, "--baseline", "recorded", "--fail-on", "breaking").exit_code == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        ("not JSON", "is no recording of this version, at its beginning"),
        ("{}", "is no recording of this version, at upstream"),
        ('{"format": "outpaint-recording/9", "upstream": "x", "recorded_at": "x", "exchanges": []}', "at format"),
    ],
)
def test_an_unreadable_recording_is_2(content: str | None, says: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_text(content)
    found = run("drift", path)
    assert found.exit_code == 2
    assert says in found.stderr
    assert found.stderr.startswith("Error: ")
    assert found.stderr.count("\n") == 1


def test_a_recording_of_nothing_is_6(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    Recording(upstream="https://provider.test", recorded_at="2026-01-01T00:00:00+00:00", exchanges=()).write(path)
    found = run("drift", path, "--junit", tmp_path / "drift.xml")
    assert found.exit_code == 6
    assert "nothing can be said" in found.stderr
    assert ET.parse(tmp_path / "drift.xml").getroot().get("errors") == "1"


@pytest.mark.parametrize(("url", "status"), [("http://127.0.0.1:1", 3), ("nowhere", 2), ("ftp://provider.test", 2)])
def test_against_nobody(url: str, status: int, run: Run, file: Path) -> None:
    found = run("drift", file, "--against", url, "--api-key", "a-key-of-ours")
    assert found.exit_code == status
    assert found.stderr.startswith("Error: ")
    assert "a-key-of-ours" not in found.output


def test_each_key_that_is_to_be_used_is_looked_at(run: Run, sit: Sit, upstream: str, tmp_path: Path) -> None:
    sitting = sit()
    for key in (KEY, "another-shops-key"):
        sitting.api.get("/balance", headers={"X-Picsart-API-Key": key})
    path = tmp_path / "recording.json"
    sitting.recording().write(path)
    words = ("drift", path, "--against", upstream, "--api-key", KEY, "--api-key")
    refused = run(*words, "nobodys-key-at-all")
    assert refused.exit_code == 5
    assert "with key 2: " in refused.stderr
    assert "does not know the key" in refused.stderr
    assert "nobodys-key-at-all" not in refused.output
    assert run(*words, KEY).exit_code == 0


def test_what_costs_more_than_may_be_spent_is_7(run: Run, file: Path, upstream: str) -> None:
    asked = ("drift", file, "--api-key", KEY, "--max-credits")
    found = run(*asked, 1, "--against", upstream)
    assert found.exit_code == 7
    assert "the recorded requests cost 2 credits and 1 may be spent" in found.stderr
    assert run(*asked, 2, "--against", upstream).exit_code == 0


def test_fixtures_are_what_tests_can_load(run: Run, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "fixtures"
    found = run("drift", file, "--to-fixtures", folder)
    assert found.exit_code == 0, found.output
    scenarios = json.loads((folder / "scenarios.json").read_text())
    assert scenarios == {"001-post-v1-painting-outpaint": "immediate", "002-post-v1-painting-outpaint": "polls(0)"}
    told = json.loads((folder / "exchanges" / "002-post-v1-painting-outpaint.json").read_text())
    assert told["response"]["status"] == 202
    assert told["response"]["json"]["data"] == []
    assert (folder / next(part["file"] for part in told["request"]["multipart"] if "file" in part)).is_file()
    world = WorldOptions.of(json.loads((folder / "world.json").read_text())).world("recorded")
    assert world.service.settings.credits_per_image == 1
    assert 'scenarios["001-post-v1-painting-outpaint"]' in (folder / "README.md").read_text()


def test_a_command_is_recorded(run: Run, upstream: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    out = tmp_path / "recording.json"
    words = ("record", "--upstream", upstream, "--port", "0", "--out", out, "--key-env", "THE_KEY", "--")
    found = run(*words, sys.executable, "-c", CLIENT % 0)
    assert found.exit_code == 0, found.output
    assert "the key has 50 credits; this recording may spend 20" in found.stderr
    (exchange,) = Recording.read(out).exchanges
    assert exchange.answer is not None
    assert exchange.answer.status == 200
    assert KEY not in out.read_text()
    assert run(*words[:5], "--overwrite", *words[5:], sys.executable, "-c", CLIENT % 7).exit_code == 7
    again = run(*words, "true")
    assert again.exit_code == 2
    assert "is there already" in again.stderr


def test_a_command_that_fails_ends_so(run: Run, upstream: str, tmp_path: Path) -> None:
    words = ("record", "--upstream", upstream, "--port", "0", "--out", tmp_path / "r.json", "--")
    assert run(*words, sys.executable, "-c", "raise SystemExit(7)").exit_code == 6  # nothing came
    assert not (tmp_path / "r.json").exists()
    assert run(*words, "there-is-no-such-command").exit_code == 2


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--upstream", "http://127.0.0.1:1", "--key-env", "THE_KEY"), 3, "nothing can be reached"),
        (("--upstream", "provider.test"), 2, "a scheme is missing"),
        (("--upstream", "http://127.0.0.1:1", "--key-env", "NOT_SET_AT_ALL"), 2, "is empty or not set"),
    ],
)
def test_a_provider_that_is_not_there(
    words: tuple[str, ...], status: int, says: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    found = run("record", *words, "--port", "0", "--out", tmp_path / "r.json")
    assert found.exit_code == status
    assert says in found.stderr
    assert KEY not in found.output


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as POSIX has them")
def test_an_interrupt_ends_a_recording_and_keeps_it(upstream: str, tmp_path: Path) -> None:
    out = tmp_path / "recording.json"
    words = ["contract", "record", "--upstream", upstream, "--port", "0", "--out", str(out)]
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("outpaint")), *words],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        own = re.search(r"point your client at (\S+)", told)
        assert own is not None, told
        with httpx.Client(base_url=own[1], headers={"X-Picsart-API-Key": KEY}, trust_env=False) as api:
            assert api.get("/balance").json() == {"credits": 50}
            picture = post(api, files={"image": png()}, data={"prompt": "a lake", "count": "1"}).json()["data"][0]
            assert api.head(picture["url"]).headers["content-length"] != "0"
            assert api.get(picture["url"]).headers["content-type"] == "image/jpeg"
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(30) == 0
    assert "4 exchanges in" in rest
    assert len(Recording.read(out).exchanges) == 4
    assert [exchange.request.key for exchange in Recording.read(out).exchanges] == ["key-1"] * 4


class _ByTcp(httpx.BaseTransport):
    """A server on loopback under the name of the recorded provider."""

    def __init__(self, base_url: str) -> None:
        self._base = httpx.URL(base_url)
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http", host=self._base.host, port=self._base.port)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def test_a_recorded_vendor_does_not_drift_from_the_mock_in_its_profile(run: Run, sit: Sit, tmp_path: Path) -> None:
    path = tmp_path / "vendor.json"
    with vendor_server.vendor_server() as url:
        sitting = sit(_ByTcp(url), key=vendor_server.KEY)
        form = {"prompt": "a lake", "count": "1", "format": "PNG"}
        post(sitting.api, files={"image": png()}, data=form)
        accepted = post(sitting.api, files={"image": png()}, data=form | {"mode": "async"})
        while sitting.api.get(f"/painting/{accepted.json()['inference_id']}").status_code == 202:
            pass
        sitting.api.get("/balance")
        post(sitting.api, files={"image": png()}, data=form | {"count": "11"})
        sitting.api.get("/painting/no-such-job")
        sitting.api.get("/balance", headers={"Accept": "text/html"})
        sitting.recording().write(path)
    found = run("drift", path, "--profile", "vendor")
    assert found.exit_code == 0, found.output
    ours = run("drift", path)
    assert ours.exit_code == 1
    for name in ("retry-after", "location", "/transaction_id", "/data/*/expires_at"):
        assert name in ours.output
