"""The examples of docs/graphql.md, done in order in empty books, answer what the page says."""

import json

from tests.docs.pages import ROOT, fenced
from tests.entrypoints.http.conftest import NewServer
from tests.entrypoints.http.graphql.asked import sent
from tests.entrypoints.http.graphql.test_subscriptions import connected
from tests.entrypoints.http.tenant import Tenant, document


async def test_every_example_answers_what_the_page_says(new_server: NewServer, tenant: Tenant) -> None:
    blocks = list(fenced((ROOT / "docs" / "graphql.md").read_text("utf-8")))
    done = followed = 0
    for number, (kind, text) in enumerate(blocks):
        if kind != "graphql":
            continue
        if text.startswith("subscription"):
            async with connected(await new_server(), tenant.key) as client:
                await client.subscribe("a", text)
                (event,) = await client.events(1)
                assert event["type"] == "transaction.posted"
            followed += 1
            continue
        answer = document(await sent(tenant.client, text))
        assert blocks[number + 1][0] == "json"
        assert answer["data"] == json.loads(blocks[number + 1][1]), text
        done += 1
    assert (done, followed) == (5, 1)
