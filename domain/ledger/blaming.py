"""Blaming: pointing at parts that a request has, where it does not tell its entries one by one."""

import re
from typing import Final

from domain.shared.errors import Blame, DomainError

_ENTRY: Final = re.compile(r"/entries/(\d+)")
_OF_TRANSFER: Final = {
    "/entries/0/account": "/from",
    "/entries/1/account": "/to",
    "/entries/0/up_to": "/up_to",
    **{f"/entries/{index}/{part}": f"/{part}" for index in (0, 1) for part in ("amount", "asset")},
}


def blame_transfer(refusal: DomainError) -> None:
    """Let the refusal point at the parts of a transfer, instead of those of the two entries that it stands for."""
    of_transfer = [Blame(_OF_TRANSFER.get(blame.pointer, blame.pointer), blame.detail) for blame in refusal.blames]
    refusal.blames = tuple(dict.fromkeys(of_transfer))


def blame_asked(refusal: DomainError, entries: int) -> None:
    """Let the refusal point at none but the request's own entries, so many: policies have added those that follow."""
    refusal.blames = tuple(
        blame for blame in refusal.blames if (found := _ENTRY.match(blame.pointer)) is None or int(found[1]) < entries
    )


def blame_no_entries(refusal: DomainError) -> None:
    """Let the refusal point at no entries: they were found in the books, and the request has none."""
    refusal.blames = tuple(blame for blame in refusal.blames if not blame.pointer.startswith("/entries"))
