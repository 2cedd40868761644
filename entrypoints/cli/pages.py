"""Lists that are shown whole, and read page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeVar

from application.shared.pagination import Page, PageRequest

Item = TypeVar("Item")

_AT_A_TIME: Final = 500


async def all_of(read: Callable[[PageRequest], Awaitable[Page[Item]]]) -> AsyncIterator[Item]:
    """Yield all items of a list by `id`, whose pages `read` returns."""
    page = PageRequest("id", _AT_A_TIME)
    while True:
        found = await read(page)
        for item in found.items:
            yield item
        if found.next_after is None:
            return
        page = replace(page, after=found.next_after)
