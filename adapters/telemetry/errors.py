"""Errors to Sentry: what the log has as an error, where it was, and for which request; nothing that anyone has sent."""

import logging
from collections.abc import Callable
from typing import Any, Final

import sentry_sdk
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.logging import EventHandler
from sentry_sdk.transport import Transport

from application.shared.telemetry import FACTS

# What Sentry may be told of the work at hand, as tags, by which it can be searched.
_TAGS: Final = ("request", "trace", "organisation", "ledger", "job", "route", "method")
# Of an event, these have what the SDK takes from a request, a person and a machine.
_LEFT_OUT: Final = ("request", "user", "breadcrumbs", "server_name", "modules", "extra")
FLUSH_SECONDS: Final = 2.0


def report_errors(
    dsn: str, *, release: str, hide: Callable[[str], str], transport: type[Transport] | Transport | None = None
) -> None:
    """Have every error of the log reported, once, with its traceback; `hide` is what hides secrets in a text."""

    def scrubbed(event: Any, _hint: object) -> Any:
        for part in _LEFT_OUT:
            event.pop(part, None)
        facts = FACTS.get() or {}
        event["tags"] = {name: str(facts[name]) for name in _TAGS if name in facts}
        return _mapped(event, hide)

    sentry_sdk.init(
        dsn,
        release=release,
        # It takes neither what is asked of the server nor the values of variables; nor does it change any library.
        default_integrations=False,
        integrations=[DedupeIntegration()],
        auto_enabling_integrations=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=scrubbed,
        transport=transport,
        shutdown_timeout=FLUSH_SECONDS,
    )
    # Before those that write the log, which take the traceback from the record to hide secrets in it.
    logging.getLogger().handlers.insert(0, EventHandler(level=logging.ERROR))


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Return it with every text changed that is in it."""
    match value:
        case str():
            return change(value)
        case dict():
            return {name: _mapped(each, change) for name, each in value.items()}
        case list() | tuple():
            return [_mapped(each, change) for each in value]
    return value
