"""What a running server tells its operators, and nobody else: readiness, figures, limits, and log records with ids."""

from __future__ import annotations

import io
import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, ValidationError

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import Completion, DroppedEvent, InferenceRequest
from outpaint.contracts.paths_and_headers import API_KEY, CORRELATION_ID, INFERENCE_PATH, OUTPAINT_PATH
from outpaint.contracts.responses import PainterCard
from outpaint.functions.command_line.log_format import JsonRecords
from outpaint.functions.embedded.client_addresses import TrustedProxies
from outpaint.functions.embedded.host import Host, open_host
from outpaint.functions.embedded.metrics_page import Measure
from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.server_limits import ServerLimits, every_limit
from outpaint.functions.embedded.starting_keys import StartingKeys
from outpaint.functions.handlers.queue_events import Notification, QueueRecord
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.functions.http.operators import OperatorAccess
from outpaint.functions.service.service import ServiceSettings
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.flat import FlatPainter

DEV = StartingKeys(development=True)
TOKEN = "an-operators-token-of-some-length"
FROM_ELSEWHERE = {"X-Forwarded-For": "203.0.113.7"}
PROMPT = "a secret garden"


class StoppablePainter:
    """The flat painter, which waits for its word, breaks, or ends its thread."""

    def __init__(self) -> None:
        self._flat = FlatPainter()
        self.begun = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.error: BaseException | None = None

    @property
    def card(self) -> PainterCard:
        return self._flat.card

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        self.begun.set()
        assert self.go.wait(30)
        if self.error is not None:
            raise self.error
        return self._flat.paint(canvas, brief)


@contextmanager
def operated(
    token: str | None = None, limits: ServerLimits = ServerLimits(), data: Path | None = None
) -> Iterator[tuple[Host, StoppablePainter, httpx.Client]]:
    painter = StoppablePainter()
    with (
        open_host(
            [painter], settings=ServiceSettings(), limits=limits, data=data, operator_token=token, keys=DEV
        ) as host,
        serving(host.asgi) as url,
        httpx.Client(base_url=url, timeout=30, verify=False) as client,
    ):
        try:
            yield host, painter, client
        finally:
            painter.go.set()


@pytest.fixture(scope="module")
def served() -> Iterator[httpx.Client]:
    with operated() as (_, _, client):
        yield client


@pytest.fixture(scope="module")
def with_token() -> Iterator[httpx.Client]:
    with operated(TOKEN) as (_, _, client):
        yield client


def outpaint(client: httpx.Client, picture: bytes, **fields: str) -> httpx.Response:
    return client.post(
        OUTPAINT_PATH,
        headers={API_KEY: "dev"},
        data={"prompt": PROMPT, "count": "1", **fields},
        files={"image": picture},
    )


def end_of(client: httpx.Client, inference_id: str) -> httpx.Response:
    for _ in range(400):
        answer = client.get(INFERENCE_PATH.format(inference_id=inference_id), headers={API_KEY: "dev"})
        if answer.status_code == 200:
            return answer
        threading.Event().wait(0.02)
    pytest.fail("the job did not end")


def figures(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """Each sample of /metrics by its name and the values of its labels."""
    page = client.get("/metrics").raise_for_status().text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


class TestWhoIsAnOperator:
    @pytest.mark.parametrize("path", ["/metrics", "/health?detail=1"])
    def test_without_a_token_this_machine_is(self, served: httpx.Client, path: str) -> None:
        assert served.get(path).status_code == 200

    @pytest.mark.parametrize("path", ["/metrics", "/health?detail=1"])
    def test_with_a_token_this_machine_sends_it_too(self, with_token: httpx.Client, path: str) -> None:
        assert with_token.get(path).status_code == 404
        assert with_token.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200

    @pytest.mark.parametrize(
        "behind",
        [
            {"settings": ServiceSettings(public_url="https://paint.example")},
            {"proxies": TrustedProxies.of("10.0.0.0/8")},
        ],
    )
    def test_behind_a_proxy_nobody_is_without_a_token(self, behind: dict[str, Any]) -> None:
        with open_host([FlatPainter()], **behind) as host, serving(host.asgi) as url:
            assert httpx.get(f"{url}/metrics").status_code == 404
            assert httpx.get(f"{url}/health").status_code == 200

    @pytest.mark.parametrize("path", ["/metrics", "/health?detail=1"])
    @pytest.mark.parametrize(
        ("authorization", "status"),
        [
            (None, 404),
            (f"Bearer {TOKEN}", 200),
            (f"bearer  {TOKEN}", 200),
            (f"Bearer {TOKEN}x", 404),
            (f"Basic {TOKEN}", 404),
            (TOKEN, 404),
            ("Bearer", 404),
            ("Bearer \xff", 404),
        ],
    )
    def test_elsewhere_the_token_makes_one(
        self, with_token: httpx.Client, path: str, authorization: str | None, status: int
    ) -> None:
        headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
        answer = with_token.get(path, headers={**FROM_ELSEWHERE, **headers})
        assert answer.status_code == status
        if status == 404:
            assert answer.json()["error_code"] == "unknown_route"
            assert "Bearer TOKEN" in answer.json()["detail"]

    def test_without_a_token_nobody_is_from_elsewhere(self) -> None:
        for sent in ("", "None", TOKEN):
            headers = (("x-forwarded-for", "203.0.113.7"), ("authorization", f"Bearer {sent}"))
            assert not OperatorAccess().admits(RequestHead("GET", "/metrics", headers=headers))

    @pytest.mark.parametrize(
        "token", ["", "short", "fifteen-letters", "sixteen letters and blanks", "sixteen-lätters-x"]
    )
    def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(self, token: str) -> None:
        with pytest.raises(OutpaintError, match="16 visible") as refused:
            OperatorAccess(token)
        assert refused.value.code is ErrorCode.INVALID_PARAMETER
        assert not token or token not in refused.value.detail


class TestHealth:
    def test_is_alive_for_everybody_and_says_no_more(self, served: httpx.Client) -> None:
        for headers in ({}, FROM_ELSEWHERE):
            assert served.get("/health", headers=headers).json() == {"status": "ok"}
        assert served.get("/health?detail=", headers=FROM_ELSEWHERE).json() == {"status": "ok"}

    def test_in_detail_shows_what_is_in_force_and_in_use(self, tmp_path: Path, cut_out: bytes) -> None:
        limits = ServerLimits(bodies_in_flight=7_000_000)
        with operated(limits=limits, data=tmp_path / "data") as (_, painter, client):
            painter.go.clear()
            for _ in range(3):
                assert outpaint(client, cut_out, mode="async").status_code == 202
            assert painter.begun.wait(20)
            shown = client.get("/health?detail=1").json()
            assert shown["limits"].keys() == every_limit().keys()
            assert shown["limits"]["bodies_in_flight"] == 7_000_000
            assert (shown["use"]["outpaint_jobs_waiting"], shown["use"]["outpaint_jobs_painting"]) == (2, 1)
            assert shown["use"]["outpaint_disk_free_bytes"] > 0
            assert (shown["status"], shown["unready"], shown["painters"][0]["name"]) == ("ok", None, "flat")
            assert 0 < shown["uptime"] < 60
            assert client.head("/health?detail=1").content == b""


class TestReadiness:
    def test_of_a_host_that_takes_work(self, served: httpx.Client) -> None:
        for headers in ({}, FROM_ELSEWHERE):
            answer = served.get("/ready", headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"status": "ready"})

    def test_ends_with_the_painter_and_health_does_not(self) -> None:
        with operated() as (host, _, client):
            # As the thread ends by itself: nothing that a painter raises ends it.
            host.painting.close(5)
            told, hidden = client.get("/ready"), client.get("/ready", headers=FROM_ELSEWHERE)
            assert (told.status_code, hidden.status_code) == (503, 503)
            assert told.json()["error_code"] == hidden.json()["error_code"] == "unavailable"
            assert int(told.headers["Retry-After"]) >= 1
            assert "painter" in told.json()["detail"]
            assert hidden.json()["detail"] == "no new work is taken just now"
            assert figures(client)["outpaint_ready",] == 0
            assert client.get("/health").status_code == 200
            assert client.get("/health?detail=1").json()["unready"] == told.json()["detail"]

    def test_ends_while_the_queue_is_full(self, cut_out: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        with operated() as (host, painter, client):
            monkeypatch.setattr(host.painting, "_capacity", 1)
            painter.go.clear()
            assert outpaint(client, cut_out, mode="async").status_code == 202
            assert painter.begun.wait(20)
            assert client.get("/ready").status_code == 200
            waiting = outpaint(client, cut_out, mode="async").json()["inference_id"]
            assert "1 jobs are waiting" in client.get("/ready").json()["detail"]
            painter.go.set()
            end_of(client, waiting)
            assert client.get("/ready").status_code == 200

    def test_ends_before_the_server_does(self) -> None:
        with operated() as (host, _, _):
            assert host.unready() is None
            host.asgi.release_waits()
            assert host.unready() == "the server is stopping"

    @pytest.mark.parametrize("path", ["/ready", "/metrics"])
    def test_and_figures_are_nothing_that_other_hosts_have(self, path: str) -> None:
        with open_host([FlatPainter()], keys=DEV) as host:
            plain = Application(host.service)
            answer = plain.respond(RequestHead("GET", path, peer_is_loopback=True))
            assert isinstance(answer, Response)
            assert (answer.status, json.loads(answer.body)["error_code"]) == (404, "unknown_route")
            answer = plain.respond(RequestHead("GET", "/health", "detail=1", peer_is_loopback=True))
            assert isinstance(answer, Response)
            assert json.loads(answer.body) == {"status": "ok"}


class TestMetrics:
    def test_count_requests_jobs_and_credits(self, cut_out: bytes) -> None:
        with operated() as (_, painter, client):
            assert outpaint(client, cut_out, count="2").status_code == 200
            painter.error = OSError("a broken disk")
            failed = outpaint(client, cut_out, count="3")
            assert failed.status_code == 500
            client.get("/nowhere")
            found = figures(client)
            assert found["outpaint_jobs_accepted_total",] == 2
            assert found["outpaint_jobs_ended_total", "succeeded"] == found["outpaint_jobs_ended_total", "failed"] == 1
            assert found["outpaint_jobs_ended_total", "cancelled"] == 0
            moved = [found["outpaint_credits_total", name] for name in ("reserved", "settled", "returned")]
            assert moved == [5, 2, 3]
            assert found["outpaint_job_seconds_count",] == 2
            assert found["outpaint_painter_seconds_total", "flat"] > 0
            assert found["outpaint_requests_total", "POST", "outpaint", "200"] == 1
            assert found["outpaint_requests_total", "POST", "outpaint", "500"] == 1
            assert found["outpaint_requests_total", "GET", "none", "404"] == 1
            assert found["outpaint_request_seconds_count", "outpaint"] == 2
            assert found["outpaint_request_seconds_bucket", "+Inf", "outpaint"] == 2
            assert found["outpaint_ready",] == 1
            if sys.platform == "linux":
                assert found["process_resident_memory_bytes",] > 1_000_000

    def test_are_of_one_host_each(self, cut_out: bytes) -> None:
        with operated() as (_, _, busy), operated() as (_, _, idle):
            assert outpaint(busy, cut_out).status_code == 200
            assert figures(busy)["outpaint_jobs_accepted_total",] == 1
            assert figures(idle)["outpaint_jobs_accepted_total",] == 0

    def test_name_nobody_and_nothing_that_a_client_chooses(self, cut_out: bytes) -> None:
        with operated() as (_, _, client):
            inference_id = outpaint(client, cut_out).json()["inference_id"]
            end_of(client, inference_id)
            for number in range(50):
                client.get(f"/invented/{number}")
                client.request(f"BREW{number}", "/v1/balance")
            page = client.get("/metrics").text
            labels = {
                (name, value)
                for family in text_string_to_metric_families(page)
                for sample in family.samples
                for name, value in sample.labels.items()
            }
            assert {name for name, _ in labels} <= {"le", *(label for measure in Measure for label in measure.labels)}
            values = {value for _, value in labels}
            assert not {"dev", inference_id, PROMPT, "/invented/1", "BREW1"} & values
            assert ("method", "other") in labels
            assert not any("BREW" in value or "invented" in value for value in values)

    def test_count_bytes_that_are_no_http(self) -> None:
        with operated() as (_, _, client):
            with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=20) as connected:
                connected.sendall(b"GET\r\n\r\n")
                assert connected.recv(64).startswith(b"HTTP/1.1 400 ")
            assert figures(client)["outpaint_requests_total", "other", "none", "400"] == 1

    def test_come_in_the_form_that_is_asked_for(self, served: httpx.Client) -> None:
        plain = served.get("/metrics")
        assert plain.headers["content-type"].startswith("text/plain; version=")
        assert plain.headers["cache-control"] == "no-store"
        newer = served.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert newer.headers["content-type"].startswith("application/openmetrics-text")
        assert newer.text.endswith("# EOF\n")

    def test_shown_are_those_that_the_documents_name(self, served: httpx.Client) -> None:
        page = served.get("/metrics").text
        shown = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE outpaint")}
        # In memory there is no folder, and what a server does not count it does not show.
        optional = {
            Measure.DISK_FREE, Measure.CONNECTIONS, Measure.BODY_BYTES, Measure.UNREAD_BYTES, Measure.SLOW_READERS,
            Measure.REFUSED,
        }  # fmt: skip
        assert {one.shown for one in Measure} - shown <= {one.shown for one in optional}
        assert shown <= {one.shown for one in Measure}

    def test_show_what_the_server_counts_of_its_load(self, monkeypatch: pytest.MonkeyPatch) -> None:
        names = ("connections", "body_bytes", "unread_bytes", "slow_readers", "refused_connections", "refused_requests",
                 "refused_bodies", "cut_off_readers")  # fmt: skip
        with open_host([FlatPainter()], keys=DEV) as host:
            load = SimpleNamespace(**{name: number for number, name in enumerate(names, start=1)})
            monkeypatch.setattr(host.asgi, "load", load, raising=False)
            waiting = host.application.open(RequestHead("GET", "/metrics", peer_is_loopback=True))
            answer = waiting.finish(b"")
            assert isinstance(answer, Response)
        shown = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
        assert {
            "outpaint_connections 1.0",
            "outpaint_body_bytes 2.0",
            "outpaint_unread_bytes 3.0",
            "outpaint_slow_readers 4.0",
            'outpaint_refused_total{what="connections"} 5.0',
            'outpaint_refused_total{what="requests"} 6.0',
            'outpaint_refused_total{what="bodies"} 7.0',
            'outpaint_refused_total{what="readers"} 8.0',
        } <= set(shown)

    def test_need_the_library_and_say_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "prometheus_client", None)
        with operated() as (_, _, client):
            answer = client.get("/metrics")
            assert (answer.status_code, answer.json()["error_code"]) == (503, "unavailable")
            assert "outpaint-kit[server]" in answer.json()["detail"]


@contextmanager
def json_records(*loggers: str) -> Iterator[io.StringIO]:
    """What JSON log handlers on these loggers write, from INFO on."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonRecords())
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in loggers]
    for logger, _ in before:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield stream
    finally:
        for logger, level in before:
            logger.removeHandler(handler)
            logger.setLevel(level)


class TestJsonRecords:
    def test_of_a_request_and_of_its_job_have_the_same_ids(
        self, cut_out: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        with operated() as (_, painter, client), json_records("outpaint.requests", "outpaint.worker") as stream:
            painter.error = OSError("a broken disk")
            taken = outpaint(client, cut_out, mode="async")
            polled = end_of(client, taken.json()["inference_id"])
            client.get("/health")
        records = [json.loads(line) for line in stream.getvalue().splitlines()]
        ids = {
            "correlation_id": taken.headers[CORRELATION_ID],
            "inference_id": taken.json()["inference_id"],
            "account": "dev",
        }
        assert PROMPT not in stream.getvalue()
        (posted,) = [one for one in records if one.get("method") == "POST"]
        assert ids.items() <= posted.items()
        assert (posted["status"], posted["path"], posted["level"]) == (202, OUTPAINT_PATH, "INFO")
        (broken,) = [one for one in records if one["logger"] == "outpaint.worker"]
        assert ids.items() <= broken.items()
        assert "a broken disk" in broken["exception"]
        last = next(one for one in records if one["correlation_id"] == polled.headers[CORRELATION_ID])
        assert last["inference_id"] == ids["inference_id"]
        assert "inference_id" not in records[-1] or records[-1]["path"] != "/health"
        assert caplog.records

    def test_of_a_request_that_breaks_have_its_id(
        self, cut_out: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        with operated() as (host, _, client), json_records("outpaint.http") as stream:
            monkeypatch.setattr(host.service.jobs, "create", lambda *_: 1 / 0)
            answer = outpaint(client, cut_out)
        assert answer.status_code == 500
        (record,) = map(json.loads, stream.getvalue().splitlines())
        assert record["correlation_id"] == answer.headers[CORRELATION_ID]
        assert (record["account"], record["level"]) == ("dev", "ERROR")
        assert "ZeroDivisionError" in record["exception"]
        assert caplog.records

    @pytest.mark.parametrize("model", [InferenceRequest, Completion, DroppedEvent, QueueRecord, Notification])
    def test_tell_of_a_message_that_cannot_be_read_without_what_is_in_it(self, model: type[BaseModel]) -> None:
        """A store's row and a queue's message hold a prompt, which pydantic quotes where it is not told otherwise."""
        for content in ({"wish": {"prompt": PROMPT}}, [PROMPT], PROMPT):
            with pytest.raises(ValidationError) as refused:
                model.model_validate_json(json.dumps(content))
            assert PROMPT not in "".join(traceback.format_exception(refused.value, limit=0))

    def test_are_one_line_each_whatever_is_in_them(self) -> None:
        record = logging.makeLogRecord(
            {"msg": "two\nlines of %s", "args": ("☃",), "levelname": "WARNING", "name": "x", "created": 0.25}
        )
        record.path = Path("somewhere")
        (line,) = JsonRecords().format(record).splitlines()
        assert json.loads(line) == {
            "time": "1970-01-01T00:00:00.250Z",
            "level": "WARNING",
            "logger": "x",
            "message": "two\nlines of ☃",
            "path": "somewhere",
        }


def test_serve_writes_json_and_takes_a_token_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    main = "from outpaint.functions.command_line.entry import main; main()"
    command = [
        sys.executable, "-c", main, "serve", "--port", "0", "--in-memory", "--painter", "flat",
        "--log-format", "json", "--log-requests", "--operator-token-file", "token",
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        answer = httpx.get(f"{url}/metrics", headers={**FROM_ELSEWHERE, "Authorization": f"Bearer {TOKEN}"})
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert answer.status_code == 200
    (record,) = map(json.loads, err.splitlines())
    assert (record["path"], record["status"]) == ("/metrics", 200)
    assert record["correlation_id"] == answer.headers[CORRELATION_ID]
    assert TOKEN not in err
