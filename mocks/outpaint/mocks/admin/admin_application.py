"""The admin API's answers: how a request finds its operation, or a file of the page."""

from __future__ import annotations

import logging
import re
from functools import cache
from importlib import resources
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from pydantic import BaseModel, ValidationError

from outpaint.contracts.errors import ErrorBody, ErrorCode, OutpaintError
from outpaint.functions.http.docs_page import DOCS_STYLE
from outpaint.functions.http.json_body import parsed_object
from outpaint.functions.http.local_requests import LOOPBACK_HOSTS, AllowedHosts
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.mocks.admin.admin_openapi import admin_openapi_json
from outpaint.mocks.admin.call_actions import ALL_OPERATIONS
from outpaint.mocks.admin.call_models import Watched
from outpaint.mocks.admin.operation import JSON, AdminOperation, AdminRequest, Found
from outpaint.mocks.admin_guard import admin_refusal
from outpaint.mocks.mock_paths import ADMIN_ROOT, DEFAULT_WORLD, WORLD_PREFIX
from outpaint.mocks.scenarios.grammar import nearest
from outpaint.mocks.world.worlds import Worlds

_LOG: Final = logging.getLogger("outpaint.mock")
_MAX_BODY: Final = 1024 * 1024
_MAX_SOURCE_BODY: Final = 64 * 1024 * 1024
_SOURCES: Final = f"{ADMIN_ROOT}/sources"
_PAGE: Final = f"{ADMIN_ROOT}/ui"
_PAGE_TYPES: Final = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript"
}  # fmt: skip
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STYLED: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


def body_limit(head: RequestHead, hosts: AllowedHosts = LOOPBACK_HOSTS) -> int:
    """Bytes of a body that are read: a source's picture is the one large thing that is sent here."""
    if admin_refusal(head, hosts) is None and head.path.endswith(_SOURCES):
        return _MAX_SOURCE_BODY
    return _MAX_BODY


def answer(worlds: Worlds, head: RequestHead, body: bytes, hosts: AllowedHosts = LOOPBACK_HOSTS) -> Response:
    """The answer to a whole request that came to one of `hosts`; never raises."""
    try:
        refused = admin_refusal(head, hosts)
        if refused is not None:
            raise refused
        found = _answered(worlds, head, body)
    except OutpaintError as error:
        found = _error(error)
    except Exception:  # noqa: BLE001 - whatever it is, the caller gets an answer
        _LOG.exception("%s %s broke", head.method, head.path)
        found = _error(OutpaintError(ErrorCode.INTERNAL, "something broke in the mock: its log has the traceback"))
    return Response(found.status, found.headers, b"") if head.method == "HEAD" else found


def _answered(worlds: Worlds, head: RequestHead, body: bytes) -> Response:
    base, world_name, path = _place(head.path)
    method = "GET" if head.method == "HEAD" else head.method
    if path in ("", "/", "/ui", "/ui/") or path.startswith("/ui/"):
        _only_get(method)
        return _page(base, world_name, path)
    if path == "/openapi.json":
        _only_get(method)
        return _content(200, JSON, admin_openapi_json())
    operation, values = _operation(path, method)
    if not operation.of_world and world_name != DEFAULT_WORLD and operation.name != "language":
        raise OutpaintError(
            ErrorCode.FORBIDDEN,
            f"under {base} only world {world_name} is administered: ask {ADMIN_ROOT}{operation.path}",
        )
    asked = AdminRequest(
        worlds,
        world_name,
        head.origin,
        base,
        values,
        None if operation.query is None else _query(operation.query, head.query),
        None if operation.takes is None else _body(operation, body),
    )
    made = operation.act(asked)
    if operation.of_world and operation.method != "GET":
        worlds.keep(world_name)
    if isinstance(made, bytes):
        assert isinstance(operation.gives, str)
        return _content(200, operation.gives, made)
    if isinstance(made, Found):
        return _content(200, JSON, made.body.model_dump_json().encode())
    if isinstance(made, Watched):
        return _tagged(made, head)
    return _content(201 if operation.makes else 200, JSON, made.model_dump_json().encode())


def _tagged(made: Watched, head: RequestHead) -> Response:
    """The answer with its ETag, or 304 for a request that has it already (RFC 9110, 13.1.2)."""
    tag = f'W/"{made.tag()}"'
    if tag in (one.strip() for one in (head.header("if-none-match") or "").split(",")):
        return Response(304, (("ETag", tag), ("Cache-Control", "no-store")))
    return _content(200, JSON, made.model_dump_json().encode(), (("ETag", tag),))


def _place(path: str) -> tuple[str, str, str]:
    """The path before /_mock, the world that it names, and the path after it."""
    before, _, below = path.partition(ADMIN_ROOT)
    world = before.removeprefix(WORLD_PREFIX) if before.startswith(WORLD_PREFIX) else DEFAULT_WORLD
    if below and not below.startswith("/"):
        raise _nothing_at(path)
    return before, world, below


def _operation(path: str, method: str) -> tuple[AdminOperation, dict[str, str]]:
    taken: list[str] = []
    for pattern, operation in _patterns():
        found = pattern.fullmatch(path)
        if found is None:
            continue
        if operation.method == method:
            return operation, found.groupdict()
        taken.append(operation.method)
    if not taken:
        raise _nothing_at(f"{ADMIN_ROOT}{path}")
    raise _MethodError(method, tuple(taken))


class _MethodError(OutpaintError):
    """A method that a path does not take."""

    def __init__(self, method: str, taken: tuple[str, ...]) -> None:
        super().__init__(
            ErrorCode.METHOD_NOT_ALLOWED, f"{method[:20]} is not taken here: use {' or '.join(dict.fromkeys(taken))}"
        )
        self.taken = tuple(dict.fromkeys((*taken, *(("HEAD",) if "GET" in taken else ()))))


def _only_get(method: str) -> None:
    if method != "GET":
        raise _MethodError(method, ("GET",))


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], AdminOperation], ...]:
    return tuple((re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", one.path)), one) for one in ALL_OPERATIONS)


def _query(model: type[BaseModel], query: str) -> BaseModel:
    sent = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    try:
        return model.model_validate(dict(sent))
    except ValidationError as error:
        raise _refusal_of(error, model) from None


def _body(operation: AdminOperation, body: bytes) -> BaseModel:
    model = operation.takes
    assert model is not None
    if not body.strip():
        if not operation.optional_body:
            raise OutpaintError(
                ErrorCode.MISSING_PARAMETER, f"a body is missing: send {', '.join(model.model_fields)} as JSON"
            )
        body = b"{}"
    parsed_object(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _refusal_of(error, model) from None


def _refusal_of(error: ValidationError, model: type[BaseModel]) -> OutpaintError:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "body"
    if first["type"] == "extra_forbidden":
        return OutpaintError(
            ErrorCode.INVALID_PARAMETER,
            f"there is no {name[:60]}: {nearest(name[:60], model.model_fields)}",
            field=name,
        )
    if first["type"] == "missing":
        return OutpaintError(ErrorCode.MISSING_PARAMETER, f"{name} is missing", field=name)
    reason = first["msg"].removeprefix("Value error, ")
    return OutpaintError.wrong_value(name, first["input"], reason[:1].lower() + reason[1:])


def _page(base: str, world_name: str, path: str) -> Response:
    if (path != "/ui" and not path.startswith("/ui/")) or path == "/ui/" or base:
        shown = "" if world_name == DEFAULT_WORLD else f"?world={quote(world_name)}"
        return Response(303, (("Location", f"{_PAGE}{shown}"), ("Content-Length", "0")))
    file = _page_files().get(path.removeprefix("/ui").removeprefix("/") or "index.html")
    if file is None:
        raise _nothing_at(f"{ADMIN_ROOT}{path}")
    return _content(200, *file)


@cache
def _page_files() -> dict[str, tuple[str, bytes]]:
    """The page's files: media type and bytes by name. Its style builds on that of the API's own documentation."""
    paths = {path.name: path for path in resources.files("outpaint.mocks.page").iterdir()}
    paths["base.css"] = DOCS_STYLE
    types = {name: _PAGE_TYPES.get(PurePath(name).suffix) for name in paths}
    return {name: (media_type, paths[name].read_bytes()) for name, media_type in types.items() if media_type}


def _nothing_at(path: str) -> OutpaintError:
    return OutpaintError(ErrorCode.UNKNOWN_ROUTE, f"there is nothing at {path[:100]}: see {ADMIN_ROOT}/openapi.json")


def _error(error: OutpaintError) -> Response:
    extra = (("Allow", ", ".join(error.taken)),) if isinstance(error, _MethodError) else ()
    return _content(error.kind.status.value, JSON, ErrorBody.of(error).model_dump_json().encode(), extra)


def _content(status: int, media_type: str, body: bytes, extra: tuple[tuple[str, str], ...] = ()) -> Response:
    """An answer that no other origin may read, frame or keep."""
    policy: dict[str, Any] = {"text/html; charset=utf-8": _POLICY if b"<script" in body else _STYLED}
    return Response(
        status,
        (
            ("Content-Type", media_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
            ("Content-Security-Policy", policy.get(media_type, "default-src 'none'; frame-ancestors 'none'")),
            *extra,
        ),
        body,
    )
