"""A recording of the consumer that does everything, made at any base URL, and its replay at any other."""

from __future__ import annotations

import time
from collections.abc import Sequence

from outpaint.conformance.drift.drift_targets import target_of
from outpaint.conformance.drift.recorder import Recorder, RecordingHost
from outpaint.conformance.drift.recording_file import Recording
from outpaint.conformance.drift.replay import Drift, replay
from outpaint.conformance.drift.upstream import Upstream, UpstreamRequest
from outpaint.conformance.verify.case_selection import Purse
from outpaint.functions.embedded.server import serving
from outpaint.functions.http.messages import Response
from wire_kit.consumer import do_everything

_TIMEOUT_S = 120.0


class _LateRecorder:
    """A recorder that is made once the proxy's own address is known."""

    recorder: Recorder

    def handle(self, asked: UpstreamRequest) -> Response:
        return self.recorder.handle(asked)


def recorded(base_url: str, key: str, *, poor_key: str | None = None, pause_s: float = 0.02) -> Recording:
    """What `do_everything` and the provider at a base URL (without /v1) say to each other, by the proxy on a socket.

    `key` needs about 20 credits; `poor_key`, if given, belongs to another account that cannot pay ten pictures.
    """
    late = _LateRecorder()
    host = RecordingHost(late)  # type: ignore[arg-type]
    upstream = Upstream(base_url, timeout=_TIMEOUT_S)
    try:
        with serving(host) as own:
            late.recorder = Recorder(upstream, own, Purse(None))
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
