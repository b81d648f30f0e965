"""DynamoDB, S3 and SageMaker as far as a job's life and a balance need them: right answers at no cost.

Standard library alone, for the measured process imports it too.
"""

import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENVIRONMENT = {
    "OUTPAINT_TABLE": "outpaint",
    "OUTPAINT_BUCKET": "outpaint-pictures",
    "OUTPAINT_ENDPOINT": "painter",
    "OUTPAINT_RATE_LIMIT": "1000000",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What a function is told of them."""
KEY = "bench"
ACCOUNT = {
    "pk": {"S": "KEY#" + hashlib.sha256(KEY.encode()).hexdigest()},
    "account_id": {"S": "ann"},
    "account_name": {"S": "Ann"},
    "credits": {"N": "1000"},
    "allowed": {"BOOL": True},
    "loopback_only": {"BOOL": False},
}


class StubAws:
    """Remembers jobs as they were made, and the objects that it is given; counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.items: dict[str, dict] = {ACCOUNT["pk"]["S"]: ACCOUNT}
        self.objects: dict[str, bytes] = {}
        """Objects that can be read, by the path of their URL."""

    def answer(self, target: str | None, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a call; `target` is DynamoDB's X-Amz-Target."""
        if target is not None:
            said = json.dumps(self.table(target.partition(".")[2], json.loads(body))).encode()
            return 200, {"Content-Type": "application/x-amz-json-1.0"}, said
        self.calls += 1
        if path.startswith("/endpoints/"):
            return 202, {"Content-Type": "application/json"}, b'{"InferenceId": "x"}'
        return 200, {"ETag": '"0"'}, self.objects.get(path, b"")

    def table(self, operation: str, asked: dict) -> dict:
        """What DynamoDB answers."""
        self.calls += 1
        if operation == "TransactWriteItems":
            # Claims are not kept, so that the same submit makes a job each time.
            puts = [action["Put"]["Item"] for action in asked["TransactItems"] if "Put" in action]
            self.items |= {item["pk"]["S"]: item for item in puts if item["pk"]["S"].startswith("JOB#")}
            return {}
        item = self.items.get(asked["Key"]["pk"]["S"])
        if operation == "GetItem":
            return {} if item is None else {"Item": item}
        if item is None:
            return {"Attributes": {"requests": {"N": "1"}}}
        return {"Attributes": {**item, "job_state": asked["ExpressionAttributeValues"][":to"]}}


def serve(stub: StubAws) -> ThreadingHTTPServer:
    """A server of these answers on a free loopback port; run it, and shut it down."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            if self.headers.get("Expect", "").lower() == "100-continue":
                self.send_response_only(100)
                self.end_headers()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = stub.answer(self.headers.get("X-Amz-Target"), self.path, body)
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = answer  # noqa: N815 - http.server's names

        def handle_expect_100(self) -> bool:
            return True

        def log_message(self, *_: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)
