"""What is posted: transactions of two entries over a number of accounts, the same ones in every run."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from domain.ledger.transaction import Direction, EntryDraft

ASSET: Final = "EUR"
AMOUNT: Final = "10.00"
AMOUNT_MINOR_UNITS: Final = 1_000
# With ten accounts, opening them alone would warm up nothing.
WARM_UP_MIN: Final = 1_000

Pair = tuple[int, int]
"""The accounts that are debited and credited, by their numbers."""


def random_pairs(accounts: int, seed: str) -> Iterator[Pair]:
    """Yield pairs of different accounts, for ever."""
    dice = random.Random(seed)
    while True:
        debited = dice.randrange(accounts)
        yield debited, (debited + 1 + dice.randrange(accounts - 1)) % accounts


def opening_pairs(accounts: int) -> list[Pair]:
    """Return pairs that use each account at least once: posted beforehand, they open accounts and warm up a server."""
    once = [(number, number + 1) for number in range(0, accounts, 2)]
    return once * -(-WARM_UP_MIN // len(once))


def path_of(number: int) -> str:
    """Return the path of an account; the default chart says that it is an asset."""
    return f"assets:customers:{number}"


def entries(pair: Pair) -> tuple[EntryDraft, EntryDraft]:
    """Return the entries of a transaction."""
    return (
        EntryDraft(path_of(pair[0]), Direction.DEBIT, AMOUNT, ASSET),
        EntryDraft(path_of(pair[1]), Direction.CREDIT, AMOUNT, ASSET),
    )


def document(pair: Pair, reference: str | None = None) -> bytes:
    """Return a transaction as JSON, as it is sent over HTTP."""
    named = "" if reference is None else f'"reference":"{reference}",'
    debit, credit = (f'{{"account":"{path_of(number)}","direction":"' for number in pair)
    rest = f'","amount":"{AMOUNT}","asset":"{ASSET}"}}'
    return f'{{{named}"entries":[{debit}debit{rest},{credit}credit{rest}]}}'.encode()


def write_lines(file: Path, pairs: Iterable[Pair], *, reference_prefix: str | None = None) -> None:
    """Write transactions, one on a line; with a prefix, each gets a reference."""
    with file.open("wb") as stream:
        for number, pair in enumerate(pairs):
            reference = None if reference_prefix is None else f"{reference_prefix}-{number}"
            stream.write(document(pair, reference) + b"\n")
