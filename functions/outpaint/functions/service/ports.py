"""The ports: what the service needs from a host.

All calls are synchronous and return at once or after one round trip to storage; waiting for a job is up to the host,
which the HTTP core asks for it. Adapters must be safe to call from several threads. A method of theirs without a
docstring does what is said here, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, Unpack

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import CompletionLocations, InferenceRequest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.masks_and_formats import MaskMode, PictureLimits
from outpaint.functions.service.records import Account, Claim, Job, JobChange, StoredPicture, UploadForm, UploadGrant

if TYPE_CHECKING:
    from outpaint.painting.inputs.inspection import Inspection


class AlreadyClaimed(Exception):  # noqa: N818 - an outcome that the service handles, not an error
    """Another request holds the idempotency key; `claim` is what it claimed."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(claim.key)
        self.claim = claim


class UnreadableJobsError(OutpaintError):
    """What a store holds under the ids of these jobs is no job of this release; raised after all those that are."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = tuple(ids)
        others = f", nor {len(ids) - 1} more" if len(ids) > 1 else ""
        super().__init__(
            ErrorCode.INTERNAL,
            f"the stored job {ids[0]} cannot be read{others}: run the release that wrote it, or mend its row",
        )


class Clock(Protocol):
    """The time, which tests set themselves."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""


class Ids(Protocol):
    """Everything random, which tests make repeatable."""

    def uuid(self) -> str:
        """A new UUID in its canonical text form."""

    def seed(self) -> int:
        """A seed, 0 to 2**32 - 1."""


class Accounts(Protocol):
    """Keys and the accounts they belong to; keys themselves are never stored."""

    def by_key_digest(self, digest: str) -> Account | None:
        """The account whose key has this SHA-256 (hex), or None for unknown and revoked keys."""

    def free_credits(self, account_id: str) -> int:
        """The credits that the account may spend now; 0 where there is no such account."""
        ...


class Limits(Protocol):
    """Counters for the rate limit; the rule itself is the service's."""

    def count(self, account_id: str, window: int, expires_at: float) -> int:
        """Add one to the account's counter for this window and return it, this request included."""


class Jobs(Protocol):
    """Jobs, credits and idempotency claims: one store, because they change in one transaction.

    Reads do not return what has expired, purged or not.
    """

    def create(self, job: Job, claim: Claim | None, now: float) -> None:
        """Claim the key, take `job.price` from the account's free credits and store the job: all or nothing.

        Raises `AlreadyClaimed` where that key has a claim that has not expired, and `OutpaintError`
        INSUFFICIENT_CREDITS where the credits do not suffice.
        """

    def find(self, inference_id: str, now: float) -> Job | None:
        """The job, whoever owns it, unless it has expired."""

    def find_claim(self, account_id: str, key: str, now: float) -> Claim | None:
        """The claim on an idempotency key, unless it has expired."""

    def finish_claim(self, account_id: str, key: str, inference_id: str) -> None:
        """Record that the claiming request has been answered: `running_until` becomes 0."""

    def move(self, inference_id: str, to: JobState, **change: Unpack[JobChange]) -> Job | None:
        """Move the job if its state is one of `sources_of(to)`, else change nothing and return None.

        A move to FAILED, EXPIRED or CANCELLED gives the price back in the same transaction;
        a move to SUCCEEDED keeps it. Returns the job after the move.
        """

    def begin_again(self, inference_id: str, attempt: int, locations: CompletionLocations | None = None) -> Job | None:
        """Record a try of a job: its number becomes `attempts`, its `locations` replace those of the try before.

        Returns None, and changes nothing, if the job has ended or a later try is recorded; to record the same try
        twice changes nothing more. The job's state stays.
        """

    def unended(self, since: float = 0.0) -> Iterable[Job]:
        """The jobs that have not ended and were accepted at `since` or later, oldest first.

        A store that reads them as they are asked for may raise `UnreadableJobsError` in the end.
        """

    def purge(self, now: float) -> int:
        """Delete ended jobs, claims and counters that have expired; returns how many jobs."""

    def erase(self, inference_ids: Iterable[str]) -> int:
        """Delete jobs that have ended, expired or not, and their own claims; returns how many there were.

        Nothing of them can be read from the store's own files afterwards. Credits stay as they are.
        """
        ...


class Pictures(Protocol):
    """Input and result files, named as contracts/storage_names.py says."""

    def put(self, name: str, picture: StoredPicture) -> None:
        """Store a file whole or not at all; the same name again replaces it."""

    def get(self, name: str, now: float) -> StoredPicture | None:
        """The file, unless it has expired."""

    def delete(self, name: str) -> None:
        """Delete a file; nothing happens where there is none."""

    def url(self, name: str, until: float) -> str:
        """A signed URL that reads the file until then: absolute, or a path on this host."""

    def purge(self, now: float) -> int:
        """Delete the files that have expired; returns how many."""

    def erase(self, inference_id: str, names: Iterable[str]) -> int:
        """Delete these files, and all that the store holds under the job's own names; returns how many there were.

        Unlike `delete`, raises `OutpaintError` UNAVAILABLE or INTERNAL where the store does not do it.
        """
        ...

    def erase_account(self, account_id: str) -> int:
        """Delete every input, upload and result of an account; returns how many. Raises as `erase` does."""
        ...


class UploadStore(Protocol):
    """What a picture store can do besides, where the host keeps the files itself."""

    def put_new(self, name: str, picture: StoredPicture) -> bool:
        """Store a file as `Pictures.put` does, unless there is one of this name: then change nothing and return False.

        Of several at once, exactly one is stored.
        """
        ...

    def stored_bytes(self, account_id: str) -> int:
        """The bytes of an account's files, inputs, uploads and results; expired ones count until they are purged."""
        ...


class OwnPictures(Pictures, UploadStore, Protocol):
    """The picture store of a host that keeps the files itself."""


class UploadForms(Protocol):
    """Lets clients send a file straight to the picture store, for hosts that cannot take large bodies."""

    def form(self, name: str, grant: UploadGrant, now: float) -> UploadForm:
        """A signed form that stores one file under this name, within the grant."""


class Inspect(Protocol):
    """Inspects a request's pictures: `outpaint.painting.inputs.inspection.inspect`, or what returns the same."""

    def __call__(
        self,
        image: bytes,
        mask: bytes | None = None,
        *,
        mask_mode: MaskMode = ...,
        limits: PictureLimits = ...,
        image_field: str = ...,
        mask_field: str = ...,
    ) -> Inspection:
        """What is known of the pictures; raises `OutpaintError` for every way in which they can be wrong."""


class Dispatch(Protocol):
    """Sends jobs to a painter's host, which reports their end through `settle`."""

    def start(self, request: InferenceRequest) -> CompletionLocations | None:
        """Send the job, without waiting for it; raises `OutpaintError` UNAVAILABLE when it is not taken.

        Returns where the host will leave its answer, None where it does not say.
        """

    def check(self, job: Job) -> Job | None:
        """Settle the job now if its end is known to the painter's host but was never reported.

        Returns the job's present state where the port knows it, and None to have it read again.
        """


class Observer(Protocol):
    """Is told of jobs as they begin and end, each once, so that a host can count them; it raises nothing."""

    def accepted(self, job: Job) -> None:
        """A job was stored and its price taken; it is not dispatched yet."""
        ...

    def ended(self, job: Job) -> None:
        """A job has ended, and its price was given back if it did not succeed."""
        ...


class Readiness(Protocol):
    """Says whether a host takes new work; what it has taken goes on in either case."""

    def unready(self) -> str | None:
        """Why no new job or upload is taken now, and what its operator can do; None where it is.

        Asked with every submit, on a host's event loop: it returns within microseconds.
        """
        ...


class Fetch(Protocol):
    """Reads source pictures from the web."""

    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
        """The bytes at an address, within `timeout` seconds and `max_bytes`; `field` is named in errors.

        Raises `OutpaintError` SOURCE_REFUSED for addresses that may not be read, SOURCE_UNAVAILABLE when
        the source does not answer with a picture's bytes, FILE_TOO_LARGE beyond `max_bytes`.
        """
