"""A consumer's pact, of whatever version and maker, read by ourselves and held against our contract."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from outpaint.conformance.pact_check.pact_command import pact
from outpaint.conformance.pact_check.pact_reading import read_pact
from outpaint.contracts import examples
from outpaint.mocks.world.web_sources import picture_for

JOB = examples.INFERENCE_ID
FORM = {"image_url": "https://example.com/a.png", "prompt": "a wide beach", "mode": "async"}
ACCEPTED = {"status": "processing", "inference_id": JOB, "transaction_id": JOB, "data": []}
KEY = {"X-Picsart-API-Key": "YOUR-API-KEY"}


def check(file: Path, *words: str) -> Result:
    return CliRunner().invoke(pact, ["check", str(file), *words])


def write(path: Path, version: str, *interactions: dict[str, Any]) -> Path:
    document = {
        "consumer": {"name": "their-shop"},
        "provider": {"name": "picsart"},
        "interactions": list(interactions),
        "metadata": {"pactSpecification": {"version": version}},
    }
    file = path / "pact.json"
    file.write_text(json.dumps(document))
    return file


def second(**changes: Any) -> dict[str, Any]:
    """A submit and its 202 as version 2 has it, with changes to request or response."""
    request = {
        "method": "POST",
        "path": "/v1/painting/outpaint",
        "headers": KEY | {"Content-Type": "application/json"},
        "body": FORM,
        "matchingRules": {"$.headers.X-Picsart-API-Key": {"match": "regex", "regex": ".+"}},
    }
    response = {
        "status": 202,
        "headers": {"Content-Type": "application/json", "Retry-After": "2"},
        "body": ACCEPTED,
        "matchingRules": {
            "$.headers.Retry-After": {"match": "regex", "regex": "[0-9]+"},
            "$.body.inference_id": {"match": "type"},
            "$.body.transaction_id": {"regex": "[0-9a-f-]+"},
        },
    }
    return {
        "description": "a submit",
        "providerState": "an account with credits",
        "request": request | changes.pop("request", {}),
        "response": response | changes.pop("response", {}),
    } | changes


def test_what_the_mock_wrote_is_covered(web_shop_pact: Path) -> None:
    result = check(web_shop_pact, "--strict")
    assert result.exit_code == 0, result.output
    count = len(json.loads(web_shop_pact.read_text())["interactions"])
    assert f"{count} of {count} interactions of web-shop are covered" in result.output


def test_version_2_is_read(tmp_path: Path) -> None:
    file = write(tmp_path, "2.0.0", second())
    assert read_pact(file).version == 2
    result = check(file, "--strict")
    assert result.exit_code == 0, result.output


def test_version_3_is_read_with_a_form_that_is_binary(tmp_path: Path) -> None:
    parts = [
        b'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        + picture_for("https://example.com/a.png"),
        b'Content-Disposition: form-data; name="prompt"\r\n\r\na wide beach',
        b'Content-Disposition: form-data; name="mode"\r\n\r\nasync',
    ]
    body = b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"
    interaction = {
        "description": "a form",
        "providerStates": [{"name": "an account with credits", "params": {"credits": 10}}],
        "request": {
            "method": "POST",
            "path": "/v1/painting/outpaint",
            "query": {"mode": ["async"]},
            "headers": KEY | {"Content-Type": "multipart/form-data; boundary=edge"},
            "body": base64.b64encode(body).decode(),
            "matchingRules": {
                "header": {"X-Picsart-API-Key": {"combine": "AND", "matchers": [{"match": "regex", "regex": ".+"}]}}
            },
        },
        "response": {
            "status": 202,
            "body": ACCEPTED,
            "matchingRules": {"body": {"$": {"combine": "AND", "matchers": [{"match": "type"}]}}},
        },
    }
    result = check(write(tmp_path, "3.0.0", interaction), "--strict")
    assert result.exit_code == 0, result.output


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "route": ({"request": {"path": "/v1/paint"}}, "the contract has nothing at /v1/paint"),
    "verb": ({"request": {"method": "PUT"}}, "/v1/painting/outpaint does not take PUT: use POST or OPTIONS"),
    "status": ({"response": {"status": 201}}, "is never answered with 201"),
    "header": ({"response": {"headers": {"X-Job": "1"}}}, "its answer has no header X-Job"),
    "counter": ({"response": {"headers": {"Retry-After": "soon"}}}, "Retry-After is a whole number"),
    "media type": ({"response": {"headers": {"Content-Type": "text/html"}}}, "its answer is application/json"),
    "member": ({"response": {"body": ACCEPTED | {"job": 1}}}, "$ has no member job"),
    "type": ({"response": {"body": ACCEPTED | {"inference_id": 7}}}, "$.inference_id is 7"),
    "word": ({"response": {"body": ACCEPTED | {"status": "waiting"}}}, '$.status is "waiting"'),
    "items": ({"response": {"body": ACCEPTED | {"data": [{"id": "a.jpg"}]}}}, "$.data has items"),
    "nested": (
        {
            "request": {"body": FORM | {"mode": "sync"}},
            "response": {"status": 200, "body": {"status": "success", "data": [{"uri": "x"}]}},
        },
        "$.data[0] has no member uri",
    ),
    "field": ({"request": {"body": FORM | {"count": 11}}}, "with 422 invalid_parameter (count has wrong value 11"),
    "missing": ({"request": {"body": {"prompt": "x"}}}, "with 422 missing_parameter (image is missing"),
    "content type": ({"request": {"headers": KEY | {"Content-Type": "text/csv"}}}, "with 415"),
    "async": ({"response": {"status": 200, "body": {"status": "success"}}}, "asks for an async job"),
    "taken": (
        {"response": {"status": 415, "body": {"error_code": "unsupported_image_type"}}},
        "the contract takes its request, and the pact expects 415",
    ),
    "code": (
        {"request": {"body": {"prompt": "x"}}, "response": {"status": 422, "body": {"error_code": "forbidden"}}},
        "forbidden has status 403, and the pact expects 422",
    ),
    "state": ({"providerState": "an acount with credits"}, "did you mean an account with credits?"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_is_not_covered_gets_its_line(tmp_path: Path, what: str) -> None:
    changes, line = FAULTS[what]
    result = check(write(tmp_path, "2.0.0", second(**changes)))
    assert result.exit_code == 1, result.output
    assert line in result.output
    assert "0 of 1 interactions of their-shop are covered" in result.output
    assert result.output.count("a submit: ") - result.output.count("warning: ") == 1, result.output


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"request": {"headers": {"Content-Type": "application/json"}}}, "whoever verifies it must add one"),
        ({"request": {"matchingRules": {}}}, "pins X-Picsart-API-Key"),
        ({"response": {"matchingRules": {}}}, "pins $.inference_id"),
        ({"response": {"matchingRules": {}}}, "pins Retry-After to 2"),
    ],
)
def test_what_will_not_stay_true_earns_a_warning(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    file = write(tmp_path, "2.0.0", second(**changes))
    result = check(file)
    assert result.exit_code == 0, result.output
    assert f" {line}" in result.output
    assert "warning: a submit: " in result.output
    assert check(file, "--strict").exit_code == 1


def test_a_refused_request_is_covered_where_the_pact_expects_that(tmp_path: Path) -> None:
    body = {"status": "error", "error_code": "missing_parameter", "code": 422}
    one = second(request={"body": {"prompt": "x"}}, response={"status": 422, "headers": {}, "body": body})
    assert check(write(tmp_path, "2.0.0", one)).exit_code == 0


def test_a_base_path_stands_before_every_path(tmp_path: Path) -> None:
    file = write(tmp_path, "2.0.0", second(request={"path": "/painting/outpaint"}))
    assert "did you mean it with --base-path /v1?" in check(file).output
    assert check(file, "--base-path", "/v1").exit_code == 0


def test_messages_are_not_of_this_api(tmp_path: Path) -> None:
    message = {"type": "Asynchronous/Messages", "description": "a completion", "contents": {}}
    result = check(write(tmp_path, "4.0", message))
    assert result.exit_code == 1
    assert "a completion: it is no HTTP interaction" in result.output


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no JSON", "it is no JSON, so it is no pact"),
        ("[]", "it names no consumer and provider"),
        ('{"consumer": {}, "provider": {}}', "it has no interactions"),
        ('{"consumer": {}, "provider": {}, "interactions": [{}]}', "interaction 1 has no request and response"),
        (
            '{"consumer": {}, "provider": {}, "interactions": [{"request": [], "response": {}}]}',
            "interaction 1 cannot be read",
        ),
    ],
)
def test_what_is_no_pact_is_told_so(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "pact.json"
    file.write_text(text)
    result = check(file)
    assert result.exit_code == 2
    assert sentence in result.output
    assert check(tmp_path / "nowhere.json").exit_code == 2
