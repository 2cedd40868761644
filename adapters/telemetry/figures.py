"""Figures for Prometheus: rates, errors and durations of work, and gauges that are read when somebody asks."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from application.shared.telemetry import Fact, Gauges, Kind

# How long gauges may take to be read; what is not there by then is left out.
READ_SECONDS_MAX: Final = 3.0
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG: Final = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)
_SIZES: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
_NONE: Final = "none"

_log = logging.getLogger("partita.metrics")


@dataclass(frozen=True, slots=True)
class _Measure:
    """What is measured of a kind of work: how often, with which labels, and how long it took, with fewer of them."""

    name: str
    what: str
    counted_by: Sequence[str]
    timed_by: Sequence[str]
    buckets: Sequence[float] = _SECONDS


_MEASURES: Final = {
    Kind.REQUEST: _Measure("http_requests", "requests", ("method", "route", "status"), ("method", "route")),
    Kind.GROUP: _Measure("journal_groups", "groups of commands, with their commits", ("error",), ()),
    Kind.COMMIT: _Measure("journal_commits", "commits of groups", (), ()),
    Kind.REDIS: _Measure("redis_calls", "calls to Redis", ("call", "error"), ("call",)),
    Kind.JOB: _Measure("job_attempts", "attempts at jobs", ("kind", "state"), ("kind",), _LONG),
    Kind.DELIVERY: _Measure("webhook_attempts", "attempts to deliver an event", ("outcome",), ()),
}
_GROUP_COMMANDS: Final = "Commands in a group."
_BUILD: Final = "1, with the version as a label."
_GAUGES: Final = {
    "http_requests_in_progress": ("Requests that are being answered.", ""),
    "jobs_in_progress": ("Jobs that run in this process.", ""),
    "journal_waiting": ("Commands and entries that wait to be written, or are being written.", ""),
    "journal_ledgers": ("Ledgers that are being written to.", ""),
    "stream_subscribers": ("Places from which someone follows a ledger live.", ""),
    "relay_lag_seconds": ("How long those who follow a ledger have waited for events that are known to be there.", ""),
    "wake_ups_heard": ("1 while news of other servers comes in over Redis.", ""),
    "pool_connections": ("Connections to PostgreSQL that a pool may have.", "pool"),
    "pool_connections_used": ("Connections to PostgreSQL that are in use.", "pool"),
    "replica_lag_seconds": ("How far a replica is behind, at the most.", "replica"),
    "replica_fit": ("1 while a replica can be read from.", "replica"),
    "up": ("1 while a part that the server relies on is in order.", "part"),
    "jobs_due": ("Organisations' jobs that could be begun now, or were lost by whoever ran them.", ""),
    "jobs_late_seconds": ("How long the first of them has been due.", ""),
    "webhooks_due": ("Organisations that may have something to be sent to webhooks now.", ""),
    "webhooks_late_seconds": ("How long the first of them has been due.", ""),
}


class _Counted:
    """The counter and the histogram of a kind of work, with the children of their labels at hand."""

    def __init__(self, measure: _Measure, registry: CollectorRegistry) -> None:
        self._measure = measure
        self._counter = prometheus_client.Counter(
            f"partita_{measure.name}", f"How many {measure.what}.", measure.counted_by, registry=registry
        )
        self._timer = Histogram(
            f"partita_{measure.name}_seconds",
            f"How long {measure.what} took.",
            measure.timed_by,
            buckets=measure.buckets,
            registry=registry,
        )
        self._children: dict[tuple[Any, ...], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def observe(self, seconds: float, facts: Mapping[str, Fact]) -> None:
        labels = tuple([facts.get(name, _NONE) for name in self._measure.counted_by])
        children = self._children.get(labels)
        if children is None:
            of_timer = [str(facts.get(name, _NONE)) for name in self._measure.timed_by]
            children = self._children[labels] = (
                self._counter.labels(*map(str, labels)).inc if labels else self._counter.inc,
                self._timer.labels(*of_timer).observe if of_timer else self._timer.observe,
            )
        children[0]()
        # What goes on for as long as the client likes has no duration to look at.
        if "lasting" not in facts:
            children[1](seconds)


class _Shown(Collector):
    """Gauges as they were read last; what could not be read is not shown."""

    def __init__(self) -> None:
        self.found: Mapping[tuple[str, str], float] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, (text, label) in _GAUGES.items():
            family = GaugeMetricFamily(f"partita_{name}", text, labels=[label] if label else [])
            for (of_name, of), value in self.found.items():
                if of_name == name:
                    family.add_metric([of] if label else [], value)
            yield family


class Figures:
    """Everything that is measured in this process."""

    def __init__(self, *, version: str) -> None:
        self._registry = CollectorRegistry()
        self._gauges: Sequence[Gauges] = ()
        ProcessCollector(registry=self._registry)
        Gauge("partita_build_info", _BUILD, ["version"], registry=self._registry).labels(version).set(1)
        self._counted = {kind: _Counted(measure, self._registry) for kind, measure in _MEASURES.items()}
        self.in_progress: Counter[Kind] = Counter()
        self._group_sizes = Histogram(
            "partita_journal_group_commands", _GROUP_COMMANDS, buckets=_SIZES, registry=self._registry
        )
        self._shown = _Shown()
        self._registry.register(self._shown)

    def show(self, gauges: Sequence[Gauges]) -> None:
        """Have these read, too, whenever somebody asks."""
        self._gauges = gauges

    def observe(self, kind: Kind, seconds: float, facts: Mapping[str, Fact]) -> None:
        """Count work that has ended, if it is of a kind that is counted."""
        counted = self._counted.get(kind)
        if counted is not None:
            counted.observe(seconds, facts)
        if kind is Kind.GROUP:
            self._group_sizes.observe(float(facts.get("commands", 0)))

    def described(self) -> Mapping[str, tuple[str, frozenset[str]]]:
        """Return the names of all figures, and of each what it says and which labels it has."""
        found: dict[str, tuple[str, frozenset[str]]] = {
            f"partita_{name}": (text, frozenset((label,) if label else ())) for name, (text, label) in _GAUGES.items()
        }
        for measure in _MEASURES.values():
            name = f"partita_{measure.name}"
            found[name] = f"How many {measure.what}.", frozenset(measure.counted_by)
            found[f"{name}_seconds"] = f"How long {measure.what} took.", frozenset(measure.timed_by)
        found["partita_journal_group_commands"] = _GROUP_COMMANDS, frozenset()
        found["partita_build_info"] = _BUILD, frozenset({"version"})
        return found

    async def page(self) -> tuple[bytes, str]:
        found: dict[tuple[str, str], float] = {
            ("http_requests_in_progress", ""): self.in_progress[Kind.REQUEST],
            ("jobs_in_progress", ""): self.in_progress[Kind.JOB],
        }
        for read in await asyncio.gather(*map(_read, self._gauges)):
            found |= read
        self._shown.found = found
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


async def _read(gauges: Gauges) -> Mapping[tuple[str, str], float]:
    try:
        async with asyncio.timeout(READ_SECONDS_MAX):
            return await gauges.read()
    except Exception as error:
        _log.warning("some gauges cannot be read: %s", type(error).__name__)
        return {}
