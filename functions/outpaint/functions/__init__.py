"""The service behind the wire contract, the neutral HTTP core, and the hosts that carry them."""

from __future__ import annotations

from outpaint.contracts import lazy_names

# Not typing's: whatever imports a module of this floor runs this file.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from outpaint.functions.adapters.clock_and_ids import RandomIds as RandomIds
    from outpaint.functions.adapters.clock_and_ids import SystemClock as SystemClock
    from outpaint.functions.adapters.fetch import SafeFetch as SafeFetch
    from outpaint.functions.aws.aws_settings import AwsSettings as AwsSettings
    from outpaint.functions.embedded.asgi import AsgiHost as AsgiHost
    from outpaint.functions.embedded.endings import Endings as Endings
    from outpaint.functions.embedded.host import Host as Host
    from outpaint.functions.embedded.host import open_host as open_host
    from outpaint.functions.embedded.memory_ledger import MemoryLedger as MemoryLedger
    from outpaint.functions.embedded.memory_ledger import MemoryLimits as MemoryLimits
    from outpaint.functions.embedded.memory_ledger import MemoryPictures as MemoryPictures
    from outpaint.functions.embedded.server import Hosted as Hosted
    from outpaint.functions.embedded.server import serve as serve
    from outpaint.functions.embedded.server import serving as serving
    from outpaint.functions.http.application import Application as Application
    from outpaint.functions.http.application import Exchange as Exchange
    from outpaint.functions.http.messages import Pieces as Pieces
    from outpaint.functions.http.messages import RequestHead as RequestHead
    from outpaint.functions.http.messages import Response as Response
    from outpaint.functions.http.messages import Waiting as Waiting
    from outpaint.functions.service.admission import key_digest as key_digest
    from outpaint.functions.service.file_urls import FileUrls as FileUrls
    from outpaint.functions.service.ports import Accounts as Accounts
    from outpaint.functions.service.ports import AlreadyClaimed as AlreadyClaimed
    from outpaint.functions.service.ports import Clock as Clock
    from outpaint.functions.service.ports import Dispatch as Dispatch
    from outpaint.functions.service.ports import Fetch as Fetch
    from outpaint.functions.service.ports import Ids as Ids
    from outpaint.functions.service.ports import Inspect as Inspect
    from outpaint.functions.service.ports import Jobs as Jobs
    from outpaint.functions.service.ports import Limits as Limits
    from outpaint.functions.service.ports import Pictures as Pictures
    from outpaint.functions.service.ports import UploadForms as UploadForms
    from outpaint.functions.service.records import Account as Account
    from outpaint.functions.service.records import Claim as Claim
    from outpaint.functions.service.records import Job as Job
    from outpaint.functions.service.records import StoredPicture as StoredPicture
    from outpaint.functions.service.records import UploadForm as UploadForm
    from outpaint.functions.service.records import UploadGrant as UploadGrant
    from outpaint.functions.service.service import Service as Service
    from outpaint.functions.service.service import ServiceSettings as ServiceSettings

HOMES = {
    "Account": "service.records",
    "Accounts": "service.ports",
    "AlreadyClaimed": "service.ports",
    "Application": "http.application",
    "AsgiHost": "embedded.asgi",
    "AwsSettings": "aws.aws_settings",
    "Claim": "service.records",
    "Clock": "service.ports",
    "Dispatch": "service.ports",
    "Endings": "embedded.endings",
    "Exchange": "http.application",
    "Fetch": "service.ports",
    "FileUrls": "service.file_urls",
    "Host": "embedded.host",
    "Hosted": "embedded.server",
    "Ids": "service.ports",
    "Inspect": "service.ports",
    "Job": "service.records",
    "Jobs": "service.ports",
    "Limits": "service.ports",
    "MemoryLedger": "embedded.memory_ledger",
    "MemoryLimits": "embedded.memory_ledger",
    "MemoryPictures": "embedded.memory_ledger",
    "Pictures": "service.ports",
    "Pieces": "http.messages",
    "RandomIds": "adapters.clock_and_ids",
    "RequestHead": "http.messages",
    "Response": "http.messages",
    "SafeFetch": "adapters.fetch",
    "Service": "service.service",
    "ServiceSettings": "service.service",
    "StoredPicture": "service.records",
    "SystemClock": "adapters.clock_and_ids",
    "UploadForm": "service.records",
    "UploadForms": "service.ports",
    "UploadGrant": "service.records",
    "Waiting": "http.messages",
    "key_digest": "service.admission",
    "open_host": "embedded.host",
    "serve": "embedded.server",
    "serving": "embedded.server",
}

__all__ = sorted(HOMES)

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, HOMES)
