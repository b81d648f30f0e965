"""The mock told and asked over HTTP, as a test in another language would, and from the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.command_line.entry import main
from outpaint.mocks.sagemaker.aws_cloud import new_client
from outpaint.mocks.sagemaker.sagemaker_server import ServedSageMaker


def _ask(url: str, method: str, path: str, content: Any = None) -> tuple[int, Any]:
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(f"{url}/_mock{path}", body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_endpoints_come_change_and_go(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    url = sagemaker_mock.url
    definition = {"EndpointName": "slow", "AsyncInferenceConfig": cloud.configuration()}
    status, content = _ask(url, "POST", "/endpoints", definition)
    assert status == 201
    assert content["Metrics"]["InstancesInService"] == 1
    status, content = _ask(url, "PUT", "/endpoints/quick", {"Rules": [{"Answer": {"Body": "hello"}}]})
    assert (status, content["EndpointName"], content["Metrics"]) == (200, "quick", {})
    answer = sagemaker_mock.client().invoke_endpoint(EndpointName="quick", Body=b"")
    assert answer["Body"].read() == b"hello"
    assert _ask(url, "GET", "")[1]["Endpoints"] == ["quick", "slow"]
    _, content = _ask(url, "GET", "/endpoints")
    assert [endpoint["EndpointName"] for endpoint in content["Endpoints"]] == ["quick", "slow"]
    _, content = _ask(url, "PUT", "/endpoints/slow/instances", {"Instances": 0})
    assert content["Metrics"]["InstancesInService"] == 0
    assert _ask(url, "DELETE", "/endpoints/slow")[0] == 200
    assert _ask(url, "GET", "/endpoints/slow")[0] == 404
    assert _ask(url, "DELETE", "/endpoints/slow")[0] == 404


def test_faults_clock_and_journal(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    url, client = sagemaker_mock.url, sagemaker_mock.client()
    rules = [{"Answer": {"Echo": True, "Seconds": 600}}]
    _ask(url, "PUT", "/endpoints/slow", {"AsyncInferenceConfig": cloud.configuration(), "Rules": rules})
    assert _ask(url, "POST", "/faults", {"Step": "InvokeEndpointAsync", "Kind": "ThrottlingException"})[0] == 201
    assert len(_ask(url, "GET", "/faults")[1]["Faults"]) == 1
    with pytest.raises(client.exceptions.ClientError, match="ThrottlingException"):
        client.invoke_endpoint_async(EndpointName="slow", Body=b"x", InferenceId="one")
    client.invoke_endpoint_async(EndpointName="slow", Body=b"x", InferenceId="two")
    assert _ask(url, "GET", "/faults")[1]["Faults"] == []
    before = _ask(url, "GET", "/clock")[1]["Now"]
    assert _ask(url, "POST", "/clock", {"Advance": 600})[1]["Now"] == before + 600
    _, content = _ask(url, "GET", "/journal?endpoint=slow&inference_id=two")
    (entry,) = content["Entries"]
    assert (entry["status"], entry["state"], entry["ended_at"]) == (202, "Completed", before + 600)
    assert entry["notices"][0]["message"]["inferenceId"] == "two"
    assert len(_ask(url, "GET", "/journal")[1]["Entries"]) == 2
    _ask(url, "DELETE", "/journal")
    assert _ask(url, "GET", "/journal")[1]["Entries"] == []
    assert _ask(url, "POST", "/settle")[0] == 200
    assert _ask(url, "POST", "/clock", {"Scale": 2})[1]["Scale"] == 2


@pytest.mark.parametrize(
    ("method", "path", "content", "said"),
    [
        ("POST", "/endpoints", {"EndpointName": "a b"}, "EndpointName"),
        ("POST", "/endpoints", {"EndpointName": "a", "Colour": "red"}, "Colour"),
        ("POST", "/endpoints", {"EndpointName": "a", "AsyncInferenceConfig": {"OutputConfig": {}}}, "S3OutputPath"),
        ("POST", "/endpoints", {"EndpointName": "a", "Scaling": {"InitialInstances": 2}}, "MaxInstances"),
        ("POST", "/endpoints", {"EndpointName": "a", "Rules": [{}], "Container": "http://x"}, "exclude"),
        ("POST", "/faults", {"Step": "Notification", "Kind": "ModelError"}, "cannot happen"),
        ("POST", "/faults", {"Step": "Processing", "Kind": "Lost", "After": True}, "After"),
        ("POST", "/clock", {"Advance": -1}, "forward only"),
        ("POST", "/clock", {"Back": 1}, "Advance or Scale"),
        ("POST", "/clock", [1], "no JSON object"),
        ("POST", "/clock", [{}] * 10_000, "more than 10000 lists and objects"),
        ("PUT", "/endpoints/nobody/instances", {"Instances": 1}, "no endpoint nobody"),
        ("PUT", "/endpoints/nobody/instances", {"Instances": -1}, "at least 0"),
    ],
)
def test_what_cannot_be_done_is_said(
    sagemaker_mock: ServedSageMaker, method: str, path: str, content: Any, said: str
) -> None:
    status, answer = _ask(sagemaker_mock.url, method, path, content)
    assert status == 400
    assert said in f"{answer['Member']} {answer['Message']}"


def test_the_same_from_python(sagemaker_mock: ServedSageMaker) -> None:
    with pytest.raises(OutpaintError, match="no endpoint nobody"):
        sagemaker_mock.mock.metrics("nobody")
    with pytest.raises(OutpaintError, match="cannot happen"):
        sagemaker_mock.mock.inject({"Step": "Processing", "Kind": "Disconnect"})


def _outpaint(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from outpaint.functions.command_line.entry import main; main()", *arguments]


def test_the_command_plays_an_endpoint_in_real_time(aws_endpoint: str, cloud: Any, tmp_path: Path) -> None:
    config = tmp_path / "endpoints.json"
    config.write_text(json.dumps({"Endpoints": [{"EndpointName": "other"}]}))
    command = _outpaint(
        *("mock-sagemaker", "--port", "0", "--s3-endpoint", aws_endpoint, "--config", str(config)),
        *("--endpoint", "quick", "--async-endpoint", "slow", "--output-path", "s3://pictures/cli"),
        *("--success-topic", cloud.success, "--time-scale", "100", "--cold-start", "5"),
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert url is not None, process.stderr.read() if process.stderr else ""
            client = new_client(
                "sagemaker-runtime",
                endpoint_url=url[0],
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
            for name in ("quick", "other"):
                assert client.invoke_endpoint(EndpointName=name, Body=b"\xff")["Body"].read() == b"\xff"
            answer = client.invoke_endpoint_async(EndpointName="slow", Body=b"later", InferenceId="cli")
            received = cloud.sqs.receive_message(QueueUrl=cloud.queue, WaitTimeSeconds=20)["Messages"]
            assert json.loads(json.loads(received[0]["Body"])["Message"])["inferenceId"] == "cli"
            assert cloud.get(answer["OutputLocation"]) == b"later"
            # What is only received comes again half a minute later, to whichever test then reads the queue.
            cloud.sqs.delete_message(QueueUrl=cloud.queue, ReceiptHandle=received[0]["ReceiptHandle"])
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--async-endpoint", "slow"), "needs --output-path"),
        (("--config", "broken.json"), "is no JSON"),
        (("--config", "empty.json"), "has no list of endpoints"),
        (("--async-endpoint", "slow", "--output-path", "pictures"), "is no S3 address"),
        (("--endpoint", "a b"), "EndpointName"),
    ],
)
def test_the_command_says_what_is_missing(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "empty.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["outpaint", "mock-sagemaker", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in {1, 2}
    assert said in capsys.readouterr().err
