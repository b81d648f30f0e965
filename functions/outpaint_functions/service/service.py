"""The service: its ports and settings, in one place that every rule is handed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from outpaint_functions.service.file_urls import FileUrls
from outpaint_functions.service.ports import (
    Accounts,
    Clock,
    Dispatch,
    Fetch,
    Ids,
    Inspect,
    Jobs,
    Limits,
    Pictures,
    UploadForms,
)
from outpaint_functions.service.settings import ServiceSettings

if TYPE_CHECKING:
    from outpaint_painting.uploads import Inspection


def inspect(image: bytes, mask: bytes | None = None, **how: Any) -> Inspection:
    """`outpaint_painting.uploads.inspect`, imported with its image library at the first picture: polls send none."""
    from outpaint_painting import uploads

    return uploads.inspect(image, mask, **how)


@dataclass(frozen=True, slots=True)
class Service:
    """What the rules work with; put together once by each host.

    `file_urls` is set where the host serves result files itself, and None where its store signs URLs.
    `upload_forms` is set where uploads go straight to that store; a host that serves files takes them itself.
    `inspect` looks at a request's pictures before anything is charged; a host may give one that remembers.
    """

    clock: Clock
    ids: Ids
    accounts: Accounts
    limits: Limits
    jobs: Jobs
    pictures: Pictures
    dispatch: Dispatch
    fetch: Fetch
    file_urls: FileUrls | None = None
    settings: ServiceSettings = field(default_factory=ServiceSettings)
    inspect: Inspect = inspect
    upload_forms: UploadForms | None = None
