"""Pictures sent ahead of their request, and pictures named by id: through the HTTP core, in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest
from manual_process import ManualClock

from outpaint.contracts.inference import InferenceRequest, Manifest, ManifestFile
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.responses import PainterCard
from outpaint.functions.adapters.clock_and_ids import RandomIds
from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryLimits, MemoryPictures
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.functions.service import settle, sweeping
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import Account, Job, StoredPicture
from outpaint.functions.service.service import Service, ServiceSettings

START = 1_800_000_000.0


class Taker:
    """Takes jobs; looking at the one named in `breaks_on` breaks."""

    def __init__(self) -> None:
        self.started: list[InferenceRequest] = []
        self.breaks_on: str | None = None

    def start(self, request: InferenceRequest) -> None:
        self.started.append(request)

    def check(self, job: Job) -> None:
        if job.id == self.breaks_on:
            raise ConnectionError("the painter's host does not answer")


class NoFetch:
    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
        raise AssertionError(f"nothing is fetched here, but {url} was asked for")


@dataclass
class ServiceKit:
    clock: ManualClock
    pictures: MemoryPictures
    dispatch: Taker
    ledger: MemoryLedger
    service: Service

    def send(self, path: str, body: bytes, content_type: str, key: str | None = "key") -> Response:
        parts = urlsplit(path)
        headers = [("content-type", content_type), ("prefer", "respond-async")]
        if key is not None:
            headers.append((API_KEY.lower(), key))
        head = RequestHead("POST", parts.path, parts.query, tuple(headers), "http://here")
        answer = Application(self.service).respond(head, body)
        assert isinstance(answer, Response)
        return answer

    def ticket(self, content_type: str = "image/png") -> dict[str, object]:
        body = json.dumps({"content_type": content_type}).encode()
        answer = self.send("/v1/uploads", body, "application/json")
        assert answer.status == 200, answer.body
        ticket = json.loads(answer.body)
        assert isinstance(ticket, dict)
        return ticket

    def upload(self, url: object, data: bytes, name: str = "file") -> Response:
        assert isinstance(url, str)
        assert url.startswith("http://here/v1/uploads/")
        return self.send(url.removeprefix("http://here"), *form(**{name: data}), key=None)

    def outpaint(self, **fields: str | bytes) -> Response:
        return self.send("/v1/painting/outpaint", *form(prompt="a field", **fields))


def form(**fields: str | bytes) -> tuple[bytes, str]:
    parts = b""
    for name, value in fields.items():
        filename = '; filename="f"' if isinstance(value, bytes) else ""
        data = value if isinstance(value, bytes) else value.encode()
        parts += b'--XX\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (
            name.encode(),
            filename.encode(),
            data,
        )
    return parts + b"--XX--\r\n", "multipart/form-data; boundary=XX"


@pytest.fixture
def kit() -> ServiceKit:
    clock, ledger, dispatch, urls = ManualClock(START), MemoryLedger(), Taker(), FileUrls(b"0123456789abcdef")
    pictures = MemoryPictures(urls)
    ledger.add_account(Account("one", "first", 20), key_digest("key"))
    ledger.add_account(Account("two", "second", 20), key_digest("other"))
    service = Service(
        clock=clock,
        ids=RandomIds(),
        accounts=ledger,
        limits=MemoryLimits(),
        jobs=ledger,
        pictures=pictures,
        dispatch=dispatch,
        fetch=NoFetch(),
        file_urls=urls,
        uploads=pictures,
    )
    return ServiceKit(clock, pictures, dispatch, ledger, service)


def test_an_upload_is_outpainted_by_its_id(kit: ServiceKit, cut_out: bytes) -> None:
    ticket = kit.ticket()
    assert ticket["max_bytes"] == kit.service.settings.pictures.max_bytes
    assert str(ticket["id"]).endswith(".png")
    assert kit.upload(ticket["url"], cut_out).status == 204
    answer = kit.outpaint(image_id=str(ticket["id"]))
    assert answer.status == 202, answer.body
    # The painter reads it where it lies.
    assert kit.dispatch.started[0].image == ticket["id"]


def test_a_form_serves_one_file_of_one_account(kit: ServiceKit, cut_out: bytes) -> None:
    ticket = kit.ticket()
    kit.upload(ticket["url"], cut_out)
    body, media_type = form(prompt="a field", image_id=str(ticket["id"]))
    answer = kit.send("/v1/painting/outpaint", body, media_type, key="other")
    assert answer.status == 422
    assert b"there is no such file" in answer.body


@pytest.mark.parametrize("part", ["account", "type", "max", "kept", "expires", "signature"])
def test_a_url_changed_in_any_part_is_refused(kit: ServiceKit, cut_out: bytes, part: str) -> None:
    url = str(kit.ticket()["url"])
    changed = url.replace(f"{part}=", f"{part}=9")
    assert changed != url
    answer = kit.upload(changed, cut_out)
    assert (answer.status, json.loads(answer.body)["error_code"]) == (403, "url_not_signed")


def test_leave_to_read_is_not_leave_to_write(kit: ServiceKit, cut_out: bytes) -> None:
    ticket = kit.ticket()
    read = kit.pictures.url(str(ticket["id"]), START + 60).replace("/v1/files/", "http://here/v1/uploads/")
    assert kit.upload(read, cut_out).status == 403


def test_a_form_ends(kit: ServiceKit, cut_out: bytes) -> None:
    ticket = kit.ticket()
    kit.clock.time += kit.service.settings.upload_patience
    answer = kit.upload(ticket["url"], cut_out)
    assert (answer.status, json.loads(answer.body)["error_code"]) == (403, "url_expired")


@pytest.mark.parametrize(
    ("data", "name", "status", "code"),
    [
        (b"", "file", 422, "invalid_parameter"),
        (b"GIF89a", "file", 415, "unsupported_image_type"),
        (b"\xff\xd8\xff\xe0", "file", 415, "unsupported_image_type"),
        (b"x", "other", 422, "missing_parameter"),
    ],
)
def test_what_was_not_granted_is_refused(kit: ServiceKit, data: bytes, name: str, status: int, code: str) -> None:
    ticket = kit.ticket("image/png")
    answer = kit.upload(ticket["url"], data, name)
    assert (answer.status, json.loads(answer.body)["error_code"]) == (status, code)
    assert kit.pictures.get(str(ticket["id"]), START) is None


def test_a_form_ends_with_its_file_at_the_latest(kit: ServiceKit, cut_out: bytes) -> None:
    kit.service = replace(kit.service, settings=ServiceSettings(result_lifetime=60))
    ticket = kit.ticket()
    assert ticket["expires_at"] == ticket["file_expires_at"]
    kit.clock.time += 60
    assert kit.upload(ticket["url"], cut_out).status == 403
    assert kit.pictures.stored_bytes("one") == 0


def test_a_form_that_was_used_needs_no_room_for_the_same_file(kit: ServiceKit, cut_out: bytes) -> None:
    kit.service = replace(kit.service, settings=ServiceSettings(stored_bytes_per_account=len(cut_out)))
    ticket, other = kit.ticket(), kit.ticket()
    assert [kit.upload(ticket["url"], cut_out).status for _ in range(2)] == [204, 204]
    full = kit.upload(other["url"], cut_out)
    assert (full.status, json.loads(full.body)["error_code"]) == (429, "storage_full")
    assert kit.pictures.get(str(other["id"]), START) is None
    # An account that is full gets no form, and its pictures that are stored already can be painted from.
    refused = kit.send("/v1/uploads", b'{"content_type": "image/png"}', "application/json")
    assert json.loads(refused.body)["error_code"] == "storage_full"
    assert kit.outpaint(image_id=str(ticket["id"])).status == 202
    assert json.loads(kit.outpaint(image=cut_out).body)["error_code"] == "storage_full"


def test_an_ended_jobs_inputs_make_room(kit: ServiceKit, cut_out: bytes) -> None:
    kit.service = replace(kit.service, settings=ServiceSettings(stored_bytes_per_account=2 * len(cut_out)))
    taken = [kit.outpaint(image=cut_out).status for _ in range(3)]
    assert taken == [202, 202, 429]
    assert settle.end_by_hand(kit.service, kit.dispatch.started[0].inference_id).state is JobState.FAILED
    assert kit.outpaint(image=cut_out).status == 202


def test_a_file_over_the_limit_is_refused(kit: ServiceKit, cut_out: bytes) -> None:
    kit.service = replace(
        kit.service,
        settings=ServiceSettings.model_validate({"pictures": {"max_bytes": len(cut_out) - 1}}),
    )
    answer = kit.upload(kit.ticket()["url"], cut_out)
    assert (answer.status, json.loads(answer.body)["error_code"]) == (413, "file_too_large")


def test_a_body_over_the_limit_is_told_of_uploads(kit: ServiceKit, cut_out: bytes) -> None:
    kit.service = replace(kit.service, settings=ServiceSettings(body_limit=10))
    answer = kit.outpaint(image=cut_out)
    assert answer.status == 413
    assert b"POST /v1/uploads" in answer.body


@pytest.mark.parametrize("content_type", ["", "image/gif", "text/html", "IMAGE/PNG ", "image/jpeg"])
def test_only_types_that_are_taken(kit: ServiceKit, content_type: str) -> None:
    answer = kit.send("/v1/uploads", json.dumps({"content_type": content_type}).encode(), "application/json")
    assert answer.status == (200 if content_type.strip().lower() in ("image/png", "image/jpeg") else 422)
    if answer.status == 422:
        assert json.loads(answer.body)["field"] == "content_type"


def test_a_host_without_uploads_says_so(kit: ServiceKit) -> None:
    kit.service = replace(kit.service, uploads=None)
    answer = kit.send("/v1/uploads", b'{"content_type": "image/png"}', "application/json")
    assert answer.status == 404
    assert kit.send("/v1/uploads/x.png?expires=1", b"", "multipart/form-data; boundary=x").status == 404


def test_a_picture_that_ends_before_its_job_may_is_copied(kit: ServiceKit, cut_out: bytes) -> None:
    name = "00000000-0000-4000-8000-000000000001.png"
    kit.pictures.put(name, StoredPicture(cut_out, "image/png", "one", START + 60))
    assert kit.outpaint(image_id=name).status == 202
    request = kit.dispatch.started[0]
    assert request.image == f"inputs/{request.inference_id}/image"
    assert kit.pictures.get(request.image, START) is not None


def test_a_picture_named_by_id_outlives_the_job(kit: ServiceKit, cut_out: bytes) -> None:
    ticket = kit.ticket()
    kit.upload(ticket["url"], cut_out)
    kit.outpaint(image_id=str(ticket["id"]))
    request = kit.dispatch.started[0]
    files = tuple(ManifestFile(id=id_, seed=1, bytes=1) for id_ in request.output_ids)
    card = PainterCard(name="hand", model="none", reads_prompt=False)
    manifest = Manifest(inference_id=request.inference_id, files=files, painter=card, width=64, height=48, seconds=0.1)
    assert settle.succeed(kit.service, manifest) is not None
    assert kit.pictures.get(str(ticket["id"]), START) is not None


def test_one_bad_job_holds_up_no_sweep(kit: ServiceKit, a_job: Callable[..., Job]) -> None:
    bad, overdue = a_job(1, account="one", at=START), a_job(2, account="one", at=START + 1)
    for job in (bad, overdue):
        kit.ledger.create(replace(job, state=JobState.DISPATCHED, expires_at=START + 9999), None, START)
    kit.dispatch.breaks_on = bad.id
    kit.clock.time = START + 600
    with pytest.raises(ExceptionGroup, match="could not be looked at"):
        sweeping.sweep(kit.service)
    assert [job.id for job in kit.ledger.unended()] == [bad.id]


@pytest.mark.parametrize(("lifetime", "expected"), [(None, 24 * 3600), (3600, 3600)])
def test_a_url_may_end_before_its_file(
    kit: ServiceKit, cut_out: bytes, lifetime: int | None, expected: int, a_job: Callable[..., Job]
) -> None:
    kit.service = replace(kit.service, settings=ServiceSettings(url_lifetime=lifetime))
    kit.outpaint(image=cut_out)
    request = kit.dispatch.started[0]
    file = ManifestFile(id=request.output_ids[0], seed=1, bytes=1)
    card = PainterCard(name="hand", model="none", reads_prompt=False)
    settle.succeed(
        kit.service,
        Manifest(inference_id=request.inference_id, files=(file,), painter=card, width=64, height=48, seconds=0.1),
    )
    head = RequestHead("GET", f"/v1/painting/{request.inference_id}", headers=((API_KEY.lower(), "key"),))
    answer = Application(kit.service).respond(head)
    assert isinstance(answer, Response)
    url = json.loads(answer.body)["data"][0]["url"]
    assert f"expires={int(START) + expected}&" in url
