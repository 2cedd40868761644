"""Settings, connections, the clock: what all else stands on, and who is told of what goes on."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from dependency_injector import containers, providers

# By its name: what it has is called as the providers below are, and a provider of a provider would give the same again.
from adapters.postgres import engine
from adapters.redis.channels import RedisChannels
from adapters.security.secrets import SystemSecrets
from adapters.security.signer import FileSigner
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from application.shared.telemetry import UNWATCHED, Telemetry
from entrypoints.container.file_formats import FORMATS
from entrypoints.extending.loading import load_extensions
from entrypoints.settings import Settings

# What telemetry takes is imported late, and only where it is on.
if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

    from adapters.telemetry.figures import Figures
    from adapters.telemetry.traces import Traces


def span_processor(url: str | None) -> "SpanProcessor | None":
    """Return what takes spans to the collector, if there is one."""
    if url is None:
        return None
    from adapters.telemetry.traces import exporting

    return exporting(url)


def traces(processor: "SpanProcessor | None", ratio: float) -> "Traces | None":
    """Return traces, if they are on."""
    if processor is None:
        return None
    from adapters.telemetry.traces import Traces

    return Traces(processor, ratio=ratio, version=version("partita"))


def figures(port: int | None) -> "Figures | None":
    """Return figures, if they are on."""
    if port is None:
        return None
    from adapters.telemetry.figures import Figures

    return Figures(version=version("partita"))


def telemetry(traces: "Traces | None", figures: "Figures | None", log_format: str) -> Telemetry:
    """Return who is told of what goes on; nobody, if all of that is off."""
    if traces is None and figures is None and log_format == "text":
        return UNWATCHED
    from adapters.telemetry.watch import Watch

    return Watch(traces=traces, figures=figures)


class Foundations(containers.DeclarativeContainer):
    """What all else stands on, each thing once."""

    settings = providers.Dependency(instance_of=Settings)
    database_url = providers.Dependency(instance_of=str)
    redis_url = providers.Dependency(instance_of=str)
    extensions = providers.Singleton(load_extensions, providers.Object(FORMATS))
    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(TypeIds)
    secrets = providers.Singleton(SystemSecrets)
    signer = providers.Singleton(FileSigner, settings.provided.signing_key_path)
    span_processor = providers.Singleton(span_processor, settings.provided.traces_url)
    traces = providers.Singleton(traces, span_processor, settings.provided.traces_ratio)
    figures = providers.Singleton(figures, settings.provided.metrics_port)
    telemetry = providers.Singleton(telemetry, traces, figures, settings.provided.log_format)
    journal_engine = providers.Singleton(
        engine.journal_engine,
        database_url,
        pool_size=settings.provided.pool_size,
        telemetry=telemetry,
        is_pooled=settings.provided.transaction_pooler,
    )
    service_engine = providers.Singleton(
        engine.service_engine,
        database_url,
        pool_size=settings.provided.pool_size,
        telemetry=telemetry,
        is_pooled=settings.provided.transaction_pooler,
    )
    patient_engine = providers.Singleton(
        engine.service_engine,
        database_url,
        pool_size=2,
        statement_seconds=engine.PATIENT_STATEMENT_SECONDS,
        telemetry=telemetry,
        is_pooled=settings.provided.transaction_pooler,
    )
    owner_engine = providers.Singleton(
        engine.owner_engine, database_url, is_pooled=settings.provided.transaction_pooler
    )
    channels = providers.Singleton(RedisChannels, redis_url, telemetry=telemetry)
