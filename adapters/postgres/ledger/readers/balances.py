"""What accounts hold, of every asset that they were used with: of one account, or of many at once."""

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, RowMapping, Text, cast, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.hold_tables import held_totals
from adapters.postgres.ledger.readers.history import FIRST_PLACE, LAST_PLACE, are_between, order_of_history
from adapters.postgres.ledger.readers.lookups import SEQUENCE_MAX, assets_held, assets_of, unnested_pairs
from adapters.postgres.ledger.readers.time_travel import balances_before
from adapters.postgres.tables import entries
from application.ledger.readers import AssetBalance
from application.ledger.spans import AsOf
from domain.ledger.balance import NOTHING, Balance
from domain.ledger.held import NOTHING_HELD, Held


async def balances_of(
    connection: AsyncConnection, ledger_id: int, numbers: Sequence[int], as_of: AsOf
) -> Mapping[int, Sequence[AssetBalance]]:
    """Return the balances by asset of the accounts of these numbers, as seen from there; nothing posted, no balance.

    With a bound in time they are totals alone.
    """
    found: dict[int, list[AssetBalance]] = {number: [] for number in numbers}
    sequence = SEQUENCE_MAX if as_of.sequence is None else as_of.sequence
    pairs = await assets_held(connection, ledger_id, numbers)
    if as_of.before is not None:
        assets = await assets_of(connection, ledger_id, {code for _, code in pairs})
        for number, code, balance in await balances_before(connection, ledger_id, pairs, as_of.before, sequence):
            found[number].append(AssetBalance(assets[code], balance))
        return found
    pairs = sorted({*pairs, *await assets_held(connection, ledger_id, numbers, held_totals)})
    rows = await _balance_rows(connection, ledger_id, pairs, sequence)
    assets = await assets_of(connection, ledger_id, {code for _, code in pairs})
    for row in rows:
        found[row["number"]].append(AssetBalance(assets[row["item"]], _balance(row), _held(row)))
    return found


async def _balance_rows(
    connection: AsyncConnection, ledger_id: int, pairs: Sequence[tuple[int, str]], sequence: int
) -> Sequence[RowMapping]:
    wanted = unnested_pairs(pairs)
    last = (
        select(
            entries.c.asset,
            cast(entries.c.posted_debits, Text).label("debits"),
            cast(entries.c.posted_credits, Text).label("credits"),
            entries.c.balance_version,
            entries.c.sequence,
        )
        .where(*are_between(ledger_id, wanted.c.number, wanted.c.item, FIRST_PLACE, (sequence, LAST_PLACE[1])))
        .order_by(*order_of_history(is_descending=True))
        .limit(1)
        .lateral("last")
    )
    held = (
        select(
            cast(held_totals.c.held_debits, Text).label("held_debits"),
            cast(held_totals.c.held_credits, Text).label("held_credits"),
            held_totals.c.sequence.label("held_sequence"),
        )
        .where(
            held_totals.c.ledger_id == ledger_id,
            held_totals.c.account_number == wanted.c.number,
            held_totals.c.asset == wanted.c.item,
            held_totals.c.sequence <= literal(sequence, BigInteger),
        )
        .order_by(held_totals.c.sequence.desc())
        .limit(1)
        .lateral("held")
    )
    query = (
        select(wanted.c.number, wanted.c.item, last, held)
        .select_from(wanted.outerjoin(last, literal(True)).outerjoin(held, literal(True)))
        .where(last.c.sequence.is_not(None) | held.c.held_sequence.is_not(None))
        .order_by(wanted.c.number, wanted.c.item.collate("C"))
    )
    return (await connection.execute(query)).mappings().all()


def _balance(row: RowMapping) -> Balance:
    if row["sequence"] is None:
        return NOTHING
    return Balance(int(row["debits"]), int(row["credits"]), row["balance_version"], row["sequence"])


def _held(row: RowMapping) -> Held:
    if row["held_sequence"] is None:
        return NOTHING_HELD
    return Held(int(row["held_debits"]), int(row["held_credits"]), row["held_sequence"])
