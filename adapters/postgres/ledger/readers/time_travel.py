"""What accounts held of what was effective before a time, as known after an event."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, DateTime, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger.balance import Balance

_SUMS = """
SELECT coalesce(sum(amount) FILTER (WHERE is_debit), 0)::text AS debits,
       coalesce(sum(amount) FILTER (WHERE NOT is_debit), 0)::text AS credits
FROM entries JOIN transactions USING (ledger_id, sequence)
WHERE ledger_id = :ledger AND account_number = wanted.number AND asset = wanted.code
  AND sequence <= :sequence AND effective_at < :before
"""
_BOUNDS = (bindparam("ledger", type_=BigInteger), bindparam("before", type_=DateTime(timezone=True)))
_SEQUENCE = bindparam("sequence", type_=BigInteger)
_OF_ACCOUNT = text(f"""
SELECT wanted.code, sums.*
FROM unnest(:codes) AS asset (code)
CROSS JOIN LATERAL (SELECT code, :account AS number) AS wanted
CROSS JOIN LATERAL ({_SUMS}) AS sums
WHERE NOT (debits = '0' AND credits = '0')
ORDER BY wanted.code
""").bindparams(  # noqa: S608 # of constants alone
    *_BOUNDS, _SEQUENCE, bindparam("codes", type_=ARRAY(Text)), bindparam("account", type_=BigInteger)
)
LINES = text(f"""
SELECT path, type, wanted.code AS asset, sums.*, 0 AS balance_version, 0 AS sequence
FROM (
    SELECT account_number AS number, asset AS code FROM entries WHERE ledger_id = :ledger AND balance_version = 1
) AS wanted
JOIN accounts ON accounts.ledger_id = :ledger AND accounts.number = wanted.number
CROSS JOIN LATERAL ({_SUMS}) AS sums
WHERE NOT (debits = '0' AND credits = '0')
ORDER BY path, asset
""").bindparams(*_BOUNDS, _SEQUENCE)  # noqa: S608 # of constants alone


async def balances_before(
    connection: AsyncConnection,
    ledger_id: int,
    account_number: int,
    codes: Sequence[str],
    before: datetime,
    sequence: int,
) -> list[tuple[str, Balance]]:
    """Return what was posted to the account in each asset, up to the sequence and effective before the time.

    An asset in which that is nothing is left out.
    """
    parameters = {
        "ledger": ledger_id,
        "account": account_number,
        "codes": list(codes),
        "before": before,
        "sequence": sequence,
    }
    rows = await connection.execute(_OF_ACCOUNT, parameters)
    return [(code, Balance(int(debits), int(credits))) for code, debits, credits in rows]
