"""What accounts hold, of every asset that they were used with: of one account, or of many at once."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ARRAY, BigInteger, Row, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ledger.readers.lookups import SEQUENCE_MAX, assets_held, assets_of
from adapters.postgres.ledger.readers.time_travel import balances_before
from application.ledger.readers import AssetBalance
from application.ledger.spans import AsOf
from domain.ledger.asset import Asset
from domain.ledger.balance import NOTHING, Balance
from domain.ledger.held import NOTHING_HELD, Held

# Which assets an account has entries in, and in which something was ever held on it, takes one look-up for each of
# both; then each has a row that is the last one. It is all one statement, as nothing is read more often. Places are
# compared as rows, for the reason that `are_between` gives.
_USED_ASSETS: Final = """{name} (number, asset) AS (
    SELECT wanted.number, (
        SELECT asset FROM {table} WHERE ledger_id = :ledger_id AND account_number = wanted.number
        ORDER BY asset LIMIT 1
    )
    FROM unnest(:numbers) AS wanted (number)
    UNION ALL
    SELECT {name}.number, (
        SELECT asset FROM {table}
        WHERE ledger_id = :ledger_id AND account_number = {name}.number AND {table}.asset > {name}.asset
        ORDER BY asset LIMIT 1
    )
    FROM {name} WHERE {name}.asset IS NOT NULL
)"""
_LAST_ROWS: Final = """
WITH RECURSIVE {posted}, {held}, used (number, asset) AS (
    SELECT number, asset FROM posted WHERE asset IS NOT NULL
    UNION
    SELECT number, asset FROM held WHERE asset IS NOT NULL
), named (code, scale, version) AS (
    SELECT of_code.*
    FROM (SELECT DISTINCT asset FROM used) AS wanted
    CROSS JOIN LATERAL (
        SELECT code, scale, version FROM assets WHERE ledger_id = :ledger_id AND assets.code = wanted.asset LIMIT 1
    ) AS of_code
)
SELECT used.number, named.code, named.scale, named.version,
       last.posted_debits::text, last.posted_credits::text, last.balance_version, last.sequence,
       last_held.held_debits::text, last_held.held_credits::text, last_held.sequence AS held_sequence
FROM used
JOIN named ON named.code = used.asset
LEFT JOIN LATERAL (
    SELECT posted_debits, posted_credits, balance_version, sequence FROM entries
    WHERE ledger_id = :ledger_id AND account_number = used.number AND entries.asset = used.asset
      AND (sequence, position) <= (:sequence, 2147483647)
    ORDER BY sequence DESC, position DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT held_debits, held_credits, sequence FROM held_totals
    WHERE ledger_id = :ledger_id AND account_number = used.number AND held_totals.asset = used.asset
      AND sequence <= :sequence
    ORDER BY sequence DESC LIMIT 1
) AS last_held ON true
WHERE last.sequence IS NOT NULL OR last_held.sequence IS NOT NULL
"""
_BALANCES: Final = text(
    _LAST_ROWS.format(
        posted=_USED_ASSETS.format(name="posted", table="entries"),
        held=_USED_ASSETS.format(name="held", table="held_totals"),
    )
).bindparams(bindparam("numbers", type_=ARRAY(BigInteger)), bindparam("sequence", type_=BigInteger))


async def balances_of(
    connection: AsyncConnection, ledger_id: int, numbers: Sequence[int], as_of: AsOf
) -> Mapping[int, Sequence[AssetBalance]]:
    """Return the balances by asset of the accounts of these numbers, as seen from there; nothing posted, no balance.

    With a bound in time they are totals alone.
    """
    found: dict[int, list[AssetBalance]] = {number: [] for number in numbers}
    sequence = SEQUENCE_MAX if as_of.sequence is None else as_of.sequence
    if as_of.before is not None:
        pairs = await assets_held(connection, ledger_id, numbers)
        assets = await assets_of(connection, ledger_id, {code for _, code in pairs})
        for number, code, balance in await balances_before(connection, ledger_id, pairs, as_of.before, sequence):
            found[number].append(AssetBalance(assets[code], balance))
        return found
    values = {"ledger_id": ledger_id, "numbers": list(numbers), "sequence": sequence}
    rows = (await connection.execute(_BALANCES, values)).all()
    for row in sorted(rows, key=lambda row: (row.number, row.code)):
        found[row.number].append(AssetBalance(Asset(row.code, row.scale, row.version), _balance(row), _held(row)))
    return found


def _balance(row: "Row[tuple[object, ...]]") -> Balance:
    if row.sequence is None:
        return NOTHING
    return Balance(int(row.posted_debits), int(row.posted_credits), row.balance_version, row.sequence)


def _held(row: "Row[tuple[object, ...]]") -> Held:
    if row.held_sequence is None:
        return NOTHING_HELD
    return Held(int(row.held_debits), int(row.held_credits), row.held_sequence)
