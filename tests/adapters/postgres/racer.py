"""A process that submits commands to one ledger as a server does: `python -m tests.adapters.postgres.racer <url> …`.

It is told its commands in a line, says `ready`, waits for a line, and then tells in another what became of each.
"""

import asyncio
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

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
    """Another process, and what it is to do."""

    def __init__(self, url: str, ledger: LedgerAddress, commands: Sequence[Command], at_once: int) -> None:
        self._arguments = (url, str(ledger.organisation_id), ledger.slug, str(at_once))
        self._commands = commands
        self._process: asyncio.subprocess.Process | None = None

    async def get_ready(self) -> None:
        """Start it, and return when it waits for the start."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.adapters.postgres.racer", *self._arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            limit=2**24,
        )
        await self._say(pickle.dumps(list(self._commands)).hex())
        assert await self._hear() == "ready"

    async def run(self) -> list[str]:
        """Let it go, and return what became of each command: `done`, or the code of the refusal."""
        assert self._process is not None
        await self._say("go")
        answers = (await self._hear()).split()
        assert await self._process.wait() == 0
        assert len(answers) == len(self._commands)
        return answers

    async def stop(self) -> None:
        """End it, if it has not ended."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _say(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def _hear(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()


async def race(
    url: str, ledger: LedgerAddress, *of_processes: Sequence[Command], at_once: int = TAKING_TURNS
) -> list[list[str]]:
    """Let processes submit their commands at the same time, so many at once; return what became of each."""
    racers = [Racer(url, ledger, commands, at_once) for commands in of_processes]
    try:
        await asyncio.gather(*(racer.get_ready() for racer in racers))
        return list(await asyncio.gather(*(racer.run() for racer in racers)))
    finally:
        await asyncio.gather(*(racer.stop() for racer in racers))


async def submit(journal: Journal, ledger: LedgerAddress, command: Command) -> str:
    """Submit the command, and return what became of it."""
    by = principal(organisation_id=ledger.organisation_id)
    try:
        await journal.submit(by, ledger.slug, command, request_id="req_race")
    except DomainError as refusal:
        return refusal.code
    return DONE


async def main(url: str, organisation_id: str, slug: str, at_once: str) -> None:
    """Be the other process."""
    ledger = LedgerAddress(int(organisation_id), slug)
    commands = pickle.loads(bytes.fromhex(sys.stdin.readline()))  # noqa: S301 # they come from the test that started this
    engine = journal_engine(url, pool_size=1)
    journal = Journal(PostgresBooks(engine), SystemClock(), TypeIds())
    async with engine.connect():
        print("ready", flush=True)
    sys.stdin.readline()
    answers: list[str] = []
    for first in range(0, len(commands), int(at_once)):
        together = commands[first : first + int(at_once)]
        answers += await asyncio.gather(*(submit(journal, ledger, command) for command in together))
    await journal.close()
    await engine.dispose()
    print(*answers, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
