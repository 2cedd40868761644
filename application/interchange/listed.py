"""Lists of which the first ones are kept, and all are counted."""

from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

LISTED_MAX: Final = 100

Item = TypeVar("Item")


@dataclass(slots=True)
class Listed(Generic[Item]):
    """How many there are, and the first 100 of them."""

    total: int = 0
    first: list[Item] = field(default_factory=list)

    def add(self, item: Item) -> None:
        """Count one, and keep it if there are not many."""
        self.total += 1
        if len(self.first) < LISTED_MAX:
            self.first.append(item)
