"""Lists that people give us."""

from collections.abc import Sequence

from domain.shared.errors import ValidationFailed


def require_few(items: Sequence[object], count_max: int, *, pointer: str) -> None:
    """Return if there are no more items than that; else raise `ValidationFailed`."""
    if len(items) > count_max:
        raise ValidationFailed(f"There are {len(items):,} items; at most {count_max} fit.", pointer=pointer)
