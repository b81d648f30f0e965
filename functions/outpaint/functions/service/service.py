"""The service's settings, and the object that holds its ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.contracts.responses import StatusWord
from outpaint.functions.service import ports
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.stored_bytes import Reservations

if TYPE_CHECKING:
    from outpaint.painting.inputs.inspection import Inspection

_DAY: Final = 24 * 3600
MAX_SWEEP_THREADS: Final = 64
"""As many connections are kept open to a service that the sweep calls."""


class ServiceSettings(BaseModel):
    """The numbers behind the rules; seconds and credits unless said otherwise (docs/facts/wire.md#figures)."""

    model_config = ConfigDict(frozen=True)

    credits_per_image: Annotated[int, Field(ge=0)] = 1
    rate_limit: Annotated[int, Field(ge=1, description="Requests an account may make in one window.")] = 500
    rate_window: Annotated[int, Field(ge=1)] = 60
    sync_wait: Annotated[int, Field(ge=0, description="How long a sync request waits before it is answered 202.")] = 60
    max_wait: Annotated[int, Field(ge=0, description="The longest wait this host can grant to Prefer.")] = 600
    retry_after: Annotated[int, Field(ge=1, description="Seconds between polls, as 202 and 503 ask.")] = 2
    job_lifetime: Annotated[
        int, Field(ge=1, description="A job that has not ended by then is expired and its credits given back.")
    ] = 3600
    accept_grace: Annotated[
        int, Field(ge=1, description="How long a job may take from being accepted to being dispatched.")
    ] = 120
    result_lifetime: Annotated[int, Field(ge=1, description="How long results and their job are kept.")] = _DAY
    url_lifetime: Annotated[
        int | None,
        Field(ge=1, description="How long a result's URL works, where its store's signatures end before the files."),
    ] = None
    upload_patience: Annotated[int, Field(ge=1, description="How long the form of POST /v1/uploads works.")] = 900
    idempotency_lifetime: Annotated[int, Field(ge=1)] = _DAY
    max_attempts: Annotated[
        int, Field(ge=1, description="How often a job is tried that its painter's host gave back, or that killed it.")
    ] = 3
    sweep_threads: Annotated[
        int, Field(ge=1, le=MAX_SWEEP_THREADS, description="Jobs that the sweep looks at at a time.")
    ] = 1
    stored_bytes_per_account: Annotated[
        int,
        Field(
            ge=1,
            description="Bytes of an account's inputs, uploads and results; over it no picture is taken.",
            json_schema_extra={"limit": True},
        ),
    ] = 2 * 1024**3
    fetch_timeout: Annotated[float, Field(gt=0, description="For a whole image_url, redirects included.")] = 20.0
    accepted_word: Annotated[StatusWord, Field(description="`success` mimics the vendor's async answer of 2025.")] = (
        StatusWord.PROCESSING
    )
    pictures: PictureLimits = PictureLimits()
    limit_names: Annotated[
        Mapping[str, str],
        Field(description="By what this host's operator sets a limit, for each that there is; refusals say it."),
    ] = {}
    body_limit: Annotated[
        int | None, Field(ge=1, description="The largest request body, where the host takes less than two pictures.")
    ] = None
    max_header_bytes: Annotated[
        int,
        Field(
            ge=1024,
            description="Bytes of a request's path and headers; more is 431.",
            json_schema_extra={"limit": True},
        ),
    ] = 32 * 1024
    public_url: Annotated[
        str | None, Field(description="Where clients reach this host, if not where their request says.")
    ] = None
    cors_origins: Annotated[tuple[str, ...], Field(description="`*` allows every origin.")] = ("*",)
    local_keys: Annotated[
        bool, Field(description="Whether keys for this host's own machine alone, such as `dev`, count at all.")
    ] = False

    @property
    def max_body_bytes(self) -> int:
        """The largest request body: two files, and room for a base64 image_url and the form around them."""
        if self.body_limit is not None:
            return self.body_limit
        return 2 * (self.pictures.max_bytes * 4 // 3) + 1024 * 1024


def inspect(image: bytes, mask: bytes | None = None, **how: Any) -> Inspection:
    """`outpaint.painting.inputs.inspection.inspect`, imported at the first picture: polls send none."""
    from outpaint.painting.inputs import inspection

    return inspection.inspect(image, mask, **how)


@dataclass(frozen=True, slots=True)
class Service:
    """The ports and settings that the rules use; each host builds one.

    `file_urls` is set where the host serves result files itself, and None where its store signs URLs.
    `upload_forms` is set where uploads go straight to that store, and `uploads` where the host takes them itself: its
    store then knows what an account has stored, and the limit on that holds.
    `reservations` count what this process is about to store.
    `inspect` is called before anything is charged; a host may give one that keeps what it decoded.
    `readiness` is set where a host refuses new jobs and uploads at times, for its disk for example.
    """

    clock: ports.Clock
    ids: ports.Ids
    accounts: ports.Accounts
    limits: ports.Limits
    jobs: ports.Jobs
    pictures: ports.Pictures
    dispatch: ports.Dispatch
    fetch: ports.Fetch
    file_urls: FileUrls | None = None
    settings: ServiceSettings = field(default_factory=ServiceSettings)
    inspect: ports.Inspect = inspect
    upload_forms: ports.UploadForms | None = None
    uploads: ports.UploadStore | None = None
    observer: ports.Observer | None = None
    reservations: Reservations = field(default_factory=Reservations)
    readiness: ports.Readiness | None = None
