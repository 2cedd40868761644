"""Watching: one span at a time is traced, measured, and stands behind the lines of the log."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from time import perf_counter
from types import TracebackType
from typing import Final

from adapters.telemetry.figures import Figures
from adapters.telemetry.traces import Trace, Traces
from application.shared.telemetry import FACTS, Fact, Kind


class Watch:
    """Tells traces and figures of work, as far as there are any, and lines of the log what they concern."""

    def __init__(self, *, traces: Traces | None = None, figures: Figures | None = None) -> None:
        self._traces = traces
        self._figures = figures

    def span(
        self,
        kind: Kind,
        name: str,
        /,
        *,
        request: str | None = None,
        parent: str | None = None,
        causes: Iterable[str] = (),
        **facts: Fact,
    ) -> AbstractContextManager[None]:
        trace = None
        if self._traces is not None:
            outer = _CURRENT.get()
            trace = self._traces.begin(
                kind, name, None if outer is None else outer.trace, request=request, parent=parent, causes=causes
            )
        # What belongs to no request is not told of the one that happened to begin it.
        known = (FACTS.get() or {}) if kind in _STEPS else {}
        if request is not None:
            facts["request"] = request
        if trace is not None:
            facts["trace"] = trace.id
        return _Span(kind, trace, self._traces, self._figures, {**known, **facts})

    @property
    def takes_steps(self) -> bool:
        span = _CURRENT.get()
        return span is not None and span.trace is not None and span.trace.takes_steps

    def tell(self, **facts: Fact) -> None:
        span = _CURRENT.get()
        if span is not None:
            span.facts.update(facts)

    def ended(self, kind: Kind, name: str, seconds: float, /, **facts: Fact) -> None:
        if self._figures is not None:
            self._figures.observe(kind, seconds, facts)
        outer = _CURRENT.get()
        if self._traces is not None and outer is not None and outer.trace is not None and outer.trace.takes_steps:
            self._traces.ended(kind, name, outer.trace, seconds, facts)


class _Span:
    """A span that is entered once."""

    __slots__ = ("_began", "_figures", "_kind", "_outer", "_outer_facts", "_traces", "facts", "trace")

    def __init__(
        self, kind: Kind, trace: Trace | None, traces: Traces | None, figures: Figures | None, facts: dict[str, Fact]
    ) -> None:
        self._kind = kind
        self._traces = traces
        self._figures = figures
        self._outer: Token[_Span | None] | None = None
        self._outer_facts: Token[dict[str, Fact] | None] | None = None
        self._began = 0.0
        self.trace = trace
        self.facts = facts

    def __enter__(self) -> None:
        self._outer = _CURRENT.set(self)
        self._outer_facts = FACTS.set(self.facts)
        self._began = perf_counter()
        if self._figures is not None:
            self._figures.in_progress[self._kind] += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        seconds = perf_counter() - self._began
        if kind is not None:
            # What it says may be anything; what it is called will do.
            self.facts["error"] = kind.__name__
        if self._figures is not None:
            self._figures.in_progress[self._kind] -= 1
            self._figures.observe(self._kind, seconds, self.facts)
        if self._traces is not None and self.trace is not None:
            self._traces.end(self.trace, self.facts)
        assert self._outer is not None
        assert self._outer_facts is not None
        _CURRENT.reset(self._outer)
        FACTS.reset(self._outer_facts)
        # What was begun in it may go on for long, and is about something else by then.
        self.facts.clear()


_CURRENT: Final[ContextVar[_Span | None]] = ContextVar("span", default=None)
_STEPS: Final = frozenset({Kind.STATEMENT, Kind.REDIS})
