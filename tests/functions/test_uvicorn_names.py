"""The names of uvicorn's that its documentation does not promise, and that connections and servers here rest on.

uvicorn documents `Config(http=...)`, which takes a protocol class, and `Server`. What a connection needs beyond that,
to bound heads and to answer within the parser's callback, are names of the class that it derives from. A version that
has other ones fails here, by name, and not somewhere in a connection. Below 0.53 the names are there, but a client's
`Connection: close` is not in `RequestResponseCycle.keep_alive`: tests/mocks/transports/test_tcp.py shows that.
"""

from __future__ import annotations

import inspect

import httptools
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

OVERRIDDEN = {
    "connection_made", "connection_lost", "data_received", "on_message_begin", "on_headers_complete", "on_body",
    "on_message_complete", "on_response_complete", "pause_writing", "resume_writing", "send_400_response",
    "_start_asgi_task",
}  # fmt: skip
OF_A_CONNECTION = {
    "app", "client", "config", "cycle", "flow", "headers", "loop", "parser", "pipeline", "server_state", "transport",
    "url",
}  # fmt: skip
OF_A_CYCLE = {
    "body", "disconnected", "keep_alive", "message_event", "more_body", "on_response", "response_complete",
    "response_started", "scope", "waiting_for_100_continue",
}  # fmt: skip
OF_THE_FLOW = {"drain", "pause_reading", "resume_reading", "read_paused", "write_paused"}
OF_A_SERVER = {"capture_signals", "main_loop", "on_tick", "shutdown", "startup", "force_exit", "should_exit", "started"}


def test_the_names_are_there() -> None:
    assert vars(HttpToolsProtocol).keys() >= OVERRIDDEN
    assert _names(HttpToolsProtocol) >= OF_A_CONNECTION
    assert _names(RequestResponseCycle) >= OF_A_CYCLE | {"run_asgi"}
    assert _names(FlowControl) >= OF_THE_FLOW
    assert _names(uvicorn.Server) >= OF_A_SERVER


def test_every_request_is_begun_by_the_one_name() -> None:
    """The mock answers in `_start_asgi_task`: a task that uvicorn makes elsewhere would pass it by."""
    makers = {name for name, member in vars(HttpToolsProtocol).items() if "create_task" in _code_of(member)}
    assert makers == {"_start_asgi_task"}
    assert "_start_asgi_task" in _code_of(HttpToolsProtocol.on_headers_complete)


def test_a_parser_says_where_an_upgrade_begins() -> None:
    assert {"feed_data", "get_http_version", "get_method", "should_upgrade", "set_dangerous_leniencies"} <= set(
        dir(httptools.HttpRequestParser)
    )


def _names(owner: type) -> set[str]:
    """The names of a class and those that its methods use, with what they assign to `self`."""
    return set(dir(owner)).union(*(_code_of(member) for member in vars(owner).values()))


def _code_of(member: object) -> set[str]:
    return set(member.__code__.co_names) if inspect.isfunction(member) else set()
