"""What every `LedgerFormat` promises. Subclass it, in a class whose name begins with `Test`, and give its fixture."""

import pytest

from application.interchange.formats import FileType
from application.ledger.post_transaction import PostTransaction
from application.ledger.readers import StoredEvent
from domain.ledger.transaction import Direction, EntryDraft, TransactionDraft
from domain.shared.stable import stable
from entrypoints.container.in_memory import SLUG, LedgerInMemory


@stable(since="0.2.0")
class LedgerFormatContract:
    """A format takes the events in order, however many at a time, and every file is begun anew."""

    @pytest.fixture
    def file_type(self) -> FileType:
        """The format under test."""
        raise NotImplementedError

    @pytest.fixture
    async def events(self) -> list[StoredEvent]:
        """A short log."""
        ledger = LedgerInMemory()
        for number, amount in enumerate(("1.00", "20.00", "300.00")):
            entries = (
                EntryDraft("assets:bank", Direction.DEBIT, amount, "EUR"),
                EntryDraft("income:sales", Direction.CREDIT, amount, "EUR"),
            )
            draft = TransactionDraft(ledger.ids.new("txn"), entries, f"sale-{number}", "A sale")
            await ledger.journal().submit(ledger.principal, SLUG, PostTransaction(draft), request_id="req_format")
        return ledger.log()

    def test_how_many_events_come_at_a_time_makes_no_difference(
        self, file_type: FileType, events: list[StoredEvent]
    ) -> None:
        whole = _written(file_type, events, at_a_time=len(events))
        assert whole
        for at_a_time in (1, 2):
            assert _written(file_type, events, at_a_time=at_a_time) == whole

    def test_a_file_knows_nothing_of_another(self, file_type: FileType, events: list[StoredEvent]) -> None:
        first, second = file_type.begin(), file_type.begin()
        parts = [(first.events([each]), second.events([each])) for each in events]
        assert all(one == other for one, other in parts)
        assert first.end() == second.end()

    def test_it_says_what_it_is(self, file_type: FileType) -> None:
        assert file_type.suffix.isalnum()
        assert "/" in file_type.media_type


def _written(file_type: FileType, events: list[StoredEvent], *, at_a_time: int) -> bytes:
    written = file_type.begin()
    parts = [written.events(events[first : first + at_a_time]) for first in range(0, len(events), at_a_time)]
    assert list(written.proved_assets) == sorted(set(written.proved_assets), key=list(written.proved_assets).index)
    return b"".join([*parts, written.end()])
