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
    from outpaint.functions.embedded.bounded_connection import Hosted as Hosted
    from outpaint.functions.embedded.endings import Endings as Endings
    from outpaint.functions.embedded.host import Host as Host
    from outpaint.functions.embedded.host import open_host as open_host
    from outpaint.functions.embedded.memory_ledger import MemoryLedger as MemoryLedger
    from outpaint.functions.embedded.memory_ledger import MemoryLimits as MemoryLimits
    from outpaint.functions.embedded.memory_ledger import MemoryPictures as MemoryPictures
    from outpaint.functions.embedded.server import serve as serve
    from outpaint.functions.embedded.server import serving as serving
    from outpaint.functions.embedded.starting_keys import StartingKeys as StartingKeys
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

# The public names of each module, as seen from here.
PUBLIC = {
    "adapters.clock_and_ids": ("RandomIds", "SystemClock"),
    "adapters.fetch": ("SafeFetch",),
    "aws.aws_settings": ("AwsSettings",),
    "embedded.asgi": ("AsgiHost",),
    "embedded.bounded_connection": ("Hosted",),
    "embedded.endings": ("Endings",),
    "embedded.host": ("Host", "open_host"),
    "embedded.memory_ledger": ("MemoryLedger", "MemoryLimits", "MemoryPictures"),
    "embedded.server": ("serve", "serving"),
    "embedded.starting_keys": ("StartingKeys",),
    "http.application": ("Application", "Exchange"),
    "http.messages": ("Pieces", "RequestHead", "Response", "Waiting"),
    "service.admission": ("key_digest",),
    "service.file_urls": ("FileUrls",),
    "service.ports": (
        "Accounts",
        "AlreadyClaimed",
        "Clock",
        "Dispatch",
        "Fetch",
        "Ids",
        "Inspect",
        "Jobs",
        "Limits",
        "Pictures",
        "UploadForms",
    ),
    "service.records": ("Account", "Claim", "Job", "StoredPicture", "UploadForm", "UploadGrant"),
    "service.service": ("Service", "ServiceSettings"),
}
HOMES = {name: module for module, names in PUBLIC.items() for name in names}
__all__ = sorted(HOMES)

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, HOMES)
