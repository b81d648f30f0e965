"""AsyncAPI and JSON Schema of the messages inside a deployment.

No client gets any of them, for clients poll; they are for whoever puts another painter behind the service, or listens
to the ends of jobs.
"""

from __future__ import annotations

import json
import re
from typing import Final

from pydantic.json_schema import models_json_schema

from outpaint.contracts import examples
from outpaint.contracts.inference import Completion, DroppedEvent, InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.openapi import API_VERSION
from outpaint.contracts.openapi_components import SCHEMAS, JsonObject, Untitled, schemas
from outpaint.contracts.storage_names import answer_prefix, input_name

_MODELS: Final = (InferenceRequest, Manifest, InferenceFailure, Completion, DroppedEvent)
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# A name, not an address: whoever serves the files gives their own.
BASE: Final = f"https://outpaint-kit.example/schemas/{API_VERSION}/"
_SUFFIX: Final = ".schema.json"


def message_schemas(ref_template: str) -> dict[str, JsonObject]:
    """The messages between service, painter and SageMaker, by name, as their receivers validate them."""
    _, bundle = models_json_schema(
        [(model, "validation") for model in _MODELS],
        ref_template=ref_template,
        schema_generator=Untitled,
    )
    found: dict[str, JsonObject] = bundle["$defs"]
    return found


def schema_files(base: str = BASE) -> dict[str, str]:
    """The text of each file by its name, each with an `$id` under `base` and references to the files beside it."""
    named = {**message_schemas(SCHEMAS + "{model}"), **schemas()}
    return {name + _SUFFIX: _text(name, schema, base) for name, schema in sorted(named.items())}


def _text(name: str, schema: JsonObject, base: str) -> str:
    whole = {"$schema": DIALECT, "$id": f"{base.rstrip('/')}/{name}{_SUFFIX}", "title": name, **schema}
    text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    # References within one document become references to files.
    return re.sub(rf'"{SCHEMAS}(\w+)"', rf'"\1{_SUFFIX}"', text)


_MESSAGES: Final = "#/components/messages/"
_CHANNEL: Final = "#/channels/completions"
_BUCKET: Final = "s3://pictures-of-a-deployment"
_KINDS: Final = ("completed", "failed", "dropped")
_CORRELATES: Final = "The job's inference_id, with `.2` and so on behind it for its later tries."
_OUTPUT: Final = f"{_BUCKET}/{answer_prefix(examples.INFERENCE_ID)}"
_DROPPED: Final[JsonObject] = {
    "version": "1.0",
    "timestamp": "2026-11-22T12:01:04.310Z",
    "requestContext": {
        "requestId": "e4b46cbf-b738-4f3f-8880-a18cdf61200e",
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:outpaint-realtime:$LATEST",
        "condition": "EventAgeExceeded",
        "approximateInvokeCount": 0,
    },
    "requestPayload": {
        "inference_id": examples.INFERENCE_ID,
        "image": input_name(examples.INFERENCE_ID, "image"),
        "wish": {"prompt": "a beach at dusk", "seed": 7, "count": 1},
        "output_ids": ["7f9c2f0e-4c1d-4c53-9a7e-3d8b7d1f6a10.jpg"],
    },
}


def document() -> JsonObject:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Outpaint Image: the ends of jobs",
            "version": API_VERSION,
            "description": (
                "What a deployment on AWS (template.yaml) hears from its SageMaker asynchronous endpoint. Clients of "
                "the API get no events: they poll. Members of a message that are not described are SageMaker's own; "
                "nothing here hangs on them."
            ),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "completions": {
                # The topic's name is chosen by CloudFormation.
                "address": None,
                "title": "CompletionTopic",
                "description": (
                    "The stack's one SNS topic, named as the endpoint's SuccessTopic and ErrorTopic, and as the "
                    "real-time function's destination on failure. A queue subscribes to it without raw delivery: "
                    "there, the message is the text in `Message` of the SNS notification."
                ),
                "messages": {name: {"$ref": _MESSAGES + name} for name in _KINDS},
            }
        },
        "operations": {
            "settle": {
                "action": "receive",
                "channel": {"$ref": _CHANNEL},
                "summary": "End the job that the message tells of, and keep or give back its credits.",
                "description": (
                    "Delivery is at least once and in any order: a message that repeats, or comes after the job's "
                    "end, changes nothing. A message about a job that is not there yet is shown again, five times. A "
                    "job that its painter gave back (`unavailable`), or that the real-time function dropped, is sent "
                    "again."
                ),
                "messages": [{"$ref": f"{_CHANNEL}/messages/{name}"} for name in _KINDS],
            }
        },
        "components": {
            "messages": {
                "completed": _message(
                    "The painter answered with a success.",
                    {"const": "Completed"},
                    {"responseParameters": {"contentType": "application/json", "outputLocation": _OUTPUT}},
                ),
                "failed": _message(
                    "The painter refused, broke off or was not reached. Where its words lie, the call was answered.",
                    {"not": {"const": "Completed"}},
                    {"failureReason": "ClientError: Received server error (500) from model."},
                ),
                "dropped": {
                    "summary": "The real-time function did not see a job to its end.",
                    "contentType": "application/json",
                    "correlationId": {
                        "location": "$message.payload#/requestPayload/inference_id",
                        "description": "The job's inference_id.",
                    },
                    "payload": {"$ref": f"{SCHEMAS}DroppedEvent"},
                    "examples": [{"payload": _DROPPED}],
                },
            },
            "schemas": message_schemas(SCHEMAS + "{model}"),
        },
    }


def _message(summary: str, status: JsonObject, members: JsonObject) -> JsonObject:
    return {
        "summary": summary,
        "contentType": "application/json",
        "correlationId": {"location": "$message.payload#/inferenceId", "description": _CORRELATES},
        "payload": {"allOf": [{"$ref": f"{SCHEMAS}Completion"}, {"properties": {"invocationStatus": status}}]},
        "examples": [{"payload": _example(members)}],
    }


def _example(members: JsonObject) -> JsonObject:
    return {
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-22T12:00:21.417Z",
        "receivedTime": "2026-11-22T12:00:03.118Z",
        "invocationStatus": "Failed" if "failureReason" in members else "Completed",
        "requestParameters": {
            "contentType": "application/json",
            "endpointName": "outpaint-painter",
            "inputLocation": f"{_BUCKET}/{input_name(examples.INFERENCE_ID, 'request')}",
        },
        **members,
        "inferenceId": examples.INFERENCE_ID,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
