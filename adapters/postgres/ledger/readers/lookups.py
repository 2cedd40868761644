"""What the readers look up before they read: ledgers, accounts, assets, and where a time lies in a log."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    RowMapping,
    ScalarSelect,
    Select,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    column,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ledger.readers.filters import equals
from adapters.postgres.tables import accounts, assets, entries, event_log, ledgers
from application.ledger.spans import Span
from domain.ledger.account import AccountNotFound
from domain.ledger.asset import Asset
from domain.ledger.ledger import LedgerNotFound
from domain.shared.chain import ChainBroken, Head
from domain.shared.text import is_storable

# The log has no gaps and its times never go back, so a time is found in it by halving. `<` finds the first event at
# the time or after it, `<=` the first after it; one after the last, where there is none.
_HALVING = """
WITH RECURSIVE search (low, high) AS (
    (SELECT 1::bigint, sequence + 1 FROM event_log WHERE stream_id = :ledger_id ORDER BY sequence DESC LIMIT 1)
    UNION ALL
    SELECT CASE WHEN is_before THEN middle + 1 ELSE low END, CASE WHEN is_before THEN high ELSE middle END
    FROM search
    CROSS JOIN LATERAL (
        SELECT sequence AS middle, recorded_at {operator} :moment AS is_before FROM event_log
        WHERE stream_id = :ledger_id AND sequence = (low + high) / 2 LIMIT 1
    ) AS event
    WHERE low < high
)
SELECT low FROM search WHERE low = high
"""
_FIRST_AT, _FIRST_AFTER = text(_HALVING.format(operator="<")), text(_HALVING.format(operator="<="))

SEQUENCE_MAX: Final = 2**63 - 1
# To make a statement takes as long as to have it executed. Those that are executed all the time are made once, when
# they are needed first, and are given the ledger and what is wanted of it by name.
LEDGER_ID: Final = bindparam("ledger_id", type_=BigInteger())


async def ledger_id_of(connection: AsyncConnection, organisation_id: int, slug: str) -> int:
    """Return the ledger's number, or raise `LedgerNotFound`."""
    values = {"organisation_id": organisation_id, "slug": slug}
    found: int | None = await connection.scalar(_ledger_id(), values) if is_storable(slug) else None
    if found is None:
        raise ledger_not_found(slug)
    return found


@cache
def _ledger_id() -> Select[tuple[int]]:
    of_organisation = ledgers.c.organisation_id == bindparam("organisation_id")
    return select(ledgers.c.id).where(of_organisation, ledgers.c.slug == bindparam("slug"))


def ledger_not_found(slug: str) -> LedgerNotFound:
    """Return the refusal to show a ledger that is not there."""
    return LedgerNotFound(f"Your organisation has no ledger {slug!r}.")


async def head_of(connection: AsyncConnection, stream_id: int) -> Head:
    """Return the last event of the log of a ledger, or of an organisation. Raises `ChainBroken` where it has none."""
    query = (
        select(event_log.c.sequence, event_log.c.hash, event_log.c.recorded_at)
        .where(event_log.c.stream_id == stream_id)
        .order_by(event_log.c.sequence.desc())
        .limit(1)
    )
    last = (await connection.execute(query)).one_or_none()
    if last is None:
        raise ChainBroken(1, "the event is missing: the log holds none")
    return Head(*last)


async def account_row(connection: AsyncConnection, ledger_id: int, path: str) -> RowMapping:
    """Return the account's row, or raise `AccountNotFound`."""
    values = {"ledger_id": ledger_id, "path": path}
    found: RowMapping | None = None
    if is_storable(path):
        found = (await connection.execute(_account(), values)).mappings().one_or_none()
    if found is None:
        raise account_not_found(path)
    return found


@cache
def _account() -> Select[Any]:
    return select(accounts).where(accounts.c.ledger_id == LEDGER_ID, accounts.c.path == bindparam("path"))


def account_not_found(path: str) -> AccountNotFound:
    """Return the refusal to show an account that is not there."""
    return AccountNotFound(f"There is no account {path!r} in this ledger.")


async def account_number(connection: AsyncConnection, ledger_id: int, path: str) -> int | None:
    """Return the account's number, if there is one of that path."""
    query = select(accounts.c.number).where(accounts.c.ledger_id == ledger_id, accounts.c.path == path)
    number: int | None = await connection.scalar(query)
    return number


async def account_rows(connection: AsyncConnection, ledger_id: int, numbers: Collection[int]) -> dict[int, RowMapping]:
    """Return the rows of the accounts of these numbers, which the ledger has, by number."""
    rows = await connection.execute(_accounts(), {"ledger_id": ledger_id, "wanted": sorted(numbers)})
    return {row["number"]: row for row in rows.mappings()}


@cache
def _accounts() -> Select[Any]:
    wanted = given("wanted", BigInteger())
    found = (
        select(accounts)
        .where(accounts.c.ledger_id == LEDGER_ID, *equals(accounts.c.number, wanted.c.item))
        .order_by(accounts.c.number)
        .limit(1)
        .lateral("found")
    )
    return select(found).select_from(wanted.join(found, literal(True)))


async def assets_of(connection: AsyncConnection, ledger_id: int, codes: Collection[str]) -> dict[str, Asset]:
    """Return the assets of these codes, which the ledger has, by code."""
    rows = await connection.execute(_assets(), {"ledger_id": ledger_id, "wanted": sorted(set(codes))})
    return {code: Asset(code, scale, version) for code, scale, version in rows}


@cache
def _assets() -> Select[Any]:
    wanted = given("wanted", Text())
    found = (
        select(assets.c.code, assets.c.scale, assets.c.version)
        .where(assets.c.ledger_id == LEDGER_ID, assets.c.code == wanted.c.item)
        .limit(1)
        .lateral("found")
    )
    return select(found).select_from(wanted.join(found, literal(True)))


def given(name: str, of_type: Any) -> TableValuedAlias:
    """Return the items that are given under a name when the statement is executed, as a table like `unnested`."""
    return _table_of(bindparam(name, type_=ARRAY(of_type)), of_type)


def unnested(items: Sequence[Any], of_type: Any) -> TableValuedAlias:
    """Return the items as a table: `item`, and `place` from 1 on."""
    return _table_of(bindparam(None, list(items), ARRAY(of_type)), of_type)


def _table_of(array: BindParameter[Any], of_type: Any) -> TableValuedAlias:
    return func.unnest(array).table_valued(column("item", of_type), with_ordinality="place").render_derived()


async def assets_held(
    connection: AsyncConnection, ledger_id: int, numbers: Sequence[int], rows: Table = entries
) -> list[tuple[int, str]]:
    """Return which accounts have entries, or such rows, in which assets, by one look-up for each of both."""
    wanted = bigints(numbers)

    def next_asset(number: ColumnElement[int], *after: ColumnElement[bool]) -> ScalarSelect[Any]:
        of_account = (rows.c.ledger_id == ledger_id, rows.c.account_number == number)
        return select(rows.c.asset).where(*of_account, *after).order_by(rows.c.asset).limit(1).scalar_subquery()

    first = select(wanted.c.item.label("number"), next_asset(wanted.c.item).label("asset"))
    held = first.cte("held", recursive=True)
    following = select(held.c.number, next_asset(held.c.number, rows.c.asset > held.c.asset))
    held = held.union_all(following.where(held.c.asset.is_not(None)))
    found = await connection.execute(select(held.c.number, held.c.asset).where(held.c.asset.is_not(None)))
    return [(number, code) for number, code in found]


async def sequences_within(
    connection: AsyncConnection, ledger_id: int, recorded_at: Span, sequence: Span
) -> tuple[int, int]:
    """Return the first and the last sequence at which an event of these times and sequences can stand."""

    async def first(statement: Any, moment: object) -> int:
        found = await connection.scalar(statement, {"ledger_id": ledger_id, "moment": moment})
        assert isinstance(found, int), "a log has no gaps"
        return found

    lowest, highest = [1], [SEQUENCE_MAX]
    if recorded_at.gte is not None:
        lowest.append(await first(_FIRST_AT, recorded_at.gte))
    if recorded_at.gt is not None:
        lowest.append(await first(_FIRST_AFTER, recorded_at.gt))
    if recorded_at.lt is not None:
        highest.append(await first(_FIRST_AT, recorded_at.lt) - 1)
    if recorded_at.lte is not None:
        highest.append(await first(_FIRST_AFTER, recorded_at.lte) - 1)
    for bounds, bound, step in (
        (lowest, sequence.gte, 0),
        (lowest, sequence.gt, 1),
        (highest, sequence.lte, 0),
        (highest, sequence.lt, -1),
    ):
        if isinstance(bound, int):
            bounds.append(bound + step)
    return max(lowest), min(highest)


def bigints(numbers: Sequence[int]) -> TableValuedAlias:
    """Return numbers as a table: `item`, and `place` from 1 on."""
    return unnested(numbers, BigInteger())
