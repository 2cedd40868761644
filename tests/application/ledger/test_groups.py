import asyncio
from dataclasses import replace

import pytest

from application.ledger.open_account import OpenAccount
from application.ledger.ports import LedgerAddress
from application.ledger.post_transaction import PostTransaction
from domain.ledger.account import AccountExists, AccountType, EntryAccountNotFound
from domain.ledger.balance import Balance
from domain.ledger.events import AccountOpened, AssetRegistered, LedgerCreated, TransactionPosted
from domain.ledger.ledger import LedgerNotFound
from domain.ledger.transaction import DuplicateReference, UnbalancedTransaction
from domain.shared.access import Permission
from domain.shared.errors import PermissionDenied
from tests.application.ledger.office import MAIN, OTHER, Office, done, refused, sequences, turns
from tests.builders import AUTHOR, NOW, credit, debit, draft, key, payment, principal


async def test_a_posting_is_answered_with_its_events_in_the_chain(office: Office) -> None:
    outcome = await office.submit(PostTransaction(payment("12.50", id="txn_1")))
    assert [type(applied.event) for applied in outcome.applied] == [
        AssetRegistered,
        AccountOpened,
        AccountOpened,
        TransactionPosted,
    ]
    assert [applied.recorded and applied.recorded.sequence for applied in outcome.applied] == [2, 3, 4, 5]
    assert outcome.sequence == 5
    assert not outcome.replayed
    posted = outcome.applied[-1]
    assert [(line.entry.account, line.balance) for line in posted.lines] == [
        ("assets:bank", Balance(1_250, 0, 1)),
        ("income:sales", Balance(0, 1_250, 1)),
    ]
    assert {applied.recorded_at for applied in outcome.applied} == {NOW}
    assert office.sequence() == 5


async def test_an_event_names_who_caused_it_and_in_which_request(office: Office) -> None:
    by = replace(principal(), actor="key_of_ada")
    outcome = await office.journal.submit(by, "main", PostTransaction(payment()), request_id="req_77")
    for applied in outcome.applied:
        assert applied.recorded is not None
        assert b'"actor":"key_of_ada"' in applied.recorded.content
        assert b'"request_id":"req_77"' in applied.recorded.content


async def test_commands_that_come_together_are_committed_together(office: Office) -> None:
    answers = await office.post_together(*[payment("1.00") for _ in range(5)])
    assert office.group_sizes() == [5]
    assert sequences(answers) == [5, 6, 7, 8, 9]
    assert await office.balance("assets:bank") == Balance(500, 0, 5)


async def test_while_one_group_commits_the_next_one_gathers(office: Office) -> None:
    office.books.hold_up(MAIN)
    first = office.post(payment("1.00"))
    await office.books.arrival(MAIN)
    others = []
    for _ in range(7):
        others.append(office.post(payment("1.00")))
        await turns()
    assert not first.done()
    office.books.let_go(MAIN)
    answers = await asyncio.gather(first, *others)
    assert office.group_sizes() == [1, 7]
    assert sequences(answers) == [5, 6, 7, 8, 9, 10, 11, 12]


async def test_an_idle_ledger_answers_in_one_commit(office: Office) -> None:
    await office.submit(PostTransaction(payment()))
    await office.submit(PostTransaction(payment()))
    assert office.group_sizes() == [1, 1]


async def test_single_commands_go_before_those_of_a_bulk(office: Office) -> None:
    office.books.hold_up(MAIN)
    first = office.post(payment("1.00"))
    await office.books.arrival(MAIN)
    bulk = [office.post(payment("1.00"), is_bulk=True) for _ in range(300)]
    singles = [office.post(payment("1.00")) for _ in range(2)]
    await turns()
    office.books.let_go(MAIN)
    await asyncio.gather(first, *bulk, *singles)
    # A bulk fills a group up to 125 commands, so that who comes next does not wait for long.
    assert office.group_sizes() == [1, 125, 125, 52]
    assert sequences([single.result() for single in singles]) == [6, 7]
    assert sequences([single.result() for single in bulk]) == list(range(8, 308))


async def test_a_refused_command_does_not_disturb_its_neighbours(office: Office) -> None:
    unbalanced = draft(debit("assets:bank", "1.00"), credit("income:sales", "2.00"))
    nowhere = payment(credit_to="nowhere")
    answers = await office.post_together(payment("1.00"), unbalanced, payment("2.00"), nowhere, payment("3.00"))
    refused(answers[1], UnbalancedTransaction)
    refused(answers[3], EntryAccountNotFound)
    assert sequences(answers[::2]) == [5, 6, 7]
    assert office.group_sizes() == [3]
    assert office.sequence() == 7
    assert await office.balance("assets:bank") == Balance(600, 0, 3)


async def test_what_a_refused_command_would_have_opened_stays_closed(office: Office) -> None:
    answers = await office.post_together(
        draft(debit("assets:new", "1.00"), credit("assets:new", "2.00")),
        payment("1.00", debit_to="assets:new"),
    )
    refused(answers[0], UnbalancedTransaction)
    opened = [applied.event for applied in done(answers[1]).applied if isinstance(applied.event, AccountOpened)]
    assert opened == [
        AccountOpened("assets:new", AccountType.ASSET),
        AccountOpened("income:sales", AccountType.INCOME),
    ]


async def test_each_command_sees_what_those_before_it_in_its_group_did(office: Office) -> None:
    answers = await office.submit_together(
        OpenAccount("users:1", AccountType.LIABILITY),
        PostTransaction(payment("1.00", credit_to="users:1", reference="r", id="txn_first")),
        OpenAccount("users:1", AccountType.LIABILITY),
        PostTransaction(payment("1.00", credit_to="users:1", reference="r")),
        PostTransaction(payment("1.00", credit_to="users:1", reference="s")),
    )
    assert office.group_sizes() == [3]
    refused(answers[2], AccountExists)
    assert "txn_first" in refused(answers[3], DuplicateReference).detail
    assert await office.balance("users:1") == Balance(0, 200, 2)


async def test_a_group_of_refusals_writes_nothing(office: Office) -> None:
    answers = await office.post_together(payment(credit_to="nowhere"), payment("0.001"))
    assert [isinstance(answer, Exception) for answer in answers] == [True, True]
    assert office.group_sizes() == []
    assert office.sequence() == 1


async def test_ledgers_do_not_wait_for_each_other(office: Office) -> None:
    office.books.hold_up(MAIN)
    held_up = office.post(payment())
    await office.books.arrival(MAIN)
    outcome = await asyncio.wait_for(office.post(payment(), slug="other"), timeout=5)
    assert outcome.sequence == 5
    assert not held_up.done()
    office.books.let_go(MAIN)
    await held_up
    assert (office.sequence(MAIN), office.sequence(OTHER)) == (5, 5)


async def test_two_journals_on_the_same_books_take_turns(office: Office) -> None:
    journals = [office.journal, office.another_journal()]
    await asyncio.gather(
        *(
            journals[number % 2].submit(principal(), "main", PostTransaction(payment("1.00")), request_id="req")
            for number in range(10)
        )
    )
    assert await office.balance("assets:bank") == Balance(1_000, 0, 10)
    assert office.sequence() == 14
    await journals[1].close()


@pytest.mark.parametrize(("organisation_id", "slug"), [(1, "nowhere"), (2, "main")])
async def test_a_ledger_that_is_not_there_is_not_found_by_anyone(
    office: Office, organisation_id: int, slug: str
) -> None:
    by = principal(organisation_id=organisation_id)
    answers = await asyncio.gather(
        *(office.submit(PostTransaction(payment()), by=by, slug=slug) for _ in range(3)), return_exceptions=True
    )
    for answer in answers:
        refused(answer, LedgerNotFound)
    assert office.sequence() == 1


async def test_a_ledger_can_be_written_as_soon_as_it_is_there(office: Office) -> None:
    with pytest.raises(LedgerNotFound):
        await office.submit(PostTransaction(payment()), slug="late")
    office.kept.create(LedgerAddress(1, "late"), LedgerCreated("Late", "UTC"), AUTHOR)
    assert (await office.submit(PostTransaction(payment()), slug="late")).sequence == 5


async def test_permission_is_checked_before_anything_else(office: Office) -> None:
    await office.submit(PostTransaction(payment()), key=key("k"))
    reader = principal(Permission.LEDGERS_READ, Permission.ACCOUNTS_OPEN)
    for slug in ("main", "nowhere"):
        with pytest.raises(PermissionDenied, match="transactions:post"):
            await office.submit(PostTransaction(payment()), key=key("k", "another"), by=reader, slug=slug)
    assert office.group_sizes() == [1]


async def test_closing_waits_until_all_is_answered(office: Office) -> None:
    office.books.hold_up(MAIN)
    waiting = [office.post(payment("1.00"))]
    await office.books.arrival(MAIN)
    waiting += [office.post(payment("1.00")) for _ in range(3)]
    await turns()
    closing = asyncio.create_task(office.journal.close())
    await turns()
    assert not closing.done()
    office.books.let_go(MAIN)
    await asyncio.wait_for(closing, timeout=5)
    assert sequences(await asyncio.gather(*waiting)) == [5, 6, 7, 8]
