"""The mock's tables beside the service model that every AWS SDK is made from."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.model import ServiceModel
from hypothesis import given
from hypothesis import strategies as st

from outpaint.mocks.sagemaker import runtime_calls
from outpaint.mocks.sagemaker.endpoint_definition import Endpoint, S3Location
from outpaint.mocks.sagemaker.runtime_calls import (
    MAX_BODY,
    MAX_INLINE,
    PARAMETERS,
    ROUTES,
    Refusal,
    RuntimeOperation,
    read_call,
)

_SESSION = botocore.session.Session()
_RUNTIME: ServiceModel = _SESSION.get_service_model("sagemaker-runtime")
_CONTROL: ServiceModel = _SESSION.get_service_model("sagemaker")


@pytest.mark.parametrize("operation", list(RuntimeOperation))
def test_every_header_parameter_has_its_name_and_bounds(operation: RuntimeOperation) -> None:
    members = _RUNTIME.operation_model(operation).input_shape.members
    headers = {name: shape for name, shape in members.items() if shape.serialization.get("location") == "header"}
    ours = {parameter.member: parameter for parameter in PARAMETERS[operation]}
    assert set(ours) == set(headers)
    for name, shape in headers.items():
        parameter = ours[name]
        assert parameter.header == shape.serialization["name"]
        assert parameter.most == shape.metadata["max"]
        assert parameter.least == shape.metadata.get("min", 0)
        assert parameter.is_number == (shape.type_name == "integer")


def test_routes_and_limits_are_the_model_s() -> None:
    for last, operation in ROUTES.items():
        http = _RUNTIME.operation_model(operation).http
        assert http["requestUri"] == f"/endpoints/{{EndpointName}}/{last}"
        assert http["method"] == "POST"
    assert {operation.value for operation in ROUTES.values()} == set(_RUNTIME.operation_names)
    assert _RUNTIME.shape_for("BodyBlob").metadata["max"] == MAX_BODY
    assert _RUNTIME.shape_for("AsyncBodyBlob").metadata["max"] == MAX_INLINE


def test_an_async_configuration_has_the_control_plane_s_members() -> None:
    def members(shape: Any) -> Any:
        if shape.type_name != "structure":
            return None
        return {name: members(member) for name, member in shape.members.items()}

    def ours(schema: Any, definitions: Any) -> Any:
        if "anyOf" in schema:
            schema = next(option for option in schema["anyOf"] if option.get("type") != "null")
        if "$ref" in schema:
            schema = definitions[schema["$ref"].rpartition("/")[2]]
        if schema.get("type") != "object":
            return None
        return {name: ours(member, definitions) for name, member in schema["properties"].items()}

    schema = Endpoint.model_json_schema(by_alias=True)
    mine = ours(schema["properties"]["AsyncInferenceConfig"], schema["$defs"])
    assert mine == members(_CONTROL.shape_for("AsyncInferenceConfig"))


@pytest.mark.parametrize(
    ("header", "value", "is_fine"),
    [
        ("filename", "job-1", True),
        ("filename", "job.json", True),
        ("filename", ".json", False),
        ("filename", "a/b", False),
        ("s3outputpathextension", "2026/11/22", True),
        ("s3outputpathextension", "a b", False),
        ("inference-id", "any thing/printable~", True),
        ("inference-id", " led by a blank", False),
        ("inference-id", "umlaut-\xe4", False),
        ("custom-attributes", "umlaut-\xe4", False),
        ("requestttlseconds", "60", True),
        ("requestttlseconds", "59", False),
        ("invocationtimeoutseconds", "0", False),
        ("invocationtimeoutseconds", "1.5", False),
    ],
)
def test_patterns(header: str, value: str, is_fine: bool) -> None:
    headers = {f"x-amzn-sagemaker-{header}": value}
    if is_fine:
        assert list(read_call(RuntimeOperation.ASYNC, "slow", headers, b"x").parameters.values()) == [value]
    else:
        with pytest.raises(Refusal) as caught:
            read_call(RuntimeOperation.ASYNC, "slow", headers, b"x")
        assert caught.value.code == "ValidationError"


@given(st.text(st.characters(codec="ascii"), max_size=70))
def test_endpoint_names_are_judged_as_the_model_does(name: str) -> None:
    shape = _RUNTIME.shape_for("EndpointName").metadata
    fits = len(name) <= shape["max"] and re.fullmatch(shape["pattern"], name) is not None
    try:
        read_call(RuntimeOperation.INVOKE, name, {}, b"")
    except Refusal:
        assert not fits
    else:
        assert fits


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_botocore_reads_what_the_event_stream_writes(parts: list[bytes]) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(
        b"".join(map(runtime_calls.payload_part, parts)) + runtime_calls.stream_error("StreamBroken", "gone")
    )
    *read, last = list(buffer)
    assert [event.payload for event in read] == parts
    assert all(event.headers[":event-type"] == "PayloadPart" for event in read)
    assert last.headers[":exception-type"] == "ModelStreamError"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("s3://b/a/key", ("b", "a/key")),
        ("s3://b", ("b", "")),
        ("https://b.s3.amazonaws.com/a%20key", ("b", "a key")),
        ("https://my.b.s3.eu-west-1.amazonaws.com/k", ("my.b", "k")),
        ("https://s3.eu-west-1.amazonaws.com/b/a/k", ("b", "a/k")),
        ("https://s3-us-west-2.amazonaws.com/b/k", ("b", "k")),
    ],
)
def test_addresses_of_s3(address: str, place: tuple[str, str]) -> None:
    location = S3Location.parse(address)
    assert (location.bucket, location.key) == place


@pytest.mark.parametrize("address", ["b/k", "http://b.s3.amazonaws.com/k", "https://example.com/b/k", "s3:///k", ""])
def test_what_is_no_address_of_s3(address: str) -> None:
    with pytest.raises(ValueError, match="S3"):
        S3Location.parse(address)


@pytest.mark.parametrize(
    ("names", "key"),
    [((None, "f"), "p/q/f"), (("", "f"), "p/q/f"), (("/x/", "f"), "p/q/x/f"), (("x/y", "f"), "p/q/x/y/f")],
)
def test_keys_below_an_output_path(names: tuple[str | None, ...], key: str) -> None:
    assert S3Location.parse("s3://b/p/q/").under(*names).key == key
