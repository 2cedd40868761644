"""What the readers say of single things, and of a ledger as a whole."""

from itertools import pairwise

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ledger.books import PostgresBooks
from application.ledger.ports import LedgerAddress
from application.ledger.readers import AccountFilter, TransactionFilter
from application.ledger.spans import AsOf
from application.shared.pagination import PageRequest
from domain.ledger.account import AccountNotFound, AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.chart import Chart, Rule
from domain.ledger.events import AccountOpened, AssetRegistered, ChartSet, LedgerChanged
from domain.ledger.ledger import LedgerNotFound
from domain.shared.chain import Head, follow
from domain.shared.errors import NotFound, ValidationFailed
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import BANK, OPENINGS, SALES, NewLedger, head, posting, sale, write
from tests.adapters.postgres.populated import PATHS, Populated, populated
from tests.adapters.postgres.reading import LedgerWork, add_ledger, reading
from tests.builders import EUR, JPY, NOW, credited, debited, transaction_id

UNUSABLE_NAMES = ("", "nothing", "a\x00b", "\ud800", "ä" * 300, "%", "'")


@pytest.fixture(scope="module")
async def told(journal_engine: AsyncEngine, new_ledger: NewLedger) -> Populated:
    return await populated(PostgresBooks(journal_engine), await new_ledger(), seed=3, transactions=60)


@pytest.fixture
async def ledger(new_ledger: NewLedger) -> LedgerAddress:
    return await new_ledger()


async def test_a_ledger_tells_its_settings_and_where_its_log_stands(
    work: LedgerWork, books: PostgresBooks, ledger: LedgerAddress
) -> None:
    rules = (Rule(Pattern("users:*:wallet"), AccountType.LIABILITY),)
    await write(books, ledger, LedgerChanged("Books of 2026", {"a": "ö"}), ChartSet(rules))
    async with reading(work, ledger) as reads:
        view = await reads.ledgers.ledger("main")
        chart = await reads.ledgers.chart("main")
        last = await reads.ledgers.head("main")
    assert (view.slug, view.created_at, view.sequence) == ("main", NOW, 3)
    assert (view.settings.name, view.settings.time_zone, view.settings.version) == ("Books of 2026", "UTC", 2)
    assert view.settings.metadata == {"a": "ö"}
    assert chart == Chart(rules, 2)
    assert last == await head(books, ledger)


async def test_the_organisations_ledgers_come_by_slug(work: LedgerWork, ledger: LedgerAddress) -> None:
    for slug in ("b", "a", "zoo", "a-b"):
        await add_ledger(work, LedgerAddress(ledger.organisation_id, slug), event_id=f"evt_{slug}")
    by_slug = ["a", "a-b", "b", "main", "zoo"]
    for sort, expected in (("slug", by_slug), ("-slug", by_slug[::-1])):
        for limit in (1, 2, 5, 10):
            found: list[str] = []
            page = PageRequest(sort, limit)
            while True:
                async with reading(work, ledger) as reads:
                    views = await reads.ledgers.ledgers(page)
                assert len(views.items) <= limit
                found += [view.slug for view in views.items]
                if views.next_after is None:
                    break
                page = PageRequest(sort, limit, views.next_after)
            assert found == expected


async def test_assets_come_by_code(work: LedgerWork, books: PostgresBooks, ledger: LedgerAddress) -> None:
    registered = [AssetRegistered(code, scale) for code, scale in (("b".upper(), 3), ("AB", 0), ("A", 30), ("9", 2))]
    await write(books, ledger, *registered, AssetRegistered("AB", 1))
    async with reading(work, ledger) as reads:
        found = await reads.ledgers.assets("main")
    assert found == [Asset("9", 2), Asset("A", 30), Asset("AB", 1, 2), Asset("B", 3)]


async def test_an_account_is_found_by_its_path_alone(
    work: LedgerWork, books: PostgresBooks, ledger: LedgerAddress
) -> None:
    outcome = await write(books, ledger, AccountOpened("users:Ä", AccountType.EXPENSE, {"k": "v"}))
    async with reading(work, ledger) as reads:
        view = await reads.accounts.account("main", "users:Ä")
        for path in (*UNUSABLE_NAMES, "users", "users:ä", "users:Ä:", "users:*"):
            with pytest.raises(AccountNotFound):
                await reads.accounts.account("main", path)
    assert view.opened_at == outcome.applied[0].recorded_at
    assert (view.account.number, view.account.path, view.account.type) == (2, "users:Ä", AccountType.EXPENSE)
    assert (view.account.metadata, view.account.version) == ({"k": "v"}, 1)


async def test_a_transaction_is_found_by_its_id_alone(work: LedgerWork, told: Populated) -> None:
    async with reading(work, told.address) as reads:
        for view in told.transactions[::7]:
            assert await reads.transactions.transaction("main", view.id) == told.now(view)
        id = told.transactions[0].id
        for other in (*UNUSABLE_NAMES, transaction_id(), id.upper(), id.replace("txn", "evt"), id[:-1]):
            with pytest.raises(NotFound):
                await reads.transactions.transaction("main", other)


@pytest.mark.parametrize("slug", [*UNUSABLE_NAMES, "MAIN", "other"])
async def test_every_reader_says_that_there_is_no_such_ledger(
    work: LedgerWork, ledger: LedgerAddress, slug: str
) -> None:
    async with reading(work, ledger) as reads:
        for read in (
            lambda: reads.ledgers.ledger(slug),
            lambda: reads.ledgers.chart(slug),
            lambda: reads.ledgers.assets(slug),
            lambda: reads.ledgers.head(slug),
            lambda: reads.accounts.account(slug, BANK),
            lambda: reads.accounts.accounts(slug, AccountFilter(), PageRequest("path")),
            lambda: reads.accounts.balances(slug, BANK, as_of=AsOf()),
            lambda: reads.accounts.entries(slug, BANK, asset=None, page=PageRequest("sequence")),
            lambda: reads.transactions.transaction(slug, transaction_id()),
            lambda: reads.transactions.transactions(slug, TransactionFilter(), PageRequest("sequence")),
            lambda: reads.periods.period(slug, "prd_01h2xcejqtf2nbrexx3vqjhp41"),
            lambda: reads.periods.periods(slug, PageRequest("closed_at")),
            lambda: reads.events.events(slug, after=0, limit=10),
            lambda: reads.reports.trial_balance(slug, as_of=AsOf()),
            lambda: reads.reports.closings(slug, since=None, as_of=AsOf()),
            lambda: reads.accounts.entries_within(slug, BANK, asset=None, since=None, as_of=AsOf(), limit=1),
        ):
            with pytest.raises(LedgerNotFound):
                await read()


async def test_another_organisations_ledger_is_not_there(work: LedgerWork, new_ledger: NewLedger) -> None:
    mine, theirs = await new_ledger(), await new_ledger()
    await add_ledger(work, LedgerAddress(theirs.organisation_id, "theirs"), event_id="evt_theirs")
    async with reading(work, mine) as reads:
        with pytest.raises(LedgerNotFound):
            await reads.ledgers.ledger("theirs")
        assert [view.slug for view in (await reads.ledgers.ledgers(PageRequest("slug"))).items] == ["main"]


async def test_balances_are_the_sums_of_the_entries_after_every_event(work: LedgerWork, told: Populated) -> None:
    async with reading(work, told.address) as reads:
        for path in PATHS:
            number = told.accounts[path].account.number
            for sequence in (None, *range(max(1, number - 1), told.sequence + 2, 5)):
                if sequence is not None and sequence < number:
                    with pytest.raises(AccountNotFound):
                        await reads.accounts.balances("main", path, as_of=AsOf(sequence=sequence))
                    continue
                account, held = await reads.accounts.balances("main", path, as_of=AsOf(sequence=sequence))
                assert account == told.accounts[path].account
                assert {each.asset: each.balance for each in held} == told.balances(path, sequence or told.sequence)
                assert [each.asset.code for each in held] == sorted(each.asset.code for each in held)
        with pytest.raises(AccountNotFound):
            await reads.accounts.balances("main", "no:such:account", as_of=AsOf())
        with pytest.raises(AccountNotFound):
            await reads.accounts.entries("main", "no:such", asset=None, page=PageRequest("sequence"))


async def test_the_trial_balance_is_the_sum_of_all_entries_after_every_event(work: LedgerWork, told: Populated) -> None:
    async with reading(work, told.address) as reads:
        for sequence in (None, *range(1, told.sequence + 3, 5)):
            report = await reads.reports.trial_balance("main", as_of=AsOf(sequence=sequence))
            assert report.sequence == (told.sequence if sequence is None else min(sequence, told.sequence))
            expected = [
                (path, told.accounts[path].account.type, asset, balance)
                for path in sorted(told.accounts)
                for asset, balance in sorted(
                    told.balances(path, report.sequence).items(), key=lambda held: held[0].code
                )
            ]
            assert [(line.path, line.type, line.asset, line.balance) for line in report.lines] == expected
            for code in {line.asset.code for line in report.lines}:
                of_asset = [line.balance for line in report.lines if line.asset.code == code]
                assert sum(each.posted_debits for each in of_asset) == sum(each.posted_credits for each in of_asset)


async def test_a_ledger_that_was_never_used_has_an_empty_trial_balance(work: LedgerWork, ledger: LedgerAddress) -> None:
    async with reading(work, ledger) as reads:
        report = await reads.reports.trial_balance("main", as_of=AsOf())
    assert (report.sequence, list(report.lines)) == (1, [])


async def test_amounts_are_exact_beyond_any_float(
    work: LedgerWork, books: PostgresBooks, ledger: LedgerAddress
) -> None:
    amount = 10**30 - 1
    entries = [debited(BANK, amount), credited(SALES, amount), debited(BANK, 1, JPY), credited(SALES, 1, JPY)]
    await write(books, ledger, AssetRegistered("JPY", 0), *OPENINGS, *[posting(*entries) for _ in range(3)])
    async with reading(work, ledger) as reads:
        _, held = await reads.accounts.balances("main", BANK, as_of=AsOf())
        page = await reads.accounts.entries("main", BANK, asset="EUR", page=PageRequest("-sequence", 1))
    assert [(each.asset, each.balance) for each in held] == [
        (EUR, Balance(2999999999999999999999999999997, 0, 3)),
        (JPY, Balance(3, 0, 3)),
    ]
    assert page.items[0].line.entry.amount == 999999999999999999999999999999
    assert page.items[0].line.balance == Balance(2999999999999999999999999999997, 0, 3)


async def test_events_are_the_stored_bytes_each_with_the_hash_of_the_one_before(
    work: LedgerWork, told: Populated
) -> None:
    async with reading(work, told.address) as reads:
        events = await reads.events.events("main", after=0, limit=1_000)
        assert [event.sequence for event in events] == list(range(1, told.sequence + 1))
        assert events[0].previous_hash == bytes(32)
        assert all(earlier.hash == later.previous_hash for earlier, later in pairwise(events))
        last = Head()
        for event in events:
            last = follow(last, event.content, event.hash)
        assert last == await reads.ledgers.head("main")
        for after, limit in ((0, 1), (1, 1), (5, 3), (told.sequence - 1, 5), (told.sequence, 5), (10**9, 5)):
            assert await reads.events.events("main", after=after, limit=limit) == events[after : after + limit]


async def test_a_view_stays_at_its_moment_while_the_ledger_goes_on(
    work: LedgerWork, books: PostgresBooks, ledger: LedgerAddress
) -> None:
    await write(books, ledger, *OPENINGS, sale(100))
    async with reading(work, ledger) as reads:
        before = await reads.reports.trial_balance("main", as_of=AsOf())
        await write(books, ledger, sale(1))
        assert (await reads.ledgers.head("main")).sequence == before.sequence == 5
        assert await reads.reports.trial_balance("main", as_of=AsOf()) == before
        assert (
            len((await reads.transactions.transactions("main", TransactionFilter(), PageRequest("sequence"))).items)
            == 1
        )


@pytest.mark.parametrize("name", ["\x00", "\ud800"])
async def test_what_cannot_be_stored_is_filtered_by_in_vain(
    work: LedgerWork, books: PostgresBooks, ledger: LedgerAddress, name: str
) -> None:
    await write(books, ledger, *OPENINGS, sale(1))
    transaction_filters = [
        TransactionFilter(asset=name),
        TransactionFilter(reference=[name]),
        TransactionFilter(reference_prefix=name),
        TransactionFilter(metadata={name: "v"}),
        TransactionFilter(metadata={"k": name}),
    ]
    account_filters = [
        AccountFilter(type=[name]),
        AccountFilter(metadata={name: "v"}),
        AccountFilter(metadata={"k": name}),
    ]
    async with reading(work, ledger) as reads:
        for where in transaction_filters:
            page = await reads.transactions.transactions("main", where, PageRequest("sequence"))
            assert (list(page.items), page.next_after) == ([], None)
        for of_accounts in account_filters:
            found = await reads.accounts.accounts("main", of_accounts, PageRequest("path"))
            assert (list(found.items), found.next_after) == ([], None)
        entries = await reads.accounts.entries("main", BANK, asset=name, page=PageRequest("sequence"))
        assert (list(entries.items), entries.next_after) == ([], None)


@pytest.mark.parametrize("slug", UNUSABLE_NAMES)
async def test_no_group_is_formed_for_a_name_that_no_ledger_has(
    books: PostgresBooks, ledger: LedgerAddress, slug: str
) -> None:
    with pytest.raises(LedgerNotFound):
        await write(books, LedgerAddress(ledger.organisation_id, slug), *OPENINGS)


async def test_no_more_than_a_thousand_references_are_looked_for_at_once(
    work: LedgerWork, ledger: LedgerAddress
) -> None:
    async with reading(work, ledger) as reads:
        names = [str(number) for number in range(1_001)]
        page = PageRequest("sequence")
        with pytest.raises(ValidationFailed, match="1,000 references"):
            await reads.transactions.transactions("main", TransactionFilter(reference=names), page)
        found = await reads.transactions.transactions("main", TransactionFilter(reference=names[1:]), page)
    assert (list(found.items), found.next_after) == ([], None)
