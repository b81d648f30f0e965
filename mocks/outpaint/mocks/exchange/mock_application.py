"""The application that every face carries: the service's own, with a world's scenarios around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpaint.functions.http.answers import Accept, Answers
from outpaint.functions.http.messages import RequestHead
from outpaint.functions.service import admission
from outpaint.mocks.exchange.call_under_way import CallUnderWay
from outpaint.mocks.world.mock_answers import MockResponse
from outpaint.mocks.world.worlds import WorldError, Worlds

if TYPE_CHECKING:
    from outpaint.contracts.errors import OutpaintError
    from outpaint.functions.http.messages import Waiting
    from outpaint.mocks.world.world import World


class MockApplication:
    """`outpaint.functions.http.Application` for one world or many; its responses are `MockResponse`s."""

    def __init__(self, worlds: World | Worlds) -> None:
        self._worlds = worlds

    def world(self, head: RequestHead) -> World:
        """The world that a request means; raises `WorldError`."""
        return self._worlds.of(head)[0] if isinstance(self._worlds, Worlds) else self._worlds

    def open(self, head: RequestHead) -> CallUnderWay | RefusedHead:
        """Judge a request by its head; never raises."""
        if not isinstance(self._worlds, Worlds):
            return CallUnderWay(self._worlds, head)
        try:
            world, head = self._worlds.of(head)
        except WorldError as error:
            return RefusedHead(self._worlds.get(), head, error)
        return CallUnderWay(world, head)

    def respond(self, head: RequestHead, body: bytes = b"") -> MockResponse | Waiting:
        """The whole exchange in one call, for hosts that already hold the body; never raises."""
        exchange = self.open(head)
        if exchange.answer is not None:
            return exchange.answer
        return exchange.finish(body) if len(body) <= exchange.body_limit else exchange.too_large()


class RefusedHead:
    """A request that means no world: answered from its head, and in nobody's journal."""

    body_limit = 0

    def __init__(self, world: World, head: RequestHead, error: OutpaintError) -> None:
        self.world = world
        answers = Answers(
            world.service.settings,
            head,
            world.ids.uuid(),
            admission.nothing_counted(world.service),
            Accept.parse(head.header_values("accept")),
        )
        answer = answers.error(error)
        self.answer = MockResponse(answer.status, answer.headers, answer.body)

    def finish(self, body: bytes) -> MockResponse:  # noqa: ARG002 - the shape of an exchange
        """The same refusal."""
        return self.answer

    def too_large(self) -> MockResponse:
        """The same refusal."""
        return self.answer

    def cut_short(self) -> MockResponse:
        """The same refusal."""
        return self.answer
