"""Persons that are held, so that none becomes a member that is erased at the same moment."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import stored_id
from adapters.postgres.person_tables import persons


async def held_verified_email(connection: AsyncConnection, person: str) -> str | None:
    """Return the address that a person has shown to be its own, or None; it is not erased until the transaction ends.

    Several may hold a person so at once; the row is locked after an organisation's log.
    """
    query = select(persons.c.email).where(*_existing(person), persons.c.email_verified_at.is_not(None))
    return (await connection.execute(query.with_for_update(read=True))).scalar_one_or_none()


async def hold_existing(connection: AsyncConnection, person: str) -> bool:
    """Return whether a person is there and was not erased, as it is not until the transaction ends."""
    query = select(persons.c.id).where(*_existing(person)).with_for_update(read=True)
    return (await connection.execute(query)).one_or_none() is not None


def _existing(person: str) -> tuple[ColumnElement[bool], ...]:
    return persons.c.id == stored_id("usr", person), persons.c.erased_at.is_(None)
