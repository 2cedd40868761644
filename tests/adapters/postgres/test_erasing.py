"""What is erased with a person is found by indexes, however much there is of others in all organisations."""

import pytest
from sqlalchemy import Delete, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.identity.memberships import invitations_erased
from adapters.postgres.identity.security_log import origins_erased

PERSON = "usr_01h2xcejqtf2nbrexx3vqjhp41"


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (origins_erased(PERSON), "request_origins_person"),
        (invitations_erased("ada@example.com"), "invitations_person"),
    ],
)
async def test_no_table_of_all_organisations_is_read_through(
    service_engine: AsyncEngine, statement: Delete, index: str
) -> None:
    async with service_engine.connect() as connection:
        # In a table with next to nothing in it, reading all is cheaper.
        await connection.execute(text("SELECT set_config('enable_seqscan', 'off', true)"))
        compiled = statement.compile(dialect=service_engine.dialect, compile_kwargs={"literal_binds": True})
        plan = "\n".join((await connection.scalars(text(f"EXPLAIN {compiled}"))).all())
    assert f"Scan using {index}" in plan or f"Bitmap Index Scan on {index}" in plan, plan
    assert "Index Cond: (" in plan
