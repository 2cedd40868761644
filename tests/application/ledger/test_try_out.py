import asyncio
from datetime import timedelta

import pytest

from application.ledger.open_account import OpenAccount
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from domain.ledger.account import AccountExists, AccountType, EntryAccountNotFound
from domain.ledger.balance import Balance
from domain.ledger.ledger import LedgerNotFound
from domain.shared.access import Permission
from domain.shared.errors import PermissionDenied
from tests.application.ledger.office import MAIN, Office
from tests.builders import NOW, payment, principal


async def test_a_dry_run_answers_what_would_happen_and_leaves_nothing(office: Office) -> None:
    await office.submit(PostTransaction(payment("1.00")))
    log = office.kept.log(MAIN)
    command = PostTransaction(payment("2.00", debit_to="assets:till"))
    outcome = await office.journal.try_out(principal(), "main", command)
    assert [applied.event.type for applied in outcome.applied] == ["account.opened", "transaction.posted"]
    assert [(line.entry.account, line.balance) for line in outcome.applied[-1].lines] == [
        ("assets:till", Balance(200, 0, 1)),
        ("income:sales", Balance(0, 300, 2)),
    ]
    assert outcome.sequence is None
    assert [applied.recorded for applied in outcome.applied] == [None, None]
    assert office.kept.log(MAIN) == log
    assert office.group_sizes() == [1]
    assert await office.balance("income:sales") == Balance(0, 100, 1)


async def test_a_dry_run_is_refused_as_the_command_would_be(office: Office) -> None:
    await office.submit(OpenAccount("users:1", AccountType.LIABILITY))
    with pytest.raises(AccountExists):
        await office.journal.try_out(principal(), "main", OpenAccount("users:1", AccountType.LIABILITY))
    with pytest.raises(EntryAccountNotFound):
        await office.journal.try_out(principal(), "main", PostTransaction(payment(credit_to="users:2")))
    with pytest.raises(LedgerNotFound):
        await office.journal.try_out(principal(), "nowhere", PostTransaction(payment()))
    with pytest.raises(PermissionDenied):
        await office.journal.try_out(principal(Permission.EVENTS_READ), "main", PostTransaction(payment()))


async def test_a_dry_run_does_not_wait_for_a_group(office: Office) -> None:
    office.books.hold_up(MAIN)
    posting = office.post(payment("1.00"))
    await office.books.arrival(MAIN)
    trial = office.journal.try_out(principal(), "main", PostTransaction(payment("2.00")))
    outcome = await asyncio.wait_for(trial, timeout=5)
    assert outcome.applied[-1].lines[0].balance == Balance(200, 0, 1)
    office.books.let_go(MAIN)
    await posting


async def test_a_dry_run_of_several_transactions_shows_them_all(office: Office) -> None:
    command = PostAtomically((payment("1.00"), payment("2.00")))
    outcome = await office.journal.try_out(principal(), "main", command)
    assert [line.balance for applied in outcome.applied for line in applied.lines] == [
        Balance(100, 0, 1),
        Balance(0, 100, 1),
        Balance(300, 0, 2),
        Balance(0, 300, 2),
    ]
    assert office.sequence() == 1


async def test_a_dry_run_happens_no_earlier_than_the_ledgers_last_event(office: Office) -> None:
    await office.submit(PostTransaction(payment()))
    office.clock.advance(-timedelta(hours=1))
    outcome = await office.journal.try_out(principal(), "main", PostTransaction(payment()))
    assert outcome.applied[-1].recorded_at == NOW
