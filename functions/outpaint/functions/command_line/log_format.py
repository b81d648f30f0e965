"""Log records on stderr, as text or as a JSON object in each line: `serve` and `mock` share them."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import click

from outpaint.functions.service import log_keys

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_REQUESTS: Final = "outpaint.requests"
# What logging itself puts on a record, and `extra` therefore never is.
_ALWAYS: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})


class LogFormat(StrEnum):
    """How log records are written."""

    TEXT = "text"
    JSON = "json"


class JsonRecords(logging.Formatter):
    """A record as one JSON object: time (RFC 3339, UTC), level, logger, message, what it is about, and `extra`.

    What it is about, as far as it is known: correlation_id, inference_id, account (service/log_keys.py). An error's
    traceback is in `exception`. What JSON has no form for is written as text. For handlers that write at once, in the
    thread that made the record.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The object, without a line break in it."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        shown: dict[str, Any] = {
            "time": when.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **log_keys.keys(),
            **{name: value for name, value in vars(record).items() if name not in _ALWAYS},
        }
        if record.exc_info:
            shown["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            shown["stack"] = self.formatStack(record.stack_info)
        return json.dumps(shown, ensure_ascii=False, default=str)


def configure_logs(form: LogFormat, *, requests: bool = False) -> None:
    """Write warnings and errors to stderr from now on, and with `requests` a record of each request."""
    handler = logging.StreamHandler(sys.stderr)
    if form is LogFormat.JSON:
        handler.setFormatter(JsonRecords())
    else:
        handler.setFormatter(logging.Formatter(_TEXT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # Python's own warnings too, such as a library's of what it will drop: else they are no JSON among lines of JSON.
    logging.captureWarnings(form is LogFormat.JSON)
    if requests:
        logging.getLogger(_REQUESTS).setLevel(logging.INFO)


log_format_option = click.option(
    "--log-format",
    type=click.Choice([form.value for form in LogFormat]),
    default=LogFormat.TEXT.value,
    show_default=True,
    callback=lambda _context, _option, value: LogFormat(value),
    help="How log records are written to stderr: as lines of text, or as JSON with the ids of request and job.",
)
