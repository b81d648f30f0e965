"""The embedded host: stores, painting threads, the sweep, the HTTP core and its ASGI application."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.adapters.clock_and_ids import RandomIds, SystemClock
from outpaint.functions.adapters.fetch import SafeFetch
from outpaint.functions.embedded.asgi import AsgiHost
from outpaint.functions.embedded.client_addresses import TrustedProxies
from outpaint.functions.embedded.endings import Endings
from outpaint.functions.embedded.figures import JobFigures
from outpaint.functions.embedded.memory_ledger import MemoryLimits
from outpaint.functions.embedded.operating import HostOperating
from outpaint.functions.embedded.painting_marks import CutOff, PaintingMarks
from outpaint.functions.embedded.painting_threads import CanvasCache, PaintingThreads, PictureMemory
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.embedded.starting_keys import OpenedKeys, StartingKeys
from outpaint.functions.embedded.storage_errors import StorageError
from outpaint.functions.embedded.stores import in_folder, in_memory
from outpaint.functions.http.application import Application
from outpaint.functions.http.operators import OperatorAccess
from outpaint.functions.service.ports import Fetch
from outpaint.functions.service.service import Service, ServiceSettings
from outpaint.functions.service.settle import recover
from outpaint.functions.service.sweeping import sweep_some
from outpaint.painting.canvas import Painter

SWEEP_EVERY_S: Final = 30.0

_LOG: Final = logging.getLogger("outpaint.host")


class Host:
    """A running service: `asgi` answers requests, threads paint jobs, and one sweeps; its start opened `keys`."""

    def __init__(
        self,
        service: Service,
        painting: PaintingThreads,
        endings: Endings,
        limits: ServerLimits = ServerLimits(),
        *,
        keys: OpenedKeys = OpenedKeys(),
        marks: PaintingMarks | None = None,
        proxies: TrustedProxies = TrustedProxies(),
        access: OperatorAccess | None = None,
        data: Path | None = None,
    ) -> None:
        jobs = JobFigures(service.clock.now, service.observer)
        self.service = replace(service, observer=jobs)
        self.keys = keys
        self.painting = painting
        operating = HostOperating(
            access or OperatorAccess(),
            painting=painting,
            jobs=jobs,
            settings=service.settings,
            unready=self.unready,
            data=data,
        )
        self.application = Application(self.service, operating)
        self.asgi = operating.asgi = AsgiHost(self.application, endings, limits, proxies)
        self._marks = marks
        self._closing = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)

    def start(self) -> None:
        """Recover the jobs of a host that was killed, then start painting and sweeping."""
        left = CutOff() if self._marks is None else self._marks.take_over()
        self.painting.suspect(left.suspects)
        recover(self.service, left.counted)
        self.painting.run(self.service)
        self._sweeper.start()

    def unready(self) -> str | None:
        """Why the host takes no new work, in words that its operator can act on; None where it does."""
        if self._closing.is_set() or self.asgi.closing:
            return "the server is stopping"
        reason = None if self.service.readiness is None else self.service.readiness.unready()
        if reason is not None:
            return reason
        if not self.painting.alive:
            return "no painter runs: the log says why it ended"
        if self.painting.is_full:
            return f"{self.painting.waiting} jobs are waiting already"
        return None

    def close(self, grace: float) -> None:
        """Let the running job end within `grace` seconds; the next host begins the others again."""
        self._closing.set()
        self.asgi.close()
        if not self.painting.close(grace):
            _LOG.warning("a job was cut off; it is begun again when this data folder is next served")
        self._sweeper.join()

    def _sweep(self) -> None:
        while not self._closing.wait(SWEEP_EVERY_S):
            try:
                for error in sweep_some(self.service).errors:
                    expected = isinstance(error, OutpaintError)
                    _LOG.error("the sweep passed over a job: %s", error, exc_info=None if expected else error)
            except StorageError as error:
                _LOG.error("the sweep broke off; the next is in %.0f s: %s", SWEEP_EVERY_S, error)
            except Exception:  # noqa: BLE001 - the next sweep may succeed
                _LOG.exception("the sweep broke off; the next is in %.0f s", SWEEP_EVERY_S)


@contextmanager
def open_host(
    painters: Sequence[Painter],
    *,
    data: Path | None = None,
    settings: ServiceSettings | None = None,
    limits: ServerLimits = ServerLimits(),
    proxies: TrustedProxies = TrustedProxies(),
    fetch: Fetch | None = None,
    grace: float = 30.0,
    keys: StartingKeys = StartingKeys(),
    operator_token: str | None = None,
) -> Iterator[Host]:
    """A running host for as long as the block runs, with a painting thread for each painter.

    Everything is kept in the folder `data`, which is made where there is none, or in memory without one. A store
    without a key gets a first one, which is then `host.keys.made`; with `StartingKeys(development=True)` it has the key
    `dev` instead, for programs on this machine. /metrics and the like are for those who send `operator_token`, and
    without one for this machine (`OperatorAccess`). Raises `OutpaintError` UNAVAILABLE where the folder is in use by
    another server or cannot be written.
    """
    settings = (settings or ServiceSettings()).model_copy(update={"local_keys": keys.development})
    behind_proxy = settings.public_url is not None or bool(proxies.networks)
    access = OperatorAccess(operator_token, behind_proxy=behind_proxy)
    with ExitStack() as stack:
        endings = Endings()
        stores = (
            in_memory(endings.announce, keys)
            if data is None
            else stack.enter_context(in_folder(data, endings.announce, keys, limits.free_disk))
        )
        memory = PictureMemory(limits)
        canvases = CanvasCache(memory)
        painting = PaintingThreads(*painters, memory=memory, canvases=canvases, marks=stores.marks)
        service = Service(
            clock=SystemClock(),
            ids=RandomIds(),
            accounts=stores.accounts,
            limits=MemoryLimits(),
            jobs=stores.jobs,
            pictures=stores.pictures,
            dispatch=painting,
            fetch=fetch or SafeFetch(),
            file_urls=stores.file_urls,
            uploads=stores.pictures,
            settings=settings,
            inspect=canvases.inspect,
            readiness=stores.watch,
        )
        host = Host(
            service,
            painting,
            endings,
            limits,
            keys=stores.keys,
            marks=stores.marks,
            proxies=proxies,
            access=access,
            data=data,
        )
        host.start()
        stack.callback(host.close, grace)
        yield host
