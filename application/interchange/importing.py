"""Importing files of other programs: read as a whole first, then shown, posted here, or handed to a job."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import IO, Final

from application.interchange.already_there import AlreadyThere, with_already_there
from application.interchange.foreign_formats import ForeignFormat, ForeignFormats, Options
from application.interchange.found import FoundAccount, Remark
from application.interchange.found_lines import account_line, asset_line, command_of, place_of
from application.interchange.import_job import parts_of
from application.interchange.import_transactions import Parse
from application.interchange.journal_destination import refusal_of, stops
from application.interchange.listed import Listed
from application.interchange.read_foreign_file import Progress, ReadFile, read_foreign_file, untold
from application.interchange.rehearsal import Expected, Rehearsal, WouldRefuse
from application.interchange.transaction_lines import Lines
from application.jobs.ports import JobPart
from application.ledger.journal import Journal
from application.ledger.ports import Books, Command, LedgerAddress, Outcome
from application.shared.ports import Clock, Ids
from domain.ledger.account import Account
from domain.ledger.events import TransactionPosted
from domain.ledger.policy import PolicyInForce
from domain.ledger.scope import Scope
from domain.shared.access import Permission, Principal, Reach
from domain.shared.errors import DomainError, ValidationFailed

# As many as an import has on its way at a time.
_LINES_AT_ONCE: Final = 250
# About a thousand entries.
_BYTES_AT_ONCE: Final = 96 * 1024
_NAMES_AT_ONCE: Final = 1_000
_READ_AT_A_TIME: Final = 2


@dataclass(slots=True)
class Prepared:
    """A file that was read: what it comes to, and the lines that do it, which can be gone through again and again.

    `steps` register assets and open accounts that the ledger does not have.
    """

    read: ReadFile
    steps: Sequence[bytes]
    transactions: IO[bytes]

    @property
    def total(self) -> int:
        """Return how many lines there are."""
        return len(self.steps) + self.read.transactions

    def lines(self) -> Iterator[bytes]:
        """Yield them from the beginning."""
        return chain(*self.stages())

    def stages(self) -> Sequence[Iterable[bytes]]:
        """Return them from the beginning: first those on which the others rely, and then these."""
        self.transactions.seek(0)
        return (self.steps, self.transactions)

    def parts(self) -> Iterator[JobPart]:
        """Yield them from the beginning, as parts of a job."""
        return parts_of(_Readable(self.lines()))


@dataclass(frozen=True, slots=True)
class _Readable(Lines):
    """Lines as a file gives them; none of them is longer than a line of a job may be."""

    lines: Iterator[bytes]

    def readline(self, limit: int, /) -> bytes:
        return next(self.lines, b"")


@dataclass(slots=True)
class Imported:
    """What became of a file. `stopped` says why it ended early."""

    posted: int = 0
    already_there: int = 0
    opened: int = 0
    refused: Listed[WouldRefuse] = field(default_factory=Listed)
    stopped: str | None = None


class Importing:
    """Reads files of the formats there are; two at a time in this process, as that takes a processor each."""

    def __init__(
        self,
        formats: ForeignFormats,
        books: Books,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        parse: Parse,
        policies: Sequence[PolicyInForce] = (),
    ) -> None:
        """The policies are those that the journal asks."""
        self.formats = formats
        self._books = books
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._parse = parse
        self._policies = policies
        self._turn = asyncio.Semaphore(_READ_AT_A_TIME)

    async def prepare(
        self,
        principal: Principal,
        slug: str,
        foreign: ForeignFormat,
        options: Options,
        file: IO[bytes],
        transactions: IO[bytes],
        progress: Progress = untold,
    ) -> Prepared:
        """Read a file, for a ledger, and write its transactions as lines; both files can be read again.

        Progress is told in bytes.

        Raises `PermissionDenied`, `LedgerNotFound`, `ValidationFailed` for options, for what cannot be a file of any
        format, and for names that come to the path of another account, `StoreUnavailable`.
        """
        reach = principal.reach_of_writing(Permission.TRANSACTIONS_POST, slug)
        address = LedgerAddress(principal.organisation_id, slug)
        async with self._books.snapshot(address) as snapshot:
            time_zone = (await snapshot.load(Scope())).settings.time_zone
        reader = foreign.reader(options, time_zone)
        async with self._turn:
            read = await read_foreign_file(reader, file, transactions, progress)
        return Prepared(read, await self._steps(address, read, reach), transactions)

    async def preview(
        self, principal: Principal, slug: str, prepared: Prepared, progress: Progress = untold
    ) -> Expected:
        """Return what would become of a file if it was posted now. Raises `LedgerNotFound`, `StoreUnavailable`.

        Progress is told in lines.
        """
        done = 0
        rehearsal = Rehearsal(self._books, self._clock, self._ids, self._parse, principal, slug, self._policies)
        async with self._turn:
            for some in _batches(prepared.lines()):
                await rehearsal.try_lines(some)
                done += len(some)
                progress(done, prepared.total)
        return rehearsal.expected

    async def post(
        self, principal: Principal, slug: str, prepared: Prepared, *, request_id: str, progress: Progress
    ) -> Imported:
        """Post what was read, in order, and return what became of it. Progress is told in lines."""
        imported, done = Imported(), 0
        for stage in prepared.stages():
            lines = iter(stage)
            while imported.stopped is None and (some := list(islice(lines, _LINES_AT_ONCE))):
                await self._post(principal, slug, some, imported, request_id)
                done += len(some)
                progress(done, prepared.total)
        return imported

    async def _post(
        self, principal: Principal, slug: str, lines: Sequence[bytes], imported: Imported, request_id: str
    ) -> None:
        places: list[str] = []
        commands: list[Command | None] = []
        answers: list[asyncio.Future[Outcome]] = []
        for line in lines:
            document, command = self._parse(line), None
            places.append(place_of(document))
            try:
                command = command_of(document, self._ids)
                answer = self._journal.enqueue(principal, slug, command, is_bulk=True, request_id=request_id)
            except DomainError as refusal:
                answer = asyncio.get_running_loop().create_future()
                answer.set_exception(refusal)
            commands.append(command)
            answers.append(answer)
            if answer.done() and stops(answer.exception()):
                break
        outcomes = await asyncio.gather(*answers, return_exceptions=True)
        address = LedgerAddress(principal.organisation_id, slug)
        told = await with_already_there(self._books, address, commands, outcomes, self._policies)
        for place, outcome in zip(places, told, strict=True):
            _take(imported, place, outcome)

    async def _steps(self, address: LedgerAddress, read: ReadFile, reach: Reach) -> list[bytes]:
        """Return the lines for assets and accounts that the ledger does not have.

        Of accounts beyond the reach nothing is told: what has them is refused when it is posted.
        """
        steps: list[bytes] = []
        codes, paths = list(read.assets), [path for path in read.accounts if reach.covers(path)]
        for first in range(0, len(codes), _NAMES_AT_ONCE):
            some = codes[first : first + _NAMES_AT_ONCE]
            async with self._books.snapshot(address) as snapshot:
                assets = (await snapshot.load(Scope(assets=some))).assets
            steps += [asset_line(read.assets[code]) for code in some if code not in assets]
        for first in range(0, len(paths), _NAMES_AT_ONCE):
            some = paths[first : first + _NAMES_AT_ONCE]
            async with self._books.snapshot(address) as snapshot:
                accounts = (await snapshot.load(Scope(accounts=some))).accounts
            for path in some:
                found, known = read.accounts[path], accounts.get(path)
                if known is None:
                    steps.append(account_line(found))
                    continue
                _require_same_name(found, known)
                if found.type not in (None, known.type):
                    is_here = f"The account {path} is of the type {known.type.value} here, and stays so."
                    read.remarks.add(Remark(found.place, is_here))
        return steps


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines, as many at a time as others wait for without noticing."""
    some: list[bytes] = []
    size = 0
    for line in lines:
        if some and (len(some) == _LINES_AT_ONCE or size + len(line) > _BYTES_AT_ONCE):
            yield some
            some, size = [], 0
        some.append(line)
        size += len(line)
    if some:
        yield some


def _require_same_name(found: FoundAccount, known: Account) -> None:
    """Return if the path was not made of another name in an earlier file; else raise `ValidationFailed`."""
    name = found.metadata.get("name")
    other = known.metadata.get("name", name)
    if name is not None and other != name:
        raise ValidationFailed(
            f"{found.place}: the path of {name!r} would be {found.path}, which is the account {other!r} here. Give it "
            "another name in the file."
        )


def _take(imported: Imported, place: str, outcome: Outcome | AlreadyThere | BaseException) -> None:
    if isinstance(outcome, AlreadyThere):
        imported.already_there += 1
        return
    if isinstance(outcome, Outcome):
        if any(isinstance(each.event, TransactionPosted) for each in outcome.applied):
            imported.posted += 1
        else:
            imported.opened += 1
        return
    refusal = refusal_of(outcome)
    assert refusal is not None, "an error is a refusal, or was raised"
    if refusal.stops:
        imported.stopped = imported.stopped or refusal.detail
    else:
        imported.refused.add(WouldRefuse(place, refusal.code, refusal.detail))
