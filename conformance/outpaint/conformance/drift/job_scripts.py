"""The accounts, settings and scenarios with which a mock answers as the recorded provider did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from outpaint.conformance.drift.recording_file import (
    Answer,
    Json,
    RecordedExchange,
    Recording,
    Trouble,
    pictures_asked_for,
)
from outpaint.conformance.drift.scrubbing import REFERENCE
from outpaint.contracts.errors import JOB_ERRORS, ErrorCode
from outpaint.contracts.paths_and_headers import (
    CREDIT_AVAILABLE,
    IDEMPOTENT_REPLAYED,
    OUTPAINT_PATH,
    RATE_LIMIT,
    RETRY_AFTER,
)
from outpaint.functions.http.routes import INFERENCES_PREFIX
from outpaint.functions.service.file_urls import PREFIX as FILES_PREFIX
from outpaint.functions.service.file_urls import UPLOADS_PREFIX

_CREDITS: Final = 1000
"""Credits of an account whose balance no answer has."""
_IMMEDIATE_S: Final = 1.0
"""A sync answer that took longer gets a job that takes as long, by the mock's clock."""
_LONGEST_S: Final = 3500.0
"""Within a job's lifetime, which would end it first."""
_BY_STATUS: Final = {500: ErrorCode.INTERNAL, 503: ErrorCode.UNAVAILABLE, 504: ErrorCode.TIMED_OUT}
_SOURCE_ERRORS: Final = frozenset({ErrorCode.SOURCE_UNAVAILABLE, ErrorCode.SOURCE_REFUSED})


@dataclass(frozen=True, slots=True)
class Script:
    """For one exchange: the scenario of its call, and the recorded job that has ended by then."""

    scenario: str | None = None
    ended: str | None = None


@dataclass(frozen=True)
class Setting:
    """The world of a mock for a replay: known keys with their credits, settings of its service, scripts by exchange."""

    keys: dict[str, int]
    settings: dict[str, Any]
    scripts: dict[int, Script] = field(default_factory=dict)
    scheme: str = "https"
    cost: int = 0
    """Credits that the recorded requests cost, by count and price."""

    @classmethod
    def of(cls, recording: Recording) -> Setting:
        exchanges = list(recording.replayable())
        keys = _keys(exchanges)
        settings: dict[str, Any] = {}
        answers = [exchange.answer for exchange in exchanges if exchange.answer is not None]
        values = [answer.header(RATE_LIMIT) or "" for answer in answers]
        limits = [int(value) for value in values if value.isdigit() and int(value) > 0]
        if limits:
            settings["rate_limit"] = max(limits)
        price = _price(exchanges)
        if price is not None:
            settings["credits_per_image"] = price
        price = 1 if price is None else price
        return cls(
            keys,
            settings,
            scripts=_scripts(exchanges, keys, price),
            scheme=recording.upstream.partition("://")[0],
            cost=price * sum(_charged(exchange) for exchange in exchanges),
        )


def inference_id_of(answer: Answer | None) -> str | None:
    """The id of the job that an answer is about."""
    value = json_of(answer)
    found = value.get("inference_id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def job_of(exchange: RecordedExchange) -> str | None:
    """The id of the job that an exchange is about: the vendor's answer to a poll of an ended job has none."""
    named = inference_id_of(exchange.answer)
    path = exchange.request.target.partition("?")[0]
    found = exchange.answer is not None and exchange.answer.status in (200, 202)
    if named is None and found and exchange.request.method == "GET" and path.startswith(INFERENCES_PREFIX):
        return path.removeprefix(INFERENCES_PREFIX).removesuffix("/")
    return named


def json_of(answer: Answer | None) -> Any:
    """An answer's JSON; None where it is none."""
    return answer.body.value if answer is not None and isinstance(answer.body, Json) else None


def is_submit(exchange: RecordedExchange) -> bool:
    path = exchange.request.target.partition("?")[0].rstrip("/")
    return exchange.request.method == "POST" and path == OUTPAINT_PATH


def balance_in(answer: Answer | None) -> int | None:
    """The account's balance that an answer shows; None where it shows none."""
    balance = (answer.header(CREDIT_AVAILABLE) if answer else None) or ""
    return int(balance) if balance.isdigit() else None


def is_of_an_account(exchange: RecordedExchange) -> bool:
    """Whether the answer is about the key's account; one to a request for a file is not."""
    target = exchange.request.target
    if exchange.request.key is None or REFERENCE.fullmatch(target) is not None:
        return False
    return not target.startswith((FILES_PREFIX, UPLOADS_PREFIX))


def _keys(exchanges: list[RecordedExchange]) -> dict[str, int]:
    """The keys that were known, and the first balance of each."""
    keys: dict[str, int] = {}
    for exchange in exchanges:
        key, answer = exchange.request.key, exchange.answer
        if key is None or not is_of_an_account(exchange) or answer is None or answer.status == 401 or key in keys:
            continue
        balance = balance_in(answer)
        keys[key] = _CREDITS if balance is None else balance
    return keys


def _price(exchanges: list[RecordedExchange]) -> int | None:
    """Credits an image, where an account's balances before and after a submit show it."""
    prices: Counter[int] = Counter()
    before: dict[str, tuple[RecordedExchange, int]] = {}
    for exchange in exchanges:
        key, balance = exchange.request.key, balance_in(exchange.answer)
        if key is None or balance is None or not is_of_an_account(exchange):
            continue
        if key in before:
            submitted, had = before[key]
            pictures, spent = _charged(submitted), had - balance
            if pictures and spent > 0 and spent % pictures == 0:
                prices[spent // pictures] += 1
        before[key] = (exchange, balance)
    return prices.most_common(1)[0][0] if prices else None


def _charged(exchange: RecordedExchange) -> int:
    answer = exchange.answer
    if not is_submit(exchange) or answer is None or answer.status not in (200, 202) or _replayed(answer):
        return 0
    return pictures_asked_for(exchange.request.body, {})


def _replayed(answer: Answer) -> bool:
    return (answer.header(IDEMPOTENT_REPLAYED) or "").lower() == "true"


def _scripts(exchanges: list[RecordedExchange], keys: dict[str, int], price: int) -> dict[int, Script]:
    last_words: dict[str, Any] = {}
    first_end: dict[str, int] = {}
    for exchange in exchanges:
        job = job_of(exchange)
        if job is not None and exchange.answer is not None and exchange.answer.status != 202:
            first_end.setdefault(job, exchange.number)
            last_words.setdefault(job, json_of(exchange.answer))
    scripts: dict[int, Script] = {}
    made: set[str] = set()
    for exchange in exchanges:
        assert exchange.answer is not None
        scenario = _trouble(exchange, exchange.answer, keys, price)
        job = job_of(exchange)
        makes_a_job = job not in made if job is not None else exchange.answer.status == 200
        if scenario is None and makes_a_job and is_submit(exchange):
            scenario = _job(exchange, exchange.answer, last_words.get(job or ""))
        if job is not None:
            made.add(job)
        ends = job is not None and first_end.get(job) == exchange.number
        ended_before = ends and (not is_submit(exchange) or _replayed(exchange.answer))
        scripts[exchange.number] = Script(scenario, job if ended_before else None)
    return scripts


def _job(exchange: RecordedExchange, answer: Answer, last_word: Any) -> str:
    """The scenario of the job that this submit makes."""
    if answer.status == 202:
        failed = isinstance(last_word, dict) and last_word.get("status") == "error"
        return f"manual; fail({_code(last_word, ErrorCode.PAINTING_FAILED).value})" if failed else "manual"
    lasted = exchange.seconds >= _IMMEDIATE_S
    return f"time({min(exchange.seconds, _LONGEST_S):.3f})" if lasted else "immediate"


def _trouble(exchange: RecordedExchange, answer: Answer, keys: dict[str, int], price: int) -> str | None:
    """The scenario of an answer that the provider's state brought about, not the request."""
    status, key = answer.status, exchange.request.key
    at_file = REFERENCE.fullmatch(exchange.request.target) is not None
    if exchange.mark is not None and exchange.mark.trouble is Trouble.HTML:
        return f"gateway({status})" if status in (502, 503, 504) else None
    if at_file:
        code = _code(json_of(answer), None)
        return None if code is not ErrorCode.URL_EXPIRED else "error(url_expired, on=file)"
    if status == 401 and key in keys:
        return "error(unknown_key)"
    if status == 403:
        return "error(forbidden)"
    if status == 402:
        costs = pictures_asked_for(exchange.request.body, {}) * price
        return "error(insufficient_credits)" if (balance_in(answer) or 0) >= costs else None
    if status == 429:
        wait = answer.header(RETRY_AFTER) or ""
        is_wait = wait.isascii() and wait.isdigit() and int(wait) <= 86_400
        code = _code(json_of(answer), None)
        word = (code if code is ErrorCode.STORAGE_FULL else ErrorCode.RATE_LIMITED).value
        return f"error({word}, retry_after={wait})" if is_wait else f"error({word})"
    code = _code(json_of(answer), _BY_STATUS.get(status))
    if code in _SOURCE_ERRORS:
        return f"error({code.value})"
    if status >= 500 and code is not None:
        return (
            f"fail({code.value}); immediate" if code in JOB_ERRORS and is_submit(exchange) else f"error({code.value})"
        )
    return None


def _code(value: Any, otherwise: ErrorCode | None) -> Any:
    try:
        return ErrorCode(value["error_code"])
    except (TypeError, KeyError, ValueError):
        return otherwise
