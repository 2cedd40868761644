"""Where what was written came from: rows beside the log, which can be erased without breaking its chain.

A row stands for a run of events, one after the other in one stream, that one author caused from one place with one
credential, in however many requests. So a service that posts a thousand transactions in a group leaves one row.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.access_tables import request_origins
from application.ledger.ports import Outcome
from domain.shared.chain import Author

Columns = tuple[list[Any], ...]
"""Of the rows: first and last sequence, actor, credential, address, user agent."""


def empty_origins() -> Columns:
    """Return the columns of no rows."""
    return ([], [], [], [], [], [])


def origins_of(outcomes: Sequence[Outcome]) -> Columns:
    """Return the columns of the rows for what a group writes, its outcomes being in order."""
    columns = empty_origins()
    firsts, lasts, actors, credentials, addresses, user_agents = columns
    before: Author | None = None
    for outcome in outcomes:
        author = outcome.author
        if author is None or author.origin is None:
            before = None
            continue
        last = outcome.sequence
        assert last is not None, "a dry run is written nowhere"
        if before is not None and _is_same(author, before):
            lasts[-1] = last
            continue
        before = author
        firsts.append(last - len(outcome.applied) + 1)
        lasts.append(last)
        actors.append(author.actor)
        credentials.append(author.origin.credential)
        addresses.append(author.origin.address)
        user_agents.append(author.origin.user_agent)
    return columns


def _is_same(author: Author, before: Author) -> bool:
    # Most requests of one caller share one origin: to compare what is in it takes as long as all the rest here.
    return author.actor == before.actor and (author.origin is before.origin or author.origin == before.origin)


async def add_origin(
    connection: AsyncConnection, organisation_id: int, stream_id: int, sequence: int, author: Author
) -> None:
    """Write where one event of any stream came from, where no group of the journal does."""
    if author.origin is None:
        return
    await connection.execute(
        insert(request_origins).values(
            organisation_id=organisation_id,
            stream_id=stream_id,
            sequence=sequence,
            last_sequence=sequence,
            actor=author.actor,
            credential=author.origin.credential,
            address=author.origin.address,
            user_agent=author.origin.user_agent,
        )
    )
