"""The JSON of the admin API; times are virtual, in seconds since the epoch unless said otherwise."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, EncodedBytes, EncoderProtocol, Field, RootModel
from pydantic_core import PydanticCustomError

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.job_states import JobState
from outpaint.contracts.profiles import WireProfile
from outpaint.contracts.requests import PLAIN_FIELDS
from outpaint.contracts.responses import Moment
from outpaint.mocks.admin.scenario_json import ScenarioValue
from outpaint.mocks.scenarios.effect import On

SHOWN_CALLS = 200
MAX_CALLS = 1000


class _Base64(EncoderProtocol):
    """Base64 of RFC 4648; other characters are refused instead of ignored."""

    @classmethod
    def decode(cls, data: bytes) -> bytes:
        try:
            return b64decode(data, validate=True)
        except ValueError as error:
            raise PydanticCustomError("base64", "it is no base64") from error

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return b64encode(value)

    @classmethod
    def get_json_format(cls) -> Literal["base64"]:
        return "base64"


class _Given(BaseModel):
    """A request's body: types are exact, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Answer(BaseModel):
    """What is answered; some are read from objects with the same attributes."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class _Query(BaseModel):
    """The parameters of a URL's query."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# Worlds


class ClockState(_Answer):
    """A world's time."""

    now: float = Field(description="Seconds since the epoch, UTC.")
    time: Moment = Field(description="The same as a date, UTC.")
    scale: float = Field(description="Virtual seconds that pass in a real one; 0 while frozen.")
    frozen: bool


class WorldSummary(_Answer):
    """A world in short."""

    name: str
    base_url: str = Field(description="The base URL of the API in this world.")
    clock: ClockState
    calls: int = Field(description="How many calls of the API came since the last reset, kept or not.")
    pending: int = Field(description="How many jobs have not ended.")
    scenarios: int = Field(description="How many scenarios are set.")


class AccountState(_Answer):
    """An account and its free credits."""

    id: str
    name: str
    credits: int


class WorldDetail(WorldSummary):
    """A world with its accounts, at most a hundred."""

    accounts: tuple[AccountState, ...]
    keeps_bodies: bool = Field(description="Whether the journal keeps bodies.")
    profile: WireProfile = Field(description="Whose API it plays.")


class WorldList(_Answer):
    """The worlds there are, in the order they were made."""

    worlds: tuple[WorldSummary, ...]
    dropped: tuple[str, ...] = Field(description="The latest that made room for others, by name.")


class SetUp(_Given):
    """How a new world is to differ from what the server was started with."""

    settings: dict[str, Any] | None = Field(
        default=None, description="The service's settings, such as rate_limit, sync_wait, pictures."
    )
    keys: dict[str, Annotated[int, Field(ge=0)]] | None = Field(
        default=None, description="Keys with their credits; no others are known then. Without it any key is."
    )
    credits: Annotated[int | None, Field(ge=0, description="What a new key has.")] = None
    clock: str | float | None = Field(default=None, description="frozen, ticking, or how many times as fast it goes.")
    start: Moment | None = Field(default=None, description="The clock's first time, UTC; the present without it.")
    scenario: ScenarioValue | None = Field(default=None, description="For the whole world.")
    profile: Annotated[WireProfile | None, Field(strict=False, description="Whose API it plays.")] = None
    seed: int | None = Field(default=None, description="Ids, seeds and chance follow from it.")
    stalled_polls: Annotated[
        int | None, Field(ge=0, description="A poll is marked from so many on while the clock stands; 0: never.")
    ] = None


class OpenAccount(_Given):
    """An account to open or to change."""

    key: Annotated[str, Field(min_length=1, max_length=200, description="The key that reaches it.")]
    credits: Annotated[int, Field(ge=0, le=2**53, description="Its free credits from now on.")] = 100
    allowed: bool = Field(default=True, description="False: its key is known, and refused with 403.")


# The clock


class Advance(_Given):
    """How far to move on; the parts add up."""

    seconds: float = 0.0
    minutes: float = 0.0
    hours: float = 0.0
    days: float = 0.0


class SetTime(_Given):
    """A time to move on to."""

    time: Moment = Field(description="A date with its time; UTC where it names no zone.")


class Tick(_Given):
    """How fast time is to go."""

    scale: float = Field(default=1.0, description="Virtual seconds in a real one, above 0 to 1,000,000.")


# Scenarios


class ScenarioState(_Answer):
    """A scenario that is set; `left` and `used` count calls where it is one for the next calls."""

    number: int
    scenario: str
    on: tuple[On, ...] = Field(default=(), description="The calls that it concerns.")
    left: int | None = None
    used: int | None = None


class ScenarioStates(_Answer):
    """What is set: for the whole world, for the next calls, and what those have used up."""

    always: tuple[ScenarioState, ...]
    next: tuple[ScenarioState, ...]
    consumed: tuple[ScenarioState, ...]


class SetAlways(_Given):
    """A scenario for the whole world."""

    scenario: ScenarioValue
    on: Annotated[On | None, Field(strict=False, description="Where its effects on calls apply.")] = None


class SetNext(SetAlways):
    """A scenario for the next calls."""

    times: Annotated[int, Field(description="How many calls, 1 to 1,000,000.")] = 1


class SetForJob(_Given):
    """A scenario for one running job and its later polls and files."""

    scenario: ScenarioValue


class Understood(_Answer):
    """A scenario as it was understood."""

    scenario: str = Field(description="In the language's own spelling.")
    on: tuple[On, ...] = Field(description="The calls that it concerns.")


# Jobs


class JobQuery(_Query):
    """Which jobs to show."""

    pending: bool = Field(default=False, description="Only those that have not ended.")
    limit: int = Field(default=100, ge=1, le=1000)


class JobSummary(_Answer):
    """One job."""

    inference_id: str
    state: JobState
    created_at: float
    ends_at: float | None = Field(
        default=None, description="When it ends by itself; null where something else ends it."
    )
    progress: str | None = Field(default=None, description="How it goes on, while it does.")
    polls: int | None = Field(default=None, description="How many polls it has seen, while it runs.")
    outcome: str | None = Field(default=None, description="How it will end, while it runs.")
    prompt: str
    count: int
    error_code: ErrorCode | None = None


class JobList(_Answer):
    """Jobs, the latest first."""

    jobs: tuple[JobSummary, ...]


# The journal


class CallSummary(_Answer):
    """A call in short."""

    number: int
    at: float
    answered: bool
    method: str
    path: str
    route: On | None
    status: int | None = Field(description="Null while it waits, and where no answer came across.")
    error_code: str | None
    key_id: str | None = Field(default=None, description="The id of its API key, as `outpaint keys list` has it.")
    replay_of: int | None = Field(
        default=None, description="The call that it repeats, where the mock sent it once more."
    )
    inference_id: str | None
    prompt: str | None = None
    count: int | None = None
    effects: tuple[str, ...] = Field(description="What scenarios did to it.")
    latency: float = Field(default=0.0, description="Virtual seconds before the answer's first byte.")
    fault: str | None = Field(default=None, description="Where the connection broke.")
    stalled: int = Field(
        default=0,
        description="How many polls in a row found the job as it was while the clock stood; 0 if not too many.",
    )
    abandoned: bool = Field(default=False, description="Whether the client went away before it had its answer.")
    replayed: bool = Field(default=False, description="Whether it was answered with an earlier call's job, by its key.")
    has_image: bool = False
    has_mask: bool = False


class CallPage(_Answer):
    """Calls in the order they came, the latest of those asked for.

    The figures are of all calls that fit, whatever `after` and `limit` are.
    """

    calls: tuple[CallSummary, ...]
    total: int | None = Field(
        description="How many came since the journal was last cleared. Null where nobody can tell: the route of a "
        "call that is dropped is known, and nothing else of it."
    )
    dropped: int = Field(description="How many the journal no longer keeps that may fit.")


class Header(_Answer):
    """One header as it came or went."""

    name: str
    value: str


class PictureState(_Answer):
    """A picture of a call."""

    what: str = Field(description="image, mask, keep-map or results/<place>.")
    url: str = Field(description="Where it is shown, as PNG.")
    sha256: str | None = None
    size: int | None = Field(default=None, description="Bytes, where it came with the call.")


class CallDetail(CallSummary):
    """A call with all that is kept of it."""

    query: str
    account_id: str | None
    idempotency_key: str | None
    request_headers: tuple[Header, ...]
    request: dict[str, Any] | None = Field(description="What a submit asks for, once it was understood.")
    body_size: int
    answered_at: float | None
    response_headers: tuple[Header, ...]
    response: str | None = Field(description="The answer's body where it is text and kept.")
    response_size: int | None
    pictures: tuple[PictureState, ...]


class CallQuery(_Query):
    """Which calls to show."""

    after: int = Field(default=0, ge=0, description="Only calls with higher numbers.")
    route: On | None = None
    status: int | Literal["1xx", "2xx", "3xx", "4xx", "5xx", "none"] | None = Field(
        default=None, description="Only calls with this status, or with one of this class; none is no answer."
    )
    inference_id: str | None = None
    key: str | None = Field(
        default=None, max_length=200, description="Only calls with the API key or account of this id."
    )
    text: str | None = Field(
        default=None,
        max_length=200,
        description="Only calls with this text, in any case, in their request, their answer or what was done to them.",
    )
    limit: int = Field(default=SHOWN_CALLS, ge=1, le=MAX_CALLS, description="The latest so many.")


class KeysQuery(_Query):
    """How to show credentials."""

    keys: Literal["redacted", "shown"] = Field(
        default="redacted", description="Whether keys, cookies and signatures are shown; the journal has them all."
    )


class PictureQuery(_Query):
    """How to show a picture."""

    side: int | None = Field(default=None, ge=16, le=8192, description="Shrunk so that no side is longer (px).")


class Expected(_Given):
    """What is to be true of the journal; all that is given must hold."""

    route: Annotated[On | None, Field(strict=False, description="Only these calls are looked at.")] = None
    inference_id: str | None = Field(default=None, description="Only this job's calls are looked at.")
    times: Annotated[int | None, Field(ge=0, description="So many calls came.")] = None
    values: dict[str, Any] | None = Field(
        default=None,
        description=f"One call has all these: {', '.join(PLAIN_FIELDS)}, status, api_key, inference_id, headers, ...",
    )
    order: list[Annotated[On, Field(strict=False)] | dict[str, Any]] | None = Field(
        default=None,
        description="Calls like these came one after another, whatever came between: kinds of calls, or values.",
    )
    all_called: bool = Field(default=False, description="Every scenario of the next calls and every source was used.")


class Judged(_Answer):
    """Whether it holds; if not, what came instead."""

    holds: bool | None = Field(description="Null where nobody can tell, because calls were dropped that could decide.")
    message: str | None = None
    call: int | None = Field(default=None, description="The latest call with all `values`.")


# Sources


class SetSource(_Given):
    """What an address answers; with nothing but its URL, the picture that is made from it."""

    url: Annotated[str, Field(min_length=1, max_length=2083)]
    data: Annotated[
        Annotated[bytes, EncodedBytes(_Base64)] | None, Field(strict=False, description="The bytes, in base64.")
    ] = None
    status: int = 200
    seconds: float = Field(default=0.0, description="Virtual seconds before it answers.")
    broken: bool = Field(default=False, description="The connection breaks off.")


class SourceQuery(_Query):
    """Which source."""

    url: str


class SourceState(_Answer):
    """What is registered for an address."""

    url: str
    size: int | None = Field(description="Bytes; null where it is the picture made from the address.")
    sha256: str | None
    status: int
    seconds: float
    broken: bool
    fetched: int = Field(description="How often it was fetched.")


class SourceList(_Answer):
    """The registered sources."""

    sources: tuple[SourceState, ...]


class ReportQuery(_Query):
    """Whose client is judged."""

    profile: WireProfile | None = Field(default=None, description="As a client of this API; else of the world's own.")


class StrictQuery(ReportQuery):
    """Whose client is judged, and how strictly."""

    strict: bool = Field(default=False, description="Warnings count as failures (JUnit).")


# Pact


class PactQuery(_Query):
    """Between whom the pact is."""

    consumer: str = Field(default="consumer", description="Who calls.")
    provider: str = Field(default="outpaint", description="Who is called.")


class SetState(BaseModel):
    """A provider state as Pact's verifiers ask for it; what else they send is not looked at."""

    model_config = ConfigDict(frozen=True)

    state: str = Field(default="", description="The state's name; none is an account with credits.")
    params: dict[str, Any] | None = Field(default=None, description="Its parameters.")
    action: str = Field(default="setup", description="`setup`; a `teardown` has nothing to do.")


class StateValues(RootModel[dict[str, str]]):
    """What the request of the interaction then carries: `api_key`, `inference_id`, `file_id`, ..."""
