"""The sentences that the cases guard, in rooms by what they are about; a case names one as `clauses.NAME`.

Those whose ids begin with one word stand in one room. `source` names the fact or standard that a sentence was taken
from.
"""

# A room's names are listed in the room alone: written here once more, they would be a second list to keep.
# ruff: noqa: F403

from outpaint.conformance.proving.clauses.job_clauses import *
from outpaint.conformance.proving.clauses.picture_clauses import *
from outpaint.conformance.proving.clauses.protocol_clauses import *
from outpaint.conformance.proving.clauses.request_clauses import *
