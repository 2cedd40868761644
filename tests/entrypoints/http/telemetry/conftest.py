"""A server that is watched, over the database of the other tests, and what it tells: kept in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from dependency_injector import providers
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from adapters.embedded import ServerUrls
from entrypoints.container import Container, Services, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import connected, made_organisation
from tests.entrypoints.http.tenant import Tenant

COLLECTOR = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Watched:
    """A server with everything on, and what it has told of."""

    container: Container
    services: Services
    app: FastAPI
    exporter: InMemorySpanExporter

    def spans(self, name: str | None = None, of: str | None = None) -> list[ReadableSpan]:
        """Spans that have ended: with a name that begins so, and of a trace."""
        return [
            span
            for span in self.exporter.get_finished_spans()
            if (name is None or span.name.startswith(name)) and (of is None or trace(span) == of)
        ]


def trace(span: ReadableSpan) -> str:
    """The id of its trace."""
    return f"{_context(span).trace_id:032x}"


def id_of(span: ReadableSpan) -> int:
    """Its own id."""
    return _context(span).span_id


def facts(span: ReadableSpan) -> Mapping[str, object]:
    """Its attributes."""
    return span.attributes or {}


def linked(span: ReadableSpan) -> Sequence[tuple[str, int]]:
    """The traces and spans that it is linked to."""
    return [(f"{link.context.trace_id:032x}", link.context.span_id) for link in span.links]


def _context(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


NewWatched = Callable[..., Awaitable[Watched]]


@pytest.fixture(scope="module")
async def new_watched(
    postgres_url: str, redis_url: str, settings: Settings, services: Services
) -> AsyncIterator[NewWatched]:
    """A way to have a server that is watched, with settings of its own."""
    async with AsyncExitStack() as stack:

        async def make(**changes: object) -> Watched:
            given = {"traces_url": COLLECTOR, "traces_ratio": 1.0, "metrics_port": 0, "log_format": "json"} | changes
            container = await stack.enter_async_context(
                opened(settings.model_copy(update=given), ServerUrls(postgres_url, redis_url))
            )
            exporter = InMemorySpanExporter()
            container.span_processor.override(providers.Object(SimpleSpanProcessor(exporter)))
            app = create_app(container.services())
            await stack.enter_async_context(app.router.lifespan_context(app))
            await container.expiry().stop()
            return Watched(container, container.services(), app, exporter)

        yield make


@pytest.fixture(scope="module")
async def watched(new_watched: NewWatched) -> Watched:
    """A server of which everything is told."""
    return await new_watched()


@pytest.fixture
async def office(watched: Watched) -> AsyncIterator[Tenant]:
    """An organisation, as a client of the watched server sees it."""
    organisation_id, key = await made_organisation(watched.services)
    async with connected(watched.app, key) as client:
        watched.exporter.clear()
        yield Tenant(organisation_id, key, "main", client)
