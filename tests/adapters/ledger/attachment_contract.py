"""What every `Books` promises of attachments."""

from adapters.memory import CountedIds
from application.ledger.ports import Books, LedgerAddress
from domain.ledger.attachment import Attachment, Subject, SubjectKind
from domain.ledger.events import AttachmentAdded, AttachmentRemoved
from domain.ledger.scope import Scope
from tests.adapters.ledger.by_hand import BANK, OPENINGS, look, sale, write, write_group

_ids = CountedIds(start=7_000_000)


def attached(subject: Subject) -> Attachment:
    """A file of three bytes."""
    return Attachment(_ids.new("att"), subject, "März.pdf", "application/pdf", 3, bytes(range(32)))


class AttachmentContract:
    """What removals depend on is there for whoever comes next."""

    async def test_attachments_come_back_as_they_were_added(self, books: Books, ledger: LedgerAddress) -> None:
        posted = sale(5)
        of_account = attached(Subject(SubjectKind.ACCOUNT, BANK))
        of_transaction = attached(Subject(SubjectKind.TRANSACTION, posted.id))
        await write(books, ledger, *OPENINGS, posted)
        await write(books, ledger, AttachmentAdded(of_account), AttachmentAdded(of_transaction))
        book = await look(books, ledger, Scope(attachments=[of_account.id, of_transaction.id, "att_none", "\x00"]))
        assert book.attachments == {of_account.id: of_account, of_transaction.id: of_transaction}

    async def test_a_removed_one_is_known_to_be_removed(self, books: Books, ledger: LedgerAddress) -> None:
        one, other = (attached(Subject(SubjectKind.ACCOUNT, BANK)) for _ in range(2))
        await write(books, ledger, *OPENINGS)
        # In one group, and in another one.
        removal = AttachmentRemoved(one.id, one.subject, one.sha256, "why")
        await write_group(books, ledger, [([AttachmentAdded(one), AttachmentAdded(other)], None), ([removal], None)])
        await write(books, ledger, AttachmentRemoved(other.id, other.subject, other.sha256, "why"))
        book = await look(books, ledger, Scope(attachments=[one.id, other.id]))
        assert [book.attachments[each.id].is_removed for each in (one, other)] == [True, True]
