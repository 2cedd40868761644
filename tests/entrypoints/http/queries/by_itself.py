"""One of everything that servers and workers do without being asked: jobs, duties, expiry, webhooks, the relay."""

import asyncio
from datetime import timedelta

from adapters.postgres.identity.quotas import PostgresQuotas
from application.ledger.ports import LedgerAddress
from domain.shared.access import Principal
from tests.entrypoints.http.jobs_run import asked_import, sales
from tests.entrypoints.http.queries.stage import Stage
from tests.entrypoints.http.tenant import document, sale


async def go_on(stage: Stage) -> None:
    """Have a little to do for everything that goes on by itself, and have it done."""
    container, books = stage.container, stage.books
    hook = {"url": "http://127.0.0.1:9/", "ledgers": [books.ledger]}
    made = document(await books.client.post("/v1/webhooks", json=hook), 201)
    # More is new to it than a page would have.
    again = {"ledger": books.ledger, "after": await books.head() - 150}
    document(await books.client.post(f"/v1/webhooks/{made['id']}/replay", json=again))
    await books.posted(sale())
    await asked_import(books, sales(3))
    document(await books.client.post(books.path("/reports/trial-balance/jobs"), json={}), 202)
    end = container.clock().now() + timedelta(seconds=0.2)
    held = document(await books.client.post(books.path("/holds"), json=sale(expires_at=end.isoformat())), 201)
    await asyncio.sleep(0.25)
    await stage.watched("expiry", container.expiry().sweep())
    assert document(await books.get(f"/holds/{held['id']}"))["status"] == "expired"
    await stage.watched("jobs", container.job_runner().run_due())
    await stage.watched("webhooks due", container.outbox().organisations(container.clock().now()))
    # Each that has webhooks is looked at, which takes a while for thousands that were made up.
    await stage.database.execute("DELETE FROM webhook_agenda WHERE organisation_id <> $1", books.organisation_id)
    await stage.watched("webhooks", container.webhook_dispatch().run_due())
    await stage.watched("duties", container.duties().do_due())
    await stage.watched("storage", PostgresQuotas(container.service_engine()).meter(books.organisation_id))
    await stage.watched("relay", _follow(stage))


async def _follow(stage: Stage) -> None:
    """Follow a ledger from its beginning, and then what another process has written."""
    relay, books = stage.container.relay(), stage.books

    async def who() -> Principal:
        return books.principal

    following = relay.follow(who, books.ledger, after=0)
    first = await anext(following)
    assert first.events
    relay.hear(LedgerAddress(books.organisation_id, books.ledger), await books.head())
    assert (await anext(following)).events
    await following.aclose()
