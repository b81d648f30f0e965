"""One process that is measured: imports a handler from a package, gives it events, and prints what that took.

    python -I -S driver.py cold PACKAGE MODULE EVENT
    python -I -S driver.py warm|memory PACKAGE MODULE EVENT whole|unseen|form [ROUNDS]

`whole` is all of a request, `unseen` all but looking at its pictures, `form` its base64, multipart and fields alone.
`-I -S` leave nothing on the path but the standard library and the package, as in a sandbox. Prints one line of JSON.
"""

import importlib
import json
import sys
import time


class Context:
    """What a function may ask Lambda."""

    function_name = "bench"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def main() -> None:
    mode, package, module, event_file, *more = sys.argv[1:]
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
    part, *rounds = more
    handler, wanted = _part(part, module, wanted)

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


def _part(part, name, wanted):
    """The handler as far as the part goes, and the status that it then answers."""
    module = importlib.import_module(name)
    if name == "plain_handler":
        if part == "unseen":
            module.check_pictures = lambda *_: None
        elif part == "form":
            # The resolver routes, parses and validates; the route then ends at its first line.
            module.authenticate = lambda: None
            wanted = 401
    elif part == "unseen":
        from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
        from outpaint.painting.inputs import inspection

        told = MaskInterpretation(source=MaskSource.MASK_LUMINANCE, painted_share=0.5, warnings=())
        inspection.inspect = lambda *_, **__: inspection.Inspection(1, 1, told)
    elif part == "form":
        from outpaint.contracts.requests import OutpaintRequest
        from outpaint.functions.handlers.gateway_events import request_body, request_head
        from outpaint.functions.http.bodies import read_fields

        def read(event, _):
            request = OutpaintRequest.from_fields(read_fields(request_head(event), request_body(event)))
            return {"statusCode": wanted if request.mask is not None else 0}

        return read, wanted
    return module.handler, wanted


def _stub_the_cloud():
    """Answer every call where botocore's own Stubber does: once it is checked and written, before it is signed."""
    from pathlib import Path

    sys.path.append(str(Path(__file__).parents[1]))
    from stub_aws import StubAws

    sys.path.pop()
    from botocore.hooks import EventAliaser

    stub = StubAws()
    emit = EventAliaser.emit_until_response

    class Ok:
        status_code = 200

    def answered(self, event, **given):
        if not event.startswith("before-call."):
            return emit(self, event, **given)
        if given["model"].service_model.service_name == "dynamodb":
            return None, (Ok, stub.table(given["model"].name, json.loads(given["params"]["body"])))
        stub.calls += 1
        return None, (Ok, {})

    EventAliaser.emit_until_response = answered
    return lambda: stub.calls


main()
