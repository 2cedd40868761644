"""Processes that submit commands to one ledger as servers do: `python -m tests.adapters.postgres.racer <url>`.

Each is told the ledger and its commands in a line, says `ready`, waits for a line, tells in another what became of
them, and waits for the next race: to start one takes longer than a race.
"""

import asyncio
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from adapters.postgres.engine import journal_engine
from adapters.postgres.ledger.books import PostgresBooks
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from application.ledger.journal import Journal
from application.ledger.ports import Command, LedgerAddress
from domain.shared.errors import DomainError
from tests.builders import principal

DONE = "done"
TAKING_TURNS = 3  # commands that are submitted at once, so that processes take turns


class Racer:
    """Another process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def started(cls, url: str) -> Self:
        """Start one that writes to this database."""
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.adapters.postgres.racer", url),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=Path(__file__).parents[3],
                limit=2**24,
            )
        )

    async def get_ready(self, ledger: LedgerAddress, commands: Sequence[Command], at_once: int) -> None:
        """Tell it what it is to do, and return when it waits for the start."""
        await self._say(pickle.dumps((ledger, list(commands), at_once)).hex())
        assert await self._hear() == "ready"

    async def run(self, commands: Sequence[Command]) -> list[str]:
        """Let it go, and return what became of each command: `done`, or the code of the refusal."""
        await self._say("go")
        answers = (await self._hear()).split()
        assert len(answers) == len(commands)
        return answers

    async def stop(self) -> None:
        """Have it end, which it does when nothing more can come."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert await self._process.wait() == 0

    async def kill(self) -> None:
        """End it, if it has not ended."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def _hear(self) -> str:
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()


class Racers:
    """Processes for one race after another, as many as the largest has needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: list[Racer] = []

    async def race(
        self, ledger: LedgerAddress, *of_processes: Sequence[Command], at_once: int = TAKING_TURNS
    ) -> list[list[str]]:
        """Let processes submit their commands at the same time, so many at once; return what became of each."""
        missing = range(len(self._waiting), len(of_processes))
        self._waiting += await asyncio.gather(*(Racer.started(self._url) for _ in missing))
        racing = list(zip(self._waiting, of_processes, strict=False))
        try:
            await asyncio.gather(*(racer.get_ready(ledger, commands, at_once) for racer, commands in racing))
            return list(await asyncio.gather(*(racer.run(commands) for racer, commands in racing)))
        except BaseException:
            # What is left of this race is not to be taken for a part of the next.
            failed, self._waiting = self._waiting, []
            await asyncio.gather(*(racer.kill() for racer in failed))
            raise

    async def stop(self) -> None:
        """Have all of them end."""
        await asyncio.gather(*(racer.stop() for racer in self._waiting))


async def submit(journal: Journal, ledger: LedgerAddress, command: Command) -> str:
    """Submit the command, and return what became of it."""
    by = principal(organisation_id=ledger.organisation_id)
    try:
        await journal.submit(by, ledger.slug, command, request_id="req_race")
    except DomainError as refusal:
        return refusal.code
    return DONE


async def main(url: str) -> None:
    """Be the other process."""
    while line := sys.stdin.readline():
        await take_part(url, *pickle.loads(bytes.fromhex(line)))  # noqa: S301 # it comes from the test that started this


async def take_part(url: str, ledger: LedgerAddress, commands: list[Command], at_once: int) -> None:
    """Submit these as a server does that was just started."""
    engine = journal_engine(url, pool_size=1)
    journal = Journal(PostgresBooks(engine), SystemClock(), TypeIds())
    async with engine.connect():
        print("ready", flush=True)
    sys.stdin.readline()
    answers: list[str] = []
    for first in range(0, len(commands), at_once):
        together = commands[first : first + at_once]
        answers += await asyncio.gather(*(submit(journal, ledger, command) for command in together))
    await journal.close()
    await engine.dispose()
    print(*answers, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
