"""Closing: how the books of a period are closed, with or without a closing transaction, and opened again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Final

from domain.ledger.account import AccountType
from domain.ledger.asset import Asset, amounts_of, format_amount
from domain.ledger.blaming import blame_no_entries
from domain.ledger.book import Book
from domain.ledger.events import Event, PeriodClosed, PeriodReopened
from domain.ledger.first_use import type_by_chart
from domain.ledger.period import PeriodNotOver, PeriodOutOfOrder
from domain.ledger.posting import post_closing
from domain.ledger.transaction import ENTRIES_MAX, Direction, EntryDraft, TransactionDraft
from domain.shared.errors import DomainError, ErrorKind, ValidationFailed
from domain.shared.text import checked_reason

CLOSING_TRANSACTIONS_MAX: Final = 20
_MOMENT: Final = timedelta(microseconds=1)

Net = tuple[str, int]
"""An account's path, and its debits less its credits in one asset, in minor units."""


class TooManyResults(DomainError):
    """There are more balances on income and expense accounts than one command closes: close earlier periods first."""

    code = "too-many-results"
    kind = ErrorKind.REFUSED
    title = "Too many results to close at once"


@dataclass(frozen=True, slots=True)
class ClosingDraft:
    """A period to close, up to the day `ends_on`, which begins at `ends_at` (UTC).

    With an equity account `result_to`, what is on income and expense accounts is moved there at the period's last
    moment, by transactions with the ids drawn for them (`txn_…`).
    """

    id: str
    ends_on: date
    ends_at: datetime
    reason: str = ""
    result_to: str | None = None
    transaction_ids: Sequence[str] = ()


def close(book: Book, draft: ClosingDraft, now: datetime) -> list[Event]:
    """Return the closing of a period, its closing transactions first.

    Raises `PeriodOutOfOrder`, `PeriodNotOver`, `TooManyResults`, `ValidationFailed`, and what `post_closing`
    does.
    """
    settings = book.settings
    if settings.closed_until is not None and draft.ends_at <= settings.closed_until:
        raise PeriodOutOfOrder(
            f"The books are closed up to {settings.closed_until_day} already; {draft.ends_on} is not later.",
            pointer="/until",
        )
    if draft.ends_at > now:
        raise PeriodNotOver(f"The day before {draft.ends_on} is not over yet.", pointer="/until")
    events: list[Event] = []
    if draft.result_to is not None:
        events += _closing_transactions(book, draft, draft.result_to, now)
    closed = PeriodClosed(
        draft.id,
        settings.closed_until_day,
        settings.closed_until,
        draft.ends_on,
        draft.ends_at,
        checked_reason(draft.reason, is_required=False),
    )
    return [*events, closed]


def reopen(book: Book, id: str, reason: str) -> list[Event]:
    """Return the reopening of the last closed period. Raises `NotFound`, `PeriodOutOfOrder`, `ValidationFailed`."""
    period = book.period(id)
    if not period.is_closed:
        raise PeriodOutOfOrder(f"The period {id} is open again already.")
    if period.ends_at != book.settings.closed_until:
        raise PeriodOutOfOrder(
            f"The books are closed up to {book.settings.closed_until_day}: reopen the periods after {period.ends_on} "
            "first, the last one before the others."
        )
    return [PeriodReopened(id, checked_reason(reason))]


def _closing_transactions(book: Book, draft: ClosingDraft, result_to: str, now: datetime) -> list[Event]:
    account = book.accounts.get(result_to)
    account_type = account.type if account else type_by_chart(book, result_to, pointer="/result_to")
    if account_type is not AccountType.EQUITY:
        raise ValidationFailed(
            f"{result_to} is of type {account_type.value}; results go to an account of type equity.",
            pointer="/result_to",
        )
    trial = book.trial()
    events: list[Event] = []
    batches = _batches(book, draft.ends_at)
    for id, (asset, batch) in zip(draft.transaction_ids, batches, strict=False):
        closing = TransactionDraft(
            id,
            _entries(asset, batch, result_to),
            description=f"Closing of {asset.code} up to {draft.ends_on}",
            effective_at=draft.ends_at - _MOMENT,
        )
        try:
            of_batch = post_closing(trial, closing, now)
        except DomainError as refusal:
            blame_no_entries(refusal)
            raise
        for event in of_batch:
            trial.apply(event)
        events += of_batch
    if next(batches, None) is not None:
        raise TooManyResults(
            f"More than {len(draft.transaction_ids)} transactions of {ENTRIES_MAX:,} entries would be needed to close "
            f"the books up to {draft.ends_on}."
        )
    return events


def _batches(book: Book, before: datetime) -> Iterator[tuple[Asset, list[Net]]]:
    """Yield balances that are not zero, those in one asset together, as many as fit one transaction.

    A balance that is more than an entry can have comes in several parts.
    """
    by_asset: dict[str, list[Net]] = {}
    for (path, code), net_debit in sorted(book.results[before].items()):
        if net_debit:
            by_asset.setdefault(code, []).extend((path, part) for part in _parts(net_debit))
    for code, balances in by_asset.items():
        remaining = iter(balances)
        while batch := list(islice(remaining, ENTRIES_MAX - 1)):
            yield book.assets[code], batch


def _entries(asset: Asset, batch: Sequence[Net], result_to: str) -> tuple[EntryDraft, ...]:
    """Return entries that make the balances zero, and bring their sum to the account of results."""
    moves = [(path, -net_debit) for path, net_debit in batch]
    moves += [(result_to, part) for part in _parts(sum(net_debit for _, net_debit in batch))]
    return tuple(
        EntryDraft(
            path,
            Direction.DEBIT if debit > 0 else Direction.CREDIT,
            format_amount(abs(debit), asset.scale),
            asset.code,
        )
        for path, debit in moves
    )


def _parts(net_debit: int) -> Iterator[int]:
    sign = 1 if net_debit > 0 else -1
    return (sign * amount for amount in amounts_of(abs(net_debit)))
