"""The rate limit and its headers."""

from __future__ import annotations

from outpaint_contracts import headers
from outpaint_contracts.errors import ErrorCode
from wire_kit.api import BALANCE, Api, refused, result_of
from wire_kit.providers import Provider


def figures(api: Api) -> tuple[int, int, int]:
    found = api.get(BALANCE).headers
    return (
        int(found[headers.RATE_LIMIT]),
        int(found[headers.RATE_AVAILABLE]),
        int(found[headers.RATE_RESET]),
    )


def test_every_request_counts_and_the_headers_tell(api: Api) -> None:
    limit, first, reset = figures(api)
    second = figures(api)[1]
    # The window may have ended between the two.
    assert second in (first - 1, limit - 1)
    assert 1 <= reset <= 60


def test_one_too_many_is_429_and_says_when_to_come_back(provider: Provider) -> None:
    with provider.configured(rate_limit=3) as limited, limited.client() as client:
        api = Api(client, limited.key())
        answers = [api.get(BALANCE) for _ in range(8)]
        # Eight requests in two windows of three are at least two too many.
        late = [answer for answer in answers if answer.status_code == 429]
        assert len(late) >= 2
        refused(late[0], ErrorCode.RATE_LIMITED)
        assert late[0].headers[headers.RATE_AVAILABLE] == "0"
        assert late[0].headers[headers.RETRY_AFTER] == late[0].headers[headers.RATE_RESET]
        limited.advance(int(late[-1].headers[headers.RETRY_AFTER]))
        assert api.get(BALANCE).status_code == 200


def test_a_request_over_the_limit_costs_nothing(provider: Provider) -> None:
    with provider.configured(rate_limit=2, rate_window=3600) as limited, limited.client() as client:
        api = Api(client, limited.key(10))
        result_of(api.outpaint())
        while api.get(BALANCE).status_code == 200:
            pass
        refused(api.outpaint(), ErrorCode.RATE_LIMITED)
        limited.advance(3600)
        assert api.balance() == 9


def test_accounts_have_limits_of_their_own(provider: Provider) -> None:
    with provider.configured(rate_limit=2, rate_window=3600) as limited, limited.client() as client:
        api = Api(client, limited.key())
        while api.get(BALANCE).status_code == 200:
            pass
        assert api.with_key(limited.second_key()).get(BALANCE).status_code == 200


def test_polls_count_as_requests_do(provider: Provider) -> None:
    with provider.configured(rate_limit=2, rate_window=3600) as limited, limited.client() as client:
        api = Api(client, limited.key())
        statuses = [api.poll("00000000-0000-4000-8000-000000000000").status_code for _ in range(5)]
        assert statuses[-1] == 429
