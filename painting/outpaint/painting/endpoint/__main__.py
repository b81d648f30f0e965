"""`python -m outpaint.painting.endpoint`: serve until SIGTERM, on :8080 as SageMaker expects."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType
from typing import Final

import uvicorn

from outpaint.contracts.errors import OutpaintError
from outpaint.painting.endpoint.endpoint_app import create_app
from outpaint.painting.endpoint.endpoint_process import EndpointProcess, open_store
from outpaint.painting.endpoint.endpoint_settings import EndpointSettings

_LOG: Final = logging.getLogger("outpaint.endpoint")


class _Server(uvicorn.Server):
    """Drains the service at SIGTERM; uvicorn itself only waits for the answers to open requests."""

    service: EndpointProcess

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        _LOG.warning("%s: shutting down", signal.Signals(sig).name)
        self.service.drain()
        # Uvicorn's own handler would raise the signal again at the end, and the exit status would not be 0.
        self.should_exit = True


def main(process: type[EndpointProcess] = EndpointProcess) -> int:
    """Serve this kind of process; the exit status is 1 where the settings or the weights are wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        settings = EndpointSettings.from_environment()
        service = process(settings, open_store(settings.store))
    except OutpaintError as error:
        sys.stderr.write(f"error: {error.detail}\n")
        return 1
    config = uvicorn.Config(
        create_app(service),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=round(settings.grace_s) + 10,
    )
    server = _Server(config)
    server.service = service
    failures: list[bool] = []

    def failed() -> None:
        failures.append(True)
        server.should_exit = True

    service.failed = failed
    server.run()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
