"""The events that Lambda's functions are called with, as a REST API and SQS make them."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

from manual_process import START

from outpaint.contracts.paths_and_headers import API_KEY


def sqs_event(*messages: str) -> dict[str, Any]:
    """SNS notifications as SQS hands them to a function; ids are m0, m1, and so on."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": "r",
                "body": json.dumps({"Type": "Notification", "MessageId": "n", "Message": message}),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(round(START * 1000))},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:completions",
                "awsRegion": "eu-west-1",
            }
            for number, message in enumerate(messages)
        ]
    }


def rest_event(
    method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """A REST API's proxy event with the key of a test's account, any body in base64."""
    given = {"Host": "api.example.com", "X-Forwarded-Proto": "https", API_KEY: "key", **(headers or {})}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.strip("/")},
        "stageVariables": None,
        "requestContext": {
            "requestId": str(uuid4()),
            "stage": "live",
            "path": f"/live{path}",
            "domainName": "api.example.com",
            "identity": {"sourceIp": "198.51.100.7"},
        },
        "body": None if body is None else base64.b64encode(body).decode(),
        "isBase64Encoded": body is not None,
    }
