"""Ledgers and their settings."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, RowMapping, Select, Text, bindparam, cast, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.identity.quotas import require_another_ledger
from adapters.postgres.keyset import Budget, Candidate, Keyset, Verdict, Window, accept, page_of, walk
from adapters.postgres.ledger.readers.lookups import SEQUENCE_MAX, bigints, ledger_id_of, ledger_not_found
from adapters.postgres.ledger.rows import chart_of, settings_of
from adapters.postgres.tables import assets, event_log, ledger_settings, ledgers
from application.ledger.ledger_reader import LedgerView
from application.shared.pagination import Page, PageRequest, Position
from domain.ledger.asset import Asset
from domain.ledger.chart import Chart
from domain.shared.chain import ChainBroken, Head
from domain.shared.text import is_storable


class PostgresLedgers:
    """Reads ledgers, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int, rows_max: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._rows_max = rows_max

    async def ledger(self, slug: str) -> LedgerView:
        ledger_id = await self._ledger_id(slug)
        row = (await self._connection.execute(self._views().where(ledgers.c.id == ledger_id))).mappings().one()
        return _view(row)

    async def ledgers(self, page: PageRequest, *, status: Sequence[str] = ()) -> Page[LedgerView]:
        keyset = Keyset(({"slug": ledgers.c.slug}[page.field],), page.is_descending)
        of_organisation = select(ledgers.c.slug, ledgers.c.id).where(ledgers.c.organisation_id == self._organisation_id)

        async def source(after: Position | None, size: int, budget: Budget) -> Window:
            query = of_organisation.where(keyset.beyond(after)).order_by(*keyset.order()).limit(size)
            rows = (await self._connection.execute(query)).all()
            budget.spend(len(rows))
            return Window([Candidate((slug,), id) for slug, id in rows], len(rows) < size)

        async def judge(candidates: Sequence[Candidate], budget: Budget) -> Verdict:
            archived = await self._archived([each.number for each in candidates])
            statuses = {True: "archived", False: "open"}
            fitting = [each for each in candidates if statuses[each.number in archived] in status]
            return Verdict(fitting, len(candidates))

        found = await walk(page, Budget(self._rows_max), source, judge if status else accept)
        wanted = bigints([candidate.number for candidate in found.items])
        query = self._views().join(wanted, wanted.c.item == ledgers.c.id).order_by(wanted.c.place)
        rows = (await self._connection.execute(query)).mappings()
        return page_of([_view(row) for row in rows], found)

    async def _archived(self, ids: Sequence[int]) -> set[int]:
        """Return which of these ledgers are archived."""
        wanted = bigints(ids)
        settings = (
            select(ledger_settings.c.is_archived)
            .where(ledger_settings.c.ledger_id == wanted.c.item)
            .limit(1)
            .lateral("settings")
        )
        query = select(wanted.c.item, settings.c.is_archived).select_from(wanted.join(settings, literal(True)))
        return {id for id, is_archived in await self._connection.execute(query) if is_archived}

    async def require_another(self) -> None:
        await require_another_ledger(self._connection, self._organisation_id)

    async def chart(self, slug: str) -> Chart:
        ledger_id = await self._ledger_id(slug)
        query = select(cast(ledger_settings.c.chart, Text), ledger_settings.c.chart_version).where(
            ledger_settings.c.ledger_id == ledger_id
        )
        document, version = (await self._connection.execute(query)).one()
        return chart_of(document, version)

    async def assets(self, slug: str) -> Sequence[Asset]:
        ledger_id = await self._ledger_id(slug)
        query = (
            select(assets.c.code, assets.c.scale, assets.c.version)
            .where(assets.c.ledger_id == ledger_id)
            .order_by(assets.c.code)
        )
        return [Asset(code, scale, version) for code, scale, version in await self._connection.execute(query)]

    async def head(self, slug: str, *, up_to: int | None = None) -> Head:
        # In one statement: it is all that is read for an answer that is kept.
        values = {
            "organisation_id": self._organisation_id,
            "slug": slug,
            "up_to": SEQUENCE_MAX if up_to is None else up_to,
        }
        found = (await self._connection.execute(_head(), values)).one_or_none() if is_storable(slug) else None
        if found is None:
            raise ledger_not_found(slug)
        if found.sequence is not None:
            return Head(*found)
        if up_to is None:
            raise ChainBroken(1, "the event is missing: the log holds none")
        return Head()

    async def _ledger_id(self, slug: str) -> int:
        return await ledger_id_of(self._connection, self._organisation_id, slug)

    def _views(self) -> Select[Any]:
        settings = (
            select(ledger_settings).where(ledger_settings.c.ledger_id == ledgers.c.id).limit(1).lateral("settings")
        )
        last = (
            select(event_log.c.sequence)
            .where(event_log.c.stream_id == ledgers.c.id)
            .order_by(event_log.c.sequence.desc())
            .limit(1)
            .lateral("last")
        )
        return (
            select(ledgers.c.slug, settings, last.c.sequence)
            .select_from(ledgers.join(settings, literal(True)).join(last, literal(True)))
            .where(ledgers.c.organisation_id == self._organisation_id)
        )


@cache
def _head() -> Select[Any]:
    up_to = bindparam("up_to", type_=BigInteger())
    last = (
        select(event_log.c.sequence, event_log.c.hash, event_log.c.recorded_at)
        .where(event_log.c.stream_id == ledgers.c.id, event_log.c.sequence <= up_to)
        .order_by(event_log.c.sequence.desc())
        .limit(1)
        .lateral("last")
    )
    of_slug = (ledgers.c.organisation_id == bindparam("organisation_id"), ledgers.c.slug == bindparam("slug"))
    return select(last).select_from(ledgers.outerjoin(last, literal(True))).where(*of_slug)


def _view(row: RowMapping) -> LedgerView:
    return LedgerView(row["slug"], settings_of(row), row["created_at"], row["sequence"])
