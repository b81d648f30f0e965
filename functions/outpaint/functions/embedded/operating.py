"""What the embedded host tells its operators: whether it takes new work, what it uses, and its limits."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from outpaint.functions.embedded.figures import JobFigures
from outpaint.functions.embedded.metrics_page import NOW, Measure, MetricsPage, Reading
from outpaint.functions.embedded.server_limits import in_force
from outpaint.functions.http.messages import RequestHead
from outpaint.functions.http.operators import HealthDetail, OperatorAccess, PainterInUse

if TYPE_CHECKING:
    from outpaint.functions.embedded.asgi import AsgiHost
    from outpaint.functions.embedded.painting_threads import PaintingThreads
    from outpaint.functions.service.service import ServiceSettings

# What the server counts of its connections, as attributes of the application's `load`, and the metric of each.
_LOAD: Final = {
    "connections": Measure.CONNECTIONS,
    "body_bytes": Measure.BODY_BYTES,
    "unread_bytes": Measure.UNREAD_BYTES,
    "slow_readers": Measure.SLOW_READERS,
}
_REFUSED: Final = {
    "connections": "refused_connections",
    "requests": "refused_requests",
    "bodies": "refused_bodies",
    "readers": "cut_off_readers",
}


class HostOperating:
    """The Operating port of one host; `unready` says why it takes no new work, `data` is its folder, if it has one."""

    def __init__(
        self,
        access: OperatorAccess,
        *,
        painting: PaintingThreads,
        jobs: JobFigures,
        settings: ServiceSettings,
        unready: Callable[[], str | None],
        data: Path | None = None,
    ) -> None:
        self._access = access
        self._painting = painting
        self._jobs = jobs
        self._settings = settings
        self.unready = unready
        self._data = data
        self._began = time.monotonic()
        self._version = version("outpaint-kit")
        self._page: MetricsPage | None = None
        self._opening = threading.Lock()
        self.asgi: AsgiHost | None = None
        """The application whose requests are counted; set once it is made."""

    def admits(self, head: RequestHead) -> bool:
        return self._access.admits(head)

    def detail(self) -> HealthDetail:
        assert self.asgi is not None
        return HealthDetail(
            version=self._version,
            uptime=round(time.monotonic() - self._began, 3),
            unready=self.unready(),
            painters=tuple(PainterInUse(name=card.name, model=card.model) for card in self._painting.cards),
            use={measure.shown: value for measure, value in self._use().items()},
            limits=in_force(self.asgi.limits, self._settings),
        )

    def metrics(self, accept: str) -> tuple[str, bytes]:
        assert self.asgi is not None
        with self._opening:
            # The library is imported when it is first asked for: a start does without its 60 ms.
            page = self._page = self._page or MetricsPage()
        reading = Reading(
            self._version, self.unready() is None, self.asgi.figures, self._jobs, self._use(), self._load(_REFUSED)
        )
        return page.written(reading, accept)

    def _use(self) -> Mapping[Measure, int | float]:
        assert self.asgi is not None
        found: dict[Measure, int | float] = {
            Measure.JOBS_WAITING: self._painting.waiting,
            Measure.JOBS_PAINTING: self._painting.painting,
            Measure.WAITS: self.asgi.waiting_clients,
        }
        shown = self._load({name: name for name in _LOAD})
        found |= {_LOAD[name]: value for name, value in shown.items()}
        if self._data is not None:
            with suppress(OSError):  # a folder that is gone is what `unready` tells
                found[Measure.DISK_FREE] = shutil.disk_usage(self._data).free
        return {measure: found[measure] for measure in NOW if measure in found}

    def _load(self, names: Mapping[str, str]) -> dict[str, int]:
        """Figures of the server's load by name, each an attribute; those that it does not have are left out."""
        load: Any = getattr(self.asgi, "load", None)
        values = {name: getattr(load, attribute, None) for name, attribute in names.items()}
        return {name: value for name, value in values.items() if value is not None}
