from collections.abc import AsyncIterator

import pytest

from tests.application.ledger.office import Office


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    office = Office()
    yield office
    await office.journal.close()
