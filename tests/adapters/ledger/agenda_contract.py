"""What every `Agenda` promises (application/ledger/expiry.py). The store may have what others put there, too."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from application.ledger.expiry import Agenda, Due
from application.ledger.ports import LedgerAddress
from tests.adapters.ledger.by_hand import NewLedger
from tests.builders import NOW

Put = Callable[[LedgerAddress, datetime], Awaitable[None]]

# So far ahead that no server which runs beside these tests strikes them out.
AHEAD = NOW + timedelta(days=36_500)
SOON, LATER, LAST = AHEAD + timedelta(minutes=1), AHEAD + timedelta(minutes=2), AHEAD + timedelta(minutes=3)


class AgendaContract:
    """All the tests. A subclass whose name begins with `Test` gives `agenda`, `new_ledger` and `put`."""

    @pytest.fixture
    def agenda(self) -> Agenda:
        """The store under test."""
        raise NotImplementedError

    @pytest.fixture
    def put(self) -> Put:
        """A way to have a hold of a ledger, of which there is none yet, expire at a time."""
        raise NotImplementedError

    @pytest.fixture
    def new_ledger(self) -> NewLedger:
        """A way to make a ledger."""
        raise NotImplementedError

    @pytest.fixture
    async def ledger(self, new_ledger: NewLedger) -> LedgerAddress:
        return await new_ledger()

    async def test_what_is_due_is_found_the_longest_due_first_and_nothing_later(
        self, agenda: Agenda, put: Put, ledger: LedgerAddress, new_ledger: NewLedger
    ) -> None:
        other = await new_ledger()
        for address, moment in ((ledger, LATER), (other, SOON), (ledger, LAST), (ledger, LATER)):
            await put(address, moment)
        assert await times(agenda, ledger, SOON) == []
        assert await times(agenda, other, SOON) == [SOON]
        assert await times(agenda, ledger, LATER) == [LATER]
        assert await times(agenda, ledger, LAST) == [LATER, LAST]
        found = [due for due in await agenda.due_expiries(LAST, after=None, limit=1_000) if is_of(due, ledger, other)]
        assert [due.due_at for due in found] == [SOON, LATER, LAST]

    async def test_it_is_read_page_by_page(self, agenda: Agenda, put: Put, ledger: LedgerAddress) -> None:
        for moment in (LAST, SOON, LATER):
            await put(ledger, moment)
        whole = list(await agenda.due_expiries(LAST, after=None, limit=1_000))
        paged: list[Due] = []
        while page := await agenda.due_expiries(LAST, after=paged[-1] if paged else None, limit=1):
            paged += page
        assert paged == whole
        assert [due.due_at for due in paged if is_of(due, ledger)] == [SOON, LATER, LAST]

    async def test_it_knows_the_address_of_a_ledger_and_of_none_that_is_not_there(
        self, agenda: Agenda, put: Put, ledger: LedgerAddress, new_ledger: NewLedger
    ) -> None:
        other = await new_ledger()
        for address in (ledger, other):
            await put(address, SOON)
        dues = [due for due in await agenda.due_expiries(SOON, after=None, limit=1_000) if is_of(due, ledger, other)]
        assert {await agenda.address(due) for due in dues} == {ledger, other}
        first, second = dues
        assert await agenda.address(replace(first, ledger_id=second.ledger_id)) is None
        assert await agenda.address(replace(first, ledger_id=2**62)) is None

    async def test_what_is_struck_out_is_gone_for_one_ledger_and_up_to_a_time(
        self, agenda: Agenda, put: Put, ledger: LedgerAddress, new_ledger: NewLedger
    ) -> None:
        other = await new_ledger()
        for address in (ledger, other):
            for moment in (SOON, LATER, LAST):
                await put(address, moment)
        due = next(each for each in await agenda.due_expiries(LAST, after=None, limit=1_000) if is_of(each, ledger))
        for _ in range(2):
            await agenda.strike(due, LATER)
        assert await times(agenda, ledger, LAST) == [LAST]
        assert await times(agenda, other, LAST) == [SOON, LATER, LAST]


def is_of(due: Due, *addresses: LedgerAddress) -> bool:
    return due.organisation_id in [address.organisation_id for address in addresses]


async def times(agenda: Agenda, address: LedgerAddress, now: datetime) -> list[datetime]:
    """When something of the ledger's organisation was due, as far as it is now."""
    return [due.due_at for due in await agenda.due_expiries(now, after=None, limit=1_000) if is_of(due, address)]
