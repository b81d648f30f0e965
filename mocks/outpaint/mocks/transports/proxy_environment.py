"""The environment's proxies, which clients would ask for a server on loopback too, and for a host that is guarded."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

# Clients differ in which spelling they read; curl and urllib.request take the lower one first.
_NAMES: Final = ("no_proxy", "NO_PROXY")
LOOPBACK: Final = "127.0.0.1"
_LOCK: Final = threading.Lock()
_saved: Final[list[dict[str, str | None]]] = []
"""The variables as they were before each block that runs."""


@contextmanager
def no_proxy_for(hosts: Iterable[str]) -> Iterator[None]:
    """Have no client of this process or its children ask a proxy for these hosts while the block runs.

    Blocks may overlap: the environment is as it was before the first once the last has ended.
    """
    with _LOCK:
        now = {name: os.environ.get(name) for name in _NAMES}
        _saved.append(_saved[0] if _saved else now)
        named = next((value for value in now.values() if value), "")
        known = named.split(",")
        if named != "*" and (more := [host for host in hosts if host not in known]):
            os.environ.update(dict.fromkeys(_NAMES, ",".join([named, *more]).lstrip(",")))
    try:
        yield
    finally:
        with _LOCK:
            first = _saved.pop()
            if not _saved:
                for name, value in first.items():
                    if value is None:
                        os.environ.pop(name, None)
                    else:
                        os.environ[name] = value
