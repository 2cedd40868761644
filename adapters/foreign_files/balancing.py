"""From the postings of a journal to entries that balance in each asset.

What a journal balances by a price, a ledger balances through accounts of conversion: one for each asset of the pair, as
hledger's `--infer-equity` does. A price that does not multiply out leaves a rounding over, which has an account, too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from adapters.foreign_files.exact import NOTHING, add, negative, rounded
from adapters.foreign_files.journal_names import JournalCommodities
from application.interchange.found import FoundEntry
from application.interchange.journal_options import JournalOptions
from domain.ledger.transaction import ENTRIES_MAX


class Unbalanced(Exception):
    """Postings do not balance, or come to more entries than a transaction has; says how, in a clause."""


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount on an account, and what it is worth in all: `weight` of another asset, where it has a price.

    The amount is None where it follows from the others. `group` is what balances by itself.
    """

    account: str
    amount: Decimal | None
    code: str = ""
    weight: Decimal | None = None
    weight_code: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Balanced:
    """Postings of which each has its amount, without any rounding; entries that balance; and what was rounded.

    `roundings` are left over, by asset; `shortened` are the postings with more digits than their asset has so far.
    `own_accounts` are those of conversions and roundings.
    """

    postings: Sequence[Posting]
    entries: tuple[FoundEntry, ...]
    roundings: Mapping[str, Decimal]
    shortened: Sequence[Posting]
    own_accounts: Sequence[str] = ()

    def remarks(self, options: JournalOptions) -> Iterator[str]:
        """Yield what is to be said of it."""
        for each in self.shortened:
            yield f"{each.account} gets {each.amount:f} {each.code}, rounded: it has more digits than the asset."
        for code, surplus in self.roundings.items():
            yield f"{negative(surplus):f} {code} are left over by rounding: they go to {options.rounding}."


_NO_ROUNDINGS: Final[Mapping[str, Decimal]] = {}


def balance(
    postings: Sequence[Posting],
    commodities: JournalCommodities,
    options: JournalOptions,
    *,
    implies_prices: bool,
    tolerances: Mapping[str, Decimal] | None = None,
) -> Balanced:
    """Return what the postings come to: up to 5,000 entries. Raises `Unbalanced`.

    Without `tolerances`, by asset, each may be off by half of its last digit. With `implies_prices`, a transaction in
    two assets without prices is a conversion of one into the other.
    """
    groups = {posting.group for posting in postings}
    if len(groups) == 1:
        complete = _completed(postings, commodities, implies_prices, tolerances)
    else:
        complete = []
        for group in sorted(groups):
            members = [posting for posting in postings if posting.group == group]
            complete += _completed(members, commodities, implies_prices, tolerances)
    if tolerances is None and all(posting.weight is None for posting in complete):
        # Without prices nothing has more digits than it was written with, and nothing is left over: so are most.
        plain = [FoundEntry(each.account, each.amount, each.code) for each in complete if each.amount]
        return _bounded(Balanced(complete, tuple(plain), _NO_ROUNDINGS, ()))
    entries: list[FoundEntry] = []
    left: dict[str, Decimal] = {}
    shortened: list[Posting] = []
    for posting in complete:
        entries += _entries(posting, commodities, options)
        if posting.account and rounded(posting.amount or NOTHING, commodities.scale(posting.code)) != posting.amount:
            shortened.append(posting)
    for entry in entries:
        left[entry.asset] = add(left.get(entry.asset, NOTHING), entry.amount)
    roundings = {code: surplus for code, surplus in left.items() if surplus}
    entries += [FoundEntry(options.rounding, negative(surplus), code) for code, surplus in roundings.items()]
    named = {posting.account for posting in complete}
    own_accounts = [entry.account for entry in entries if entry.account not in named]
    return _bounded(Balanced(complete, tuple(entries), roundings, shortened, own_accounts))


def _bounded(balanced: Balanced) -> Balanced:
    if len(balanced.entries) > ENTRIES_MAX:
        raise Unbalanced(f"it comes to {len(balanced.entries):,} entries; a transaction has {ENTRIES_MAX:,} at most")
    return balanced


def _completed(
    postings: Sequence[Posting],
    commodities: JournalCommodities,
    implies_prices: bool,
    tolerances: Mapping[str, Decimal] | None,
) -> list[Posting]:
    """Return postings of one group with all their amounts and prices."""
    weights: dict[str, Decimal] = {}
    missing: Posting | None = None
    has_prices = False
    for posting in postings:
        if posting.amount is None:
            if missing is not None:
                raise Unbalanced("more than one amount is left out")
            missing = posting
        elif posting.weight is None:
            weights[posting.code] = add(weights.get(posting.code, NOTHING), posting.amount)
        else:
            has_prices = True
            weights[posting.weight_code] = add(weights.get(posting.weight_code, NOTHING), posting.weight)
    if missing is not None:
        account, group = missing.account, missing.group
        inferred = [Posting(account, negative(weight), code, group=group) for code, weight in weights.items() if weight]
        return [each for posting in postings for each in (inferred if posting is missing else [posting])]
    if not any(weights.values()):
        return list(postings)
    off = {code: weight for code, weight in weights.items() if _is_off(weight, code, commodities, tolerances)}
    if not off:
        return list(postings)
    if implies_prices and not has_prices and len(off) == 2 and (first := next(iter(off.values()))):
        second = list(off.values())[1]
        if (first > 0) != (second > 0):
            return _priced(postings, off)
    raise Unbalanced(f"it is off by {_listed(off)}")


def _is_off(
    weight: Decimal, code: str, commodities: JournalCommodities, tolerances: Mapping[str, Decimal] | None
) -> bool:
    if tolerances is None:
        return bool(rounded(weight, commodities.scale(code)))
    return weight.copy_abs() > tolerances.get(code, NOTHING)


def _priced(postings: Sequence[Posting], off: Mapping[str, Decimal]) -> list[Posting]:
    """Return the postings with a conversion of what is off: its two sides balance, whatever else there is."""
    (base, amount), (other, worth) = off.items()
    # What is told of the first is told of all of it: a single pair of entries for the whole transaction.
    conversion = Posting("", negative(amount), base, negative(worth), other)
    return [*postings, conversion]


def _entries(posting: Posting, commodities: JournalCommodities, options: JournalOptions) -> Iterable[FoundEntry]:
    amount, code = posting.amount, posting.code
    assert amount is not None, "each posting has its amount by now"
    if posting.account and posting.weight is None:
        amount = rounded(amount, commodities.scale(code))
        if amount:
            yield FoundEntry(posting.account, amount, code)
        return
    assert posting.weight is not None, "a conversion has two sides"
    other = posting.weight_code
    pair = f"{options.conversion}:{'-'.join(sorted((code, other)))}"
    if not posting.account:
        # Both sides are what the others leave over.
        yield from _nonzero(FoundEntry(f"{pair}:{code}", rounded(amount, commodities.scale(code)), code))
        weight = rounded(posting.weight, commodities.scale(other))
        yield from _nonzero(FoundEntry(f"{pair}:{other}", weight, other))
        return
    amount = rounded(amount, commodities.scale(code))
    yield from _nonzero(FoundEntry(posting.account, amount, code))
    yield from _nonzero(FoundEntry(f"{pair}:{code}", negative(amount), code))
    yield from _nonzero(FoundEntry(f"{pair}:{other}", rounded(posting.weight, commodities.scale(other)), other))


def _nonzero(entry: FoundEntry) -> Iterable[FoundEntry]:
    return (entry,) if entry.amount else ()


def _listed(off: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{weight:f} {code}" for code, weight in list(off.items())[:5])
