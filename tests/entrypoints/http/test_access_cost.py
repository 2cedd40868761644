"""What guards cost a request whose caller is remembered. `make bench` measures it; this notices when it is far off."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tests.bench.access import ADDRESS, access_costs, remembering

# The budget is 30 µs; the probes of coverage, and whatever else the machine does, may take ten times that.
GENEROUS_MAX = 300.0


async def test_a_remembered_caller_costs_microseconds() -> None:
    costs = await access_costs(2_000)
    assert sum(costs.values()) < GENEROUS_MAX, costs


def test_a_remembered_caller_is_let_in_without_an_event_loop() -> None:
    # So nothing is awaited, no task is made, and Redis is not asked.
    with ThreadPoolExecutor(1) as thread:
        admission, key = thread.submit(lambda: asyncio.run(remembering())).result()
    assert admission.address_at_once(ADDRESS) is not None
    assert admission.at_once(key, ADDRESS) is not None
