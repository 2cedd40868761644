"""What a process that measures says to the benchmark, and hears from it.

It reads its order, one line of JSON, from stdin. It prepares, says that it is ready, and begins when it reads the next
line. On stdout it tells, line by line, how far it is, and at the end what it measured or why it failed.
"""

import asyncio
import dataclasses
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import uvloop
from pydantic import TypeAdapter

from tests.bench.failures import BenchFailed

_TELL_SECONDS: Final = 0.5
# The same as in `partita serve`.
_GC_THRESHOLD: Final = 50_000

Order = TypeVar("Order")


class Benchmark:
    """The benchmark, as a process that measures for it sees it."""

    def __init__(self) -> None:
        self._told_at = 0.0

    async def ready(self) -> None:
        """Say that all is prepared, and wait until it shall begin."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD, *gc.get_threshold()[1:])
        tell(ready=True)
        if not await asyncio.to_thread(sys.stdin.readline):
            raise BenchFailed("The benchmark ended before it began.")

    def progress(self, done: int) -> None:
        """Tell how much is done, if that was not told just now."""
        now = time.monotonic()
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            tell(done=done)


def tell(**message: Any) -> None:
    """Write a message on a line."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main(order_type: type[Order], measure: Callable[[Order, Benchmark], Awaitable[Any]]) -> None:
    """Do what is ordered, and tell the result, a dataclass."""

    async def run(order: Order) -> None:
        try:
            result = await measure(order, Benchmark())
        except BenchFailed as failure:
            tell(failure=str(failure))
        except TimeoutError:
            tell(failure=f"There was no end to it: {type(order).__name__}.")
        else:
            tell(result=dataclasses.asdict(result))

    uvloop.run(run(TypeAdapter(order_type).validate_json(sys.stdin.readline())))
