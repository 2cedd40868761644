"""What every `Books` promises of idempotency keys."""

from datetime import UTC, datetime

from application.ledger.ports import Books, KnownKey, LedgerAddress
from domain.ledger.account import AccountType
from domain.ledger.balance import Balance
from domain.ledger.chart import Rule
from domain.ledger.events import (
    AccountChanged,
    ChartSet,
    Event,
    LedgerChanged,
    TransactionChanged,
)
from domain.shared.chain import BEGINNING_OF_TIME
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import (
    BANK,
    OPEN_BANK,
    OPEN_SALES,
    OPENINGS,
    SALES,
    NewLedger,
    Part,
    posting,
    recall,
    sale,
    told,
    write,
    write_group,
)
from tests.builders import credited, debited, key


class KeyContract:
    """A key is known, and its outcome recalled."""

    async def test_a_key_is_known_with_its_request_and_its_events(self, books: Books, ledger: LedgerAddress) -> None:
        one, other = key("one", "a request"), key("other", "another request")
        await write_group(books, ledger, [(OPENINGS, None), ([sale(1)], one), ([sale(2), sale(3)], other)])
        async with books.group(ledger) as held:
            known = await held.known_keys(["other", "none", "one"], used_after=BEGINNING_OF_TIME)
        assert known == {"one": KnownKey(one.fingerprint, 5, 5), "other": KnownKey(other.fingerprint, 6, 7)}

    async def test_a_key_belongs_to_its_ledger(self, books: Books, new_ledger: NewLedger) -> None:
        first, second = await new_ledger(), await new_ledger()
        await write(books, first, OPEN_BANK, key=key("k", "in the first"))
        async with books.group(second) as held:
            assert await held.known_keys(["k"], used_after=BEGINNING_OF_TIME) == {}
        await write(books, second, OPEN_BANK, OPEN_SALES, key=key("k", "in the second"))
        async with books.group(first) as held:
            assert await held.known_keys(["k"], used_after=BEGINNING_OF_TIME) == {
                "k": KnownKey(key("k", "in the first").fingerprint, 2, 2)
            }
        async with books.group(second) as held:
            assert await held.known_keys(["k"], used_after=BEGINNING_OF_TIME) == {
                "k": KnownKey(key("k", "in the second").fingerprint, 2, 3)
            }

    async def test_an_outcome_is_recalled_as_it_was_whatever_happened_since(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        posted = posting(debited(BANK, 9), credited(SALES, 4), credited(SALES, 5), reference="r", metadata={"a": "1"})
        await write(books, ledger, *OPENINGS, sale(100))
        first = await write(books, ledger, posted, key=key("k"))
        await write(
            books, ledger, sale(50), TransactionChanged(posted.id, {"a": "2"}), AccountChanged(BANK, {"b": "3"})
        )
        recalled = await recall(books, ledger, "k")
        assert told(recalled) == told(first)
        (applied,) = recalled.applied
        assert [(line.account.path, line.account.number, line.balance) for line in applied.lines] == [
            (BANK, 3, Balance(109, 0, 2)),
            (SALES, 4, Balance(0, 104, 2)),
            (SALES, 4, Balance(0, 109, 3)),
        ]
        assert [line.entry for line in applied.lines] == list(posted.entries)

    async def test_an_outcome_of_every_kind_of_event_is_recalled(self, books: Books, ledger: LedgerAddress) -> None:
        long_ago = datetime(1, 1, 1, tzinfo=UTC)
        posted = posting(debited(BANK, 9), credited(SALES, 9), effective_at=long_ago)
        rule = Rule(Pattern("a.b:**:*"), AccountType.EQUITY)
        events: list[Event] = [
            LedgerChanged("New name", {}),
            *OPENINGS,
            ChartSet((rule,)),
            AccountChanged(BANK, {"a": "b"}),
            posted,
            TransactionChanged(posted.id, {"c": "d"}),
            sale(1),
        ]
        first = await write(books, ledger, *events, key=key("k"))
        recalled = await recall(books, ledger, "k")
        assert told(recalled) == told(first)
        assert [applied.event.data() for applied in recalled.applied] == [event.data() for event in events]

    async def test_an_outcome_of_the_group_before_is_recalled_beside_others(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        parts: list[Part] = [(OPENINGS, key("a")), ([sale(1)], key("b")), ([sale(2)], None), ([sale(3)], key("c"))]
        written = await write_group(books, ledger, parts)
        for name, outcome in zip("abc", (written[0], written[1], written[3]), strict=True):
            assert told(await recall(books, ledger, name)) == told(outcome)
