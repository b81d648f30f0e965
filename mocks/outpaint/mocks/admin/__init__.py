"""The admin API: worlds, scenarios, clock, journal, jobs, sources and the consumer report, under /_mock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outpaint.functions.http.messages import RequestHead, Response
    from outpaint.mocks.world.worlds import Worlds


class Administration:
    """Answers what lies under /_mock, there and under /t/<world>/_mock; its machinery is loaded by the first call.

    Only this machine may ask, unless `open_to_all`. May be called from several threads.
    """

    def __init__(self, worlds: Worlds, *, open_to_all: bool = False) -> None:
        self._worlds = worlds
        self._open_to_all = open_to_all

    def __call__(self, head: RequestHead, body: bytes = b"") -> Response:
        """The answer to a whole request; never raises."""
        from outpaint.mocks.admin.admin_application import answer

        return answer(self._worlds, head, body, open_to_all=self._open_to_all)


__all__ = ["Administration"]
