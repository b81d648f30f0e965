"""The pytest plugin, used as a consumer would: in a test suite of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
import respx  # noqa: F401 - see the test of pytest inside pytest

pytest_plugins = ["pytester"]

# Other plugins of this environment would take most of the time.
QUIET = ("-q", *(f"-pno:{name}" for name in ("cacheprovider", "cov", "hypothesispytest", "benchmark", "anyio")))


def test_every_fixture_leads_to_one_world(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import httpx, httpx2, requests
        from outpaint.mocks.world.web_sources import picture_for

        VENDOR = "https://genai-api.picsart.io/v1"
        KEY = {"X-Picsart-API-Key": "mine"}

        def test_all(outpaint_world, outpaint_api, outpaint_httpx2, outpaint_transport, outpaint_server):
            files = {"image": picture_for("https://a.test/a.png")}
            answer = httpx.post(VENDOR + "/painting/outpaint", headers=KEY, files=files, data={"prompt": "hills"})
            assert answer.status_code == 200
            assert outpaint_api.calls.last.request.wish.prompt == "hills"
            assert httpx2.get(VENDOR + "/balance", headers=KEY).json() == {"credits": 998}
            with httpx.Client(transport=outpaint_transport) as client:
                assert client.get("https://anywhere.test/v1/balance", headers=KEY).status_code == 200
            # Not through httpx: the router keeps it from the network.
            assert requests.get(outpaint_server.base_url + "/balance", headers=KEY).json() == {"credits": 998}
            assert len(outpaint_world.calls) == 4
            assert outpaint_api.world is outpaint_httpx2.world is outpaint_server.world is outpaint_world

        def test_the_next_test_begins_anew(outpaint_world, outpaint_api):
            assert not outpaint_world.calls
            assert httpx.get(VENDOR + "/balance", headers=KEY).json() == {"credits": 1000}
        """
    )
    pytester.runpytest_subprocess(*QUIET, "-W", "error").assert_outcomes(passed=2)


def test_pytest_inside_pytest_takes_the_router_any_number_of_times(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # After each run pytester forgets what was imported in it: our module, but not respx, which was there before.
    monkeypatch.delitem(sys.modules, "outpaint.mocks.transports.respx_router", raising=False)
    pytester.makepyfile(
        """
        import httpx

        def test_it(outpaint_api):
            answer = httpx.get("https://genai-api.picsart.io/v1/balance", headers={"X-Picsart-API-Key": "mine"})
            assert answer.json() == {"credits": 1000}
        """
    )
    for _ in range(2):
        pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=1)
        assert "outpaint.mocks.transports.respx_router" not in sys.modules


def test_the_marker_sets_the_world_up(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import time
        from datetime import UTC, datetime

        import httpx, pytest
        from outpaint.mocks import FrozenClockError

        pytestmark = pytest.mark.outpaint(credits=7, base_url="https://staging.test/api/v1", seed=4)
        KEY = {"X-Picsart-API-Key": "mine"}
        SUBMIT = "https://staging.test/api/v1/painting/outpaint"
        WISH = {"image_url": "https://a.test/a.png", "prompt": "hills", "mode": "async"}

        def test_from_the_module(outpaint_api):
            assert httpx.get("https://staging.test/api/v1/balance", headers=KEY).json() == {"credits": 7}

        @pytest.mark.outpaint(scenario=["credits(3)", "latency(2, on=balance)"], clock=0)
        def test_nearer_ones_add(outpaint_api):
            before = outpaint_api.clock.now()
            assert httpx.get("https://staging.test/api/v1/balance", headers=KEY).json() == {"credits": 3}
            assert outpaint_api.clock.now() - before == 2

        @pytest.mark.outpaint(keys={"known": 2}, settings={"rate_limit": 1}, clock="ticking")
        def test_keys_and_settings(outpaint_api):
            url = "https://staging.test/api/v1/balance"
            assert httpx.get(url, headers=KEY).status_code == 401
            known = {"X-Picsart-API-Key": "known"}
            assert [httpx.get(url, headers=known).status_code for _ in range(2)] == [200, 429]
            assert not outpaint_api.clock.is_frozen

        @pytest.mark.outpaint(scenario="time(30)", stalled_polls=2, start=datetime(2026, 1, 1))
        def test_polls_on_a_clock_that_stands(outpaint_api, outpaint_sleeps):
            job = httpx.post(SUBMIT, headers=KEY, data=WISH).json()
            poll = f"https://staging.test/api/v1/painting/{job['inference_id']}"
            assert httpx.get(poll, headers=KEY).status_code == 202
            with pytest.raises(FrozenClockError):
                httpx.get(poll, headers=KEY)
            time.sleep(30)
            assert httpx.get(poll, headers=KEY).status_code == 200
            assert outpaint_api.clock.time == datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
        """
    )
    pytester.runpytest_subprocess(*QUIET, "--strict-markers").assert_outcomes(passed=4)


def test_a_marker_that_cannot_be_is_told_so(pytester: pytest.Pytester) -> None:
    wrong = {
        "scenario='pols(2)'": "*did you mean polls?*",
        "credit=3": "*there is no option credit: did you mean credits?*",
        "clock='backwards'": "*use frozen, ticking*",
        "painter='oil'": "*use migan or flat*",
        "'polls(2)'": "*takes its options by name*",
    }
    tests = [
        f"@pytest.mark.outpaint({options})\ndef test_{number}(outpaint_api):\n    pass\n"
        for number, options in enumerate(wrong)
    ]
    pytester.makepyfile("import pytest\n\n" + "\n".join(tests))
    result = pytester.runpytest_subprocess(*QUIET)
    result.assert_outcomes(errors=len(wrong))
    for said in wrong.values():
        result.stdout.fnmatch_lines([said])


def test_what_was_set_and_never_met_fails_where_that_is_wanted(pytester: pytest.Pytester) -> None:
    """And what was to meet nothing: `usefixtures` guards every test."""
    pytester.makeini("[pytest]\nusefixtures = outpaint_guard\n")
    pytester.makepyfile(
        """
        import socket

        import pytest

        @pytest.mark.outpaint(assert_all_called=True)
        def test_it(outpaint_api):
            outpaint_api.scenarios.next("error(internal)")

        def test_but_not_by_itself(outpaint_api):
            outpaint_api.scenarios.next("error(internal)")

        def test_a_call_to_the_vendor_whose_failure_is_swallowed():
            try:
                socket.getaddrinfo("genai-api.picsart.io", 443)
            except AssertionError:
                pass
        """
    )
    result = pytester.runpytest_subprocess(*QUIET)
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(["*never called:*", "*scenario error(internal)*"])
    result.stdout.fnmatch_lines(["*real connections were tried: genai-api.picsart.io*"])


def test_workers_need_nothing_else(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest, requests
        from outpaint.mocks.world.web_sources import picture_for

        @pytest.mark.parametrize("number", range(40))
        def test_alone(outpaint_server, number):
            headers = {"X-Picsart-API-Key": "same", "Prefer": "respond-async"}
            headers["X-Mock-Scenario"] = f"polls({number % 4})"
            url = outpaint_server.base_url + "/painting/outpaint"
            files = {"image": picture_for("https://a.test/a.png")}
            job = requests.post(url, headers=headers, files=files, data={"prompt": str(number)}).json()
            poll = outpaint_server.base_url + "/painting/" + job["inference_id"]
            statuses = [requests.get(poll, headers=headers).status_code for _ in range(number % 4 + 1)]
            assert statuses == [202] * (number % 4) + [200]
            assert outpaint_server.calls.submits.last.request.wish.prompt == str(number)
            assert len(outpaint_server.calls.submits) == 1
        """
    )
    pytester.runpytest_subprocess(*QUIET, "-n", "3").assert_outcomes(passed=40)


def test_who_does_not_use_it_does_not_pay_for_it() -> None:
    code = (
        "import sys, outpaint.mocks.pytest_plugin\n"
        "heavy = ('pydantic', 'PIL', 'httpx', 'respx', 'uvicorn', 'outpaint.functions')\n"
        # The floor's own `__init__`, which imports nothing, holds what makes the others' names lazy.
        "print([name for name in sys.modules if name in heavy or name.startswith('outpaint.contracts.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
