"""What every `Books` promises of balances and of what it stores in general."""

from datetime import timedelta

from application.ledger.ports import Books, LedgerAddress
from domain.ledger.account import Account, AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.events import (
    AccountOpened,
    AssetRegistered,
    Event,
    LedgerChanged,
    TransactionPosted,
)
from domain.ledger.scope import Scope
from domain.shared.chain import BEGINNING_OF_TIME
from tests.adapters.ledger.by_hand import (
    BALANCES,
    BANK,
    OPEN_BANK,
    OPENINGS,
    SALES,
    Part,
    look,
    posting,
    sale,
    scope_of,
    told,
    write,
    write_group,
)
from tests.builders import JPY, NOW, credited, debited, key, transaction_id


class BalanceContract:
    """Balances are exact, and whatever fits the rules comes back as it went in."""

    async def test_balances_run_on_from_group_to_group(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, *OPENINGS, sale(100))
        await write(books, ledger, sale(20))
        await write(books, ledger, posting(debited(SALES, 3), credited(BANK, 3)), sale(4))
        book = await look(books, ledger, BALANCES)
        assert book.balances == {(BANK, "EUR"): Balance(124, 3, 4), (SALES, "EUR"): Balance(3, 124, 4)}

    async def test_a_balance_knows_the_last_event_that_changed_it(self, books: Books, ledger: LedgerAddress) -> None:
        first = await write(books, ledger, *OPENINGS, sale(100))
        book = await look(books, ledger, BALANCES)
        assert {balance.sequence for balance in book.balances.values()} == {first.sequence}
        last = await write(books, ledger, sale(20))
        book = await look(books, ledger, BALANCES)
        assert {balance.sequence for balance in book.balances.values()} == {last.sequence}
        assert first.sequence != last.sequence

    async def test_a_balance_knows_its_latest_effective_time_and_how_many_entries_were_late(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        day = timedelta(days=1)
        await write(books, ledger, *OPENINGS, sale(1, effective_at=NOW - day), sale(1, effective_at=NOW - 3 * day))
        for effective_at, latest, late in (
            (NOW - 2 * day, NOW - day, 2),
            (NOW - day, NOW - day, 2),
            (NOW, NOW, 2),
            (NOW - day, NOW, 3),
        ):
            await write(books, ledger, sale(1, effective_at=effective_at))
            balances = (await look(books, ledger, BALANCES)).balances.values()
            assert {(balance.latest_effective_at, balance.late) for balance in balances} == {(latest, late)}

    async def test_several_entries_of_a_transaction_on_one_account_add_up_in_order(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        entries = (debited(BANK, 1), debited(BANK, 2), credited(SALES, 6), credited(BANK, 4), debited(BANK, 7))
        outcome = await write(books, ledger, *OPENINGS, posting(*entries))
        assert [(line.entry.account, line.balance) for line in outcome.applied[-1].lines] == [
            (BANK, Balance(1, 0, 1)),
            (BANK, Balance(3, 0, 2)),
            (SALES, Balance(0, 6, 1)),
            (BANK, Balance(3, 4, 3)),
            (BANK, Balance(10, 4, 4)),
        ]
        book = await look(books, ledger, BALANCES)
        assert book.balances == {(BANK, "EUR"): Balance(10, 4, 4), (SALES, "EUR"): Balance(0, 6, 1)}

    async def test_each_asset_of_an_account_has_a_balance_of_its_own(self, books: Books, ledger: LedgerAddress) -> None:
        both = posting(debited(BANK, 5), credited(SALES, 5), debited(SALES, 700, JPY), credited(BANK, 700, JPY))
        await write(books, ledger, *OPENINGS, AssetRegistered("JPY", 0), both)
        await write(books, ledger, sale(1))
        book = await look(
            books, ledger, Scope(accounts=[BANK, SALES], balances=[(BANK, "EUR"), (BANK, "JPY"), (SALES, "JPY")])
        )
        assert book.balances == {
            (BANK, "EUR"): Balance(6, 0, 2),
            (BANK, "JPY"): Balance(0, 700, 1),
            (SALES, "JPY"): Balance(700, 0, 1),
        }

    async def test_amounts_of_ten_to_the_thirty_are_kept_to_the_last_digit(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        most = 10**30
        await write(books, ledger, *OPENINGS, sale(most), sale(most))
        await write(books, ledger, sale(most), sale(1))
        book = await look(books, ledger, BALANCES)
        assert book.balances[BANK, "EUR"] == Balance(3_000_000_000_000_000_000_000_000_000_001, 0, 4)
        assert book.balances[SALES, "EUR"] == Balance(0, 3_000_000_000_000_000_000_000_000_000_001, 4)

    async def test_a_group_may_be_as_large_as_the_journal_makes_them(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, *OPENINGS)
        entries = [debited(BANK, 1), credited(SALES, 1)] * 2_500
        commands: list[Part] = [([sale(1)], key(f"k/{number}")) for number in range(999)]
        await write_group(books, ledger, [*commands, ([posting(*entries)], None)])
        async with books.group(ledger) as held:
            book = await held.load(BALANCES)
            known = await held.known_keys([f"k/{number}" for number in range(1_000)], used_after=BEGINNING_OF_TIME)
        assert held.head.sequence == 4 + 1_000
        assert book.balances == {(BANK, "EUR"): Balance(3_499, 0, 3_499), (SALES, "EUR"): Balance(0, 3_499, 3_499)}
        assert len(known) == 999

    async def test_unusual_text_comes_back_as_it_went_in(self, books: Books, ledger: LedgerAddress) -> None:
        path = "ü" * 127 + ":" + "中" * 127
        text = "\U0001f600 'single' \"double\" \\back {curly} %s $1 \t\n\r é e\u0301 \u2028 \ufeff \u202e"
        asset = "A" + "._-9" * 7 + "ABC"
        events: list[Event] = [
            LedgerChanged("N\U0001f600", {"k\U00010000": text, "z": text}),
            AssetRegistered(asset, 30),
            AccountOpened(path, AccountType.EQUITY, {"'\"\\": text}),
            OPEN_BANK,
            TransactionPosted(
                transaction_id(),
                (debited(BANK, 1, Asset(asset, 30)), credited(path, 1, Asset(asset, 30))),
                NOW,
                reference="r" * 250 + "\U0001f600'\"\\",
                description=text,
                metadata={"\U0001f600": text, "a/b~c": ""},
            ),
        ]
        assert (len(path), len(asset)) == (255, 32)
        written = await write(books, ledger, *events, key=key("k\U0001f600'\"\\"))
        book = await look(books, ledger, scope_of(events))
        posted = events[-1]
        assert isinstance(posted, TransactionPosted)
        assert posted.reference is not None
        assert book.settings.metadata == {"k\U00010000": text, "z": text}
        assert book.accounts[path] == Account(4, path, AccountType.EQUITY, metadata={"'\"\\": text})
        assert book.assets == {asset: Asset(asset, 30)}
        assert book.balances == {(BANK, asset): Balance(1, 0, 1), (path, asset): Balance(0, 1, 1)}
        assert book.references == {posted.reference: posted.id}
        assert book.transactions[posted.id].metadata == {"\U0001f600": text, "a/b~c": ""}
        async with books.group(ledger) as held:
            known = await held.known_keys(["k\U0001f600'\"\\"], used_after=BEGINNING_OF_TIME)
            assert told((await held.recall(known))["k\U0001f600'\"\\"]) == told(written)
