"""Jobs in tests: asked for over HTTP, and run when a test says so."""

import json
from collections.abc import Sequence
from typing import Any

from entrypoints.container import Container
from tests.entrypoints.http.tenant import NDJSON, Json, Tenant, document, sale

ENDED = ("done", "failed", "dead", "cancelled")


def lines(*transactions: Json) -> bytes:
    """Transactions as lines of JSON."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in transactions)


def sales(count: int, amount: str = "1.00") -> bytes:
    """So many sales, each with a reference of its own."""
    return lines(*[sale(amount, reference=f"sale-{number}") for number in range(count)])


async def asked_import(tenant: Tenant, content: bytes, **headers: str) -> Json:
    """The job that imports these lines, as it is queued."""
    given = {"Content-Type": NDJSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    queued: Json = document(await tenant.client.post(tenant.path("/imports"), content=content, headers=given), 202)
    return queued


async def ended(container: Container, tenant: Tenant, id: str) -> Json:
    """The job, once everything that is due has been run."""
    while True:
        was_anything_due = await container.job_runner().run_due()
        job: Json = document(await tenant.client.get(f"/v1/jobs/{id}"))
        if job["state"] in ENDED:
            return job
        assert was_anything_due, job


async def results(tenant: Tenant, id: str) -> Sequence[Any]:
    """The lines that an import has made."""
    response = await tenant.client.get(f"/v1/jobs/{id}/result")
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]
