"""Whom a recording is replayed at: the mock in process, a running mock server, or whoever stands at a base URL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from outpaint_contracts.proving.expectations import NotOffered
from outpaint_contracts.verification.mock_controls import MockServer
from outpaint_contracts.verification.reachability import NotReady, balance_at, check_base_url
from outpaint_contracts.verification.verdict import ExitCode

from outpaint_mocks.drift.base_url_target import BaseUrl
from outpaint_mocks.drift.job_scripts import Setting
from outpaint_mocks.drift.mock_targets import mock_in_process, mock_server
from outpaint_mocks.drift.recording import Recording
from outpaint_mocks.drift.targets import Target


@contextmanager
def target_of(recording: Recording, against: str | None = None, keys: Sequence[str] = ()) -> Iterator[Target]:
    """The target for as long as the block runs; without a base URL it is the mock in process.

    `keys` stand for the recording's known keys in the order in which those came; a mock server that makes worlds for us
    needs none. Raises `NotReady` for a base URL that is none, is not this API or refuses a key that is to be used, and
    where there is no key.
    """
    setting = Setting.of(recording)
    if against is None:
        with mock_in_process(setting) as target:
            yield target
        return
    url = check_base_url(against)
    server = MockServer.at(url)
    if server is not None:
        with ExitStack() as stack:
            stack.callback(server.close)
            try:
                world = stack.enter_context(mock_server(server, setting))
            except NotOffered:
                pass  # it makes no worlds for us: a stranger like any other
            else:
                yield world
                return
    if not keys:
        raise NotReady(ExitCode.USAGE, "a key is missing: give --api-key, or set OUTPAINT_KEY")
    known = tuple(setting.keys)
    for number, key in enumerate(keys[: max(1, len(known))], 1):
        try:
            balance_at(url, key)
        except NotReady as error:
            raise NotReady(error.exit_code, str(error) if number == 1 else f"with key {number}: {error}") from None
    with BaseUrl(url, keys, known=known) as remote:
        yield remote
