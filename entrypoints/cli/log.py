"""The log: to stderr, without secrets, in UTC; whatever clients send, no line of it can be taken for another."""

import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

from application.shared.telemetry import FACTS
from entrypoints.schemas.hidden import without_secrets

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_formatter: Final = logging.Formatter()
# Also what Unicode counts as the end of a line, or turns the direction of writing with.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_CONTINUED: Final = "  | "
# Of what is known of the work at hand, what a line of the log has.
_IDS: Final = frozenset({"request", "trace", "organisation", "ledger", "actor", "job", "webhook", "method", "route"})
SAME_MAX: Final = 10
WINDOW_SECONDS: Final = 60.0


class UtcFormatter(logging.Formatter):
    """Writes times as `2026-11-25T17:48:44.123Z`, a record's message as one line, and its traceback indented."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 # as logging calls it
        """Return the record's line, with control characters escaped."""
        return _CONTROL.sub(_escaped, super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """Return the line and, marked as such, what belongs to it."""
        first, *others = super().format(record).split("\n")
        return "\n".join([first, *[_CONTINUED + _CONTROL.sub(_escaped, line) for line in others]])


class JsonFormatter(UtcFormatter):
    """Writes each record as one JSON document, with the ids of what it concerns."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the document: `time`, `level`, `logger`, `message`, `traceback` where there is one, and the ids."""
        facts = FACTS.get() or {}
        document: dict[str, object] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        } | {name: fact for name, fact in facts.items() if name in _IDS}
        traceback = record.exc_text or (self.formatException(record.exc_info) if record.exc_info else None)
        if traceback:
            document["traceback"] = traceback
        return json.dumps(document)


class SecretsHidden(logging.Filter):
    """Hides secrets in everything that a record says: its message with what was put into it, and its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; let it through."""
        record.msg = without_secrets(_message(record))
        record.args = None
        if record.exc_info:
            record.exc_text = record.exc_text or _formatter.formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = without_secrets(record.exc_text)
        if record.stack_info:
            record.stack_info = without_secrets(record.stack_info)
        return True


class Seldom(logging.Filter):
    """Lets so many warnings with the same text through in a minute: anyone can have some written by what they send."""

    def __init__(self, *, seconds: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._began = -WINDOW_SECONDS
        self._counts: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written; the first one of a minute says how many were left out before."""
        if record.levelno != logging.WARNING:
            return True
        text = str(record.msg)
        before = 0
        if self._seconds() >= self._began + WINDOW_SECONDS:
            before = max(0, self._counts[text] - SAME_MAX)
            self._counts.clear()
            self._began = self._seconds()
        self._counts[text] += 1
        if before:
            record.msg, record.args = f"{_message(record)} ({before} more before, which are left out)", None
        return self._counts[text] <= SAME_MAX


def _escaped(match: re.Match[str]) -> str:
    return ascii(match.group())[1:-1]


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg!r} with {record.args!r}"  # what does not fit together is told all the same


def log_to_stderr(form: Literal["text", "json"] = "text") -> None:
    """Have warnings and worse written to stderr, and secrets hidden in whatever handles them."""
    logging.basicConfig(level=logging.WARNING)
    # It warns of each connection that sends no HTTP.
    logging.getLogger("uvicorn.error").addFilter(Seldom())
    for handler in logging.getLogger().handlers:
        handler.addFilter(SecretsHidden())
        handler.setFormatter(UtcFormatter(FORMAT) if form == "text" else JsonFormatter())
