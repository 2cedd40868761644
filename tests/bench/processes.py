"""The processes of a benchmark: the server, and those that measure. None of them outlives it."""

import asyncio
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from adapters.embedded import ServerUrls
from tests.bench.failures import BenchFailed

_ROOT: Final = Path(__file__).resolve().parents[2]
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
_LINE_BYTES_MAX: Final = 1024 * 1024
_LOG_CHARACTERS_SHOWN: Final = 2_000

Result = TypeVar("Result")
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Server:
    """A server process, as `partita serve` runs it."""

    port: int
    process_id: int

    def resident_bytes(self) -> int:
        """Return how much memory it holds now."""
        with suppress(OSError):
            return int(Path(f"/proc/{self.process_id}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process_id)], capture_output=True, check=True)
        return int(told.stdout) * 1024

    def cpu_seconds(self) -> float:
        """Return the processor time that it has taken so far."""
        fields = Path(f"/proc/{self.process_id}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def server(
    urls: ServerUrls, folder: Path, settings: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Server]:
    """Run `partita serve` on a free port of 127.0.0.1, and stop it afterwards; what is not set is as by default."""
    environment = _environment() | {
        "DATABASE_URL": urls.database_url,
        "REDIS_URL": urls.redis_url,
        "PARTITA_DATA_DIR": str(folder),
        **settings,
    }
    command = [str(Path(sys.executable).with_name("partita")), "serve", "--host", "127.0.0.1", "--port", "0"]
    async with _running([sys.executable, *command], folder / "server.log", environment) as process:
        port = None
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                port = await _port_told(process)
        if port is None:
            raise BenchFailed(f"The server did not start.\n{_tail(folder / 'server.log')}")
        yield Server(port, process.pid)


async def _port_told(process: Process) -> int | None:
    """Return the port that a server says it serves at, or None where it ends without."""
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        _, is_told, url = line.partition(" serves at ")
        if is_told:
            return urlsplit(url.strip()).port
    return None


@contextmanager
def receiver() -> Iterator[str]:
    """Run what takes any request and answers at once, and return where it is."""
    command = [sys.executable, "-m", "tests.bench.receiver"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


class Worker:
    """A process that measures, as the benchmark sees it."""

    def __init__(self, process: Process, module: str, log: Path) -> None:
        self._process = process
        self._module = module
        self._log = log

    async def ready(self) -> None:
        """Wait until it is ready to begin."""
        while "ready" not in await self._told():
            pass

    async def measure(self, result_type: type[Result], progress: Progress | None = None) -> Result:
        """Let it begin; return what it measured. Raises `BenchFailed`."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        while "result" not in (message := await self._told()):
            if progress is not None:
                progress(message["done"])
        return TypeAdapter(result_type).validate_python(message["result"])

    async def _told(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise BenchFailed(f"{self._module} ended without a result.\n{_tail(self._log)}")
        message: dict[str, Any] = json.loads(line)
        if "failure" in message:
            raise BenchFailed(message["failure"])
        return message


@asynccontextmanager
async def worker(module: str, order: Any, folder: Path) -> AsyncIterator[Worker]:
    """Run a module of this package in a process of its own, with the order, a dataclass; end it afterwards."""
    log = folder / f"{module}.log"
    async with _running([sys.executable, "-m", f"tests.bench.{module}"], log, _environment()) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(dataclasses.asdict(order)).encode() + b"\n")
        measuring = Worker(process, module, log)
        await measuring.ready()
        yield measuring


async def measured(
    module: str, order: Any, folder: Path, result_type: type[Result], progress: Progress | None = None
) -> Result:
    """Let a module measure, and return its result. Raises `BenchFailed`."""
    async with worker(module, order, folder) as measuring:
        return await measuring.measure(result_type, progress)


@asynccontextmanager
async def _running(command: list[str], log: Path, environment: dict[str, str]) -> AsyncIterator[Process]:
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *_ends_with_us(),
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=_ROOT,
            env=environment,
            limit=_LINE_BYTES_MAX,
            # Ctrl-C is for the benchmark, which then ends its processes in their order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except (TimeoutError, asyncio.CancelledError):
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _ends_with_us() -> list[str]:
    """Return what makes the kernel end a process when this one is killed, where there is such a thing."""
    found = shutil.which("setpriv") if sys.platform == "linux" else None
    return [] if found is None else [found, "--pdeathsig", "TERM", "--"]


def _environment() -> dict[str, str]:
    """Return this process's environment without settings of Partita: what is measured are the defaults."""
    ours = ("PARTITA_", "DATABASE_URL", "REDIS_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-_LOG_CHARACTERS_SHOWN:]
