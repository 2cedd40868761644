"""Which tables belong to organisations, and rows in all of them."""

import uuid
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.tables import metadata
from adapters.postgres.work import tenant_transaction
from tests.builders import NOW

# Why a table belongs to no organisation; every other one does, and is walked here.
GLOBAL_TABLES = {
    "alembic_version": "which migrations were made",
    "agenda": "what is due is found across all organisations; it tells who has something to do and when, not what",
    "webhook_agenda": "likewise, of webhooks",
    "persons": "a person may belong to several organisations, and to none",
    "person_identities": "of persons",
    "sessions": "of persons",
    "session_tokens": "of sessions",
    "mailed_tokens": "of persons",
    "security_log": "of persons",
    "token_keys": "of the server",
    "due_jobs": "jobs are found across all organisations; it tells who has one and when, not what",
    "job_turns": "likewise, when one of each was last begun",
    "duties": "of the server",
}
# In an order in which rows can be added that refer to others.
TABLES = [table for table in metadata.sorted_tables if table.name not in GLOBAL_TABLES]


def organisation_of(table: Table) -> str:
    return "id" if table.name == "organisations" else "organisation_id"


async def fill(owner: AsyncEngine, organisation_id: int) -> None:
    """Give the organisation a row in each table where it has none."""
    async with tenant_transaction(owner, organisation_id) as connection:
        for table in TABLES:
            own = table.c[organisation_of(table)] == organisation_id
            if (await connection.execute(select(table).where(own).limit(1))).first() is None:
                await connection.execute(insert(table).values(**made_up_row(table, organisation_id)))


def made_up_row(table: Table, organisation_id: int) -> dict[str, Any]:
    """A row for a table that no event of a ledger leaves one in; rows of one organisation refer to each other."""
    of_type: dict[type[Any], Any] = {
        BigInteger: organisation_id,
        Integer: 1,
        SmallInteger: 1,
        Numeric: 1,
        Boolean: False,
        Date: date(2026, 1, 1),
        DateTime: NOW,
        LargeBinary: sha256(str(organisation_id).encode()).digest(),
        Text: f"made up for {organisation_id}",
        ARRAY: [],
        JSONB: {},
        UUID: member_of(organisation_id),
    }
    return {column.name: of_type[type(column.type)] for column in table.columns if not column.identity}


def member_of(organisation_id: int) -> uuid.UUID:
    """The id of whatever the organisation has, its only member included."""
    return uuid.uuid5(uuid.NAMESPACE_OID, str(organisation_id))
