"""One process that is measured: imports a handler from a package, gives it events, and prints what that took.

    python -I -S driver.py cold|warm|memory PACKAGE MODULE EVENT [ROUNDS]

`-I -S` leave nothing on the path but the standard library and the package, as in a sandbox. Prints one line of JSON.
"""

import importlib
import json
import sys
import time
from urllib.parse import urlsplit


class Context:
    """What a function may ask Lambda."""

    function_name = "bench"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def main() -> None:
    mode, package, module, event_file, *rounds = sys.argv[1:]
    with open(event_file, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is an import that a handler may do without
        text = file.read()
    wanted = json.loads(text)["wanted"]
    sys.path.insert(0, package)
    if mode == "cold":
        event = json.loads(text)["event"]
        handler = importlib.import_module(module).handler
        answer = handler(event, Context())
        cpu = time.process_time()
        print(json.dumps({"status": answer["statusCode"], "cpu": cpu, "wanted": wanted}), flush=True)
        return
    calls = _stub_the_cloud()
    handler = importlib.import_module(module).handler

    def once() -> float:
        # Parsed anew, as the runtime client does it; that is in neither figure.
        event = json.loads(text)["event"]
        began = time.perf_counter()
        answer = handler(event, Context())
        took = time.perf_counter() - began
        assert answer["statusCode"] == wanted, answer
        return took

    for _ in range(3):
        once()
    made = calls()
    if mode == "warm":
        took = [once() for _ in range(int(rounds[0]))]
        print(json.dumps({"seconds": took, "calls": (calls() - made) // len(took)}))
        return
    import tracemalloc

    peaks = []
    for _ in range(3):
        event = json.loads(text)["event"]
        tracemalloc.start()
        handler(event, Context())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    print(json.dumps({"peak": min(peaks)}))


def _stub_the_cloud():
    """Answer every call where botocore would hand it to its HTTP client: all before that is done and measured."""
    from pathlib import Path

    sys.path.append(str(Path(__file__).parent))
    from stub_aws import StubAws

    sys.path.pop()
    from botocore.awsrequest import AWSResponse
    from botocore.httpsession import URLLib3Session

    stub = StubAws()

    class Raw:
        def __init__(self, body: bytes) -> None:
            self.body = body

        def stream(self, *_: object, **__: object) -> list[bytes]:
            return [self.body]

    def send(_, request):
        body = request.body or b""
        if not isinstance(body, bytes | bytearray | str):
            body = body.read()
        target = request.headers.get("X-Amz-Target")
        if isinstance(target, bytes):
            target = target.decode()
        small = body if target is not None else b""
        status, headers, content = stub.answer(target, urlsplit(request.url).path, small)
        return AWSResponse(request.url, status, headers, Raw(content))

    URLLib3Session.send = send
    return lambda: stub.calls


main()
