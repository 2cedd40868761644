"""No request reads more the more there is, whatever it asks for, and none asks once for each thing that it shows.

Everything that the server can be asked, and all that it does by itself, is done once over a database in which every
table that grows is full, and the database tells how it found the rows for it.
"""

import re
from typing import Any

import pytest
from sqlalchemy import text

from adapters.postgres.tables import metadata
from adapters.postgres.work import tenant_view
from tests.entrypoints.http.planted import operations
from tests.entrypoints.http.queries.by_itself import go_on
from tests.entrypoints.http.queries.filling import OTHERS, SMALL
from tests.entrypoints.http.queries.named import NOT_ASKED, allowed, unused
from tests.entrypoints.http.queries.persons import ask_as_person
from tests.entrypoints.http.queries.plans import Plan, wrong_with
from tests.entrypoints.http.queries.routes import ask_all_routes, ask_graphql
from tests.entrypoints.http.queries.stage import Stage
from tests.entrypoints.http.tenant import document, sale
from tests.entrypoints.http.test_tenants_apart import filled

GROWING = set(metadata.tables) - set(SMALL)
# Of a group in which nothing is late, held or due, and of a request that looks into most of them.
STATEMENTS_MAX = 40
# What does many things at once, or goes through a whole log, in windows.
MANY_STATEMENTS = r"^GraphQL|^webhooks$|^duties$|^jobs$|^OAuth|GET /v1/audit-log|^relay$"


def wrong(stage: Stage, what: str, plans: list[Plan]) -> list[str]:
    """What is wrong with how it was done."""
    found = wrong_with(
        plans,
        stage.first_columns,
        growing=GROWING,
        allowed=lambda scan: allowed(re.sub(r" page of \d+", "", what), scan),
    )
    return [f"{what}: {each}" for each in found]


def asked_of_tables(plans: list[Plan]) -> list[Plan]:
    """The statements of the request: without those that foreign keys ask, which come with each row that is written."""
    return [plan for plan in plans if not plan.statement.startswith("SELECT 1 FROM ONLY")]


async def test_every_table_that_grows_is_full(stage: Stage) -> None:
    counts = {name: await stage.database.fetchval(f"SELECT count(*) FROM {name}") for name in sorted(metadata.tables)}  # noqa: S608 # names of ours
    assert {name: count for name, count in counts.items() if count < 200 and name not in SMALL} == {}
    assert sum(count > 1_000 for count in counts.values()) > 30
    organisations = await stage.database.fetchval("SELECT count(DISTINCT organisation_id) FROM entries")
    assert organisations == 1 + OTHERS


PLANTED = {
    "a whole table": (
        "SELECT description FROM transactions WHERE description = 'none'",
        r"(transactions_pkey|Seq Scan of transactions).*(looks at more|reads the whole)",
    ),
    "a ledger": (
        "SELECT id FROM holds WHERE ledger_id = (SELECT max(ledger_id) FROM holds) AND description = 'none'",
        "Index Scan of holds by .* looks at more than 102",
    ),
    "an index by what stands last in it": (
        "SELECT name FROM api_keys WHERE id = gen_random_uuid()",
        "reads the whole index, which begins with organisation_id|Seq Scan of api_keys|looks at more",
    ),
    "one row at a time": (
        "SELECT (SELECT max(sequence) FROM event_log WHERE stream_id = ledgers.id) FROM ledgers",
        "event_log_pkey .*: 1\\d\\d rows looks at more than 102",
    ),
}


@pytest.mark.parametrize("bad", PLANTED)
async def test_a_bad_query_is_found(stage: Stage, bad: str) -> None:
    """Else nothing would be proved by finding none."""
    query, said = PLANTED[bad]
    await stage.watch.take()
    async with tenant_view(stage.container.service_engine(), stage.books.organisation_id) as connection:
        await connection.execute(text(query))
    told = wrong(stage, bad, await stage.watch.take())
    assert any(re.search(said, each) for each in told), told


async def page_of(stage: Stage, path: str, limit: int) -> tuple[int, list[Plan]]:
    """How many things a page shows, and what was asked of the database for it."""
    what = f"GET {path} page of {limit}"
    shown = document(await stage.ask(what, stage.books.client, "GET", path, params={"limit": str(limit)}))["data"]
    return len(shown), asked_of_tables(stage.done[what][-1])


async def test_a_page_of_fifty_things_takes_as_many_statements_as_a_page_of_two(stage: Stage) -> None:
    described, compared, wrong_ones = stage.app.openapi(), 0, []
    for method, template, operation in operations(described):
        names = {each["name"] for each in operation.get("parameters", ())}
        if method != "GET" or "limit" not in names or template.startswith("/v1/auth/"):
            continue
        path = filled(stage.planted, template, stage.books.ledger)
        await page_of(stage, path, 50)  # who asks is remembered from now on
        few, plans_of_few = await page_of(stage, path, 2)
        many, plans_of_many = await page_of(stage, path, 50)
        compared += many > few
        # A page of more events may read one window more.
        if len(plans_of_many) > len(plans_of_few) + (template == "/v1/audit-log"):
            wrong_ones.append(f"{template}: {len(plans_of_few)} statements for {few}, {len(plans_of_many)} for {many}")
        # Nor is a long page read for a short one.
        most = max((scan.rows for plan in plans_of_few for scan in plan.scans if scan.table in GROWING), default=0)
        if most > 12 and template not in ("/v1/organisations", "/v1/audit-log"):
            wrong_ones.append(f"{template}: {most} rows were read for {few}")
    assert wrong_ones == []
    assert compared >= 15


async def test_many_things_are_written_in_as_many_statements_as_two(stage: Stage) -> None:
    books = stage.books

    async def statements(what: str, path: str, body: Any) -> int:
        document(await stage.ask(what, books.client, "POST", books.path(path), json=body))
        return len(asked_of_tables(stage.done[what][-1]))

    def ids(bulk: Any) -> list[str]:
        return [each["transaction"]["id"] for each in bulk["results"]]

    counts = {}
    for _ in range(2):  # the driver learns the types in the first round
        for count in (2, 40):
            posted = document(await books.bulk([sale() for _ in range(count)]))
            counts[f"post {count}"] = await statements(
                "post many", "/transactions/bulk", {"transactions": [sale()] * count}
            )
            reversals = {"reversals": [{"transaction": id} for id in ids(posted)]}
            counts[f"reverse {count}"] = await statements("reverse many", "/transactions/reverse", reversals)
            held = [
                document(await books.client.post(books.path("/holds"), json=sale()), 201)["id"] for _ in range(count)
            ]
            releases = {"resolutions": [{"action": "release", "hold": id} for id in held]}
            counts[f"release {count}"] = await statements("release many", "/holds/resolve", releases)
    for what in ("post", "reverse", "release"):
        assert counts[f"{what} 40"] <= counts[f"{what} 2"] + 2, counts


async def test_an_operation_of_graphql_takes_as_many_statements_for_fifty_things_as_for_two(stage: Stage) -> None:
    counts = []
    for first in (50, 2, 50):
        await ask_graphql(stage, first)
        counts.append(len(asked_of_tables(stage.done[f"GraphQL page of {first}"][-1])))
    # A page of more things may read one window more, of each list that it has.
    assert counts[2] <= counts[1] + 4, counts
    assert counts[2] <= 100, counts


async def test_no_query_reads_more_than_is_asked_for(stage: Stage) -> None:
    await ask_graphql(stage)
    await ask_as_person(stage)
    await go_on(stage)
    await ask_all_routes(stage)
    documented = {f"{method} {template}" for method, template, _ in operations(stage.app.openapi())}
    in_vain = documented - stage.answered
    assert in_vain == NOT_ASKED, (
        f"say in routes.py or persons.py how to ask for {in_vain - NOT_ASKED} so that it is done"
    )
    told = {each for what, times in stage.done.items() for plans in times for each in wrong(stage, what, plans)}
    assert not told, "\n".join(sorted(told))
    assert not unused(stage.done)
    too_many = {
        what: len(asked_of_tables(times[-1]))
        for what, times in stage.done.items()
        if not re.search(MANY_STATEMENTS, what) and len(asked_of_tables(times[-1])) > STATEMENTS_MAX
    }
    assert too_many == {}
