"""Watching what is asked of the database: each statement, with the time that it took and without its parameters."""

from time import perf_counter
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from application.shared.telemetry import UNWATCHED, Fact, Kind, Telemetry

TEXT_LENGTH_MAX: Final = 2_000
_SUMMARIES_MAX: Final = 2_000
_OPERATIONS: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK", "SET"})


def watched(engine: AsyncEngine, telemetry: Telemetry) -> AsyncEngine:
    """Return the engine, whose statements are told of from now on, unless nobody watches.

    Those of the driver itself, which the journal uses, are told of by the driver.
    """
    if telemetry is UNWATCHED:
        return engine
    watcher = _Watcher(telemetry)
    sync = engine.sync_engine
    event.listen(sync, "connect", watcher.connected)
    event.listen(sync, "before_cursor_execute", watcher.begun)
    event.listen(sync, "after_cursor_execute", watcher.ended)
    event.listen(sync, "handle_error", watcher.failed)
    return engine


class _Watcher:
    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._known: dict[str, tuple[str, dict[str, Fact]]] = {}

    def connected(self, connection: Any, _record: object) -> None:
        connection.driver_connection.add_query_logger(self.logged)

    def logged(self, record: Any) -> None:
        # It is called in the context of whoever asked.
        self._tell(record.query, record.elapsed, record.exception)

    def begun(self, _connection: object, _cursor: object, _text: str, _values: object, context: Any, _: bool) -> None:
        context.begun_at = perf_counter()

    def ended(self, _connection: object, _cursor: object, text: str, _values: object, context: Any, _: bool) -> None:
        self._tell(text, perf_counter() - context.begun_at, None)

    def failed(self, failure: Any) -> None:
        began = getattr(failure.execution_context, "begun_at", None)
        if began is not None and failure.statement is not None:
            self._tell(failure.statement, perf_counter() - began, failure.original_exception)

    def _tell(self, text: str, seconds: float, error: BaseException | None) -> None:
        name, facts = self._known.get(text) or self._learn(text)
        if error is not None:
            facts = facts | {"error": type(error).__name__}
        self._telemetry.ended(Kind.STATEMENT, name, seconds, **facts)

    def _learn(self, text: str) -> tuple[str, dict[str, Fact]]:
        text_shown = " ".join(text.split())[:TEXT_LENGTH_MAX]
        first = text_shown.partition(" ")[0].rstrip(";").upper()
        operation = first if first in _OPERATIONS else "OTHER"
        learnt: tuple[str, dict[str, Fact]] = (
            f"postgresql {operation}",
            {"operation": operation, "statement": text_shown, "system": "postgresql"},
        )
        if len(self._known) < _SUMMARIES_MAX:
            self._known[text] = learnt
        return learnt
