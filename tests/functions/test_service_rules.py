"""The rules of the service over ports in memory, with a clock and a painter's host under the test's control."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from io import BytesIO

import pytest
from manual_process import CountedIds, ManualClock
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest, ManifestFile
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import API_KEY, CREDIT_AVAILABLE, RATE_AVAILABLE, Prefer
from outpaint.contracts.requests import FieldValue, OutpaintRequest, Upload
from outpaint.contracts.responses import PainterCard
from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryLimits, MemoryPictures
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.functions.service import admission, settle, sweeping
from outpaint.functions.service.admission import authenticate, key_digest
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import Account, Job
from outpaint.functions.service.service import Service, ServiceSettings
from outpaint.functions.service.submit import Admitted, Submission, admit, carry_out

START = 1_800_000_000.0
HOUR = 3600.0


@dataclass
class HandDispatch:
    """Takes jobs and does nothing with them; `lost` are ends that nobody reported."""

    started: list[InferenceRequest] = field(default_factory=list)
    lost: dict[str, InferenceFailure] = field(default_factory=dict)
    refuses: BaseException | None = None
    service: Service | None = None

    def start(self, request: InferenceRequest) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.started.append(request)

    def check(self, job: Job) -> None:
        if job.id in self.lost:
            assert self.service is not None
            settle.fail(self.service, self.lost.pop(job.id))


class NoFetch:
    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
        raise OutpaintError(ErrorCode.SOURCE_UNAVAILABLE, f"{url} is not there", field=field)


@dataclass
class ServiceKit:
    clock: ManualClock
    ledger: MemoryLedger
    pictures: MemoryPictures
    dispatch: HandDispatch
    service: Service

    @property
    def caller(self) -> Account:
        return authenticate(self.service, "key")

    @property
    def credits(self) -> int:
        return self.caller.credits

    def send(self, key: str | None = None, prefer: Prefer = Prefer(), **values: FieldValue) -> Submission:
        return submit(self.service, self.caller, key, prefer, **values)

    def finish(self, job: Job) -> Job | None:
        return settle.succeed(self.service, manifest(job))


def submit(
    service: Service, caller: Account, key: str | None = None, prefer: Prefer = Prefer(), **values: FieldValue
) -> Submission:
    """A request from its fields to its job, as one call."""
    admitted = admit(service, caller, wish(**values), prefer=prefer, idempotency_key=key)
    return admitted if isinstance(admitted, Submission) else carry_out(service, admitted)


@pytest.fixture
def kit() -> ServiceKit:
    clock, ledger, dispatch = ManualClock(START), MemoryLedger(), HandDispatch()
    pictures = MemoryPictures(FileUrls(b"0123456789abcdef"))
    ledger.add_account(Account("one", "first", 20), key_digest("key"))
    ledger.add_account(Account("two", "second", 20), key_digest("other"))
    ledger.add_account(Account("dev", "local", 20, loopback_only=True), key_digest("dev"))
    ledger.add_account(Account("shut", "closed", 20, allowed=False), key_digest("shut"))
    service = Service(
        clock=clock,
        ids=CountedIds(),
        accounts=ledger,
        limits=MemoryLimits(),
        jobs=ledger,
        pictures=pictures,
        dispatch=dispatch,
        fetch=NoFetch(),
        settings=ServiceSettings(rate_limit=3, local_keys=True),
    )
    dispatch.service = service
    return ServiceKit(clock, ledger, pictures, dispatch, service)


def png(colour: tuple[int, int, int, int] = (9, 9, 9, 255), size: tuple[int, int] = (32, 32)) -> bytes:
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    picture.paste(colour, (8, 8, 24, 24))
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def wish(**values: FieldValue) -> OutpaintRequest:
    fields: dict[str, FieldValue] = {"image": Upload(png()), "prompt": "a field", "mode": "async", **values}
    return OutpaintRequest.from_fields({name: [value] for name, value in fields.items() if value is not None})


def manifest(job: Job) -> Manifest:
    files = tuple(
        ManifestFile(id=id_, seed=seed, bytes=1, sha256="0" * 64)
        for id_, seed in zip(job.request.output_ids, job.request.wish.seeds, strict=True)
    )
    card = PainterCard(name="hand", model="none", reads_prompt=False)
    return Manifest(inference_id=job.id, files=files, painter=card, width=32, height=32, seconds=0.1)


def failure(job: Job) -> InferenceFailure:
    return InferenceFailure(inference_id=job.id, error_code=ErrorCode.PAINTING_FAILED, detail="no paint left")


# Keys


@pytest.mark.parametrize(
    ("key", "loopback", "code"),
    [
        (None, True, ErrorCode.MISSING_KEY),
        ("  ", True, ErrorCode.MISSING_KEY),
        ("nobody", True, ErrorCode.UNKNOWN_KEY),
        ("dev", False, ErrorCode.UNKNOWN_KEY),
        ("shut", True, ErrorCode.FORBIDDEN),
    ],
)
def test_keys_that_open_nothing(kit: ServiceKit, key: str | None, loopback: bool, code: ErrorCode) -> None:
    with pytest.raises(OutpaintError) as caught:
        authenticate(kit.service, key, from_this_machine=lambda: loopback)
    assert caught.value.code is code


def test_a_key_counts_without_the_blanks_around_it_and_dev_on_this_machine(kit: ServiceKit) -> None:
    assert authenticate(kit.service, " key ").id == "one"
    assert authenticate(kit.service, "dev", from_this_machine=lambda: True).id == "dev"


def test_a_key_for_this_machine_alone_counts_only_where_the_settings_say_so(kit: ServiceKit) -> None:
    closed = replace(kit.service, settings=ServiceSettings())
    with pytest.raises(OutpaintError, match="--dev-key") as caught:
        authenticate(closed, "dev", from_this_machine=lambda: True)
    assert caught.value.code is ErrorCode.UNKNOWN_KEY


# Rate limit


def test_the_window_counts_down_and_opens_again(kit: ServiceKit) -> None:
    kit.clock.time = START - START % 60 + 20.5
    seen = [admission.take_rate(kit.service, kit.caller) for _ in range(4)]
    assert [allowance.available for allowance, _ in seen] == [2, 1, 0, 0]
    assert [allowance.reset_in for allowance, _ in seen] == [40] * 4
    assert [refusal.code if refusal else None for _, refusal in seen] == [None] * 3 + [ErrorCode.RATE_LIMITED]
    kit.clock.time += 40
    allowance, refusal = admission.take_rate(kit.service, kit.caller)
    assert (allowance.available, refusal) == (2, None)


def test_one_accounts_requests_do_not_count_for_another(kit: ServiceKit) -> None:
    for _ in range(5):
        admission.take_rate(kit.service, kit.caller)
    other = authenticate(kit.service, "other")
    assert admission.take_rate(kit.service, other)[1] is None


# Submit


def test_credits_are_reserved_at_submit_kept_at_success_and_given_back_at_failure(kit: ServiceKit) -> None:
    kept, lost = kit.send(count=3).job, kit.send(count=4).job
    assert kit.credits == 20 - 7
    kit.finish(kept)
    settle.fail(kit.service, failure(lost))
    assert kit.credits == 20 - 3


def test_a_job_is_found_from_the_first_moment_with_its_inputs_stored(kit: ServiceKit) -> None:
    job = kit.send().job
    assert settle.find_job(kit.service, kit.caller, job.id).state is JobState.DISPATCHED
    assert kit.pictures.get(job.request.image, START) is not None
    assert kit.dispatch.started == [job.request]


def test_the_mask_travels_with_the_job(kit: ServiceKit) -> None:
    job = kit.send(mask=Upload(png())).job
    assert job.request.mask is not None
    stored = kit.pictures.get(job.request.mask, START)
    assert stored is not None
    assert stored.data == png()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"image": Upload(b"no picture")}, ErrorCode.UNSUPPORTED_IMAGE_TYPE),
        ({"image": Upload(png()[:-30])}, ErrorCode.UNREADABLE_IMAGE),
        ({"image": None, "image_url": "https://nowhere.example/a.png"}, ErrorCode.SOURCE_UNAVAILABLE),
        ({"image": None, "image_id": "made-up"}, ErrorCode.INVALID_PARAMETER),
        ({"image": None, "image_url": "data:image/png,raw"}, ErrorCode.INVALID_PARAMETER),
        ({"image": None, "image_url": "data:image/png;base64,%%%"}, ErrorCode.INVALID_PARAMETER),
        ({"image": None, "image_url": "data:image/png;base64,"}, ErrorCode.INVALID_PARAMETER),
        ({"count": "10"}, ErrorCode.INSUFFICIENT_CREDITS),
        # No WebP file can hold it.
        ({"image": Upload(png(size=(16_384, 32))), "format": "WEBP"}, ErrorCode.DIMENSIONS_OUT_OF_RANGE),
    ],
)
def test_a_refusal_charges_and_stores_nothing(kit: ServiceKit, values: dict[str, FieldValue], code: ErrorCode) -> None:
    kit.ledger.add_credits("one", -15)
    with pytest.raises(OutpaintError) as caught:
        kit.send("key-1", **values)
    assert caught.value.code is code
    assert kit.credits == 5
    assert list(kit.ledger.unended()) == []
    assert kit.ledger.find_claim("one", "key-1", START) is None
    assert kit.dispatch.started == []


@pytest.mark.parametrize(
    "cause", [OutpaintError(ErrorCode.UNAVAILABLE, "no painter"), ConnectionError("socket"), MemoryError()]
)
def test_a_job_that_no_painter_takes_costs_nothing_and_frees_its_key(kit: ServiceKit, cause: Exception) -> None:
    kit.dispatch.refuses = cause
    with pytest.raises(OutpaintError) as caught:
        kit.send("key-1")
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert kit.credits == 20
    kit.dispatch.refuses = None
    assert not kit.send("key-1").replayed


URL: dict[str, FieldValue] = {"image": None, "image_url": "https://nowhere.example/a.png"}


def test_credits_that_went_while_the_body_came_are_missed_before_anything_is_fetched(kit: ServiceKit) -> None:
    caller = kit.caller
    kit.ledger.add_credits("one", -19)
    with pytest.raises(OutpaintError, match="costs 2 credits and 1 are left"):
        admit(kit.service, caller, wish(**URL))


def test_credits_that_came_while_the_body_did_are_seen(kit: ServiceKit) -> None:
    assert isinstance(admit(kit.service, replace(kit.caller, credits=0), wish(**URL)), Admitted)


def test_credits_that_went_into_the_very_same_request_are_no_402(
    kit: ServiceKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.ledger.add_credits("one", -18)
    late, free_credits = kit.caller, kit.ledger.free_credits
    twins: list[Submission] = []

    def after_its_twin(account_id: str) -> int:
        # Between a request's look for its key and its look at the credits, another of the same key makes its job.
        twins.append(submit(kit.service, late, "key-1"))
        return free_credits(account_id)

    monkeypatch.setattr(kit.ledger, "free_credits", after_its_twin)
    found = admit(kit.service, replace(late, credits=0), wish(), idempotency_key="key-1")
    assert isinstance(found, Submission)
    assert (found.replayed, found.job.id) == (True, twins[0].job.id)


def test_an_earlier_results_id_works_as_image_but_not_for_another_account(kit: ServiceKit) -> None:
    job = kit.send(count=1).job
    id_ = job.request.output_ids[0]
    stored = kit.pictures.get(job.request.image, START)
    assert stored is not None
    kit.pictures.put(id_, stored)
    again = kit.send(image=None, image_id=id_)
    assert not again.job.state.ended
    other = authenticate(kit.service, "other")
    with pytest.raises(OutpaintError) as caught:
        submit(kit.service, other, image=None, image_id=id_)
    assert caught.value.field == "image_id"


def test_a_data_uri_is_the_same_picture_as_its_upload(kit: ServiceKit) -> None:
    uri = "data:image/png;base64," + base64.b64encode(png()).decode()
    first = kit.send("key-1")
    again = kit.send("key-1", image=None, image_url=uri.replace("+", " "))
    assert again.replayed
    assert again.job.id == first.job.id


def test_picture_i_is_made_from_seed_plus_i(kit: ServiceKit) -> None:
    assert kit.send(seed=7, count=3).job.request.wish.seeds == (7, 8, 9)
    assert kit.send(seed=2**32 - 1, count=2).job.request.wish.seeds == (2**32 - 1, 0)


@pytest.mark.parametrize(
    ("mode", "prefer", "wait", "applied"),
    [
        ("sync", Prefer(), 60, None),
        ("async", Prefer(), 0, None),
        ("sync", Prefer(respond_async=True), 0, "respond-async"),
        ("async", Prefer(wait=9), 9, "wait=9"),
        ("sync", Prefer(respond_async=True, wait=9), 9, "respond-async, wait=9"),
    ],
)
def test_prefer_beats_mode(kit: ServiceKit, mode: str, prefer: Prefer, wait: float, applied: str | None) -> None:
    submission = kit.send(prefer=prefer, mode=mode)
    assert (submission.wait, submission.preference_applied) == (wait, applied)


# Idempotency


@pytest.mark.parametrize("end", ["success", "failure"])
def test_who_does_not_wait_is_told_202_however_quick_the_painter_was(
    kit: ServiceKit, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(request: InferenceRequest) -> None:
        job = kit.ledger.find(request.inference_id, START)
        assert job is not None
        kit.finish(job) if end == "success" else settle.fail(kit.service, failure(job))

    monkeypatch.setattr(kit.dispatch, "start", at_once)
    body = {"image_url": f"data:image/png;base64,{base64.b64encode(png()).decode()}", "prompt": "a", "mode": "async"}
    headers = ((API_KEY.lower(), "key"), ("content-type", "application/json"))
    head = RequestHead("POST", "/v1/painting/outpaint", headers=headers)
    answer = Application(kit.service).respond(head, json.dumps(body).encode())
    assert isinstance(answer, Response)
    assert answer.status == 202
    assert json.loads(answer.body)["data"] == []


def test_a_replay_finds_the_job_and_costs_nothing(kit: ServiceKit) -> None:
    first = kit.send("key-1")
    again = kit.send("key-1")
    assert (again.replayed, again.job.id) == (True, first.job.id)
    assert kit.credits == 18
    assert len(kit.dispatch.started) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a lake"},
        {"image": Upload(png((1, 2, 3, 255)))},
        {"mask": Upload(png())},
        {"count": 3},
        {"format": "PNG"},
        {"seed": 1},
        {"negative_prompt": "rain"},
        {"mask_mode": "luminance"},
    ],
)
def test_another_wish_under_the_same_key_is_a_mismatch(kit: ServiceKit, change: dict[str, FieldValue]) -> None:
    kit.send("key-1")
    with pytest.raises(OutpaintError) as caught:
        kit.send("key-1", **change)
    assert caught.value.code is ErrorCode.IDEMPOTENCY_MISMATCH
    assert kit.credits == 18


def test_how_it_was_asked_makes_no_difference_to_a_replay(kit: ServiceKit) -> None:
    first = kit.send("key-1")
    image = Upload(png(), "other name.bin", "application/octet-stream")
    assert kit.send("key-1", Prefer(wait=1), image=image, prompt=" a field ").job.id == first.job.id


def test_while_the_first_request_waits_the_second_is_told_so(kit: ServiceKit) -> None:
    first = kit.send("key-1", mode="sync")
    with pytest.raises(OutpaintError) as caught:
        kit.send("key-1", mode="sync")
    assert caught.value.code is ErrorCode.IDEMPOTENCY_IN_PROGRESS
    kit.ledger.finish_claim("one", "key-1", first.job.id)
    assert kit.send("key-1").replayed


def test_a_claim_whose_request_died_waiting_frees_itself(kit: ServiceKit) -> None:
    kit.send("key-1", mode="sync")
    kit.clock.time += 60
    assert kit.send("key-1").replayed


def test_a_key_lives_24_hours_and_is_one_accounts_own(kit: ServiceKit) -> None:
    first = kit.send("key-1")
    other = authenticate(kit.service, "other")
    assert not submit(kit.service, other, "key-1").replayed
    kit.finish(first.job)
    kit.clock.time += 24 * HOUR - 1
    assert kit.send("key-1").replayed
    kit.clock.time += 1
    assert not kit.send("key-1").replayed


def test_a_key_that_cannot_be_one(kit: ServiceKit) -> None:
    with pytest.raises(OutpaintError) as caught:
        kit.send("two words")
    assert caught.value.code is ErrorCode.INVALID_IDEMPOTENCY_KEY


# Results and ends


def test_another_accounts_job_is_not_there(kit: ServiceKit) -> None:
    job = kit.send().job
    other = authenticate(kit.service, "other")
    for id_, caller in ((job.id, other), ("made-up", kit.caller)):
        with pytest.raises(OutpaintError) as caught:
            settle.find_job(kit.service, caller, id_)
        assert caught.value.code is ErrorCode.UNKNOWN_INFERENCE


def test_an_end_is_reported_once_and_never_undone(kit: ServiceKit) -> None:
    job = kit.send(count=3).job
    assert settle.fail(kit.service, failure(job)) is not None
    assert settle.fail(kit.service, failure(job)) is None
    assert kit.finish(job) is None
    assert kit.credits == 20
    assert settle.find_job(kit.service, kit.caller, job.id).state is JobState.FAILED


def test_an_end_may_overtake_the_news_of_its_start(kit: ServiceKit) -> None:
    job = kit.send().job
    assert kit.finish(job) is not None
    assert settle.begin(kit.service, job.id) is None
    assert settle.find_job(kit.service, kit.caller, job.id).state is JobState.SUCCEEDED


def test_inputs_go_when_the_job_ends(kit: ServiceKit) -> None:
    job = kit.send(mask=Upload(png())).job
    kit.finish(job)
    assert job.request.mask is not None
    assert kit.pictures.get(job.request.image, START) is None
    assert kit.pictures.get(job.request.mask, START) is None


def test_a_result_is_kept_24_hours_from_its_end(kit: ServiceKit) -> None:
    job = kit.send().job
    kit.clock.time += HOUR / 2
    kit.finish(job)
    kit.clock.time += 24 * HOUR - 1
    assert settle.find_job(kit.service, kit.caller, job.id).state is JobState.SUCCEEDED
    kit.clock.time += 1
    with pytest.raises(OutpaintError):
        settle.find_job(kit.service, kit.caller, job.id)


def test_a_poll_asks_for_an_end_that_nobody_reported(kit: ServiceKit) -> None:
    job = kit.send().job
    kit.dispatch.lost[job.id] = failure(job)
    assert settle.find_job(kit.service, kit.caller, job.id).state is JobState.FAILED
    assert kit.credits == 20


def test_an_overdue_job_expires_at_the_next_poll_and_gives_its_credits_back(kit: ServiceKit) -> None:
    job = kit.send().job
    kit.clock.time += HOUR
    expired = settle.find_job(kit.service, kit.caller, job.id)
    assert expired.state is JobState.EXPIRED
    assert expired.failure is not None
    assert expired.failure.error_code is ErrorCode.TIMED_OUT
    assert kit.credits == 20


# Sweep and recovery


def test_the_sweep_ends_what_is_overdue_and_what_was_never_dispatched(kit: ServiceKit) -> None:
    overdue = kit.send().job
    kit.clock.time += HOUR - 130
    fresh = kit.send().job
    cut_off = begin_and_be_killed(kit)
    kit.clock.time += 130
    sweeping.sweep(kit.service)
    states = {id_: found.state for id_ in (overdue.id, fresh.id, cut_off.id) if (found := kit.ledger.find(id_, 0))}
    assert states == {
        overdue.id: JobState.EXPIRED,
        fresh.id: JobState.DISPATCHED,
        cut_off.id: JobState.FAILED,
    }
    assert kit.credits == 18


def begin_and_be_killed(kit: ServiceKit) -> Job:
    """A job whose host died between storing and dispatching it."""
    kit.dispatch.refuses = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        kit.send()
    kit.dispatch.refuses = None
    return next(job for job in kit.ledger.unended() if job.state is JobState.ACCEPTED)


def test_the_sweep_forgets_what_has_expired(kit: ServiceKit) -> None:
    job = kit.send("key-1").job
    kit.finish(job)
    kit.clock.time += 25 * HOUR
    sweeping.sweep(kit.service)
    assert kit.ledger.find(job.id, 0) is None
    assert kit.ledger.find_claim("one", "key-1", 0) is None


def test_a_job_that_is_to_blame_for_a_kill_is_begun_again_three_times_and_then_given_up(kit: ServiceKit) -> None:
    job = kit.send().job
    for attempt in (2, 3):
        settle.recover(kit.service, {job.id})
        again = kit.ledger.find(job.id, START)
        assert again is not None
        assert again.attempts == attempt
    assert kit.dispatch.started == [job.request.model_copy(update={"attempt": number}) for number in (1, 2, 3)]
    settle.recover(kit.service, {job.id})
    assert settle.find_job(kit.service, kit.caller, job.id).state is JobState.FAILED
    assert kit.credits == 20


def test_after_a_kill_jobs_without_inputs_or_time_are_ended_and_refunded(kit: ServiceKit) -> None:
    overdue = kit.send().job
    kit.clock.time += HOUR
    bare = kit.send("key-1").job
    kit.pictures.delete(bare.request.image)
    settle.recover(kit.service)
    assert settle.find_job(kit.service, kit.caller, overdue.id).state is JobState.EXPIRED
    assert settle.find_job(kit.service, kit.caller, bare.id).state is JobState.FAILED
    assert kit.credits == 20
    assert not kit.send("key-1").replayed


def test_a_restart_counts_against_no_job_that_was_not_painted(kit: ServiceKit) -> None:
    jobs = [kit.send().job for _ in range(10)]
    for _ in range(5):
        settle.recover(kit.service)
    assert [job.attempts for job in kit.ledger.unended()] == [1] * 10
    assert kit.credits == 0
    assert {request.attempt for request in kit.dispatch.started} == {1}
    assert len(kit.dispatch.started) == 10 * 6
    assert all(kit.finish(job) for job in jobs)


# The clock is set back


def test_windows_of_the_rate_limit_heal_when_the_clock_is_set_back(kit: ServiceKit) -> None:
    def refused() -> bool:
        return admission.take_rate(kit.service, kit.caller)[1] is not None

    assert [refused() for _ in range(4)] == [False, False, False, True]
    kit.clock.time -= 24 * HOUR
    assert [refused() for _ in range(4)] == [False, False, False, True]
    kit.clock.time += 60
    assert not refused()


def test_a_claim_that_was_never_answered_is_free_when_the_clock_is_set_back(kit: ServiceKit) -> None:
    first = kit.send("key-1", prefer=Prefer(wait=30)).job
    with pytest.raises(OutpaintError, match="still runs"):
        kit.send("key-1")
    kit.clock.time -= 24 * HOUR
    again = kit.send("key-1")
    assert (again.job.id, again.replayed) == (first.id, True)


def test_a_job_never_dispatched_is_ended_when_the_clock_is_set_back(kit: ServiceKit) -> None:
    cut_off = begin_and_be_killed(kit)
    sweeping.sweep(kit.service)
    assert kit.credits == 18
    kit.clock.time -= 24 * HOUR
    sweeping.sweep(kit.service)
    assert settle.find_job(kit.service, kit.caller, cut_off.id).state is JobState.FAILED
    assert kit.credits == 20


# File URLs


def test_a_signed_url_opens_one_file_until_its_time() -> None:
    urls = FileUrls(b"0123456789abcdef")
    url = urls.sign("a.png", 1000.9)
    path, _, query = url.partition("?")
    expires, signature = (part.partition("=")[2] for part in query.split("&"))
    assert path == "/v1/files/a.png"
    urls.check("a.png", expires=expires, signature=signature, now=999.9)
    for id_, e, s, now, code in [
        ("b.png", expires, signature, 0.0, ErrorCode.URL_NOT_SIGNED),
        ("a.png", "1001", signature, 0.0, ErrorCode.URL_NOT_SIGNED),
        ("a.png", expires, signature[:-1], 0.0, ErrorCode.URL_NOT_SIGNED),
        ("a.png", expires, "é", 0.0, ErrorCode.URL_NOT_SIGNED),
        ("a.png", "", "", 0.0, ErrorCode.URL_NOT_SIGNED),
        ("a.png", "٣", signature, 0.0, ErrorCode.URL_NOT_SIGNED),
        ("a.png", expires, signature, 1000.0, ErrorCode.URL_EXPIRED),
    ]:
        with pytest.raises(OutpaintError) as caught:
            urls.check(id_, expires=e, signature=s, now=now)
        assert caught.value.code is code
    assert "0123456789" not in repr(urls)


class TestCreditsOnRefusalsThatNeedNoKey:
    """404 and 405 are told to anybody; who sent a key that counts sees its credits all the same."""

    @pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/nothing", 404), ("PUT", "/v1/balance", 405)])
    @pytest.mark.parametrize(
        ("key", "shown"),
        [("key", "20"), (" key ", "20"), ("nobody", "0"), ("shut", "0"), ("dev", "0"), ("", "0"), (None, "0")],
    )
    def test_a_known_key_sees_its_own(
        self, kit: ServiceKit, method: str, path: str, status: int, key: str | None, shown: str
    ) -> None:
        headers = () if key is None else ((API_KEY.lower(), key),)
        answer = Application(kit.service).respond(RequestHead(method, path, headers=headers))
        assert isinstance(answer, Response)
        assert (answer.status, answer.header(CREDIT_AVAILABLE)) == (status, shown)

    def test_no_request_is_counted(self, kit: ServiceKit) -> None:
        for _ in range(5):
            answer = Application(kit.service).respond(RequestHead("GET", "/", headers=((API_KEY.lower(), "key"),)))
            assert isinstance(answer, Response)
            assert (answer.status, answer.header(RATE_AVAILABLE)) == (404, "3")

    def test_without_a_key_no_account_is_looked_up(self, kit: ServiceKit, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        monkeypatch.setattr(kit.ledger, "by_key_digest", asked.append)
        Application(kit.service).respond(RequestHead("GET", "/v1/nothing"))
        assert asked == []
