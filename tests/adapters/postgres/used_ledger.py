"""A ledger that was in use in every way there is, and whose it is."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.rebuild import PostgresRebuilding
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from application.ledger.archive_account import ArchiveAccount, RestoreAccount
from application.ledger.attach import AddAttachment, RemoveAttachment
from application.ledger.change_account import ChangeAccount
from application.ledger.change_ledger import ChangeLedger
from application.ledger.change_transaction import ChangeTransaction
from application.ledger.close_period import ClosePeriod, ReopenPeriod
from application.ledger.expire_holds import ExpireHolds
from application.ledger.freeze_account import FreezeAccount, UnfreezeAccount
from application.ledger.freeze_ledger import FreezeLedger, UnfreezeLedger
from application.ledger.journal import Journal
from application.ledger.open_account import OpenAccount
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import Command, LedgerAddress, Outcome
from application.ledger.post_transaction import PostTransaction
from application.ledger.rebuild import Rebuilt
from application.ledger.register_asset import RegisterAsset
from application.ledger.resolve_holds import CaptureHold, ReleaseHold
from application.ledger.reverse_transactions import ReverseTransaction
from application.ledger.set_chart import RuleDraft, SetChart
from domain.ledger.account import AccountType
from domain.ledger.attachment import Attachment, Subject, SubjectKind
from domain.ledger.closing import ClosingDraft
from domain.ledger.hold import CaptureDraft, HoldDraft, ReleaseDraft
from domain.ledger.limit import LimitDraft
from domain.ledger.posted import ReversalDraft
from domain.ledger.transaction import EntryDraft
from domain.shared.access import Principal
from domain.shared.errors import ValidationFailed
from domain.shared.patterns import Pattern
from tests.builders import NOW, credit, debit, draft, payment

CLOCK, IDS = SystemClock(), TypeIds()


@dataclass
class Office:
    """An organisation with a ledger that was in use, the server it uses, and the superuser of its database."""

    principal: Principal
    slug: str
    journal_engine: AsyncEngine
    rebuilding: PostgresRebuilding
    superuser: "asyncpg.Connection[asyncpg.Record]"

    def __post_init__(self) -> None:
        self.journal = self.another_server()

    @property
    def address(self) -> LedgerAddress:
        return LedgerAddress(self.principal.organisation_id, self.slug)

    def another_server(self) -> Journal:
        """A journal that remembers nothing of the ledger."""
        return Journal(PostgresBooks(self.journal_engine), CLOCK, IDS)

    async def do(self, command: Command, journal: Journal | None = None) -> Outcome:
        return await (journal or self.journal).submit(self.principal, self.slug, command, request_id="req_1")

    async def rebuild(self, *, replace: bool = False) -> Rebuilt:
        return await self.rebuilding.rebuild(self.address, replace=replace)

    async def tamper(self, statement: str, **names: str) -> int:
        """Do as a superuser can, with `{ledger}` for the ledger's number; return how many rows were hit."""
        ledger_id = await self.superuser.fetchval(
            "SELECT id FROM ledgers WHERE organisation_id = $1 AND slug = $2", self.principal.organisation_id, self.slug
        )
        return int((await self.superuser.execute(statement.format(ledger=ledger_id, **names))).rpartition(" ")[2])


async def use(office: Office) -> None:
    """Use the ledger in every way there is."""
    await office.do(SetChart((RuleDraft(Pattern("wallets:*"), AccountType.LIABILITY),)))
    await office.do(RegisterAsset("POINTS", 2))
    await office.do(RegisterAsset("POINTS", 3, replaces=True))
    await office.do(OpenAccount("expenses:fees", metadata={"team": "ops"}))
    await office.do(ChangeAccount("expenses:fees", None, {"team": "finance", "note": "ä"}))
    await office.do(ChangeLedger(None, name="Renamed", metadata={"k": "v"}))
    await asyncio.gather(
        *[office.do(PostTransaction(payment("12.50", reference=f"sale-{number}"))) for number in range(30)]
    )
    points = draft(
        debit("wallets:42", "0.125", "POINTS"),
        credit("equity:points", "0.100", "POINTS"),
        credit("equity:points", "0.025", "POINTS"),
        debit("expenses:fees", "0.01"),
        credit("assets:bank", "0.01"),
        metadata={"order": "1"},
    )
    await office.do(PostTransaction(points))
    await office.do(ChangeTransaction(points.id, None, {"order": "2"}))
    # On two accounts; on each, the first 32 late entries are a block.
    await asyncio.gather(*[office.do(backdated(number)) for number in range(35)])

    await use_accounts(office)
    await use_holds(office)
    await use_periods(office)
    await use_attachments(office)


def backdated(day: int) -> PostTransaction:
    """A posting of one cent on a day of the past."""
    effective_at = NOW - timedelta(days=400 + day * 17 % 35)
    return PostTransaction(
        draft(debit("assets:bank", "0.01"), credit("income:sales", "0.01"), effective_at=effective_at)
    )


def fee(cents: int, *, at: datetime | None = None, id: str | None = None) -> PostTransaction:
    """A fee that comes into the vault."""
    return PostTransaction(draft(*_fee(cents), effective_at=at, id=id))


def _fee(cents: int) -> tuple[EntryDraft, EntryDraft]:
    amount = f"0.{cents:02}"
    return debit("assets:vault", amount), credit("income:fees", amount)


async def use_accounts(office: Office) -> None:
    """Limit, freeze, archive: 13 events."""
    limited = RuleDraft(Pattern("wallets:*"), AccountType.LIABILITY, (LimitDraft("EUR", "0"), LimitDraft("JPY")))
    await office.do(SetChart((limited,)))  # and registers the yen
    await office.do(OpenAccount("wallets:7", limits=(LimitDraft("EUR", "-5.00", "500.00"),)))
    await office.do(ChangeAccount("wallets:7", None, {"a": "1"}, (LimitDraft("POINTS", None, "0.125"),)))
    await office.do(FreezeAccount("wallets:7", "why"))
    await office.do(UnfreezeAccount("wallets:7", "why"))
    await office.do(OpenAccount("assets:old"))
    await office.do(FreezeAccount("assets:old", "why"))
    await office.do(ArchiveAccount("assets:old", None, "why"))
    await office.do(RestoreAccount("assets:old", "why"))
    await office.do(ArchiveAccount("assets:old", None, "why"))
    await office.do(FreezeLedger("why"))
    await office.do(UnfreezeLedger("why"))


async def use_holds(office: Office) -> None:
    """Hold and reverse: 16 events."""
    sold = IDS.new("txn")
    await office.do(fee(90, id=sold))  # and opens 2 accounts
    first, second, third, last = [IDS.new("hold") for _ in range(4)]
    for id in (first, second, last):
        later = CLOCK.now() + timedelta(days=400) if id is last else None
        await office.do(PlaceHold(HoldDraft(id, _fee(50), later, reference=id, metadata={"a": "1"})))
    await office.do(CaptureHold(CaptureDraft(IDS.new("txn"), first, _fee(20))))
    await office.do(CaptureHold(CaptureDraft(IDS.new("txn"), first, _fee(10), is_final=True)))
    await office.do(CaptureHold(CaptureDraft(IDS.new("txn"), second, _fee(30))))
    await office.do(ReleaseHold(ReleaseDraft(second, "why")))
    await office.do(CaptureHold(CaptureDraft(IDS.new("txn"), last, _fee(7))))
    back = IDS.new("txn")
    await office.do(ReverseTransaction(ReversalDraft(back, sold, _fee(60))))
    await office.do(ReverseTransaction(ReversalDraft(IDS.new("txn"), back)))
    await office.do(ReverseTransaction(ReversalDraft(IDS.new("txn"), sold, _fee(1))))
    await place_briefly(office, third)
    await office.do(ExpireHolds())


async def place_briefly(office: Office, id: str) -> None:
    """Place a hold, and return when it is due: soon, though not before it is placed, however slow the machine is."""
    for seconds in (0.02, 0.2, 2, 20):
        expires_at = CLOCK.now() + timedelta(seconds=seconds)
        with suppress(ValidationFailed):
            await office.do(PlaceHold(HoldDraft(id, _fee(50), expires_at)))
            await asyncio.sleep(max(0.0, (expires_at - CLOCK.now()).total_seconds()) + 0.001)
            return


async def use_periods(office: Office) -> None:
    """Close, reopen, close again: 8 events."""
    today = datetime.combine(CLOCK.now().date(), datetime.min.time(), UTC)
    for cents in (11, 4):
        await office.do(fee(cents, at=today - timedelta(hours=1)))
        id, transactions = IDS.new("prd"), (IDS.new("txn"), IDS.new("txn"))
        closing = ClosingDraft(id, today.date(), today, "why", "equity:result", transactions)
        # The first time, the equity account is opened; the second time, by a server that knows nothing of it.
        await office.do(ClosePeriod(closing), office.another_server())
        if cents == 11:
            await office.do(ReopenPeriod(id, "why"))


async def use_attachments(office: Office) -> None:
    """Attach two files, and take one away by a server that knows nothing of it: 3 events."""
    subject = Subject(SubjectKind.ACCOUNT, "assets:bank")
    one, other = [Attachment(IDS.new("att"), subject, "a.pdf", "application/pdf", 3, bytes(32)) for _ in range(2)]
    await office.do(AddAttachment(one))
    await office.do(AddAttachment(other))
    await office.do(RemoveAttachment(one.id, subject, 1, "why"), office.another_server())
