"""Ledgers, and what is listed and looked up in one."""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import orjson
import strawberry

from application.ledger.event_lines import event_line
from application.ledger.event_page import event_page
from application.ledger.followers import EventFilter
from domain.shared.access import Permission
from domain.shared.chain import format_time
from domain.shared.errors import NotFound, ValidationFailed
from domain.shared.patterns import Pattern
from entrypoints.http.graphql import reports
from entrypoints.http.graphql.asking import Info, Named
from entrypoints.http.graphql.connections import asked, connection_of, filter_of, paged, shown_page
from entrypoints.http.graphql.documents import LEDGER, field_of, shown, within
from entrypoints.http.graphql.objects import (
    Account,
    AccountConnection,
    AccountEntryConnection,
    First,
    Hold,
    HoldConnection,
    Transaction,
    TransactionConnection,
    below,
)
from entrypoints.http.pagination import LIMIT_DEFAULT
from entrypoints.http.v1.account_documents import entry_document, listed_document, whole_account_document
from entrypoints.http.v1.accounts import ACCOUNTS, ENTRIES, account_filter
from entrypoints.http.v1.events import EVENTS_MAX, EventDocument, checked_event_types
from entrypoints.http.v1.hold_documents import hold_document
from entrypoints.http.v1.holds import HOLDS, hold_filter
from entrypoints.http.v1.ledgers import LedgerDocument
from entrypoints.http.v1.transaction_documents import view_document
from entrypoints.http.v1.transactions import TRANSACTIONS, transaction_filter
from entrypoints.schemas.forms import SEQUENCE_MAX

Resolver = TypeVar("Resolver", bound=Callable[..., Any])

After = Annotated[str | None, strawberry.argument(description="A cursor: only what comes after it.")]
Sort = Annotated[
    str | None, strawberry.argument(description="A field, as REST has it: `recorded_at`; `-recorded_at` descends.")
]
EventTypes = Annotated[
    list[str] | None, strawberry.argument(description="Types of events: `transaction.posted`. All, if left out.")
]
OfAccounts = Annotated[
    str | None, strawberry.argument(description="A path or a pattern: events that name such an account.")
]


def filtered(by: Any) -> Callable[[Resolver], Resolver]:
    """Have a list's argument `where` be this input."""

    def mark(resolver: Resolver) -> Resolver:
        resolver.__annotations__["where"] = by | None
        return resolver

    return mark


def event_filter(types: list[str] | None, accounts: str | None) -> EventFilter:
    """Return which events are asked for. Raises `ValidationFailed`."""
    return EventFilter(checked_event_types(types or ()), None if accounts is None else Pattern(accounts))


@shown(EventDocument)
class Event:
    """An event. `hash` is SHA-256 of the previous hash (32 bytes) and the RFC 8785 form of all other fields."""


EventConnection: Final = connection_of(Event, "Event")


@shown(LedgerDocument)
class Ledger:
    """A ledger; `sequence` is that of its last event. `status` is `open` or `archived`.

    Its books are closed up to, and without, the day `closedUntil`.
    """

    trial_balance = reports.trial_balance
    balance_sheet = reports.balance_sheet
    income_statement = reports.income_statement

    @field_of(Account | None)
    async def account(self: Any, info: Info, path: str) -> Any:
        """One account, an archived one too, with the limits in force.

        Raises `AccountNotFound`.
        """
        ledger = self[LEDGER]
        async with info.context.view(Permission.ACCOUNTS_READ, ledger, account=path) as reads:
            view = await reads.accounts.account(ledger, path)
            chart = await reads.ledgers.chart(ledger)
        return within(ledger, whole_account_document(view.account, format_time(view.opened_at), chart))

    @field_of(AccountConnection | None)
    @filtered(filter_of(ACCOUNTS, "AccountFilter"))
    async def accounts(
        self: Any, info: Info, where: Any = None, sort: Sort = None, first: First = None, after: After = None
    ) -> Any:
        """Accounts, those that are archived if asked for."""
        ledger = self[LEDGER]
        path = f"/v1/ledgers/{ledger}/accounts"
        query = asked(info.context, ACCOUNTS, path, first=first, after=after, sort=sort, where=where)
        wanted, page = account_filter(query), query.page
        async with info.context.view(Permission.ACCOUNTS_READ, ledger) as reads:
            found = await reads.accounts.accounts(ledger, wanted, page)
        return shown_page(query, found, lambda view: within(ledger, listed_document(view)))

    @field_of(list[Account] | None)
    async def below(self: Any, info: Info, path: str, first: First = None) -> Any:
        """The first accounts below a path, whether or not that is an account."""
        return await below(info, self[LEDGER], path, first)

    @field_of(AccountEntryConnection | None)
    @filtered(filter_of(ENTRIES, "AccountEntryFilter"))
    async def entries(
        self: Any,
        info: Info,
        account: str,
        where: Any = None,
        sort: Sort = None,
        first: First = None,
        after: After = None,
    ) -> Any:
        """An account's history."""
        ledger = self[LEDGER]
        path = f"/v1/ledgers/{ledger}/accounts/{account}/entries"
        query = asked(info.context, ENTRIES, path, first=first, after=after, sort=sort, where=where)
        asset, sequence, page = query.value("asset", str), query.sequence("as_of_sequence"), query.page
        async with info.context.view(Permission.ACCOUNTS_READ, ledger, account=account) as reads:
            found = await reads.accounts.entries(ledger, account, asset=asset, page=page, as_of_sequence=sequence)
        return shown_page(query, found, lambda view: within(ledger, entry_document(view)))

    @field_of(Transaction | None)
    async def transaction(self: Any, info: Info, id: str) -> Any:
        """One transaction.

        Raises `NotFound`.
        """
        found = await info.context.transactions.load(Named(self[LEDGER], id))
        return found or _missing("transaction", id)

    @field_of(TransactionConnection | None)
    @filtered(filter_of(TRANSACTIONS, "TransactionFilter"))
    async def transactions(
        self: Any, info: Info, where: Any = None, sort: Sort = None, first: First = None, after: After = None
    ) -> Any:
        """Transactions, the latest first."""
        ledger = self[LEDGER]
        path = f"/v1/ledgers/{ledger}/transactions"
        query = asked(info.context, TRANSACTIONS, path, first=first, after=after, sort=sort, where=where)
        wanted, page = transaction_filter(query), query.page
        async with info.context.view(Permission.TRANSACTIONS_READ, ledger) as reads:
            found = await reads.transactions.transactions(ledger, wanted, page)
        return shown_page(query, found, lambda view: within(ledger, view_document(view)))

    @field_of(Hold | None)
    async def hold(self: Any, info: Info, id: str) -> Any:
        """One hold.

        Raises `NotFound`.
        """
        return await info.context.holds.load(Named(self[LEDGER], id)) or _missing("hold", id)

    @field_of(HoldConnection | None)
    @filtered(filter_of(HOLDS, "HoldFilter"))
    async def holds(
        self: Any, info: Info, where: Any = None, sort: Sort = None, first: First = None, after: After = None
    ) -> Any:
        """Holds, the latest first."""
        ledger = self[LEDGER]
        path = f"/v1/ledgers/{ledger}/holds"
        query = asked(info.context, HOLDS, path, first=first, after=after, sort=sort, where=where)
        wanted, page = hold_filter(query), query.page
        async with info.context.view(Permission.HOLDS_READ, ledger) as reads:
            found = await reads.holds.holds(ledger, wanted, page)
        return shown_page(query, found, lambda view: within(ledger, hold_document(view)))

    @field_of(EventConnection | None)
    async def events(
        self: Any,
        info: Info,
        types: EventTypes = None,
        accounts: OfAccounts = None,
        first: First = None,
        after: After = None,
    ) -> Any:
        """Events in order. A cursor is a sequence; `endCursor` is that up to which there are no others."""
        ledger, wanted = self[LEDGER], event_filter(types, accounts)
        limit, start = LIMIT_DEFAULT if first is None else first, "0" if after is None else after
        if not 1 <= limit <= EVENTS_MAX:
            raise ValidationFailed(f"first is from 1 to {EVENTS_MAX}, not {limit}.")
        if not (start.isascii() and start.isdecimal() and len(start) <= 16 and int(start) <= SEQUENCE_MAX):
            raise ValidationFailed(f"after is {start[:40]!a}, which is the sequence of no event.")
        async with info.context.view(Permission.EVENTS_READ, ledger) as reads:
            page = await event_page(reads, ledger, after=int(start), limit=limit, wanted=wanted)
        nodes = [orjson.loads(event_line(event)) for event in page.events]
        sequences = [event.sequence for event in page.events]
        shown = paged(nodes, sequences, page.through if page.has_more else None, str, has_previous=int(start) > 0)
        shown["page_info"] = {**shown["page_info"], "end_cursor": str(page.through)}
        return shown


def _missing(what: str, id: str) -> Any:
    raise NotFound(f"There is no {what} {id!r} in this ledger.")
