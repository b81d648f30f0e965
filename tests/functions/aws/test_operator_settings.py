"""Price and wait, changed by an operator in Systems Manager while the functions run."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from lambda_context import LambdaContext

from outpaint.functions.aws.operator_settings import LIFETIME_S, OperatorSettings
from outpaint.functions.handlers import api_handler, job_handlers
from outpaint.functions.http.application import Application

PATH = "/a-stack"


@pytest.fixture
def fell_back() -> list[None]:
    return []


@pytest.fixture
def operator(cloud: Any, fell_back: list[None]) -> OperatorSettings:
    return OperatorSettings(cloud.clients(), PATH, cloud.settings.service, lambda: fell_back.append(None))


def put(cloud: Any, **values: str) -> None:
    for name, value in values.items():
        cloud.clients(watched=False).parameters.put_parameter(
            Name=f"{PATH}/{name}", Value=value, Type="String", Overwrite=True
        )


def test_what_is_not_there_is_the_deployments(cloud: Any, operator: OperatorSettings, fell_back: list[None]) -> None:
    assert operator.in_force(cloud.clock.now()) == cloud.settings.service
    assert cloud.wire.calls == ["GetParameters"]
    assert fell_back == []


def test_a_change_holds_within_a_minute_and_is_asked_for_once_a_minute(cloud: Any, operator: OperatorSettings) -> None:
    put(cloud, credits_per_image="3")
    assert operator.in_force(cloud.clock.now()).credits_per_image == 3
    put(cloud, credits_per_image="5", sync_wait="7")
    for _ in range(3):
        cloud.clock.time += (LIFETIME_S - 1) / 3
        assert operator.in_force(cloud.clock.now()).credits_per_image == 3
    cloud.clock.time += 1
    settings = operator.in_force(cloud.clock.now())
    # A client's Prefer gets no more than that either, as by the template's SyncWait.
    assert (settings.credits_per_image, settings.sync_wait, settings.max_wait) == (5, 7, 7)
    assert len(cloud.wire.calls) == 2


@pytest.mark.parametrize("value", ["-1", "2.5", "two", " ", "1e400"])
def test_a_value_that_is_none_leaves_the_deployments_and_is_told_once(
    cloud: Any, operator: OperatorSettings, fell_back: list[None], caplog: pytest.LogCaptureFixture, value: str
) -> None:
    put(cloud, credits_per_image=value, sync_wait="5")
    for reads in (1, 2):
        settings = operator.in_force(cloud.clock.now())
        assert settings.credits_per_image == cloud.settings.service.credits_per_image
        assert settings.sync_wait == 5, "the other one holds"
        assert len(fell_back) == reads
        cloud.clock.time += LIFETIME_S
    (record,) = caplog.records
    assert "credits_per_image" in record.getMessage()
    put(cloud, credits_per_image="2")
    assert operator.in_force(cloud.clock.now()).credits_per_image == 2
    assert len(fell_back) == 2


def test_a_wait_is_never_longer_than_the_function_and_its_gateway_allow(
    cloud: Any, operator: OperatorSettings, caplog: pytest.LogCaptureFixture
) -> None:
    put(cloud, sync_wait="25")
    assert operator.in_force(cloud.clock.now()).max_wait == cloud.settings.service.max_wait == 24
    assert "24 s" in caplog.text


@pytest.mark.parametrize("error", ["ThrottlingException", "AccessDeniedException", "nobody answers"])
def test_where_it_does_not_answer_what_was_read_last_holds(
    cloud: Any,
    operator: OperatorSettings,
    fell_back: list[None],
    caplog: pytest.LogCaptureFixture,
    refused: Any,
    error: str,
) -> None:
    fault = ConnectTimeoutError(endpoint_url="ssm") if error == "nobody answers" else refused(error, 400)
    cloud.wire.faults["GetParameters"] = [fault]
    put(cloud, credits_per_image="3")
    assert operator.in_force(cloud.clock.now()) == cloud.settings.service
    assert operator.in_force(cloud.clock.now() + LIFETIME_S / 2) == cloud.settings.service
    assert len(fell_back) == len(caplog.records) == 1, "a submit does not wait for it again at once"
    cloud.clock.time += LIFETIME_S
    assert operator.in_force(cloud.clock.now()).credits_per_image == 3
    cloud.wire.faults["GetParameters"] = [fault, fault]
    for _ in range(2):
        cloud.clock.time += LIFETIME_S
        assert operator.in_force(cloud.clock.now()).credits_per_image == 3
    assert len(fell_back) == 3
    assert len(caplog.records) == 2


def test_a_submit_is_charged_the_new_price_and_a_job_gives_back_the_one_it_paid(
    cloud: Any, cut_out: bytes, operator: OperatorSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = cloud.stack()
    monkeypatch.setattr(api_handler, "answering", lambda: (stack, Application(stack.service)))
    monkeypatch.setattr(api_handler, "operated", lambda: operator)
    monkeypatch.setattr(job_handlers, "settling", lambda: stack)
    put(cloud, credits_per_image="4", sync_wait="0")
    body, content_type = cloud.form(image=cut_out, prompt="a field", count="2")
    event = cloud.http("POST", "/v1/painting/outpaint", body, **{"content-type": content_type})
    answer = api_handler.handler(event, None)
    assert answer["statusCode"] == 202, "no wait is left"
    assert cloud.credits() == 20 - 8
    put(cloud, credits_per_image="1")
    cloud.clock.time += LIFETIME_S
    (request,) = cloud.endpoint.queue
    cloud.fail(request, b"")
    settle(cloud.event(request, "Failed"))
    assert cloud.credits() == 20
    cloud.wire.calls.clear()
    api_handler.handler(cloud.http("GET", "/v1/balance"), None)
    assert "GetParameters" not in cloud.wire.calls, "only a submit has to do with price and wait"


def settle(event: dict[str, Any]) -> None:
    assert job_handlers.completion(event, LambdaContext()) == {"batchItemFailures": []}


def test_without_a_path_nobody_is_asked(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_handler, "answering", lambda: (cloud.stack(), None))
    for variable, asked in (("", False), (PATH, True)):
        monkeypatch.setenv("OUTPAINT_PARAMETERS", variable)
        api_handler.operated.cache_clear()
        assert (api_handler.operated() is not None) is asked
    api_handler.operated.cache_clear()
    assert cloud.wire.calls == []
    assert "parameters" not in vars(cloud.clients())
