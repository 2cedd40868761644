"""What can be asked."""

from typing import Any, Final

import strawberry

from domain.shared.access import Permission
from entrypoints.http.graphql.asking import Info
from entrypoints.http.graphql.connections import asked, connection_of, filter_of, shown_page
from entrypoints.http.graphql.documents import field_of, within
from entrypoints.http.graphql.ledgers import After, Ledger, Sort, filtered
from entrypoints.http.graphql.objects import First
from entrypoints.http.v1.ledgers import LEDGERS, ledger_document

LedgerConnection: Final = connection_of(Ledger, "Ledger")


@strawberry.type(description="What can be asked; a permission is checked for each field, as REST does for its routes.")
class Query:
    """What can be asked."""

    @field_of(Ledger | None)
    async def ledger(self, info: Info, slug: str) -> Any:
        """One ledger, an archived one too.

        Raises `LedgerNotFound`.
        """
        async with info.context.view(Permission.LEDGERS_READ, slug) as reads:
            return within(slug, ledger_document(await reads.ledgers.ledger(slug)))

    @field_of(LedgerConnection | None)
    @filtered(filter_of(LEDGERS, "LedgerFilter"))
    async def ledgers(
        self, info: Info, where: Any = None, sort: Sort = None, first: First = None, after: After = None
    ) -> Any:
        """The organisation's ledgers: open ones, if not asked otherwise."""
        query = asked(info.context, LEDGERS, "/v1/ledgers", first=first, after=after, sort=sort, where=where)
        status, page = query.values("status") or ["open"], query.page
        async with info.context.view(Permission.LEDGERS_READ) as reads:
            found = await reads.ledgers.ledgers(page, status=status)
        return shown_page(query, found, lambda view: within(view.slug, ledger_document(view)))
