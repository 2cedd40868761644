"""What a request led to is found by its trace, and the trace by the request's id; nothing in it tells what was sent."""

import asyncio
import json

from adapters.telemetry.traces import trace_of
from tests.entrypoints.http.jobs_run import asked_import, ended, sales
from tests.entrypoints.http.telemetry.conftest import Watched, facts, id_of, linked, trace
from tests.entrypoints.http.tenant import Tenant, document, problem, sale
from tests.entrypoints.http.webhooks.dispatchers import dispatcher
from tests.entrypoints.http.webhooks.receiver import receiver
from tests.redis_server import until

POST = "POST /v1/ledgers/{ledger}/transactions"


async def test_a_posting_is_traced_from_http_through_its_group_to_postgresql_and_redis(
    watched: Watched, office: Tenant
) -> None:
    response = await office.post(sale())
    request_id = response.headers["x-request-id"]
    (request,) = watched.spans(POST)
    assert trace(request) == trace_of(request_id)
    assert request.parent is None
    told = facts(request)
    assert told["http.response.status_code"] == 201
    assert told["http.route"] == "/v1/ledgers/{ledger}/transactions"
    assert (told["partita.request"], told["partita.organisation"]) == (request_id, office.organisation_id)
    assert told["partita.ledger"] == "main"

    (group,) = watched.spans("journal group")
    assert facts(group)["partita.commands"] == 1
    assert linked(group) == [(trace(request), id_of(request))]
    assert linked(request) == [(trace(group), id_of(group))]

    await until(lambda: bool(watched.spans("redis publish")))
    steps = watched.spans(of=trace(group))
    within = [span.name for span in steps if span.parent is not None and span.parent.span_id == id_of(group)]
    assert within[0] == "postgresql BEGIN"
    assert "postgresql INSERT" in within
    assert within.index("postgresql COMMIT") > within.index("postgresql INSERT")
    assert "redis publish" in within


async def test_a_group_is_linked_to_each_of_its_callers(watched: Watched, office: Tenant) -> None:
    # Whatever the first of them commits alone, the others gather behind it.
    await asyncio.gather(*[office.posted(sale()) for _ in range(12)])
    requests = watched.spans(POST)
    groups = watched.spans("journal group")
    assert len(requests) == 12
    assert len(groups) < 12
    assert {(trace(each), id_of(each)) for each in requests} == {link for group in groups for link in linked(group)}
    assert sum(int(str(facts(group)["partita.commands"])) for group in groups) == 12


async def test_a_read_is_traced_to_its_statements(watched: Watched, office: Tenant) -> None:
    await office.posted(sale())
    watched.exporter.clear()
    document(await office.get("/transactions"))
    (request,) = watched.spans("GET /v1/ledgers/{ledger}/transactions")
    statements = watched.spans("postgresql", of=trace(request))
    assert statements
    assert {span.parent.span_id for span in statements if span.parent} == {id_of(request)}
    assert any("FROM transactions" in str(facts(span)["db.query.text"]) for span in statements)


async def test_a_client_that_traces_is_followed(watched: Watched, office: Tenant) -> None:
    theirs, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    response = await office.post(sale(), headers={"traceparent": f"00-{theirs}-{span}-01"})
    (request,) = watched.spans(POST)
    assert trace(request) == theirs
    assert request.parent is not None
    assert request.parent.span_id == int(span, 16)
    # What comes later goes by the request's id, so the two are linked.
    assert trace_of(response.headers["x-request-id"]) in [each for each, _ in linked(request)]

    watched.exporter.clear()
    await office.posted(sale(), headers={"traceparent": f"00-{theirs}-{span}-00"})
    assert watched.spans(POST) == []
    for nonsense in ("", "00-" + "0" * 32 + f"-{span}-01", f"00-{theirs.upper()}-{span}-01", "x" * 300):
        await office.posted(sale(), headers={"traceparent": nonsense})
    assert [request.parent for request in watched.spans(POST)] == [None] * 4


async def test_a_job_belongs_to_the_trace_of_the_request_that_asked_for_it(watched: Watched, office: Tenant) -> None:
    queued = await asked_import(office, sales(3))
    (asked,) = watched.spans("POST /v1/ledgers/{ledger}/imports")
    await ended(watched.container, office, queued["id"])
    (job,) = watched.spans("job import")
    assert trace(job) == trace(asked)
    assert job.parent is not None
    assert job.parent.span_id == id_of(asked)
    assert facts(job)["partita.state"] == "done"
    assert facts(job)["partita.job"] == queued["id"]
    assert [span.name for span in watched.spans("redis enqueue", of=trace(asked))] == ["redis enqueue"]
    groups = [group for group in watched.spans("journal group") if (trace(job), id_of(job)) in linked(group)]
    assert sum(int(str(facts(group)["partita.commands"])) for group in groups) == 3


async def test_a_delivery_to_a_webhook_is_linked_to_the_request_that_caused_it(
    watched: Watched, office: Tenant
) -> None:
    async with receiver() as there, dispatcher(watched.container, office.organisation_id) as dispatching:
        document(await office.client.post("/v1/webhooks", json={"url": there.url}), 201)
        response = await office.post(sale())
        while not there.got:
            await dispatching.run()
        secret = str(there.got[0].headers["webhook-signature"])
    (posted,) = watched.spans(POST)
    assert trace_of(response.headers["x-request-id"]) == trace(posted)
    deliveries = [span for span in watched.spans("webhook") if linked(span) == [(trace(posted), id_of(posted))]]
    assert deliveries
    assert facts(deliveries[0])["partita.outcome"] == "delivered"
    assert facts(deliveries[0])["http.response.status_code"] == 204
    assert secret not in told_of(watched)


async def test_no_span_tells_what_was_sent_or_with_which_credential(watched: Watched, office: Tenant) -> None:
    sent = sale("987.65", description="For Ms Teapot", metadata={"iban": "DE02120300000000202051"})
    sent["entries"][0]["account"] = "assets:banks:teapot"
    await office.posted(sent, headers={"Idempotency-Key": "idem-teapot"})
    problem(await office.get("/transactions?description=teapot"), 400, "unknown-parameter")
    problem(await office.get("/accounts/assets:no:teapot"), 404, "account-not-found")
    told = told_of(watched)
    assert "INSERT INTO" in told
    for secret in (office.key, office.key[8:30], "eapot", "987.65", "98765", "DE0212"):
        assert secret not in told, secret


async def test_a_refusal_is_not_our_failure_and_a_failure_is(watched: Watched, office: Tenant) -> None:
    problem(await office.client.get("/v1/ledgers/none"), 404, "ledger-not-found")
    (refused,) = watched.spans("GET /v1/ledgers/{ledger}")
    assert refused.status.is_unset
    assert facts(refused)["http.response.status_code"] == 404


async def test_probes_are_not_traced(watched: Watched, office: Tenant) -> None:
    document(await office.client.get("/health/live"))
    document(await office.client.get("/health/ready"))
    assert [
        span for span in watched.spans() if "health" in span.name or "health" in json.dumps(dict(facts(span)))
    ] == []


def told_of(watched: Watched) -> str:
    """All that was told."""
    return "\n".join(span.to_json() for span in watched.spans())
