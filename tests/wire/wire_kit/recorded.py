"""A recording of the consumer that does everything, made at any base URL, and its replay at any other."""

from __future__ import annotations

import time
from collections.abc import Sequence

from outpaint_functions.embedded.server import serving
from outpaint_mocks.drift.choice_of_target import target_of
from outpaint_mocks.drift.credit_budget import CreditBudget
from outpaint_mocks.drift.recorder import Recorder
from outpaint_mocks.drift.recording import Recording
from outpaint_mocks.drift.recording_host import RecordingHost
from outpaint_mocks.drift.replay import Drift, replay
from outpaint_mocks.drift.upstream import Upstream
from outpaint_mocks.drift.wire_messages import Asked, Told

from wire_kit.consumer import do_everything

_TIMEOUT_S = 120.0


class _LateRecorder:
    """A recorder that is made once the proxy's own address is known."""

    recorder: Recorder

    def handle(self, asked: Asked) -> Told:
        return self.recorder.handle(asked)

    def too_large(self, asked: Asked, limit: int) -> Told:
        return self.recorder.too_large(asked, limit)


def recorded(base_url: str, key: str, *, poor_key: str | None = None, pause_s: float = 0.02) -> Recording:
    """What `do_everything` and the provider at a base URL (without /v1) say to each other, by the proxy on a socket.

    `key` needs about 20 credits; `poor_key`, if given, belongs to another account that cannot pay ten pictures.
    """
    late = _LateRecorder()
    host = RecordingHost(late)  # type: ignore[arg-type]
    upstream = Upstream(base_url, timeout=_TIMEOUT_S)
    try:
        with serving(host) as own:
            late.recorder = Recorder(upstream, own, CreditBudget(None))
            do_everything(f"{own}/v1", key, poor_key=poor_key, pause=lambda: time.sleep(pause_s))
            # What a user would have: a file that is read again.
            return Recording.parse(late.recorder.recording().text())
    finally:
        host.close()
        upstream.close()


def drift_at(recording: Recording, against: str | None = None, keys: Sequence[str] = ()) -> Drift:
    """The recording replayed: at the mock in process, a mock server, or any base URL with keys in recorded order."""
    with target_of(recording, against, keys) as target:
        return replay(recording, target)
