"""Loading: what a scope names, from the rows into a book."""

from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.ledger.rows import account_of
from adapters.postgres.work import DriverConnection
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.book import Book, PostedTransaction, Scope
from domain.shared.text import is_storable

# Look-ups by unnested keys are written as lateral joins with a limit, which can only be done key by key through an
# index: never as a join that reads all accounts of a ledger.
_ACCOUNTS = """
SELECT found.*
FROM unnest($2::text[]) AS wanted (path)
CROSS JOIN LATERAL (
    SELECT number, path, type, status, metadata, version FROM accounts
    WHERE ledger_id = $1 AND accounts.path = wanted.path LIMIT 1
) AS found
"""
_BALANCES = """
SELECT wanted.number, wanted.asset, last.posted_debits::text, last.posted_credits::text, last.balance_version,
       last.sequence, last.latest_effective_at, last.late
FROM unnest($2::bigint[], $3::text[]) AS wanted (number, asset)
CROSS JOIN LATERAL (
    SELECT posted_debits, posted_credits, balance_version, sequence, latest_effective_at, late FROM entries
    WHERE ledger_id = $1 AND account_number = wanted.number AND entries.asset = wanted.asset
    ORDER BY sequence DESC, position DESC LIMIT 1
) AS last
"""
_ASSETS = """
SELECT found.*
FROM unnest($2::text[]) AS wanted (code)
CROSS JOIN LATERAL (
    SELECT code, scale, version FROM assets WHERE ledger_id = $1 AND assets.code = wanted.code LIMIT 1
) AS found
"""
_USED_ASSETS = """
SELECT wanted.code
FROM unnest($2::text[]) AS wanted (code)
CROSS JOIN LATERAL (
    SELECT FROM entries WHERE ledger_id = $1 AND asset = wanted.code AND balance_version = 1
    ORDER BY ledger_id, asset, account_number LIMIT 1
) AS first
"""
_REFERENCES = """
SELECT wanted.reference, found.id
FROM unnest($2::text[]) AS wanted (reference)
CROSS JOIN LATERAL (
    SELECT id FROM transactions WHERE ledger_id = $1 AND transactions.reference = wanted.reference LIMIT 1
) AS found
"""
_TRANSACTIONS = """
SELECT found.*
FROM unnest($2::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT id, reference, metadata, version FROM transactions WHERE ledger_id = $1 AND transactions.id = wanted.id
    LIMIT 1
) AS found
"""


async def load_into(book: Book, connection: DriverConnection, ledger_id: int, scope: Scope) -> list[str]:
    """Fill the book with what the scope names and it lacks; each kind of thing is one statement, or none.

    Return the paths of the accounts that were filled in. A command names what its caller wrote, before anything was
    checked: what cannot be stored is not there.
    """
    balances = [key for key in scope.balances if key not in book.balances]
    paths = {path for path in scope.accounts if path not in book.accounts}
    paths.update(path for path, _ in balances if path not in book.accounts)
    loaded: list[str] = []
    if accounts := [path for path in paths if is_storable(path)]:
        for row in await connection.fetch(_ACCOUNTS, ledger_id, accounts):
            book.accounts[row["path"]] = account_of(row)
            loaded.append(row["path"])
    if wanted := [(path, code) for path, code in balances if path in book.accounts and is_storable(code)]:
        paths_of = {book.accounts[path].number: path for path, _ in wanted}
        numbers = [book.accounts[path].number for path, _ in wanted]
        codes = [code for _, code in wanted]
        for number, code, debits, credits, *others in await connection.fetch(_BALANCES, ledger_id, numbers, codes):
            book.balances[paths_of[number], code] = Balance(int(debits), int(credits), *others)
    if assets := [code for code in scope.assets if code not in book.assets and is_storable(code)]:
        for code, scale, version in await connection.fetch(_ASSETS, ledger_id, assets):
            book.assets[code] = Asset(code, scale, version)
    if asset_uses := [code for code in scope.asset_uses if code not in book.used_assets and is_storable(code)]:
        book.used_assets.update(row["code"] for row in await connection.fetch(_USED_ASSETS, ledger_id, asset_uses))
    if references := [reference for reference in scope.references if is_storable(reference)]:
        for reference, id in await connection.fetch(_REFERENCES, ledger_id, references):
            book.references[reference] = outward_id("txn", id)
    if ids := [stored for id in scope.transactions if (stored := stored_id("txn", id))]:
        for id, reference, metadata, version in await connection.fetch(_TRANSACTIONS, ledger_id, ids):
            outward = outward_id("txn", id)
            book.transactions[outward] = PostedTransaction(outward, reference, metadata, version)
    return loaded
