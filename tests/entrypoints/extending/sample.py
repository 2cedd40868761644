"""An extension that adds something of every kind, for the tests."""

import asyncio
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO, Annotated, Any, ClassVar

import strawberry
import typer
from fastapi import APIRouter
from pydantic import BaseModel, SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from application.extensions.ports import Happened
from application.interchange.export_ledger import LedgerFormat
from application.interchange.foreign_formats import ForeignFormat
from application.interchange.formats import FileType
from application.interchange.found import Found, FoundEntry, FoundTransaction, Remark
from application.ledger.readers import StoredEvent
from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.policy import BooksSeen, PostingPolicy, Proposal
from domain.ledger.posting import post
from domain.ledger.scope import AccountAsset, Scope
from domain.ledger.transaction import Direction, EntryDraft, TransactionDraft
from domain.shared.access import Permission, Principal
from domain.shared.errors import DomainError, ErrorKind
from entrypoints.cli.extensions import with_services
from entrypoints.extending import EventHandler, Extension, ExtensionServices, LedgerJob
from entrypoints.http.dependencies import CallerDependency, DryRun, Key, StrictRoute
from entrypoints.http.extending import services_for
from entrypoints.http.graphql.asking import Info
from entrypoints.schemas.forms import Form

BANK, GIFTS = "assets:bank", "income:gifts"


class SampleSettings(BaseModel):
    """What the sample can be told."""

    fee: str = "0.10"
    token: SecretStr | None = None


class NotToday(DomainError):
    """The sample does not want it today, whatever it is: try tomorrow."""

    code = "sample-not-today"
    kind = ErrorKind.REFUSED
    title = "Not today"


@dataclass(frozen=True, slots=True)
class Give:
    """Give an amount to the bank."""

    permission: ClassVar = Permission.TRANSACTIONS_POST
    size: ClassVar = 2
    id: str
    amount: str

    @property
    def draft(self) -> TransactionDraft:
        """Return what is posted."""
        entries = (
            EntryDraft(BANK, Direction.DEBIT, self.amount, "EUR"),
            EntryDraft(GIFTS, Direction.CREDIT, self.amount, "EUR"),
        )
        return TransactionDraft(self.id, entries, description="gift")

    def scope(self) -> Scope:
        return Scope.of_entries(self.draft.touches(), None)

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        return post(book, self.draft, now)


class SamplePolicy(PostingPolicy):
    """Refuses what is described as bad, and takes a fee of what is described as dear."""

    def __init__(self, settings: SampleSettings) -> None:
        self._fee = settings.fee

    def scope(self, touched: Collection[AccountAsset]) -> Scope:
        return Scope.of_entries([("income:fees", "EUR"), (BANK, "EUR")], None)

    def added(self, proposal: Proposal, books: BooksSeen) -> Sequence[EntryDraft]:
        if proposal.description != "dear":
            return ()
        return (
            EntryDraft(BANK, Direction.DEBIT, self._fee, "EUR"),
            EntryDraft("income:fees", Direction.CREDIT, self._fee, "EUR"),
        )

    def check(self, proposal: Proposal, books: BooksSeen) -> None:
        if proposal.description == "bad":
            raise NotToday("The sample has seen through it.")
        if proposal.description == "buggy":
            raise RuntimeError("the sample has a bug")


told: list[tuple[int, str, int, str]] = []
failing: set[str] = set()
news = asyncio.Event()


async def tell(services: ExtensionServices, event: Happened) -> None:
    """Remember the event, unless a test wants it to fail."""
    if event.type in failing:
        raise RuntimeError("the sample was told to fail")
    told.append((event.ledger.organisation_id, event.ledger.slug, event.sequence, event.type))
    news.set()


done: list[tuple[str, str, datetime]] = []


async def give_daily(services: ExtensionServices, principal: Principal, ledger: str, period: datetime) -> None:
    """Give 0.01 to each ledger."""
    done.append((principal.actor, ledger, period))
    if "hang" in failing:
        await asyncio.Event().wait()
    if "job" in failing:
        raise RuntimeError("the sample was told to fail")
    request_id = services.ids.new("req")
    await services.journal.submit(principal, ledger, Give(services.ids.new("txn"), "0.01"), request_id=request_id)


class GiftIn(Form):
    """A gift."""

    amount: str


class Counts:
    """Reads what the core has no reader for."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection

    async def entries(self) -> int:
        """Return how many entries there are in all ledgers that the connection sees."""
        return int((await self._connection.execute(text("SELECT count(*) FROM entries"))).scalar_one())


router = APIRouter(route_class=StrictRoute, tags=["sample"])
Services = Annotated[ExtensionServices, services_for("sample")]


@router.get("/entries", summary="Count entries")
async def count_entries(ledger: str, who: CallerDependency, services: Services) -> dict[str, int]:
    assert services.own is not None
    async with services.own.read(who.principal, Permission.REPORTS_READ, ledger=ledger) as reads:
        return {"entries": await reads.entries()}


@router.post("/gifts", status_code=201, summary="Give")
async def give(
    ledger: str, gift: GiftIn, key: Key, who: CallerDependency, response: Response, dry_run: DryRun = False
) -> dict[str, int | None]:
    command = Give(who.services.ids.new("txn"), gift.amount)
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    return {"sequence": outcome.sequence}


@router.get("/bug", summary="Fail")
async def bug(ledger: str) -> None:
    raise RuntimeError("the sample has a bug")


@strawberry.type
class SampleQuery:
    """What it adds to what can be asked."""

    @strawberry.field
    async def sample_entries(self, info: Info, ledger: str) -> int:
        async with info.context.view(Permission.REPORTS_READ, ledger) as reads:
            return len(await reads.events.events(ledger, after=0, limit=500))

    @strawberry.field
    def sample_bug(self) -> int | None:
        raise RuntimeError("the sample has a bug")


@strawberry.type
class SampleMutation:
    """What it adds to what can be changed."""

    @strawberry.mutation
    async def give_gift(self, info: Info, ledger: str, amount: str) -> int | None:
        who = info.context.who
        outcome = await who.do(ledger, Give(who.services.ids.new("txn"), amount), Response())
        return outcome.sequence


class CountingFormat(LedgerFormat):
    """Writes how many events there are."""

    def __init__(self) -> None:
        self._count = 0

    def events(self, events: Sequence[StoredEvent]) -> bytes:
        self._count += len(events)
        return b""

    def end(self) -> bytes:
        return b"%d events\n" % self._count


left = threading.Event()


class SampleFile:
    """Finds one remark in any file, in one that says so a gift, and in another no end; unless it says it has a bug."""

    def read(self, file: IO[bytes]) -> Iterator[Found]:
        yield Remark("line 1", "it begins")
        content = file.read()
        if b"bug" in content:
            raise RuntimeError("the sample has a bug")
        try:
            while b"endless" in content:
                yield Remark("line 2", "it goes on")
        finally:
            left.set()
        if b"gift" in content:
            entries = (FoundEntry(BANK, Decimal(5), "EUR"), FoundEntry(GIFTS, Decimal(-5), "EUR"))
            yield FoundTransaction("line 2", "gift-1", datetime(2026, 1, 1, tzinfo=UTC), "a gift", entries)


command_line = typer.Typer(help="The sample's commands.")


@command_line.command()
def give_from_here(amount: str, ledger: str = "main") -> None:
    """Give an amount."""

    async def do(services: ExtensionServices, principal: Principal) -> Any:
        command = Give(services.ids.new("txn"), amount)
        return await services.journal.submit(principal, ledger, command, request_id=services.ids.new("req"))

    typer.echo(f"Given, at the sequence {with_services('sample', do).sequence}.")


@command_line.command()
def show() -> None:
    """Show nothing much."""
    typer.echo("This is the sample.")


extension = Extension(
    name="sample",
    settings=SampleSettings,
    commands=(Give,),
    policies=(SamplePolicy,),
    handlers=(EventHandler("listener", tell), EventHandler("gifts", tell, frozenset({"period.closed"}))),
    jobs=(LedgerJob("giving", give_daily, frozenset({Permission.TRANSACTIONS_POST})),),
    routes=(router,),
    queries=(SampleQuery,),
    mutations=(SampleMutation,),
    reader=Counts,
    command_line=command_line,
    import_formats=(ForeignFormat("sample", "Sample", ("text/x-sample",), lambda options, time_zone: SampleFile()),),
    export_formats={"count": FileType("txt", "text/plain", CountingFormat)},
)
