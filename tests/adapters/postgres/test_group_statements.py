"""How much a group asks of the database, and how much a store remembers of its groups."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.engine import journal_engine as make_journal_engine
from adapters.postgres.ledger import books as books_module
from adapters.postgres.ledger.books import RETAINED_METADATA_MAX, PostgresBooks
from application.ledger.ports import LedgerAddress
from domain.ledger.account import AccountType
from domain.ledger.events import AccountChanged, AccountOpened, AssetRegistered, Event, TransactionChanged
from domain.ledger.scope import Scope
from domain.shared.chain import BEGINNING_OF_TIME
from tests.adapters.ledger.by_hand import OPENINGS, NewLedger, Part, sale, write, write_group
from tests.builders import NOW, key, transaction_id

Statements = list[str]


@pytest.fixture
async def counted(migrated_url: str) -> AsyncIterator[tuple[PostgresBooks, Statements]]:
    """Books on one connection, and every statement that it was sent."""
    engine: AsyncEngine = make_journal_engine(migrated_url, pool_size=1)
    statements: Statements = []

    def listen(connection: Any, _record: object) -> None:
        connection.driver_connection.add_query_logger(lambda query: statements.append(query.query))

    event.listen(engine.sync_engine, "connect", listen)
    yield PostgresBooks(engine), statements
    await engine.dispose()


def everything(times: int, suffix: str) -> list[Part]:
    """A group that posts, opens, registers and changes so many times each, under keys."""
    parts: list[Part] = []
    for number in range(times):
        name = f"{number}-{suffix}"
        id = transaction_id()
        account = f"assets:{name}"
        events: list[Event] = [
            AssetRegistered(f"A{number}.{suffix}".upper(), 2),
            AccountOpened(account, AccountType.ASSET, {"a": "1"}),
            sale(1, id=id, reference=name, metadata={"b": "2"}),
            AccountChanged(account, {"a": "3"}),
            TransactionChanged(id, {"b": "4"}),
        ]
        parts.append((events, key(name)))
    return parts


async def count_of(books: PostgresBooks, statements: Statements, ledger: LedgerAddress, parts: Sequence[Part]) -> int:
    statements.clear()
    await write_group(books, ledger, parts)
    return len(statements)


async def test_a_group_takes_as_many_statements_whether_it_does_few_things_or_many(
    counted: tuple[PostgresBooks, Statements], new_ledger: NewLedger
) -> None:
    books, statements = counted
    ledger = await new_ledger()
    await write(books, ledger, *OPENINGS)
    await count_of(books, statements, ledger, everything(1, "first"))  # the driver learns the types that are used
    few = await count_of(books, statements, ledger, everything(2, "few"))
    many = await count_of(books, statements, ledger, everything(100, "many"))
    assert few == many
    assert many <= 25


async def test_late_entries_take_two_statements_more_however_many_they_are_and_others_none(
    counted: tuple[PostgresBooks, Statements], new_ledger: NewLedger
) -> None:
    books, statements = counted
    ledger = await new_ledger()
    await write(books, ledger, *OPENINGS)

    def late(count: int) -> list[Part]:
        return [([sale(1, effective_at=NOW - timedelta(days=1))], None) for _ in range(count)]

    await count_of(books, statements, ledger, [([sale(1)], None), *late(100)])  # the driver learns the types
    plain = await count_of(books, statements, ledger, [([sale(1)], None) for _ in range(100)])
    assert not any("late_entries" in statement for statement in statements)
    # The one is the 101st, which fills no block of 32.
    few = await count_of(books, statements, ledger, late(1))
    many = await count_of(books, statements, ledger, late(1_500))
    assert (few, many) == (plain + 1, plain + 2)


async def test_replays_take_as_many_statements_whether_they_are_few_or_many(
    counted: tuple[PostgresBooks, Statements], new_ledger: NewLedger
) -> None:
    books, statements = counted
    ledger = await new_ledger()
    await write(books, ledger, *OPENINGS)
    written = await write_group(books, ledger, everything(100, "all"))

    async def replay(count: int) -> int:
        statements.clear()
        async with books.group(ledger) as held:
            names = [f"{number}-all" for number in range(count)]
            known = await held.known_keys(names, used_after=BEGINNING_OF_TIME)
            recalled = await held.recall(known)
        assert [recalled[name].applied for name in names] == [outcome.applied for outcome in written[:count]]
        return len(statements)

    await replay(1)
    assert await replay(2) == await replay(100)


async def test_books_of_many_ledgers_are_retained_only_up_to_a_bound(
    counted: tuple[PostgresBooks, Statements], new_ledger: NewLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    books, statements = counted
    monkeypatch.setattr(books_module, "RETAINED_THINGS_MAX", 9)
    first, second, third = [await new_ledger() for _ in range(3)]
    scope = Scope(accounts=["assets:bank"])

    async def statements_to_load(ledger: LedgerAddress) -> int:
        statements.clear()
        async with books.group(ledger) as held:
            await held.load(scope)
        return len(statements)

    await write(books, await new_ledger(), *OPENINGS)
    for ledger in (first, second, third):  # each knows 4 things then: itself, an asset, two accounts
        await write(books, ledger, *OPENINGS)
    fresh, retained = await statements_to_load(first), await statements_to_load(third)
    assert fresh == retained + 1


async def test_an_account_with_much_metadata_is_not_retained(
    counted: tuple[PostgresBooks, Statements], new_ledger: NewLedger
) -> None:
    books, _ = counted
    ledger = await new_ledger()
    metadata = {str(number): "x" for number in range(RETAINED_METADATA_MAX + 1)}
    await write(books, ledger, AccountOpened("assets:wordy", AccountType.ASSET, metadata))
    await write(books, ledger, AccountOpened("assets:terse", AccountType.ASSET, {"a": "1"}))
    async with books.group(ledger) as held:
        book = await held.load(Scope())
        assert set(book.accounts) == {"assets:terse"}
        book = await held.load(Scope(accounts=["assets:wordy"]))
        assert book.account("assets:wordy").metadata == metadata
