"""Who may administer a mock, over TCP: the mock of the API and the SageMaker mock hold to one rule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from forwarding import forwarder

from outpaint.functions.embedded.server import serving
from outpaint.functions.http.local_requests import LOOPBACK_HOSTS, AllowedHosts
from outpaint.mocks.sagemaker.sagemaker_mock import SageMakerMock
from outpaint.mocks.sagemaker.sagemaker_server import RuntimeConnection, RuntimeHost
from outpaint.mocks.transports.tcp_connection import MockConnection
from outpaint.mocks.transports.tcp_server import MockHost
from outpaint.mocks.world.worlds import Worlds


@contextmanager
def _api(hosts: AllowedHosts) -> Iterator[str]:
    host = MockHost(Worlds(), admin_hosts=hosts)
    try:
        with serving(host, connection=MockConnection) as url:
            yield url
    finally:
        host.close()


@contextmanager
def _sagemaker(hosts: AllowedHosts) -> Iterator[str]:
    with SageMakerMock() as mock:
        host = RuntimeHost(mock, hosts)
        try:
            with serving(host, connection=RuntimeConnection) as url:
                yield url
        finally:
            host.close()


MOCKS = {"api": (_api, {"hours": 1}, "/clock/advance"), "sagemaker": (_sagemaker, {"Scale": 1.0}, "/clock")}


@pytest.fixture(params=list(MOCKS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _status(kind: str, url: str, **headers: str) -> int:
    """The status of a call that changes something."""
    _, content, path = MOCKS[kind]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = httpx.post(f"{url}/_mock{path}", json=content, headers=named, trust_env=False)
    if answer.status_code == 403:
        assert {"detail", "Message"} & answer.json().keys()
    return answer.status_code


def test_this_machine_may_and_strangers_may_not(kind: str) -> None:
    with MOCKS[kind][0](LOOPBACK_HOSTS) as url:
        assert _status(kind, url) == 200
        assert _status(kind, url, Host=f"localhost:{urlsplit(url).port}") == 200
        assert _status(kind, url, Origin=url, Sec_Fetch_Site="same-origin") == 200
        assert _status(kind, url, Host="mock.example") == 403
        assert _status(kind, url, Host="mock") == 403
        assert _status(kind, url, Origin="http://localhost:3000") == 403
        assert _status(kind, url, Sec_Fetch_Site="same-site") == 403

        def named(sent: bytes) -> bytes:
            return sent.replace(b"\r\n", b"\r\nX-Forwarded-For: 203.0.113.9\r\n", 1)

        with forwarder(url, named) as outside:
            assert _status(kind, outside) == 403
        with forwarder(url) as outside:
            assert _status(kind, outside, Host="mock.example") == 403


def test_an_open_one_is_for_other_machines_under_names_that_nobody_can_buy(kind: str) -> None:
    with MOCKS[kind][0](AllowedHosts.of([".test"], remote=True)) as url:
        for host in ("mock", "192.0.2.7:4010", "[2001:db8::7]:4010", "mock.test", "localhost"):
            assert _status(kind, url, Host=host, X_Forwarded_For="203.0.113.9") == 200
        assert _status(kind, url, Host="mock.example") == 403
        assert _status(kind, url, Host="mock", Origin="http://page.example") == 403
