"""A runtime of forty lines: asks for events, does what they say, and reports. Run by the tests, imported by none."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"


def post(path: str, body: bytes, **headers: str) -> int:
    request = urllib.request.Request(ROOT + path, body, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


if sys.argv[-1] == "broken":
    post("/init/error", b"no such module", **{"Lambda-Runtime-Function-Error-Type": "Runtime.ImportModuleError"})
    sys.exit(1)
while True:
    with urllib.request.urlopen(f"{ROOT}/invocation/next") as asked:
        told, event = dict(asked.headers), json.loads(asked.read())
    path = f"/invocation/{told['Lambda-Runtime-Aws-Request-Id']}"
    what = event.get("do")
    if what == "exit":
        sys.exit(3)
    if what == "hang":
        time.sleep(3600)
    if what == "fail":
        post(f"{path}/error", b'{"errorMessage": "it broke"}', **{"Lambda-Runtime-Function-Error-Type": "ValueError"})
    elif what == "answer another":
        status = post("/invocation/nobody/response", b"{}")
        post(f"{path}/response", json.dumps(status).encode())
    elif what == "fill":
        status = post(f"{path}/response", b" " * event["bytes"])
        os.write(1, f"answered {status}\n".encode())
    elif what == "meet":
        # Goes on once another process is here too.
        folder = Path(event["folder"])
        (folder / str(os.getpid())).touch()
        while len(list(folder.iterdir())) < event["people"]:
            time.sleep(0.01)
        post(f"{path}/response", str(os.getpid()).encode())
    else:
        said = {"headers": told, "event": event, "pid": os.getpid(), "handler": os.environ["_HANDLER"]}
        said["now_ms"] = time.time() * 1000
        post(f"{path}/response", json.dumps(said).encode())
