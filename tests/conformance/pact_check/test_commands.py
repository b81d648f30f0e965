"""`outpaint contract pact`, `outpaint mock --pact` and the admin API, as users meet them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from outpaint.conformance.contract_command import contract
from outpaint.conformance.pact_check.pact_command import pact
from outpaint.functions.command_line.entry import main
from outpaint.mocks.transports.tcp_server import ServedWorld, thread_server
from outpaint.mocks.world.world import World

KEY = {"X-Picsart-API-Key": "anyone-at-all"}


@pytest.fixture(scope="module")
def served() -> Iterator[ServedWorld]:
    with thread_server() as server, server.serving(World("pacts")) as world:
        yield world


@pytest.fixture(autouse=True)
def _fresh(served: ServedWorld) -> None:
    served.world.reset()


def run(*words: str) -> Result:
    return CliRunner().invoke(pact, list(words))


def ask(url: str, **options: Any) -> httpx.Response:
    return httpx.request(options.pop("method", "GET"), url, trust_env=False, **options)


def test_it_is_a_group_of_outpaint_contract() -> None:
    assert contract.get_command(click.Context(contract), "pact") is pact
    assert sorted(pact.commands) == ["check", "verify", "write"]


def test_a_running_mocks_pact_is_written_checked_and_verified(served: ServedWorld, tmp_path: Path) -> None:
    ask(f"{served.base_url}/balance", headers=KEY)
    server = served.url.partition("/t/")[0]
    file = tmp_path / "new" / "shop.json"
    words = ["--consumer", "shop", "--url", server, "--world", "pacts"]
    written = run("write", str(file), *words)
    assert written.exit_code == 0, written.output
    assert "1 interactions of shop with outpaint" in written.output
    assert run("check", str(file), "--strict").exit_code == 0
    verified = run("verify", str(file), "--base-url", served.base_url)
    assert verified.exit_code == 0, verified.output
    assert f"1 kept, 0 broken, 0 not verified at {served.base_url}" in verified.output

    document = json.loads(file.read_text())
    document["interactions"][0]["response"]["status"] = 202
    file.write_text(json.dumps(document))
    broken = run("verify", str(file), "--base-url", served.base_url)
    assert broken.exit_code == 1
    assert "BROKEN GET the balance -> 200: expected 202 but was 200" in broken.output


def test_nothing_to_write_and_nobody_to_ask_have_exit_codes_of_their_own(served: ServedWorld, tmp_path: Path) -> None:
    server = served.url.partition("/t/")[0]
    file = str(tmp_path / "shop.json")
    nothing = run("write", file, "--consumer", "shop", "--url", server, "--world", "pacts")
    assert (nothing.exit_code, Path(file).exists()) == (6, False)
    assert "no call makes an interaction" in nothing.output
    nowhere = run("write", file, "--consumer", "shop", "--url", served.refused_url)
    assert nowhere.exit_code == 3
    assert "nothing can be reached at" in nowhere.output
    other_world = run("write", file, "--consumer", "shop", "--url", server, "--world", "nobodys")
    assert other_world.exit_code == 2
    assert "there is no world nobodys" in other_world.output


def test_a_mock_that_may_not_be_asked_is_5(served: ServedWorld, tmp_path: Path) -> None:
    # A name that leads to this machine and is not its own (docs/adr/0024).
    url = served.url.partition("/t/")[0].replace("127.0.0.1", "0.0.0.0")
    refused = run("write", str(tmp_path / "shop.json"), "--consumer", "shop", "--url", url)
    assert refused.exit_code == 5, refused.output
    assert "does not let us ask: /_mock does not answer under 0.0.0.0" in refused.output


def test_a_provider_that_is_no_mock_has_no_pact_to_write(local_provider: Any, tmp_path: Path) -> None:
    with local_provider() as provider:
        result = run("write", str(tmp_path / "shop.json"), "--consumer", "shop", "--url", provider.url)
    assert result.exit_code == 4
    assert "is not a mock of ours: GET /_mock/pact answers 404" in result.output


def test_a_mock_behind_a_gateway_that_fails_is_not_verified(served: ServedWorld, tmp_path: Path) -> None:
    ask(f"{served.base_url}/balance", headers=KEY)
    file = tmp_path / "shop.json"
    file.write_text(ask(f"{served.url}/_mock/pact?consumer=shop").text)
    served.scenarios.always("gateway(502)")
    result = run("verify", str(file), "--base-url", served.base_url)
    assert result.exit_code == 4, result.output
    assert "answers 502 with a web page where JSON belongs" in result.output


def test_credits_are_bounded_and_the_key_is_in_no_output(
    web_shop_pact: Path, local_provider: Any, tmp_path: Path
) -> None:
    with local_provider() as provider:
        key = provider.stage("an account with credits", {"credits": 50})["api_key"]
        words = ["verify", str(web_shop_pact), "--base-url", f"{provider.url}/v1", "--api-key", key]
        refused = run(*words, "--max-credits", "1")
        assert refused.exit_code == 7
        assert "at most 1 are allowed" in refused.output
        left = json.loads(web_shop_pact.read_text())
        left["interactions"] = [one for one in left["interactions"] if "202" in one["description"]]
        left["interactions"] = [one for one in left["interactions"] if one["request"]["method"] == "GET"]
        file = tmp_path / "pact.json"
        file.write_text(json.dumps(left))
        nothing = run("verify", str(file), *words[2:])
        assert nothing.exit_code == 6, nothing.output
        assert "takes more than an API key" in nothing.output
        assert key not in refused.output + nothing.output


def test_a_pact_of_other_makers_gets_the_key_from_us(local_provider: Any, tmp_path: Path) -> None:
    document = {
        "consumer": {"name": "theirs"},
        "provider": {"name": "picsart"},
        "interactions": [
            {
                "description": "the balance",
                "request": {"method": "GET", "path": "/v1/balance", "headers": {"X-Picsart-API-Key": "placeholder"}},
                "response": {
                    "status": 200,
                    "matchingRules": {"$.body.credits": {"match": "type"}},
                    "body": {"credits": 1},
                },
            }
        ],
        "metadata": {"pactSpecification": {"version": "2.0.0"}},
    }
    file = tmp_path / "theirs.json"
    file.write_text(json.dumps(document))
    with local_provider() as provider:
        key = provider.stage("an account with credits", {"credits": 50})["api_key"]
        result = run("verify", str(file), "--base-url", provider.url, "--api-key", key)
        assert result.exit_code == 0, result.output
        refused = run("verify", str(file), "--base-url", provider.url, "--api-key", "wrong")
        assert refused.exit_code == 5
        assert refused.output == f"Error: {provider.url} does not know the key: give another one\n"


def test_a_state_is_put_on_by_the_admin_api(served: ServedWorld) -> None:
    def state(**asked: Any) -> httpx.Response:
        return ask(f"{served.url}/_mock/pact/state", method="POST", json=asked)

    done = state(
        state="a job that succeeded", params={"count": 3, "format": "WEBP"}, action="setup", consumer="x"
    ).json()
    key = {"X-Picsart-API-Key": done["api_key"]}
    told = ask(f"{served.base_url}/painting/{done['inference_id']}", headers=key)
    assert [picture["id"].rpartition(".")[2] for picture in told.json()["data"]] == ["webp"] * 3
    assert state(state="a job that succeeded", action="teardown").json() == {}
    poor = state(state="an account without enough credits", params={"credits": 1}).json()["api_key"]
    assert ask(f"{served.base_url}/balance", headers={"X-Picsart-API-Key": poor}).json() == {"credits": 1}
    assert state().json().keys() == {"api_key"}
    for wrong, sentence in (
        ({"state": "a job that suceeded"}, "did you mean a job that succeeded?"),
        ({"state": "a job that succeeded", "params": {"count": 11}}, "count is 11: use a whole number, 1 to 10"),
        ({"state": "a job that failed", "params": {"error_code": "forbidden"}}, "error_code is 'forbidden'"),
    ):
        refused = state(**wrong)
        assert refused.status_code == 422
        assert sentence in refused.json()["detail"]


def test_a_mock_writes_its_pact_when_it_stops_whatever_was_reset(tmp_path: Path) -> None:
    file = tmp_path / "pacts" / "shop.json"
    command = [sys.executable, "-m", "outpaint.mocks", "--port", "0", "--pact", str(file), "--pact-consumer", "shop"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().split()[3].removesuffix(",").removesuffix("/v1")
    try:
        form = {"prompt": "a wide beach", "count": "1"}
        from outpaint.mocks.world.web_sources import picture_for

        files = {"image": ("a.png", picture_for("https://example.com/a.png"))}
        assert ask(f"{url}/v1/painting/outpaint", method="POST", headers=KEY, data=form, files=files).status_code == 200
        ask(f"{url}/_mock/reset", method="POST")
        ask(f"{url}/t/other/v1/balance", headers=KEY)
    finally:
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "2 interactions of shop" in told
    descriptions = [one["description"] for one in json.loads(file.read_text())["interactions"]]
    assert descriptions[0] == "GET the balance -> 200"
    assert "image (PNG), prompt, count=1 -> 200 success with 1 JPG" in descriptions[1]


@pytest.mark.parametrize(
    ("words", "status"),
    [(("check", "nowhere.json"), 2), (("write", "p.json", "--consumer", "shop", "--url", "http://127.0.0.1:1"), 3)],
)
def test_the_installed_command_ends_as_its_help_says(
    words: tuple[str, ...], status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["outpaint", "contract", "pact", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == status
