"""Watching what is asked of the database: each statement of work that is traced, and never its parameters."""

from time import perf_counter
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from application.shared.telemetry import UNWATCHED, Fact, Kind, Telemetry

TEXT_LENGTH_MAX: Final = 2_000
_KNOWN_MAX: Final = 2_000


def watched(engine: AsyncEngine, telemetry: Telemetry) -> AsyncEngine:
    """Return the engine, whose statements are told of from now on, unless nobody watches."""
    if telemetry is not UNWATCHED:
        watcher = _Watcher(telemetry)
        event.listen(engine.sync_engine, "before_cursor_execute", watcher.begun)
        event.listen(engine.sync_engine, "after_cursor_execute", watcher.ended)
        event.listen(engine.sync_engine, "handle_error", watcher.failed)
    return engine


class _Watcher:
    """What SQLAlchemy tells of statements."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def begun(self, _connection: object, _cursor: object, _text: str, _values: object, context: Any, _: bool) -> None:
        if self._telemetry.takes_steps:
            context.begun_at = perf_counter()

    def ended(self, _connection: object, _cursor: object, text: str, _values: object, context: Any, _: bool) -> None:
        began = getattr(context, "begun_at", None)
        if began is not None:
            _tell(self._telemetry, text, perf_counter() - began, None)

    def failed(self, failure: Any) -> None:
        began = getattr(failure.execution_context, "begun_at", None)
        if began is not None and failure.statement is not None:
            _tell(self._telemetry, failure.statement, perf_counter() - began, failure.original_exception)


class WatchedDriver:
    """The driver's connection, of work that is traced."""

    def __init__(self, driver: Any, telemetry: Telemetry) -> None:
        self._driver = driver
        self._telemetry = telemetry

    async def fetch(self, text: str, *values: object) -> Any:
        """Do as the driver does."""
        return await self._timed(text, self._driver.fetch(text, *values))

    async def fetchrow(self, text: str, *values: object) -> Any:
        """Do as the driver does."""
        return await self._timed(text, self._driver.fetchrow(text, *values))

    async def fetchval(self, text: str, *values: object) -> Any:
        """Do as the driver does."""
        return await self._timed(text, self._driver.fetchval(text, *values))

    async def execute(self, text: str, *values: object) -> Any:
        """Do as the driver does."""
        return await self._timed(text, self._driver.execute(text, *values))

    def __getattr__(self, name: str) -> Any:
        """Do everything else as the driver does."""
        return getattr(self._driver, name)

    async def _timed(self, text: str, asked: Any) -> Any:
        began = perf_counter()
        try:
            answer = await asked
        except Exception as error:
            _tell(self._telemetry, text, perf_counter() - began, error)
            raise
        _tell(self._telemetry, text, perf_counter() - began, None)
        return answer


_known: dict[str, tuple[str, dict[str, Fact]]] = {}


def _tell(telemetry: Telemetry, text: str, seconds: float, error: BaseException | None) -> None:
    name, facts = _known.get(text) or _learn(text)
    if error is not None:
        facts = facts | {"error": type(error).__name__}
    telemetry.ended(Kind.STATEMENT, name, seconds, **facts)


def _learn(text: str) -> tuple[str, dict[str, Fact]]:
    shown = " ".join(text.split())[:TEXT_LENGTH_MAX]
    first = shown.partition(" ")[0].rstrip(";").upper()
    learnt: tuple[str, dict[str, Fact]] = (
        f"postgresql {first if first.isalpha() else 'statement'}",
        {"statement": shown, "system": "postgresql"},
    )
    if len(_known) < _KNOWN_MAX:
        _known[text] = learnt
    return learnt
