"""The log: to stderr, without secrets."""

import logging
from typing import Final

from entrypoints.schemas.hidden import without_secrets

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_formatter: Final = logging.Formatter()


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


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg!r} with {record.args!r}"  # what does not fit together is told all the same


def log_to_stderr() -> None:
    """Have warnings and worse written to stderr, and secrets hidden in whatever handles them."""
    logging.basicConfig(level=logging.WARNING, format=FORMAT)
    for handler in logging.getLogger().handlers:
        handler.addFilter(SecretsHidden())
