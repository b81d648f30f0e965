"""The application that every transport serves: the service's own, with a world's scenarios around it."""

from __future__ import annotations

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.http.answers import Accept, Answers
from outpaint.functions.http.messages import Body, RequestHead, Waiting
from outpaint.functions.service import admission
from outpaint.mocks.exchange.call_under_way import CallUnderWay
from outpaint.mocks.world.mock_answers import MockResponse
from outpaint.mocks.world.world import World
from outpaint.mocks.world.worlds import Worlds


class MockApplication:
    """`outpaint.functions.http.Application` for one world or many; its responses are `MockResponse`s."""

    def __init__(self, worlds: World | Worlds) -> None:
        self._worlds = worlds

    def open(self, head: RequestHead) -> CallUnderWay | RefusedHead:
        """Judge a request by its head; never raises."""
        if not isinstance(self._worlds, Worlds):
            return CallUnderWay(self._worlds, head)
        try:
            world, head = self._worlds.of(head)
        except OutpaintError as error:
            return RefusedHead(self._worlds.get(), head, error)
        return CallUnderWay(world, head)

    def respond(self, head: RequestHead, body: Body = b"") -> MockResponse | Waiting:
        """The whole exchange in one call, for hosts that already hold the body; never raises."""
        return self.open(head).respond(body)


class RefusedHead:
    """A request that names no world: refused by its head, and in no journal. Its other methods are a call's."""

    body_limit = 0
    may_fetch = False
    payer = ""
    is_quick = True

    def __init__(self, world: World, head: RequestHead, error: OutpaintError) -> None:
        self.world = world
        answers = Answers(
            world.service.settings,
            head,
            world.ids.uuid(),
            admission.nothing_counted(world.service),
            Accept.parse(head.header_values("accept"), world.profile),
            profile=world.profile,
        )
        answer = answers.error(error)
        self.answer = MockResponse(answer.status, answer.headers, answer.body)

    def finish(self, body: Body) -> MockResponse:  # noqa: ARG002 - as of a call
        """The same refusal."""
        return self.answer

    respond = finish

    def take(self, body: Body) -> None:
        """Nothing: the body does not matter."""

    def conclude(self) -> MockResponse:
        """The same refusal."""
        return self.answer

    def too_large(self) -> MockResponse:
        """The same refusal."""
        return self.answer

    cut_short = no_room = too_large

    def left(self) -> None:
        """Nothing: the call is in no journal."""
