"""Figures for Prometheus: on a port of their own, by routes and never by what clients make up."""

from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from entrypoints.http.operations import create_operations_app
from tests.entrypoints.http.conftest import connected
from tests.entrypoints.http.jobs_run import asked_import, ended, sales
from tests.entrypoints.http.telemetry.conftest import Watched
from tests.entrypoints.http.tenant import Tenant, document, problem, sale

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def operations(watched: Watched) -> AsyncIterator[AsyncClient]:
    """A client of the port for those who run the server."""
    async with connected(create_operations_app(watched.services)) as made:
        yield made


async def figures(operations: AsyncClient) -> Figures:
    """All figures, by their names and labels."""
    response = await operations.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(response.text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def of(found: Figures, name: str, **labels: str) -> float:
    """One of them; nothing counted is 0."""
    return found.get((f"partita_{name}", frozenset(labels.items())), 0)


async def test_requests_are_counted_and_timed_by_route(
    watched: Watched, office: Tenant, operations: AsyncClient
) -> None:
    before = await figures(operations)
    for _ in range(3):
        await office.posted(sale())
    problem(await office.post(sale("0.001")), 422, "too-many-decimals")
    document(await office.get("/transactions"))
    after = await figures(operations)
    route = {"method": "POST", "route": "/v1/ledgers/{ledger}/transactions"}

    def more(name: str, **labels: str) -> float:
        return of(after, name, **labels) - of(before, name, **labels)

    assert more("http_requests_total", **route, status="201") == 3
    assert more("http_requests_total", **route, status="422") == 1
    assert more("http_requests_seconds_count", **route) == 4
    assert more("http_requests_total", **(route | {"method": "GET"}), status="200") == 1
    assert of(after, "http_requests_in_progress") == 0
    # Each of the four was decided in a group by itself, and three were committed with something in them.
    assert more("journal_groups_total", error="none") == 4
    assert more("journal_group_commands_sum") == 4
    assert more("journal_commits_seconds_count") == 4


async def test_what_a_client_makes_up_is_counted_together(
    watched: Watched, office: Tenant, operations: AsyncClient
) -> None:
    for number in range(3):
        await office.client.get(f"/v1/made-up-{number}")
        await office.client.request(f"MADEUP{number}", "/v1/ledgers")
    found = await figures(operations)
    assert of(found, "http_requests_total", method="GET", route="none", status="404") == 3
    assert "made" not in str(found).lower()
    assert {value for _, labels in found for name, value in labels if name == "method"} <= {"GET", "POST", "OTHER"}


async def test_jobs_are_counted_and_those_that_wait(watched: Watched, office: Tenant, operations: AsyncClient) -> None:
    async with watched.container.owner_engine().begin() as connection:
        # Jobs that other tests have left are none of this one's.
        await connection.execute(text("UPDATE due_jobs SET due_at = due_at + interval '1 day'"))
    queued = await asked_import(office, sales(2))
    assert of(await figures(operations), "jobs_due") == 1
    await ended(watched.container, office, queued["id"])
    found = await figures(operations)
    assert of(found, "jobs_due") == 0
    assert of(found, "jobs_late_seconds") == 0
    assert of(found, "job_attempts_total", kind="import", state="done") >= 1


async def test_what_the_process_is_doing_is_shown(watched: Watched, office: Tenant, operations: AsyncClient) -> None:
    found = await figures(operations)
    assert of(found, "up", part="database") == of(found, "up", part="redis") == 1
    assert of(found, "pool_connections", pool="journal") == watched.services.settings.pool_size
    assert of(found, "pool_connections_used", pool="journal") == 0
    for name in ("journal_waiting", "journal_ledgers", "stream_subscribers", "relay_lag_seconds", "webhooks_due"):
        assert (f"partita_{name}", frozenset[tuple[str, str]]()) in found, name
    assert ("process_resident_memory_bytes", frozenset[tuple[str, str]]()) in found


async def test_figures_are_not_for_the_world(watched: Watched, office: Tenant, operations: AsyncClient) -> None:
    problem(await office.client.get("/metrics"), 404, "not-found")
    assert document(await operations.get("/health/ready"))["status"] == "ready"
    assert (await operations.get("/v1/ledgers")).status_code == 404
    assert office.key not in (await operations.get("/metrics")).text
    assert "main" not in (await operations.get("/metrics")).text
