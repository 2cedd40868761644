"""Loading: what a scope names, from the rows into a book."""

from collections.abc import Sequence

from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.ledger.loading_holds import Found, find_holds, find_reversals
from adapters.postgres.ledger.loading_whole import results_before, unsettled_keys
from adapters.postgres.ledger.rows import account_of
from adapters.postgres.work import DriverConnection
from domain.ledger.asset import Asset
from domain.ledger.attachment import Attachment, Subject, SubjectKind
from domain.ledger.balance import Balance
from domain.ledger.book import Book
from domain.ledger.held import Held
from domain.ledger.period import Period
from domain.ledger.posted import PostedTransaction
from domain.ledger.scope import AccountAsset, Looked, Scope
from domain.ledger.transaction import TransactionKind
from domain.shared.text import is_storable

# Look-ups by unnested keys are written as lateral joins with a limit, which can only be done key by key through an
# index: never as a join that reads all accounts of a ledger.
_ACCOUNTS = """
SELECT found.*
FROM unnest($2::text[]) AS wanted (path)
CROSS JOIN LATERAL (
    SELECT number, path, type, status, metadata, version, limits, frozen_debits, frozen_credits FROM accounts
    WHERE ledger_id = $1 AND accounts.path = wanted.path LIMIT 1
) AS found
"""
_BALANCES = """
SELECT wanted.number, wanted.asset, last.posted_debits::text, last.posted_credits::text, last.balance_version,
       last.sequence, last.latest_effective_at, last.late, held.held_debits::text, held.held_credits::text,
       held.sequence AS held_sequence
FROM unnest($2::bigint[], $3::text[]) AS wanted (number, asset)
LEFT JOIN LATERAL (
    SELECT posted_debits, posted_credits, balance_version, sequence, latest_effective_at, late FROM entries
    WHERE ledger_id = $1 AND account_number = wanted.number AND entries.asset = wanted.asset
    ORDER BY sequence DESC, position DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT held_debits, held_credits, sequence FROM held_totals
    WHERE ledger_id = $1 AND account_number = wanted.number AND held_totals.asset = wanted.asset
    ORDER BY sequence DESC LIMIT 1
) AS held ON true
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
UNION ALL
SELECT code FROM assets WHERE ledger_id = $1 AND code = ANY ($2::text[]) AND is_used
"""
_REFERENCES = """
SELECT wanted.reference, found.prefix, found.id
FROM unnest($2::text[]) AS wanted (reference)
CROSS JOIN LATERAL (
    (SELECT 'txn' AS prefix, id FROM transactions
     WHERE ledger_id = $1 AND transactions.reference = wanted.reference LIMIT 1)
    UNION ALL
    (SELECT 'hold', id FROM holds WHERE ledger_id = $1 AND holds.reference = wanted.reference LIMIT 1)
    LIMIT 1
) AS found
"""
_TRANSACTIONS = """
SELECT found.*
FROM unnest($2::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT sequence, id, reference, metadata, kind, effective_at, version FROM transactions
    WHERE ledger_id = $1 AND transactions.id = wanted.id LIMIT 1
) AS found
"""
_PERIODS = """
SELECT found.*
FROM unnest($2::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT id, starts_on, starts_at, ends_on, ends_at, is_closed FROM periods
    WHERE ledger_id = $1 AND periods.id = wanted.id LIMIT 1
) AS found
"""
_ATTACHMENTS = """
SELECT found.*
FROM unnest($2::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT id, subject_kind, subject, name, media_type, size, sha256, removed_at IS NOT NULL AS is_removed
    FROM attachments WHERE ledger_id = $1 AND attachments.id = wanted.id LIMIT 1
) AS found
"""
_CODES = "SELECT code FROM assets WHERE ledger_id = $1"


async def load_into(book: Book, connection: DriverConnection, ledger_id: int, scope: Scope) -> list[str]:
    """Fill the book with what the scope names and it lacks; each kind of thing is one statement, or none.

    Holds and transactions come first, then the accounts, balances and assets that they and the scope name. Return the
    paths of the accounts that were filled in. A command names what its caller wrote, before anything was checked: what
    cannot be stored is not there.
    """
    # What only the books themselves name: it may be in assets that nobody has asked for, and on accounts that the book
    # does not know any more, though it knows their balances.
    brought: set[AccountAsset] = set()
    found: list[Found] = []
    if scope.holds:
        found += await find_holds(connection, ledger_id, scope.holds)
    if scope.reversals:
        found += await find_reversals(connection, ledger_id, scope.reversals)
    for each in found:
        brought.update(each.keys)
    for before in scope.results:
        book.results[before] = await results_before(connection, ledger_id, before)
        brought.update(book.results[before])
    if scope.whole_accounts:
        of_ledger = [code for (code,) in await connection.fetch(_CODES, ledger_id)]
        brought.update((path, code) for path in scope.whole_accounts for code in of_ledger)
    if scope.unsettled:
        brought.update(await unsettled_keys(connection, ledger_id))
    codes = {*scope.assets, *[code for _, code in brought]}
    paths = {*scope.accounts, *scope.whole_accounts, *[path for path, _ in brought]}
    keys = {*scope.balances, *brought}
    book.seen = Looked(keys, set(scope.whole_accounts))
    loaded = await _load_accounts(book, connection, ledger_id, paths, [key for key in keys if key not in book.balances])
    if assets := [code for code in codes if code not in book.assets and is_storable(code)]:
        for code, scale, version in await connection.fetch(_ASSETS, ledger_id, assets):
            book.assets[code] = Asset(code, scale, version)
    if asset_uses := [code for code in scope.asset_uses if code not in book.used_assets and is_storable(code)]:
        book.used_assets |= {row["code"] for row in await connection.fetch(_USED_ASSETS, ledger_id, asset_uses)}
    for each in found:
        each.put_into(book)
    await _load_named(book, connection, ledger_id, scope)
    return loaded


async def _load_accounts(
    book: Book, connection: DriverConnection, ledger_id: int, named: set[str], keys: Sequence[AccountAsset]
) -> list[str]:
    """Fill in accounts, those named and those of the balances, and what is posted and held there."""
    paths = {path for path in named if path not in book.accounts}
    paths.update(path for path, _ in keys if path not in book.accounts)
    loaded: list[str] = []
    if accounts := [path for path in paths if is_storable(path)]:
        for row in await connection.fetch(_ACCOUNTS, ledger_id, accounts):
            book.accounts[row["path"]] = account_of(row)
            loaded.append(row["path"])
    if wanted := [(path, code) for path, code in keys if path in book.accounts and is_storable(code)]:
        paths_of = {book.accounts[path].number: path for path, _ in wanted}
        numbers = [book.accounts[path].number for path, _ in wanted]
        for row in await connection.fetch(_BALANCES, ledger_id, numbers, [code for _, code in wanted]):
            number, code, debits, credits, version, *others, held_debits, held_credits, held_sequence = row
            key = paths_of[number], code
            if version is not None:
                book.balances[key] = Balance(int(debits), int(credits), version, *others)
            if held_sequence is not None:
                book.held[key] = Held(int(held_debits), int(held_credits), held_sequence)
    return loaded


async def _load_named(book: Book, connection: DriverConnection, ledger_id: int, scope: Scope) -> None:
    """Fill in what is named by a reference or an id."""
    if references := [reference for reference in scope.references if is_storable(reference)]:
        for reference, prefix, id in await connection.fetch(_REFERENCES, ledger_id, references):
            book.references[reference] = outward_id(prefix, id)
    if ids := [stored for id in scope.transactions if (stored := stored_id("txn", id))]:
        for row in await connection.fetch(_TRANSACTIONS, ledger_id, ids):
            outward = outward_id("txn", row["id"])
            # With all that it is where it is to be reversed as well; here only its metadata may change.
            if outward not in book.transactions:
                book.transactions[outward] = PostedTransaction(
                    row["sequence"],
                    outward,
                    row["reference"],
                    row["metadata"],
                    (),
                    row["effective_at"],
                    TransactionKind(row["kind"]),
                    version=row["version"],
                )
    if ids := [stored for id in scope.periods if (stored := stored_id("prd", id))]:
        for id, *period in await connection.fetch(_PERIODS, ledger_id, ids):
            outward = outward_id("prd", id)
            book.periods[outward] = Period(outward, *period)
    if ids := [stored for id in scope.attachments if (stored := stored_id("att", id))]:
        for id, kind, subject, *content in await connection.fetch(_ATTACHMENTS, ledger_id, ids):
            outward = outward_id("att", id)
            book.attachments[outward] = Attachment(outward, Subject(SubjectKind(kind), subject), *content)
