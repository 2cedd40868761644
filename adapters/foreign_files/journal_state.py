"""What is known while a journal is read: its names, its amounts, and what it has said so far."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Final

from adapters.foreign_files.balancing import Balanced
from adapters.foreign_files.journal_amounts import Amount, AmountStyle
from adapters.foreign_files.journal_names import JournalAccounts, JournalCommodities, NoName
from adapters.foreign_files.occurrences import Occurrences
from adapters.foreign_files.totals import Totals
from application.interchange.found import FailedCheck, Found, Remark
from application.interchange.journal_options import JournalOptions
from domain.ledger.transaction import REFERENCE_LENGTH_MAX
from domain.shared.paths import PATH_LENGTH_MAX

_SEPARATOR: Final = "\x1f"


@dataclass(slots=True)
class JournalState:
    """All of that. `totals` is None where the file asserts nothing."""

    options: JournalOptions
    time_zone: str
    style: AmountStyle
    accounts: JournalAccounts
    totals: Totals | None
    commodities: JournalCommodities = field(default_factory=JournalCommodities)
    occurrences: Occurrences = field(default_factory=Occurrences)
    year: int | None = None
    prefixes: list[str] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    remarked: set[str] = field(default_factory=set)

    def account(self, written: str, place: str) -> str:
        """Return the path of an account as a posting names it, by prefixes and aliases. Raises `NoName`."""
        name = self.names.get(written)
        if name is None:
            if len(written) > PATH_LENGTH_MAX:
                raise NoName(f"The name has {len(written):,} characters; at most {PATH_LENGTH_MAX} fit")
            name = ":".join([*self.prefixes, written]) if self.prefixes else written
            for old, new in reversed(self.aliases):
                if name == old or name.startswith(f"{old}:"):
                    name = new + name[len(old) :]
            if len(name) > PATH_LENGTH_MAX:
                raise NoName(f"The name comes to {len(name):,} characters; at most {PATH_LENGTH_MAX} fit")
            self.names[written] = name
        return self.accounts.path(name, place)

    def code(self, amount: Amount, place: str) -> str:
        """Return the code of an amount's commodity, and learn its digits."""
        code = self.commodities.code(amount.symbol, place)
        self.commodities.learn(code, amount.number, amount.digits)
        return code

    def use(self, balanced: Balanced, place: str) -> None:
        """Take in which accounts of conversions and roundings a transaction has."""
        for path in balanced.own_accounts:
            self.accounts.use_own(path, place)

    def totals_given_up(self) -> Iterator[FailedCheck]:
        """Yield where balances were not checked any more, at the end."""
        if self.totals is not None and self.totals.given_up is not None:
            yield self.totals.given_up

    def once(self, place: str, detail: str) -> Iterator[Remark]:
        """Yield the remark where it was not made before."""
        if detail not in self.remarked:
            self.remarked.add(detail)
            yield Remark(place, detail)

    def news(self) -> Iterator[Found]:
        """Yield what names have come up since this was asked last."""
        yield from self.accounts.new()
        yield from self.accounts.remarks()
        yield from self.commodities.remarks()

    def reference(self, own: str | None, code: str | None, day: str, description: str, balanced: Balanced) -> str:
        """Return the reference of a transaction: its own, or one that follows from what the file says of it.

        Its own is what is made to be unique. A code is not, as it may be the number of a check or a word: it counts
        with the day, the description and the amounts, under the names and with the digits that the file has; and so
        does how many said the same before. Comments and marks do not, which may change. Raises `NoName` for its own
        where another transaction of the file has it.
        """
        if own and 0 < len(own.strip()) <= REFERENCE_LENGTH_MAX and own.isprintable():
            if self.occurrences.before(_digest(f"own{_SEPARATOR}{own}")):
                raise NoName(f"{own[:80]!r} names another transaction before it")
            return own
        parts = [day, description, own or code or ""]
        for posting in balanced.postings:
            if posting.account and posting.amount:
                account, symbol = self.accounts.name(posting.account), self.commodities.symbol(posting.code)
                parts += (account, plain(posting.amount), symbol)
        digest = _digest(_SEPARATOR.join(parts))
        before = self.occurrences.before(digest)
        return f"journal-{digest.hex()}{f'-{before + 1}' if before else ''}"


def plain(amount: Decimal) -> str:
    """Return an amount in digits, without zeros at its end."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
