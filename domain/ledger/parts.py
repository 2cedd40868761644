"""Parts: which entries of something that has entries are to be captured, or reversed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.ledger.asset import amounts_of, format_amount, parse_amount
from domain.ledger.book import Book
from domain.ledger.transaction import Direction, Entry, EntryDraft, Side, check_balanced, sides_of
from domain.shared.errors import ValidationFailed


@dataclass(frozen=True, slots=True)
class Excess:
    """A side of which more is asked than is left, with both amounts as they are shown."""

    account: str
    direction: Direction
    asset: str
    left: str
    asked: str

    @property
    def facts(self) -> dict[str, str]:
        """Return what programs may want to know of it."""
        return {"account": self.account, "asset": self.asset, "left": self.left, "asked": self.asked}


def part_of(book: Book, left: Mapping[Side, int], asked: Sequence[EntryDraft]) -> tuple[Entry, ...]:
    """Return balanced entries: those asked for, or else all that is left, an entry for each side.

    A side may have had several entries, whose sum is more than one can have: then it gets several again. Whether they
    fit what is left is not looked at. Raises `ValidationFailed`, `TooManyDecimals`,
    `UnbalancedTransaction`.
    """
    if not asked:
        return tuple(
            Entry(path, direction, amount, book.assets[code])
            for (path, direction, code), of_side in left.items()
            for amount in amounts_of(of_side)
        )
    codes = {code for _, _, code in left}
    entries = []
    for index, draft in enumerate(asked):
        if draft.asset not in codes:
            raise ValidationFailed(
                f"It has nothing in {draft.asset!a}, only in {', '.join(sorted(codes))}.",
                pointer=f"/entries/{index}/asset",
            )
        asset = book.assets[draft.asset]
        amount = parse_amount(draft.amount, asset, pointer=f"/entries/{index}/amount")
        entries.append(Entry(draft.account, draft.direction, amount, asset))
    check_balanced(entries)
    return tuple(entries)


def left_of_each(entries: Sequence[Entry], left: Mapping[Side, int]) -> list[int]:
    """Return what is left of each entry, where so much is left of its side: entries are taken from in their order."""
    taken = {side: amount - left.get(side, 0) for side, amount in sides_of(entries).items()}
    of_entries = []
    for entry in entries:
        side = (entry.account, entry.direction, entry.asset.code)
        of_entry = min(entry.amount, taken[side])
        taken[side] -= of_entry
        of_entries.append(entry.amount - of_entry)
    return of_entries


def excess(left: Mapping[Side, int], entries: Sequence[Entry]) -> Excess | None:
    """Return the first side of which the entries ask more than is left; or None."""
    for (path, direction, code), asked in sides_of(entries).items():
        of_side = left.get((path, direction, code), 0)
        if asked > of_side:
            scale = next(entry.asset.scale for entry in entries if entry.asset.code == code)
            return Excess(path, direction, code, format_amount(of_side, scale), format_amount(asked, scale))
    return None
