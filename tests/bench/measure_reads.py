"""Reading over HTTP: what a server answers that does nothing else."""

from typing import Final

from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.load import LoadOrder, LoadResult
from tests.bench.plan import COLD_ACCOUNTS
from tests.bench.processes import measured, server
from tests.bench.workload import opening_pairs

SECTION: Final = "reads over HTTP"
_CLIENTS: Final = (1, 16)
_WARM_UP: Final = 200
_WRITING_SECONDS: Final = 1.0


async def measure_reads(bench: Bench) -> None:
    """Measure the section, in a ledger of some ten thousand transactions."""
    seconds = bench.plan.phase_seconds
    async with bench.stage("reads") as stage, server(stage.urls, stage.folder) as serving:
        books = await stage.new_books("reads", COLD_ACCOUNTS)
        known = (serving.port, stage.api_key, books.slug)
        filling = LoadOrder(*known, 64, books.accounts, _WRITING_SECONDS, len(opening_pairs(books.accounts)))
        filled = await measured("load", filling, stage.folder, LoadResult)
        books.posted += filled.warm_up + filled.answered
        ledger = f"/v1/ledgers/{books.slug}"
        for what, path in (
            ("balances of an account", f"{ledger}/accounts/{{account}}/balances"),
            ("an account", f"{ledger}/accounts/{{account}}"),
            ("the last 10 transactions", f"{ledger}/transactions?limit=10"),
        ):
            for clients in _CLIENTS:
                name = f"{what}, {clients} {'client' if clients == 1 else 'clients'}"
                order = LoadOrder(*known, clients, books.accounts, seconds, _WARM_UP, asks=path)
                used = serving.cpu_seconds()
                with bench.phase(f"{SECTION}: {name}", seconds=seconds) as done:
                    result = await measured("load", order, stage.folder, LoadResult, done)
                cpu_ms = 1e3 * (serving.cpu_seconds() - used) / (result.warm_up + result.answered)
                rate = result.answered / result.seconds
                bench.record(
                    Figure(SECTION, name, None, rate, "req/s", facts={"cpu_ms_per_request": cpu_ms}),
                    Figure(SECTION, f"{name}, p50", None, result.p50_ms, "ms"),
                    Figure(SECTION, f"{name}, p99", None, result.p99_ms, "ms"),
                    Figure(SECTION, f"{name}, processor", None, cpu_ms, "ms"),
                )
        await stage.check(books)
