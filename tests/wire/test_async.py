"""Not waiting: mode, Prefer, 202, and the poll from 202 to 200."""

from __future__ import annotations

import pytest
from outpaint_contracts import headers
from outpaint_contracts.responses import Accepted, StatusWord
from wire_kit import pictures
from wire_kit.api import Api, accepted_of, result_of
from wire_kit.providers import Provider

ASYNC = {"Prefer": "respond-async"}


def test_mode_async_is_answered_202_with_both_ids_equal_and_data_empty(api: Api) -> None:
    answer = api.outpaint(mode="async")
    accepted = accepted_of(answer)
    assert accepted.inference_id == accepted.transaction_id
    assert answer.json()["data"] == []
    assert accepted.status is StatusWord.PROCESSING
    assert accepted.mask_interpretation.painted_share > 0
    assert int(answer.headers[headers.RETRY_AFTER]) >= 1
    api.end_of(accepted.inference_id)


def test_location_leads_to_the_poll(api: Api) -> None:
    answer = api.outpaint(mode="async")
    accepted = accepted_of(answer)
    found = api.get(answer.headers["Location"])
    assert found.status_code in (200, 202)
    assert found.json()["inference_id"] == accepted.inference_id


def test_the_poll_is_202_while_the_job_runs_and_200_when_it_has_ended(provider: Provider, api: Api) -> None:
    with provider.hold():
        accepted = accepted_of(api.outpaint(mode="async", count=2))
        for _ in range(3):
            waiting = accepted_of(api.poll(accepted.inference_id))
            assert waiting.inference_id == waiting.transaction_id == accepted.inference_id
            assert waiting.status is StatusWord.PROCESSING
    result = result_of(api.end_of(accepted.inference_id))
    assert result.inference_id == accepted.inference_id
    assert len(result.data) == 2


def test_two_jobs_polled_in_turn_keep_their_own_states(provider: Provider, api: Api) -> None:
    done = accepted_of(api.outpaint(mode="async"))
    api.end_of(done.inference_id)
    with provider.hold():
        running = accepted_of(api.outpaint(mode="async"))
        for _ in range(2):
            assert api.poll(done.inference_id).status_code == 200
            assert api.poll(running.inference_id).status_code == 202
    api.end_of(running.inference_id)
    assert api.poll(done.inference_id).status_code == 200


def test_a_result_stays_the_same_however_often_it_is_polled(api: Api) -> None:
    accepted = accepted_of(api.outpaint(mode="async"))
    first, second = api.end_of(accepted.inference_id).json(), api.poll(accepted.inference_id).json()
    assert [item["id"] for item in first["data"]] == [item["id"] for item in second["data"]]
    assert first["status"] == second["status"] == "success"


@pytest.mark.parametrize("mode", ["async", "ASYNC", " async "])
def test_mode_may_stand_in_the_query(api: Api, mode: str) -> None:
    api.end_of(accepted_of(api.outpaint(params={"mode": mode})).inference_id)


@pytest.mark.parametrize(("body", "query", "status"), [("sync", "async", 200), ("async", "sync", 202)])
def test_mode_in_the_body_beats_mode_in_the_query(api: Api, body: str, query: str, status: int) -> None:
    assert api.outpaint(mode=body, params={"mode": query}).status_code == status


def test_prefer_respond_async_is_answered_202_and_said_to_be_applied(api: Api) -> None:
    answer = api.outpaint(headers=ASYNC)
    accepted_of(answer)
    assert answer.headers[headers.PREFERENCE_APPLIED] == "respond-async"


def test_prefer_beats_mode_sync(api: Api) -> None:
    accepted_of(api.outpaint(mode="sync", headers=ASYNC))


def test_prefer_wait_beats_mode_async(api: Api) -> None:
    answer = api.outpaint(mode="async", headers={"Prefer": "wait=30"})
    result_of(answer)
    assert answer.headers[headers.PREFERENCE_APPLIED] == "wait=30"


def test_both_preferences_together_wait_and_are_both_said_to_be_applied(api: Api) -> None:
    answer = api.outpaint(headers={"Prefer": "respond-async, wait=30"})
    result_of(answer)
    assert answer.headers[headers.PREFERENCE_APPLIED] == "respond-async, wait=30"


def test_a_wait_that_runs_out_is_answered_202_and_loses_nothing(provider: Provider, api: Api) -> None:
    with provider.hold():
        answer = api.outpaint(count=2, headers={"Prefer": "wait=1"})
        accepted = accepted_of(answer)
        assert answer.headers[headers.PREFERENCE_APPLIED] == "wait=1"
        assert accepted.status is StatusWord.PROCESSING
    assert len(result_of(api.end_of(accepted.inference_id)).data) == 2


def test_a_sync_request_waits_as_long_as_the_host_allows_and_no_longer(provider: Provider) -> None:
    with provider.configured(sync_wait=1) as patient, patient.client() as client, patient.hold():
        own = Api(client, patient.key())
        accepted_of(own.outpaint(mode="sync"))


@pytest.mark.parametrize(
    "prefer",
    [
        "respond-async;q=1",
        "Respond-Async",
        'wait="20", respond-async',
        "handling=lenient, respond-async",
        "wait=0, respond-async",
    ],
)
def test_preferences_are_read_as_rfc_7240_writes_them(api: Api, prefer: str) -> None:
    answer = api.outpaint(headers={"Prefer": prefer})
    assert answer.status_code in (200, 202)
    assert "respond-async" in answer.headers[headers.PREFERENCE_APPLIED]


@pytest.mark.parametrize(
    "prefer", ["", "wait", "wait=", "wait=soon", "wait=-3", "wait=0", "wait=1.5", "return=minimal", ",,;=,"]
)
def test_preferences_that_mean_nothing_are_ignored_and_not_said_to_be_applied(api: Api, prefer: str) -> None:
    answer = api.outpaint(headers={"Prefer": prefer})
    result_of(answer)
    assert headers.PREFERENCE_APPLIED not in answer.headers


def test_a_wait_beyond_the_maximum_is_granted_the_maximum(api: Api) -> None:
    answer = api.outpaint(headers={"Prefer": "wait=100000"})
    result_of(answer)
    assert answer.headers[headers.PREFERENCE_APPLIED] == f"wait={headers.MAX_WAIT}"


def test_the_preference_of_two_header_lines_counts_as_one_list(api: Api) -> None:
    answer = api.client.post(
        "/v1/painting/outpaint",
        headers=[(headers.API_KEY, api.key or ""), ("Prefer", "wait=30"), ("Prefer", "respond-async")],
        files={"image": pictures.canvas()},
        data={"prompt": "a lake", "count": "1"},
    )
    assert set(answer.headers[headers.PREFERENCE_APPLIED].split(", ")) == {"respond-async", "wait=30"}


def test_the_word_of_2025_can_be_chosen_for_the_post_alone(provider: Provider) -> None:
    with provider.configured(accepted_word="success") as vendor, vendor.client() as client, vendor.hold():
        own = Api(client, vendor.key())
        accepted = Accepted.model_validate(own.outpaint(mode="async").json())
        assert accepted.status is StatusWord.SUCCESS
        assert accepted_of(own.poll(accepted.inference_id)).status is StatusWord.PROCESSING


def test_an_id_is_found_from_the_moment_it_was_given_out(provider: Provider, api: Api) -> None:
    with provider.hold():
        for _ in range(5):
            accepted = accepted_of(api.outpaint(mode="async"))
            assert api.poll(accepted.inference_id).status_code == 202


def test_a_job_that_never_ends_is_ended_after_its_lifetime(provider: Provider, api: Api) -> None:
    with provider.hold(), api.charged(0):
        accepted = accepted_of(api.outpaint(mode="async"))
        provider.advance(3601)
        answer = api.poll(accepted.inference_id)
    assert answer.status_code == 200
    assert answer.json()["status"] == "error"
    assert answer.json()["error_code"] == "timed_out"


def test_a_job_that_waited_in_the_queue_beyond_its_lifetime_timed_out_too(provider: Provider, api: Api) -> None:
    with api.charged(0):
        with provider.hold():
            painted, queued = (accepted_of(api.outpaint(mode="async")) for _ in range(2))
            provider.advance(3601)
            # The first is in the painter's hands, and might yet be finished if nobody asked for it now.
            assert api.poll(painted.inference_id).json()["error_code"] == "timed_out"
        assert api.end_of(queued.inference_id).json()["error_code"] == "timed_out"


def test_a_job_is_forgotten_when_its_files_are(provider: Provider, api: Api) -> None:
    accepted = accepted_of(api.outpaint(mode="async"))
    api.end_of(accepted.inference_id)
    provider.advance(24 * 3600 - 60)
    assert api.poll(accepted.inference_id).status_code == 200
    provider.advance(120)
    assert api.poll(accepted.inference_id).status_code == 404
