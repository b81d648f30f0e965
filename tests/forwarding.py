"""What passes connections on to a server on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit


def _pass_on(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
    while data := source.recv(65536):
        target.sendall(change(data))
    target.shutdown(socket.SHUT_WR)


@contextmanager
def forwarder(url: str, change: Callable[[bytes], bytes] = lambda sent: sent) -> Iterator[str]:
    """Passes a connection on to a server, as ssh or a container's port does; `change` is made to requests."""
    address = urlsplit(url)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def forward() -> None:
            client, _ = listener.accept()
            with client, socket.create_connection((address.hostname or "", address.port or 0)) as server:
                there = threading.Thread(target=_pass_on, args=(client, server, change))
                there.start()
                _pass_on(server, client, lambda sent: sent)
                there.join()

        thread = threading.Thread(target=forward)
        thread.start()
        stack.callback(thread.join)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
