"""A guard for tests: whoever looks for the vendor's host on the network fails, and so does the test."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Final, Self
from unittest.mock import patch

from outpaint.mocks.transports.in_process import VENDOR_BASE_URL, BaseUrls
from outpaint.mocks.transports.proxy_environment import no_proxy_for


class RealCallError(AssertionError):
    """A call was on its way to a host that a test must not reach."""


class VendorGuard:
    """While it is active, no connection of this process to a guarded host comes about: a context manager.

    The hosts are those of `base_urls`. A look-up of one's address, a connection to it by name and a tunnel to it by a
    proxy raise `RealCallError` in whoever asks; its end raises it once more, for clients that swallow errors. Clients
    are kept from the environment's proxies (NO_PROXY), so that they look the host up themselves. It cannot see other
    processes, uvloop's own look-ups, and a proxy that a client was given or had read from the environment before.
    """

    def __init__(self, base_urls: Iterable[str] = (VENDOR_BASE_URL,)) -> None:
        self.hosts: Final = BaseUrls(base_urls).hosts
        self._lock = threading.Lock()
        self._attempts: list[str] = []
        self._patched = ExitStack()

    @property
    def attempts(self) -> tuple[str, ...]:
        """The hosts that were looked for, in order."""
        return tuple(self._attempts)

    def start(self) -> None:
        """Guard from now on."""
        self._patched.enter_context(no_proxy_for(sorted(self.hosts)))
        for owner, name, wrap in (
            (socket, "getaddrinfo", self._by_name),
            (socket, "gethostbyname", self._by_name),
            (socket, "gethostbyname_ex", self._by_name),
            (socket.socket, "connect", self._by_address),
            (socket.socket, "connect_ex", self._by_address),
            (http.client.HTTPConnection, "set_tunnel", self._by_tunnel),
        ):
            self._patched.enter_context(patch.object(owner, name, wrap(getattr(owner, name))))

    def stop(self) -> None:
        """Guard no longer."""
        self._patched.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.stop()
        if self._attempts and kind is None:
            raise RealCallError(f"real connections were tried: {', '.join(self._attempts)}")

    def _by_name(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def looked_up(host: Any, *args: Any, **kwargs: Any) -> Any:
            self._check(host)
            return below(host, *args, **kwargs)

        return looked_up

    def _by_address(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def connect(of: Any, address: Any) -> Any:
            self._check(address[0] if isinstance(address, tuple) and address else None)
            return below(of, address)

        return connect

    def _by_tunnel(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def set_tunnel(of: Any, host: Any, *args: Any, **kwargs: Any) -> Any:
            self._check(host)
            return below(of, host, *args, **kwargs)

        return set_tunnel

    def _check(self, host: Any) -> None:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if not isinstance(name, str) or name.partition(":")[0].rstrip(".").lower() not in self.hosts:
            return
        with self._lock:
            self._attempts.append(name)
        raise RealCallError(
            f"a real connection to {name} was tried while it is guarded: no mock answered the client. Give the test "
            "outpaint_api (httpx) or outpaint_httpx2, or lead the client to outpaint_server.base_url"
        )
