"""Which accounts an attachment concerns: those of what it is attached to."""

from collections.abc import Awaitable, Callable, Iterable

from application.ledger.permitted import of_holds, of_transaction
from application.ledger.readers import LedgerReads
from domain.ledger.attachment import Subject, SubjectKind

Accounts = Callable[[LedgerReads], Awaitable[Iterable[str]]]


def of_subject(slug: str, subject: Subject) -> Accounts:
    """Return how the accounts are found that a subject concerns. It raises `NotFound` where there is no such thing."""
    match subject.kind:
        case SubjectKind.TRANSACTION:
            return of_transaction(slug, subject.id)
        case SubjectKind.HOLD:
            return of_holds(slug, [subject.id])
        case SubjectKind.ACCOUNT:
            return _of_account(slug, subject.id)


def of_attachment(slug: str, id: str) -> Accounts:
    """Return how the accounts are found that an attachment concerns. It raises `NotFound` where there is none."""

    async def accounts(reads: LedgerReads) -> Iterable[str]:
        view = await reads.attachments.attachment(slug, id)
        return await of_subject(slug, view.attachment.subject)(reads)

    return accounts


def _of_account(slug: str, path: str) -> Accounts:
    async def accounts(reads: LedgerReads) -> Iterable[str]:
        return [(await reads.accounts.account(slug, path)).account.path]

    return accounts
