"""Reads go to a replica that has what the client has seen; a real standby is paused, killed and promoted."""

import asyncio
import signal

import pytest

from adapters.postgres import replicas as replicas_module
from tests.entrypoints.http.replicas.conftest import Serve, Served
from tests.entrypoints.http.tenant import document, problem, sale
from tests.standby import Standby

SEEN = "Partita-Sequence"


async def balance(served: Served, *, seen: int | str | None = None, at_least: str = "/accounts/assets:bank") -> str:
    """What the bank account holds, for someone who has seen so much."""
    headers = {} if seen is None else {SEEN: str(seen)}
    balances = document(await served.tenant.get(f"{at_least}/balances", headers=headers))["balances"]
    return str(balances[0]["posted"])


@pytest.fixture
async def paused(standby: Standby, serve: Serve) -> object:
    """A server whose replica stands at the first of two sales; and the sequence of each."""
    raise NotImplementedError


async def test_a_client_sees_at_least_what_it_has_seen_from_whichever_server(standby: Standby, serve: Serve) -> None:
    async with serve(standby) as served:
        first = await served.tenant.posted(sale("10.00"))
        await served.settled(fit=1)
        await standby.pause()
        try:
            second = await served.tenant.posted(sale("5.00"))
            # The replica has the first one, and is not a second behind yet.
            assert await balance(served, seen=first["sequence"]) == "10.00"
            # It lacks the second one, and those who say nothing may have seen that, too.
            assert await balance(served, seen=second["sequence"]) == "15.00"
            assert await balance(served) == "15.00"
        finally:
            await standby.resume()
