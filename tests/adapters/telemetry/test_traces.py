"""Which requests are traced, and what of a busy group is told."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from adapters.telemetry.traces import WITH_STEPS_MAX, Traces, trace_of
from adapters.telemetry.watch import Watch
from application.shared.telemetry import FACTS, Kind


def watching(ratio: float = 1.0) -> tuple[Watch, InMemorySpanExporter]:
    """Who is told, and what is told of then."""
    exporter = InMemorySpanExporter()
    return Watch(traces=Traces(SimpleSpanProcessor(exporter), ratio=ratio, version="1")), exporter


@pytest.mark.parametrize("ratio", [0.0, 0.25, 1.0])
def test_as_many_requests_are_traced_as_are_to_be_and_on_every_server_the_same(ratio: float) -> None:
    watch, exporter = watching(ratio)
    ids = [f"req-{number}" for number in range(400)]
    for id in ids:
        with watch.span(Kind.REQUEST, "GET", request=id):
            pass
    traced = {(span.attributes or {})["partita.request"] for span in exporter.get_finished_spans()}
    assert traced == {id for id in ids if int(trace_of(id)[16:], 16) < ratio * 2**64}
    assert ratio * 300 <= len(traced) <= ratio * 500


def test_a_job_in_another_process_finds_the_trace_of_its_request() -> None:
    here, told_here = watching()
    there, told_there = watching()
    with here.span(Kind.REQUEST, "POST", request="req-1"):
        pass
    with there.span(Kind.JOB, "job import", request="req-1"):
        pass
    (asked,), (done,) = told_here.get_finished_spans(), told_there.get_finished_spans()
    assert done.parent is not None
    assert asked.context is not None
    assert (done.parent.trace_id, done.parent.span_id) == (asked.context.trace_id, asked.context.span_id)


def test_of_very_many_groups_some_are_told_of_with_their_steps() -> None:
    watch, exporter = watching()
    with_steps = 0
    for number in range(10 * WITH_STEPS_MAX):
        with watch.span(Kind.GROUP, "journal group", causes=[f"req-{number}"]):
            with_steps += watch.takes_steps
            watch.ended(Kind.STATEMENT, "postgresql SELECT", 0.001)
    spans = exporter.get_finished_spans()
    assert WITH_STEPS_MAX <= with_steps <= 2 * WITH_STEPS_MAX
    assert [span.name for span in spans].count("postgresql SELECT") == with_steps
    assert len(spans) == 10 * WITH_STEPS_MAX + with_steps


def test_what_fails_is_named_and_what_it_says_is_not_told() -> None:
    watch, exporter = watching()
    with pytest.raises(ValueError, match="teapot"), watch.span(Kind.REQUEST, "GET", request="req-1"):
        raise ValueError("teapot")
    (span,) = exporter.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert not span.status.is_ok
    assert "teapot" not in span.to_json()


def test_what_is_known_of_work_ends_with_it() -> None:
    watch, _ = watching()
    assert FACTS.get() is None
    with watch.span(Kind.GROUP, "journal group", causes=["req-1"], ledger="main"):
        known = FACTS.get() or {}
        watch.tell(commands=3)
        assert known == {"ledger": "main", "commands": 3, "trace": known["trace"]}
        with watch.span(Kind.REDIS, "redis get", call="get"):
            assert (FACTS.get() or {})["ledger"] == "main"
    assert FACTS.get() is None
    # What was begun in it and goes on, is not taken for it.
    assert known == {}
