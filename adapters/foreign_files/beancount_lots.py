"""What lots of a commodity have cost, for those that are given away without saying it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from adapters.foreign_files.beancount_amounts import Lot
from adapters.foreign_files.exact import NOTHING, add, multiply, negative

LOTS_MAX: Final = 2_000


class NoLot(Exception):
    """What is given away is not there, or could be one lot or another; says so, in a clause."""


@dataclass(slots=True)
class _Held:
    units: Decimal
    cost: Decimal
    code: str
    day: date
    label: str | None


class Lots:
    """The lots on each account, in the order of the file; accounts are booked as they were opened: `STRICT`, `FIFO`."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], list[_Held]] = {}
        self.bookings: dict[str, str] = {}

    def take_in(
        self, account: str, code: str, units: Decimal, cost: Decimal, cost_code: str, lot: Lot, day: date
    ) -> None:
        """Take in units at a cost for each; where others of the opposite sign are there, they make up for these.

        Raises `NoLot` where there are too many to keep.
        """
        held = self._held.setdefault((account, code), [])
        if held and (held[0].units > 0) != (units > 0):
            self._give(held, units, [each for each in held if (each.cost, each.code) == (cost, cost_code)])
        elif len(held) >= LOTS_MAX:
            raise NoLot(f"{account} holds more than {LOTS_MAX:,} lots of {code}")
        else:
            held.append(_Held(units, cost, cost_code, lot.day or day, lot.label))

    def given_away(self, account: str, code: str, units: Decimal, lot: Lot) -> tuple[Decimal, str]:
        """Take units out of what is held; return what they have cost in all, with their sign, and in what.

        Raises `NoLot`.
        """
        held = self._held.get((account, code), [])
        fitting = [
            each
            for each in held
            if (each.units > 0) != (units > 0) and lot.day in (None, each.day) and lot.label in (None, each.label)
        ]
        codes = {each.code for each in fitting}
        there = NOTHING
        for each in fitting:
            there = add(there, each.units)
        if len(codes) != 1 or there.copy_abs() < units.copy_abs():
            raise NoLot(f"{account} holds no such lot of {code} by the order of the file")
        booking = self.bookings.get(account, "STRICT")
        if booking == "LIFO":
            fitting.reverse()
        elif booking != "FIFO" and len(fitting) > 1 and there != negative(units):
            raise NoLot(f"it could be one lot of {code} or another, and {account} is booked {booking}")
        return self._give(held, units, fitting), codes.pop()

    def _give(self, held: list[_Held], units: Decimal, fitting: list[_Held]) -> Decimal:
        left, cost = units, NOTHING
        for each in fitting:
            if not left:
                break
            taken = left if left.copy_abs() < each.units.copy_abs() else negative(each.units)
            cost = add(cost, multiply(taken, each.cost))
            each.units = add(each.units, taken)
            left = add(left, negative(taken))
        held[:] = [each for each in held if each.units]
        return cost
