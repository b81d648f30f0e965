"""Names the request and the job that a piece of work is about, so that a host can put their ids on its log records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final, Protocol

from outpaint.functions.service.records import Job

INFERENCE_ID: Final = "inference_id"
CORRELATION_ID: Final = "correlation_id"
ACCOUNT: Final = "account"
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
# Of its own in each thread: a pool's workers name the job that each of them works on.
_BOUND: Final[ContextVar[Mapping[str, str]]] = ContextVar("outpaint_log_keys", default=_NONE)
_ON_ERRORS: Final = "outpaint_log_keys"


class NamedRequest(Protocol):
    """A request that is being answered; `account_id` is its caller's, once that is known."""

    @property
    def correlation_id(self) -> str: ...

    @property
    def account_id(self) -> str | None: ...


REQUEST: Final[ContextVar[NamedRequest | None]] = ContextVar("outpaint_log_request", default=None)
"""Set by whoever answers a request, for each step of that."""


@contextmanager
def _bound_to(keys: Mapping[str, str]) -> Iterator[None]:
    before = _BOUND.set(keys)
    try:
        yield
    except Exception as error:
        if not hasattr(error, _ON_ERRORS):
            setattr(error, _ON_ERRORS, keys)
        raise
    finally:
        _BOUND.reset(before)


def about(
    inference_id: str, correlation_id: str | None = None, account: str | None = None
) -> AbstractContextManager[None]:
    """Name the job, and the request that submitted it and its account where known, for the time of a `with` block.

    An error that leaves the block takes the names along, for whoever logs it (`about_error`).
    """
    keys = {INFERENCE_ID: inference_id}
    if correlation_id is not None:
        keys[CORRELATION_ID] = correlation_id
    if account is not None:
        keys[ACCOUNT] = account
    return _bound_to(keys)


def about_job(job: Job) -> AbstractContextManager[None]:
    """`about` for a job that was read; its account is named too."""
    return about(job.id, job.request.correlation_id, job.account_id)


def about_error(error: Exception) -> AbstractContextManager[None]:
    """Name the job in whose block the error was raised, for the time of a `with` block that logs it."""
    return _bound_to(getattr(error, _ON_ERRORS, _NONE))


def bound() -> Mapping[str, str]:
    """The keys of the job that this thread works on; empty outside of such blocks."""
    return _BOUND.get()


def keys() -> Mapping[str, str]:
    """What a record of this moment is about: the job's keys, and before them the request's that is being answered."""
    request = REQUEST.get()
    if request is None:
        return _BOUND.get()
    named = {CORRELATION_ID: request.correlation_id}
    if request.account_id is not None:
        named[ACCOUNT] = request.account_id
    return {**_BOUND.get(), **named}
