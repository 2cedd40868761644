from decimal import Decimal

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from application.interchange.import_transactions import import_transactions
from application.interchange.journal_destination import JournalDestination
from application.ledger.journal import Journal
from application.ledger.ports import LedgerAddress
from domain.ledger.events import LedgerCreated
from domain.ledger.scope import Scope
from entrypoints.schemas.json_text import parse_json
from entrypoints.schemas.transactions import transaction_draft
from tests.books.books import shop
from tests.builders import AUTHOR, principal

# Accounts that were used and end at nothing; the file of balances leaves them out.
SETTLED = {
    ("assets:vouchers", "EUR"),
    ("liabilities:payroll-tax", "EUR"),
    ("liabilities:suppliers:rösterei-nord", "EUR"),
    ("liabilities:vat:output", "EUR"),
}


async def test_the_books_of_the_shop_come_to_the_balances_that_hledger_works_out() -> None:
    books = shop()
    clock, ids = ManualClock(), CountedIds()
    store = MemoryBooks(clock, ids)
    main = LedgerAddress(1, "main")
    store.create(main, LedgerCreated("Main", "UTC"), AUTHOR)
    journal = Journal(store, clock, ids)
    destination = JournalDestination(journal, ids, principal(), "main", transaction_draft, request_id="req_1")

    with books.transactions.open("rb") as lines:
        summary = await import_transactions(lines, destination, parse_json)

    assert (summary.posted, summary.refused) == (30, 0)
    used = {*books.balances, *SETTLED}
    async with store.snapshot(main) as snapshot:
        book = await snapshot.load(Scope(balances=used))
    balances = {
        key: Decimal(balance.posted_debits - balance.posted_credits) / 100 for key, balance in book.balances.items()
    }
    assert {key: balance for key, balance in balances.items() if balance} == books.balances
    assert {key for key, balance in balances.items() if not balance} == SETTLED


def test_the_balances_of_the_shop_add_up_to_nothing_in_each_currency() -> None:
    balances = shop().balances
    for currency in ("EUR", "CHF"):
        assert sum(balance for (_, asset), balance in balances.items() if asset == currency) == 0
