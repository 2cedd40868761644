"""Running totals of a file, by which the balances that it asserts are checked."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, islice
from typing import Final

from adapters.foreign_files.exact import NOTHING, add
from application.interchange.found import FailedCheck

# The day of all that goes by the order of the file.
NO_DAY: Final = ""
# Sums that are kept in memory: by account, those above it, asset and day.
SUMS_MAX: Final = 1_000_000
# Of an account with more assets, that it holds no other one is checked for so many.
_SOLE_AMONG_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Asserted:
    """What an account holds: in one asset, or with `is_sole` in all. `is_deep` counts those below it, too."""

    place: str
    account: str
    code: str
    amount: Decimal
    day: str
    is_sole: bool = False
    is_deep: bool = False


class _DaySums:
    """What was added up on each day for an account in an asset."""

    __slots__ = ("by_day", "days", "sums")

    def __init__(self) -> None:
        self.by_day: dict[str, Decimal] = {}
        self.days: list[str] | None = None
        self.sums: list[Decimal] = []

    def add(self, day: str, amount: Decimal) -> int:
        """Add an amount, and return by how many sums there are more."""
        before = self.by_day.get(day)
        self.by_day[day] = amount if before is None else add(before, amount)
        self.days = None
        return int(before is None)

    def before(self, day: str) -> Decimal:
        """Return the sum of all days before, once all are known."""
        if self.days is None:
            self.days = sorted(self.by_day)
            self.sums = list(accumulate((self.by_day[each] for each in self.days), add))
        index = bisect_left(self.days, day)
        return self.sums[index - 1] if index else NOTHING


class Totals:
    """Sums by account, asset and day (`2026-01-31`), and what was asserted of them.

    An assertion is about all earlier days, wherever they stand in the file, and what stands before it on its own day;
    so it is checked at the end.
    """

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, _DaySums]] = {}
        self._deep: dict[str, dict[str, _DaySums]] = {}
        self._running: dict[tuple[str, str], Decimal] = {}
        self._last_day = NO_DAY
        self._is_in_order = True
        self._size = 0
        self.given_up: FailedCheck | None = None
        self._asserted: list[tuple[Asserted, dict[str, Decimal]]] = []

    def add(self, account: str, code: str, day: str, amount: Decimal) -> None:
        """Count an amount, as long as there are not too many sums to be kept."""
        if self.given_up is not None:
            return
        if day < self._last_day:
            self._is_in_order = False
        self._last_day = max(day, self._last_day)
        key = (account, code)
        self._running[key] = add(self._running.get(key, NOTHING), amount)
        self._size += _sums(self._sums, account, code).add(day, amount)
        prefix = account
        while prefix:
            self._size += _sums(self._deep, prefix, code).add(day, amount)
            prefix = prefix.rpartition(":")[0]
        self._give_up_beyond_bound()

    def running(self, account: str, code: str, day: str) -> Decimal | None:
        """Return what the account holds so far on that day; None where that is not known, as days have gone back."""
        if self.given_up is not None or not self._is_in_order or day < self._last_day:
            return None
        return self._running.get((account, code), NOTHING)

    def check(self, asserted: Asserted) -> None:
        """Take in what is asserted after all that was added before."""
        if self.given_up is not None:
            return
        all_sums = self._of(asserted)
        codes = islice(all_sums, _SOLE_AMONG_MAX) if asserted.is_sole else ()
        of_day = {
            code: all_sums[code].by_day.get(asserted.day, NOTHING)
            for code in (asserted.code, *codes)
            if code in all_sums
        }
        self._asserted.append((asserted, of_day))
        self._size += 1 + len(of_day)
        self._give_up_beyond_bound()

    def _give_up_beyond_bound(self) -> None:
        if self._size > SUMS_MAX:
            detail = f"Balances are not checked: that takes more than {SUMS_MAX:,} sums by account and day."
            self.given_up = FailedCheck("the file", detail)
            self._sums, self._deep, self._running, self._asserted = {}, {}, {}, []

    def before(self, account: str, code: str, day: str) -> Decimal:
        """Return what the account and those below it hold at the beginning of the day, once all of it was added."""
        sums = self._deep.get(account, {}).get(code)
        return NOTHING if sums is None else sums.before(day)

    def failed(self) -> Iterator[FailedCheck]:
        """Yield, once all was added, what does not hold."""
        for asserted, of_day in self._asserted:
            all_sums = self._of(asserted)
            codes = islice(all_sums, _SOLE_AMONG_MAX) if asserted.is_sole else ()
            for code in dict.fromkeys((asserted.code, *codes)):
                expected = asserted.amount if code == asserted.code else NOTHING
                earlier = all_sums[code].before(asserted.day) if code in all_sums else NOTHING
                actual = add(earlier, of_day.get(code, NOTHING))
                if actual != expected:
                    yield failed_balance(asserted.place, asserted.account, expected, actual, code)

    def _of(self, asserted: Asserted) -> dict[str, _DaySums]:
        return (self._deep if asserted.is_deep else self._sums).get(asserted.account, {})


def failed_balance(place: str, account: str, expected: Decimal, actual: Decimal, code: str) -> FailedCheck:
    """Return the check of a balance that fails."""
    return FailedCheck(
        place,
        f"{account} is asserted to hold {expected:f} {code}, and by the amounts of the file holds {actual:f}.",
    )


def _sums(of: dict[str, dict[str, _DaySums]], account: str, code: str) -> _DaySums:
    by_code = of.setdefault(account, {})
    sums = by_code.get(code)
    if sums is None:
        sums = by_code[code] = _DaySums()
    return sums
