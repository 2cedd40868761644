"""Resolving: what the entries of a transaction that was asked for come to, given the books as they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.ledger.account import AccountType
from domain.ledger.asset import AMOUNT_MAX, Asset, format_amount, parse_amount
from domain.ledger.book import Book
from domain.ledger.conditions import check_based_on, check_condition
from domain.ledger.events import AccountOpened, Event
from domain.ledger.first_use import asset_in_use, registrations, type_by_chart
from domain.ledger.hold import HoldDraft
from domain.ledger.transaction import (
    ALL,
    REST,
    AmbiguousTransfer,
    Direction,
    Entry,
    EntryDraft,
    NothingToMove,
    TransactionDraft,
    TransferDraft,
    check_balanced,
)
from domain.shared.errors import ValidationFailed

_NAMED_AMOUNTS = frozenset((ALL, REST))


@dataclass(frozen=True, slots=True)
class Resolved:
    """Balanced entries, and the events of what has to be registered and opened before they can be posted.

    `types` are those of the accounts to open, by path.
    """

    entries: tuple[Entry, ...]
    first: list[Event]
    types: Mapping[str, AccountType]


def resolve(book: Book, draft: TransactionDraft | HoldDraft) -> Resolved:
    """Return what the draft's entries come to.

    Raises a `DomainError` that names what is wrong and where: the form of a part, `UnknownAsset`, `TooManyDecimals`,
    `EntryAccountNotFound`, `AmbiguousTransfer`, `NothingToMove`,
    `ConditionFailed`, `UnbalancedTransaction`.
    """
    asked_entries = draft.entries if draft.transfer is None else _entries_of(book, draft.transfer)
    new_assets: dict[str, Asset] = {}
    types: dict[str, AccountType] = {}
    entries: list[Entry | None] = []
    is_open = conditional = False
    for index, asked in enumerate(asked_entries):
        asset = book.assets.get(asked.asset) or asset_in_use(
            book, asked.asset, new_assets, pointer=f"/entries/{index}/asset"
        )
        if asked.account not in book.accounts and asked.account not in types:
            types[asked.account] = type_by_chart(book, asked.account, pointer=f"/entries/{index}/account")
        if asked.condition is not None:
            conditional = True
        if asked.amount in _NAMED_AMOUNTS:
            is_open = True
            entries.append(None)
            continue
        amount = parse_amount(asked.amount, asset, pointer=f"/entries/{index}/amount")
        entries.append(Entry(asked.account, asked.direction, amount, asset))
    if conditional:
        for index, asked in enumerate(asked_entries):
            if asked.condition is not None:
                asset = book.assets.get(asked.asset) or new_assets[asked.asset]
                check_condition(book, asked, asset, types.get(asked.account), pointer=f"/entries/{index}")
    if draft.based_on is not None:
        check_based_on(book, draft)
    if is_open:
        _fill_in(book, asked_entries, entries, new_assets)
    complete = tuple([entry for entry in entries if entry is not None])
    check_balanced(complete)
    first: list[Event] = [*registrations(new_assets)]
    first += [AccountOpened(path, account_type) for path, account_type in types.items()]
    return Resolved(complete, first, types)


def _entries_of(book: Book, transfer: TransferDraft) -> tuple[EntryDraft, EntryDraft]:
    """Return the two entries that a transfer stands for. Raises `AmbiguousTransfer`, `EntryAccountNotFound`."""
    giver, taker = transfer.from_account, transfer.to_account
    types = []
    for path, pointer in ((giver, "/from"), (taker, "/to")):
        account = book.accounts.get(path)
        types.append(account.type if account else type_by_chart(book, path, pointer=pointer))
    if giver == taker:
        raise ValidationFailed("A transfer goes from one account to another.", pointer="/to")
    if types[0].is_debit_normal != types[1].is_debit_normal:
        raise AmbiguousTransfer(
            f"{giver} ({types[0].value}) and {taker} ({types[1].value}) have different normal sides. Either write "
            f"debit {giver} and credit {taker}, or credit {giver} and debit {taker}.",
            pointer="/to",
        )
    down, up = Direction.CREDIT, Direction.DEBIT
    if not types[0].is_debit_normal:
        down, up = up, down
    counter = REST if transfer.amount == ALL else transfer.amount
    return (
        EntryDraft(giver, down, transfer.amount, transfer.asset, transfer.up_to),
        EntryDraft(taker, up, counter, transfer.asset),
    )


def _fill_in(
    book: Book, asked_entries: Sequence[EntryDraft], entries: list[Entry | None], new_assets: dict[str, Asset]
) -> None:
    """Put amounts in the places of `all`, and then of `rest`. Raises `NothingToMove`, `ValidationFailed`."""
    for amount in (ALL, REST):
        for index, asked in enumerate(asked_entries):
            if asked.amount != amount:
                continue
            asset = book.assets.get(asked.asset) or new_assets[asked.asset]
            pointer = f"/entries/{index}/amount"
            minor = (
                _all_available(book, asked, asked_entries, asset, pointer)
                if amount == ALL
                else _rest(asked, asked_entries, entries, asset, pointer)
            )
            if minor > AMOUNT_MAX:
                raise ValidationFailed(f"An amount is at most 10^30 minor units of {asset.code}.", pointer=pointer)
            entries[index] = Entry(asked.account, asked.direction, minor, asset)


def _all_available(
    book: Book, asked: EntryDraft, asked_entries: Sequence[EntryDraft], asset: Asset, pointer: str
) -> int:
    key = (asked.account, asked.asset)
    if sum((each.account, each.asset) == key for each in asked_entries) > 1:
        raise ValidationFailed(
            f"An entry of all that is available is the only one of its account and asset; {asked.account} has others.",
            pointer=pointer,
        )
    account = book.accounts.get(asked.account)
    if account is not None and account.type.is_debit_normal == (asked.direction is Direction.DEBIT):
        raise ValidationFailed(
            f"A {asked.direction.value} adds to {asked.account}; what is available can only be taken from it.",
            pointer=pointer,
        )
    available = book.available(account, asked.asset) if account else 0
    most = available
    if asked.up_to is not None:
        most = min(available, parse_amount(asked.up_to, asset, pointer=pointer.removesuffix("amount") + "up_to"))
    if most <= 0:
        shown = format_amount(available, asset.scale)
        raise NothingToMove(
            f"{asked.account} has {shown} {asset.code} available: there is nothing to move.",
            pointer=pointer,
            facts={"account": asked.account, "asset": asset.code, "available": shown},
        )
    return most


def _rest(
    asked: EntryDraft,
    asked_entries: Sequence[EntryDraft],
    entries: Sequence[Entry | None],
    asset: Asset,
    pointer: str,
) -> int:
    if sum(each.amount == REST and each.asset == asked.asset for each in asked_entries) > 1:
        raise ValidationFailed(f"One entry in {asset.code} can be the rest, not several.", pointer=pointer)
    missing = 0
    for entry in entries:
        if entry is not None and entry.asset.code == asset.code:
            missing += entry.amount if entry.direction is not asked.direction else -entry.amount
    if missing <= 0:
        raise NothingToMove(
            f"The other entries in {asset.code} leave {format_amount(missing, asset.scale)} for the "
            f"{asked.direction.value} of {asked.account}: there is no rest to move.",
            pointer=pointer,
        )
    return missing
