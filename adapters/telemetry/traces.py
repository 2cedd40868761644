"""Traces by OpenTelemetry. A trace is named by the request that it began with, so that whatever comes of that request
later, in whichever process, finds it by the request's id."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from time import monotonic, time_ns
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from application.shared.telemetry import Fact, Kind

_PARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_KINDS: Final = {
    Kind.REQUEST: SpanKind.SERVER,
    Kind.GROUP: SpanKind.INTERNAL,
    Kind.COMMIT: SpanKind.CLIENT,
    Kind.STATEMENT: SpanKind.CLIENT,
    Kind.REDIS: SpanKind.CLIENT,
    Kind.JOB: SpanKind.CONSUMER,
    Kind.DELIVERY: SpanKind.PRODUCER,
}
# As the semantic conventions of OpenTelemetry call them; others are called `partita.…`.
_ATTRIBUTES: Final = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "error": "error.type",
    "statement": "db.query.text",
    "system": "db.system.name",
}
_LEFT_OUT: Final = frozenset({"trace"})
_SERVER_FAILED: Final = 500
# Of one group, at most: a collector takes 128.
LINKS_MAX: Final = 128
# Of what has several causes, as groups do, one of them is sampled nearly always where there is much to do. So many of
# those are told of with each of their steps in a second; of others, only how long they took.
WITH_STEPS_MAX: Final = 10
# Steps that follow soon after the end of what they are part of still belong to it; what goes on for long does not.
AFTERWARDS_SECONDS: Final = 1.0
# A collector that does not answer is given up so soon when the process ends.
FLUSH_SECONDS: Final = 2


class Trace:
    """A span that goes on, with what it is part of."""

    __slots__ = ("_ended_at", "_has_steps", "id", "registered_as", "span")

    def __init__(self, span: Span, registered_as: str | None = None, *, has_steps: bool = True) -> None:
        self.span = span
        self.id = f"{span.get_span_context().trace_id:032x}"
        self.registered_as = registered_as
        self._has_steps = has_steps
        self._ended_at: float | None = None

    def end(self) -> None:
        """End it."""
        self.span.end()
        self._ended_at = monotonic()

    @property
    def takes_steps(self) -> bool:
        """Whether what is done now still belongs to it, and is to be told of."""
        if not self._has_steps:
            return False
        return self._ended_at is None or monotonic() < self._ended_at + AFTERWARDS_SECONDS


class Traces:
    """Begins and ends spans of those requests that are sampled: so many of all, or as the client's trace has it."""

    def __init__(self, processor: SpanProcessor, *, ratio: float, version: str) -> None:
        """Spans go to the processor. `ratio` of the traces that begin here, from 0 to 1, are recorded."""
        self._ids = _Ids()
        resource = Resource.create({"service.name": "partita", "service.version": version})
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("partita", version)
        self._sampled_below = round(ratio * (1 << 64))
        # Requests that are being answered here, and jobs of earlier ones, by the requests' ids.
        self._open: dict[str, Span] = {}
        self._second = self._with_steps = 0

    def begin(
        self,
        kind: Kind,
        name: str,
        outer: Trace | None,
        *,
        request: str | None,
        parent: str | None,
        causes: Iterable[str],
    ) -> Trace | None:
        """Begin a span, if what it is part of is sampled."""
        if kind is Kind.REQUEST and request is not None:
            return self._begin_request(name, request, parent)
        if kind in (Kind.STATEMENT, Kind.REDIS):
            if outer is None or not outer.takes_steps:
                return None
            return Trace(self._tracer.start_span(name, _within(outer.span), _KINDS[kind]))
        if request is not None:
            origin = self._origin(request)
            if origin is None:
                return None
            span = self._tracer.start_span(name, _within(NonRecordingSpan(origin)), _KINDS[kind])
            return self._registered(span, request)
        return self._begin_linked(kind, name, causes)

    def ended(self, kind: Kind, name: str, outer: Trace, seconds: float, facts: Mapping[str, Fact]) -> None:
        """Tell of a step that has just ended."""
        end = time_ns()
        span = self._tracer.start_span(
            name, _within(outer.span), _KINDS[kind], _attributes(facts), start_time=end - round(seconds * 1e9)
        )
        if "error" in facts:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)

    def end(self, trace: Trace, facts: Mapping[str, Fact]) -> None:
        """End a span, with what is known of it by now."""
        span = trace.span
        span.set_attributes(_attributes(facts))
        if "route" in facts and "method" in facts:
            span.update_name(f"{facts['method']} {facts['route']}")
        status = facts.get("status")
        if "error" in facts or (isinstance(status, int) and status >= _SERVER_FAILED):
            span.set_status(Status(StatusCode.ERROR))
        trace.end()
        if trace.registered_as is not None and self._open.get(trace.registered_as) is span:
            del self._open[trace.registered_as]

    def close(self) -> None:
        """Hand over what has not been handed over yet."""
        with suppress(Exception):
            self._provider.force_flush(FLUSH_SECONDS * 1000)
        self._provider.shutdown()

    def _begin_request(self, name: str, request: str, parent: str | None) -> Trace | None:
        match = None if parent is None else _PARENT.fullmatch(parent)
        if match is not None and int(match[1], 16) and int(match[2], 16):
            if not int(match[3], 16) & TraceFlags.SAMPLED:
                return None
            remote = SpanContext(int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=_SAMPLED)
            # What comes of the request later is not told of the client's trace, and goes by the request's id.
            own = [Link(_named(_digest(request)))]
            span = self._tracer.start_span(name, _within(NonRecordingSpan(remote)), SpanKind.SERVER, links=own)
        else:
            named = self._sampled(request)
            if named is None:
                return None
            self._ids.next = None if request in self._open else (named.trace_id, named.span_id)
            span = self._tracer.start_span(name, Context(), SpanKind.SERVER)
        return self._registered(span, request)

    def _registered(self, span: Span, request: str) -> Trace:
        self._open[request] = span
        return Trace(span, request)

    def _begin_linked(self, kind: Kind, name: str, causes: Iterable[str]) -> Trace | None:
        """Begin a trace of its own, if any of its causes is sampled; those that still go on are linked to it, too."""
        origins = {cause: origin for cause in causes if (origin := self._origin(cause)) is not None}
        if not origins:
            return None
        links = [Link(origin) for origin in list(origins.values())[:LINKS_MAX]]
        span = self._tracer.start_span(name, Context(), _KINDS[kind], links=links)
        for cause in origins:
            waiting = self._open.get(cause)
            if waiting is not None:
                waiting.add_link(span.get_span_context())
        return Trace(span, has_steps=self._has_room_for_steps())

    def _origin(self, request: str) -> SpanContext | None:
        """Return where a request stands, as it is known here, or as its id says, if that is sampled."""
        known = self._open.get(request)
        return self._sampled(request) if known is None else known.get_span_context()

    def _sampled(self, request: str) -> SpanContext | None:
        digest = _digest(request)
        return _named(digest) if int.from_bytes(digest[8:16], "big") < self._sampled_below else None

    def _has_room_for_steps(self) -> bool:
        second = int(monotonic())
        if second != self._second:
            self._second, self._with_steps = second, 0
        self._with_steps += 1
        return self._with_steps <= WITH_STEPS_MAX


class _Ids(IdGenerator):
    """Ids that are told, once, or else random ones."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.next: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return self._random.generate_trace_id() if self.next is None else self.next[0]

    def generate_span_id(self) -> int:
        told, self.next = self.next, None
        return self._random.generate_span_id() if told is None else told[1]


def exporting(url: str) -> SpanProcessor:
    """Return what sends spans to a collector, in batches, from a thread of its own: OTLP over HTTP, below the URL."""
    return BatchSpanProcessor(OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces"))


def trace_of(request: str) -> str:
    """Return the id of the trace of a request without a `traceparent`, in hexadecimal."""
    return f"{_named(_digest(request)).trace_id:032x}"


@lru_cache(maxsize=4_096)  # a request is asked about when it begins, and again when its group does
def _digest(request: str) -> bytes:
    return blake2b(request.encode(), digest_size=24).digest()


def _named(digest: bytes) -> SpanContext:
    trace, span = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:], "big")
    return SpanContext(trace or 1, span or 1, is_remote=True, trace_flags=_SAMPLED)


def _within(span: Span) -> Context:
    return set_span_in_context(span, Context())


def _attributes(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    return {_ATTRIBUTES.get(name, f"partita.{name}"): fact for name, fact in facts.items() if name not in _LEFT_OUT}
