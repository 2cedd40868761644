"""Ledgers and their settings."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, Text, cast, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.keyset import Keyset
from adapters.postgres.ledger.readers.lookups import head_of, ledger_id_of
from adapters.postgres.ledger.rows import chart_of
from adapters.postgres.tables import assets, event_log, ledger_settings, ledgers
from application.ledger.readers import LedgerView
from application.shared.pagination import Page, PageRequest
from domain.ledger.asset import Asset
from domain.ledger.chart import Chart
from domain.ledger.settings import LedgerSettings
from domain.shared.chain import Head


class PostgresLedgers:
    """Reads ledgers, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def ledger(self, slug: str) -> LedgerView:
        ledger_id = await self._ledger_id(slug)
        row = (await self._connection.execute(self._views().where(ledgers.c.id == ledger_id))).mappings().one()
        return _view(row)

    async def ledgers(self, page: PageRequest) -> Page[LedgerView]:
        keyset = Keyset(({"slug": ledgers.c.slug}[page.field],), page.is_descending)
        query = self._views().where(keyset.beyond(page.after)).order_by(*keyset.order()).limit(page.limit + 1)
        rows = (await self._connection.execute(query)).mappings().all()
        views = [_view(row) for row in rows[: page.limit]]
        return Page(views, (views[-1].slug,) if len(rows) > page.limit else None)

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

    async def head(self, slug: str) -> Head:
        return await head_of(self._connection, await self._ledger_id(slug))

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


def _view(row: RowMapping) -> LedgerView:
    settings = LedgerSettings(row["name"], row["time_zone"], row["metadata"], row["version"])
    return LedgerView(row["slug"], settings, row["created_at"], row["sequence"])
