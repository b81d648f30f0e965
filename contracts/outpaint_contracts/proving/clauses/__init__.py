"""The sentences that the cases guard, in rooms by what they are about; a case names one as `clauses.NAME`.

Those whose ids begin with one word stand in one room. `source` names the fact or standard that a sentence was taken
from.
"""

# A room's names are listed in the room alone: written here once more, they would be a second list to keep.
# ruff: noqa: F403

from outpaint_contracts.proving.clauses.accounts import *
from outpaint_contracts.proving.clauses.answers import *
from outpaint_contracts.proving.clauses.bodies import *
from outpaint_contracts.proving.clauses.browsers import *
from outpaint_contracts.proving.clauses.fields import *
from outpaint_contracts.proving.clauses.idempotency import *
from outpaint_contracts.proving.clauses.jobs import *
from outpaint_contracts.proving.clauses.pictures import *
from outpaint_contracts.proving.clauses.pixels import *
from outpaint_contracts.proving.clauses.raw_http import *
from outpaint_contracts.proving.clauses.results import *
from outpaint_contracts.proving.clauses.routes import *
from outpaint_contracts.proving.clauses.sources import *
from outpaint_contracts.proving.clauses.waiting import *
