"""What can be asked."""

from collections.abc import Iterable
from typing import Any, Final

import strawberry
from strawberry.types.nodes import SelectedField, Selection

from domain.shared.access import Permission
from entrypoints.http.graphql.asking import Info
from entrypoints.http.graphql.connections import asked, connection_of, filter_of, shown_page
from entrypoints.http.graphql.documents import camel, field_of, within
from entrypoints.http.graphql.ledgers import After, Ledger, Sort, filtered
from entrypoints.http.graphql.objects import First
from entrypoints.http.v1.ledgers import LEDGERS, LedgerDocument, ledger_document

LedgerConnection: Final = connection_of(Ledger, "Ledger")

_OF_LEDGER: Final = frozenset(camel(name) for name in LedgerDocument.__annotations__)


def _selected(fields: Iterable[Selection], *, of: bool = True) -> frozenset[str]:
    """Return what is selected of the things that these fields are; fragments are no level of their own."""
    found: set[str] = set()
    for field in fields:
        if not of and isinstance(field, SelectedField):
            found.add(field.name)
        else:
            found |= _selected(field.selections, of=False)
    return frozenset(found)


@strawberry.type(description="What can be asked; a permission is checked for each field, as REST does for its routes.")
class Query:
    """What can be asked."""

    @field_of(Ledger | None)
    async def ledger(self, info: Info, slug: str) -> Any:
        """One ledger, an archived one too.

        Raises `LedgerNotFound`.
        """
        if not _OF_LEDGER & _selected(info.selected_fields):
            # Who only asks for what is in it needs no permission but for that, as in REST.
            return within(slug, {})
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
