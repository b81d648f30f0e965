"""moto's server on loopback, for S3, DynamoDB, SNS and SQS: `python -m local_cloud.moto_process PORT`.

Calls are taken one at a time. moto's transactions are several steps in Python, which two threads at once would tear
apart; in the real services each is one step that no other can split.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from local_cloud.processes import LOOPBACK


class _OneAtATime:
    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            return self._application(environ, start_response)


def main() -> None:
    """Serve until the process is ended."""
    application = _OneAtATime(DomainDispatcherApplication(create_backend_app))
    make_server(LOOPBACK, int(sys.argv[1]), application, threaded=True).serve_forever()


main()
