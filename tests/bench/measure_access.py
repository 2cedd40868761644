"""What authentication, authorisation, rate limits and the headers of answers cost each request, in process."""

from typing import Final

from tests.bench.access import access_costs
from tests.bench.bench import Bench
from tests.bench.figures import Figure, Target

SECTION: Final = "access"
_COST_MAX: Final = 30.0
_TIMES: Final = 50_000


async def measure_access(bench: Bench) -> None:
    """Measure the section: each step where everything is remembered, and all of them together."""
    costs = await access_costs(_TIMES)
    for name, cost in costs.items():
        bench.record(Figure(SECTION, name, None, cost, "µs"))
    bench.record(Figure(SECTION, "all of it, per request", None, sum(costs.values()), "µs", Target.AT_MOST, _COST_MAX))
