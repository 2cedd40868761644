"""What each command does in each state: found out by doing it. `python -m tests.docs.semantics` writes the page anew.

Every cell of a table is run on books of its own, in memory: first what brings the state about, then the command.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from adapters.memory.clock import START
from application.ledger.archive_account import ArchiveAccount, RestoreAccount
from application.ledger.archive_ledger import ArchiveLedger, RestoreLedger
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
from application.ledger.ports import Command, LedgerAddress
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.ledger.register_asset import RegisterAsset
from application.ledger.resolve_holds import CaptureHold, ReleaseHold, ResolveHolds
from application.ledger.reverse_transactions import ReverseAtomically, ReverseTransaction
from application.ledger.set_chart import RuleDraft, SetChart
from domain.ledger.account import AccountType
from domain.ledger.attachment import Attachment, Subject, SubjectKind
from domain.ledger.closing import ClosingDraft
from domain.ledger.events import LedgerCreated
from domain.ledger.hold import CaptureDraft, HoldDraft, ReleaseDraft
from domain.ledger.limit import LimitDraft
from domain.ledger.posted import ReversalDraft
from domain.ledger.transaction import Direction, TransactionDraft
from domain.shared.errors import DomainError
from domain.shared.patterns import Pattern
from tests.accounting import move
from tests.builders import AUTHOR, principal
from tests.docs.pages import ROOT

PAGE: Final = ROOT / "docs" / "semantics.md"
MAIN: Final = LedgerAddress(1, "main")
BANK, ANA, BEN, SALES, RESULT = "assets:bank", "users:ana", "users:ben", "income:sales", "equity:result"
IN, SALE, BACK = "txn_in", "txn_sale", "txn_back"
HOLD, OTHER_HOLD = "hold_1", "hold_2"
DEBIT, CREDIT = frozenset([Direction.DEBIT]), frozenset([Direction.CREDIT])
DAY: Final = timedelta(days=1)
TRIED: Final[set[type]] = set()  # the commands that the tables are about
NOTHING_HAPPENS: Final = "allowed, no event"

Ask = Callable[["Books"], Command]
State = Callable[["Books"], Awaitable[None]]  # what brings it about
Commands = Mapping[str, Ask]
States = Mapping[str, State]


class Books:
    """A ledger, and short ways to ask for things in it."""

    def __init__(self) -> None:
        self.clock, self.ids = ManualClock(), CountedIds()
        books = MemoryBooks(self.clock, self.ids)
        books.create(MAIN, LedgerCreated("Main", "UTC"), AUTHOR)
        self.journal = Journal(books, self.clock, self.ids)

    async def do(self, *commands: Command) -> None:
        """Bring something about."""
        for command in commands:
            await self.journal.submit(principal(), MAIN.slug, command, request_id="req_1")

    async def found(self, command: Command) -> str:
        """Return what becomes of the command."""
        TRIED.add(type(command))
        try:
            outcome = await self.journal.submit(principal(), MAIN.slug, command, request_id="req_1")
        except DomainError as refusal:
            return f"`{refusal.code}`"
        return "allowed" if outcome.applied else NOTHING_HAPPENS

    def drafted(self, giver: str, taker: str, cents: int = 100, at: datetime | None = None) -> TransactionDraft:
        return TransactionDraft(self.ids.new("txn"), move(giver, taker, cents), effective_at=at)

    def post(
        self, giver: str, taker: str, cents: int = 100, at: datetime | None = None, id: str | None = None
    ) -> PostTransaction:
        draft = self.drafted(giver, taker, cents, at)
        return PostTransaction(TransactionDraft(id or draft.id, draft.entries, effective_at=at))

    def place(
        self, giver: str, taker: str, cents: int = 100, id: str = OTHER_HOLD, expires_at: datetime | None = None
    ) -> PlaceHold:
        return PlaceHold(HoldDraft(id, move(giver, taker, cents), expires_at))

    def capture(self, cents: int | None = None, at: datetime | None = None, is_final: bool = False) -> CaptureHold:
        entries = () if cents is None else move(ANA, BEN, cents)
        return CaptureHold(CaptureDraft(self.ids.new("txn"), HOLD, entries, is_final, at))

    def reverse(
        self, of: str = IN, *, at_original_time: bool = False, is_forced: bool = False, cents: int | None = None
    ) -> ReverseTransaction:
        giver, taker = (ANA, BANK) if of == BACK else (BANK, ANA)
        entries = () if cents is None else move(giver, taker, cents)
        draft = ReversalDraft(self.ids.new("txn"), of, entries, at_original_time)
        return ReverseTransaction(draft, is_forced)

    def close(self, until: datetime, *, to: str | None = None, id: str = "prd_2") -> ClosePeriod:
        return ClosePeriod(ClosingDraft(id, until.date(), until, "", to, (self.ids.new("txn"), self.ids.new("txn"))))


TODAY: Final = START.replace(hour=0)
EARLIER: Final = TODAY - 10 * DAY


async def nothing(books: Books) -> None:
    """Leave the books as they are."""


async def in_use(books: Books) -> None:
    """Ten euros were paid in by Ana, and one is held for Ben; sales were made; there are accounts for all of that."""
    await books.do(OpenAccount(ANA, AccountType.LIABILITY), OpenAccount(BEN, AccountType.LIABILITY))
    await books.do(books.post(BANK, ANA, 1_000, START - 5 * DAY, IN), books.place(ANA, BEN, 100, HOLD))
    await books.do(books.post(BANK, SALES, 500, START - 5 * DAY, SALE), OpenAccount(RESULT))


async def emptied(books: Books) -> None:
    """Everything that `in_use` brought is gone."""
    await books.do(ReleaseHold(ReleaseDraft(HOLD)), books.post(ANA, BANK, 1_000), books.post(SALES, BANK, 500))


def then(first: State, *asks: Ask) -> State:
    """Bring one thing about, and then others."""

    async def bring_about(books: Books) -> None:
        await first(books)
        for ask in asks:
            await books.do(ask(books))

    return bring_about


async def in_use_no_more(books: Books) -> None:
    """The books were in use, and are empty again."""
    await in_use(books)
    await emptied(books)


async def without_ana(books: Books) -> None:
    """Ana has no account."""
    await books.do(OpenAccount(BEN, AccountType.LIABILITY), books.post(BANK, SALES, 500, START - 5 * DAY, SALE))


def _rule(*limits: LimitDraft) -> SetChart:
    return SetChart((RuleDraft(Pattern("users:*"), AccountType.LIABILITY, limits),))


ACCOUNT_STATES: Final[States] = {
    "open": in_use,
    "frozen for debits": then(in_use, lambda _: FreezeAccount(ANA, "why", DEBIT)),
    "frozen for credits": then(in_use, lambda _: FreezeAccount(ANA, "why", CREDIT)),
    "frozen for both": then(in_use, lambda _: FreezeAccount(ANA, "why")),
    "empty": in_use_no_more,
    "archived": then(in_use_no_more, lambda _: ArchiveAccount(ANA, None, "why")),
    "missing, the chart gives its type": then(without_ana, lambda _: _rule()),
    "missing, no type": without_ana,
}
ACCOUNT_COMMANDS: Final[Commands] = {
    "post a debit": lambda books: books.post(ANA, BEN),
    "post a credit": lambda books: books.post(BANK, ANA),
    "post several, one of them a debit": lambda books: PostAtomically(
        (books.drafted(BANK, SALES), books.drafted(ANA, BEN))
    ),
    "place a hold of a debit": lambda books: books.place(ANA, BEN),
    "capture a debit": lambda books: books.capture(),
    "release a hold": lambda _: ReleaseHold(ReleaseDraft(HOLD)),
    "resolve several holds, capturing a debit": lambda books: ResolveHolds((books.capture().draft,)),
    "reverse a credit": lambda books: books.reverse(),
    "reverse several, one of them a credit": lambda books: ReverseAtomically(
        (books.reverse(SALE).draft, books.reverse().draft)
    ),
    "force the reversal of a credit": lambda books: books.reverse(is_forced=True),
    "open it": lambda _: OpenAccount(ANA, AccountType.LIABILITY),
    "open it without a type": lambda _: OpenAccount(ANA),
    "change it": lambda _: ChangeAccount(ANA, None, {"a": "1"}),
    "limit it": lambda _: ChangeAccount(ANA, None, limits=(LimitDraft("EUR", "0"),)),
    "freeze it": lambda _: FreezeAccount(ANA, "why"),
    "unfreeze it": lambda _: UnfreezeAccount(ANA, "why"),
    "archive it": lambda _: ArchiveAccount(ANA, None, "why"),
    "restore it": lambda _: RestoreAccount(ANA, "why"),
}


def _first_period(books: Books) -> Command:
    return books.close(EARLIER, id="prd_1")


LEDGER_STATES: Final[States] = {
    "open": then(in_use, _first_period),
    "open and empty": then(in_use_no_more, _first_period),
    "frozen": then(in_use, _first_period, lambda _: FreezeLedger("why")),
    "archived": then(in_use_no_more, _first_period, lambda _: ArchiveLedger(None, "why")),
}
LEDGER_COMMANDS: Final[Commands] = {
    "post": lambda books: books.post(BANK, SALES),
    "post several": lambda books: PostAtomically((books.drafted(BANK, SALES), books.drafted(ANA, BEN))),
    "place a hold": lambda books: books.place(ANA, BEN),
    "capture": lambda books: books.capture(),
    "release": lambda _: ReleaseHold(ReleaseDraft(HOLD)),
    "resolve several holds": lambda books: ResolveHolds((books.capture(50).draft, ReleaseDraft(HOLD))),
    "expire holds": lambda _: ExpireHolds(),
    "reverse": lambda books: books.reverse(),
    "reverse several": lambda books: ReverseAtomically((books.reverse().draft, books.reverse(SALE).draft)),
    "change a transaction": lambda _: ChangeTransaction(IN, None, {"a": "1"}),
    "open an account": lambda _: OpenAccount("assets:new"),
    "change an account": lambda _: ChangeAccount(ANA, None, {"a": "1"}),
    "freeze an account": lambda _: FreezeAccount(ANA, "why"),
    "unfreeze an account": lambda _: UnfreezeAccount(ANA, "why"),
    "archive an account": lambda _: ArchiveAccount(ANA, None, "why"),
    "restore an account": lambda _: RestoreAccount(ANA, "why"),
    "register an asset": lambda _: RegisterAsset("POINTS", 3),
    "set the chart": lambda _: _rule(),
    "close a period": lambda books: books.close(TODAY),
    "close a period, results to equity": lambda books: books.close(TODAY, to=RESULT),
    "reopen a period": lambda _: ReopenPeriod("prd_1", "why"),
    "change the ledger": lambda _: ChangeLedger(None, "Other"),
    "freeze the ledger": lambda _: FreezeLedger("why"),
    "unfreeze the ledger": lambda _: UnfreezeLedger("why"),
    "archive the ledger": lambda _: ArchiveLedger(None, "why"),
    "restore the ledger": lambda _: RestoreLedger("why"),
}

# Each names a time; the state is what that time is in.
TIME_STATES: Final[Mapping[str, tuple[timedelta, bool]]] = {
    "now": (timedelta(), False),
    "up to a minute ahead": (timedelta(minutes=1), False),
    "further in the future": (timedelta(minutes=1, microseconds=1), False),
    "the past, not closed": (-5 * DAY, False),
    "a closed period": (-5 * DAY, True),
}
TIME_COMMANDS: Final[Mapping[str, Callable[[Books, datetime], Command]]] = {
    "post": lambda books, at: books.post(BANK, SALES, at=at),
    "post several": lambda books, at: PostAtomically((books.drafted(BANK, SALES, at=at), books.drafted(ANA, BEN))),
    "capture": lambda books, at: books.capture(at=at),
    "resolve several holds": lambda books, at: ResolveHolds((books.capture(at=at).draft,)),
}
ORIGINAL_STATES: Final[States] = {
    "not closed": in_use,
    "closed since": then(in_use, lambda books: books.close(TODAY)),
}
ORIGINAL_COMMANDS: Final[Commands] = {
    "reverse, now": lambda books: books.reverse(),
    "reverse, at the original time": lambda books: books.reverse(at_original_time=True),
    "reverse several, one at the original time": lambda books: ReverseAtomically(
        (books.reverse(SALE).draft, books.reverse(at_original_time=True).draft)
    ),
    "force a reversal at the original time": lambda books: books.reverse(at_original_time=True, is_forced=True),
    "change a transaction": lambda _: ChangeTransaction(IN, None, {"a": "1"}),
    "place a hold": lambda books: books.place(ANA, BEN),
}


def _later(first: State) -> State:
    async def bring_about(books: Books) -> None:
        await first(books)
        books.clock.advance(2 * DAY)

    return bring_about


async def _with_expiry(books: Books) -> None:
    await books.do(OpenAccount(ANA, AccountType.LIABILITY), OpenAccount(BEN, AccountType.LIABILITY))
    await books.do(books.place(ANA, BEN, 100, HOLD, START + DAY), books.place(ANA, BEN, 100, OTHER_HOLD))


HOLD_STATES: Final[States] = {
    "open": _with_expiry,
    "partly captured": then(_with_expiry, lambda books: books.capture(40)),
    "captured": then(_with_expiry, lambda books: books.capture()),
    "captured, the rest released": then(_with_expiry, lambda books: books.capture(40, is_final=True)),
    "released": then(_with_expiry, lambda _: ReleaseHold(ReleaseDraft(HOLD))),
    "due": _later(_with_expiry),
    "expired": then(_later(_with_expiry), lambda _: ExpireHolds()),
    "missing": nothing,
}
HOLD_COMMANDS: Final[Commands] = {
    "capture all": lambda books: books.capture(),
    "capture a part": lambda books: books.capture(50),
    "capture a part, release the rest": lambda books: books.capture(50, is_final=True),
    "capture more than was held": lambda books: books.capture(101),
    "release": lambda _: ReleaseHold(ReleaseDraft(HOLD)),
    "resolve several, this one among them": lambda books: ResolveHolds(
        (ReleaseDraft(OTHER_HOLD), books.capture().draft)
    ),
    "let expire what is due": lambda _: ExpireHolds(),
    "capture a part and release the rest as two": lambda books: ResolveHolds(
        (books.capture(50).draft, ReleaseDraft(HOLD))
    ),
}


def _back(books: Books, cents: int | None = None) -> Command:
    draft = books.reverse(cents=cents).draft
    return ReverseTransaction(ReversalDraft(BACK, IN, draft.entries))


TRANSACTION_STATES: Final[States] = {
    "not reversed": in_use,
    "partly reversed": then(in_use, lambda books: _back(books, 400)),
    "wholly reversed": then(in_use, _back),
    "its reversal reversed": then(in_use, _back, lambda books: books.reverse(BACK)),
    "missing": nothing,
}
TRANSACTION_COMMANDS: Final[Commands] = {
    "reverse": lambda books: books.reverse(),
    "reverse 5.00 of 10.00": lambda books: books.reverse(cents=500),
    "reverse 7.00 of 10.00": lambda books: books.reverse(cents=700),
    "reverse more than was posted": lambda books: books.reverse(cents=1_001),
    "reverse its reversal": lambda books: books.reverse(BACK),
    "reverse several, this one twice": lambda books: ReverseAtomically((books.reverse().draft, books.reverse().draft)),
    "change its metadata": lambda _: ChangeTransaction(IN, None, {"a": "1"}),
}


def _limited(*, floor: str | None = None, ceiling: str | None = None) -> State:
    return then(in_use, lambda _: ChangeAccount(ANA, None, limits=(LimitDraft("EUR", floor, ceiling),)))


# Ana has 10.00, of which 1.00 is held for Ben; each command moves 1.00.
LIMIT_STATES: Final[States] = {
    "no limit": in_use,
    "a floor and a ceiling that are far": _limited(floor="0", ceiling="1000"),
    "a floor that would be broken": _limited(floor="8.50"),
    "a floor that is broken already": _limited(floor="20"),
    "a ceiling that would be broken": _limited(ceiling="10.50"),
    "a ceiling that is broken already": _limited(ceiling="5"),
    "the chart's floor would be broken": then(in_use, lambda _: _rule(LimitDraft("EUR", "8.50"))),
    "an own limit without bounds lifts the chart's": then(
        in_use,
        lambda _: _rule(LimitDraft("EUR", "8.50")),
        lambda _: ChangeAccount(ANA, None, limits=(LimitDraft("EUR"),)),
    ),
}
LIMIT_COMMANDS: Final[Commands] = {
    "post what takes": lambda books: books.post(ANA, BEN),
    "post what brings": lambda books: books.post(BANK, ANA),
    "post what takes and brings as much": lambda books: PostTransaction(
        TransactionDraft(books.ids.new("txn"), (*move(ANA, BANK, 100), *move(BANK, ANA, 100)))
    ),
    "post several that take": lambda books: PostAtomically((books.drafted(ANA, BEN),)),
    "hold what takes": lambda books: books.place(ANA, BEN),
    "hold what brings": lambda books: books.place(BANK, ANA),
    "hold what takes and brings as much": lambda books: PlaceHold(
        HoldDraft(OTHER_HOLD, (*move(ANA, BANK, 100), *move(BANK, ANA, 100)))
    ),
    "capture what takes": lambda books: books.capture(),
    "reverse what brought": lambda books: books.reverse(cents=100),
    "force a reversal": lambda books: books.reverse(cents=100, is_forced=True),
}

PERIOD_STATES: Final[States] = {
    "nothing closed": in_use,
    "closed up to then": then(in_use, lambda books: books.close(TODAY, id="prd_1")),
    "closed up to an earlier day": then(in_use, lambda books: books.close(EARLIER, id="prd_1")),
    "closed up to an earlier day, and then up to then": then(
        in_use, lambda books: books.close(EARLIER, id="prd_1"), lambda books: books.close(TODAY, id="prd_3")
    ),
    "closed up to then, and reopened": then(
        in_use, lambda books: books.close(TODAY, id="prd_1"), lambda _: ReopenPeriod("prd_1", "why")
    ),
}
PERIOD_COMMANDS: Final[Commands] = {
    "close": lambda books: books.close(TODAY),
    "close, results to equity": lambda books: books.close(TODAY, to=RESULT),
    "close, results to an account of another type": lambda books: books.close(TODAY, to=BANK),
    "close, results to an account that is not there": lambda books: books.close(TODAY, to="users:nobody"),
    "close a day that is not over": lambda books: books.close(TODAY + DAY),
    "reopen the first period": lambda _: ReopenPeriod("prd_1", "why"),
    "reopen without a reason": lambda _: ReopenPeriod("prd_1", ""),
}

BILL: Final = "att_1"


def _attach(kind: SubjectKind, of: str, id: str = "att_2") -> Ask:
    return lambda _: AddAttachment(Attachment(id, Subject(kind, of), "bill.pdf", "application/pdf", 3, bytes(32)))


def _remove(of: str = ANA, reason: str = "why") -> Ask:
    return lambda _: RemoveAttachment(BILL, Subject(SubjectKind.ACCOUNT, of), None, reason)


_attached = then(in_use, _attach(SubjectKind.ACCOUNT, ANA, BILL))
ATTACHMENT_STATES: Final[States] = {
    "not there": in_use,
    "attached to an account": _attached,
    "removed": then(_attached, _remove()),
    "attached, the account frozen": then(_attached, lambda _: FreezeAccount(ANA, "why")),
    "attached, the ledger frozen": then(_attached, lambda _: FreezeLedger("why")),
}
ATTACHMENT_COMMANDS: Final[Commands] = {
    "attach another to the account": _attach(SubjectKind.ACCOUNT, ANA),
    "attach to an account that is not there": _attach(SubjectKind.ACCOUNT, "users:nobody"),
    "attach to a transaction": _attach(SubjectKind.TRANSACTION, IN),
    "attach to a transaction that is not there": _attach(SubjectKind.TRANSACTION, "txn_none"),
    "attach to a hold that is not there": _attach(SubjectKind.HOLD, "hold_none"),
    "remove": _remove(),
    "remove from another account": _remove(BEN),
    "remove without a reason": _remove(reason=""),
}


async def _sold_and_taken_back(books: Books) -> None:
    await in_use(books)
    await books.do(books.post(SALES, BANK, 500))


def _limit_now(path: str, floor: str | None = None, ceiling: str | None = None) -> Ask:
    return lambda _: ChangeAccount(path, None, limits=(LimitDraft("EUR", floor, ceiling),))


# Sales of five days ago are taken back today, after the period, so that nothing is on the account now.
CLOSING_STATES: Final[Mapping[str, Callable[[str], State]]] = {
    "open": lambda _: _sold_and_taken_back,
    "frozen for both": lambda path: then(_sold_and_taken_back, lambda _: FreezeAccount(path, "why")),
    "at its floor": lambda path: then(_sold_and_taken_back, _limit_now(path, floor="0")),
    "at its ceiling": lambda path: then(_sold_and_taken_back, _limit_now(path, ceiling="0")),
    "archived": lambda path: then(_sold_and_taken_back, lambda _: ArchiveAccount(path, None, "why")),
}
CLOSED_ACCOUNTS: Final[Mapping[str, str]] = {
    "close, the account is one of income": SALES,
    "close, the account is the equity account that results go to": RESULT,
}

ASSET_STATES: Final[States] = {
    "unknown": nothing,
    "registered, unused": then(nothing, lambda _: RegisterAsset("POINTS", 3)),
    "used by an entry": then(
        nothing,
        lambda _: RegisterAsset("POINTS", 3),
        lambda books: PostTransaction(
            TransactionDraft(
                books.ids.new("txn"),
                tuple(type(each)(each.account, each.direction, "1", "POINTS") for each in move(BANK, SALES, 100)),
            )
        ),
    ),
    "used by a hold": then(
        nothing,
        lambda _: RegisterAsset("POINTS", 3),
        lambda _: PlaceHold(
            HoldDraft(
                HOLD, tuple(type(each)(each.account, each.direction, "1", "POINTS") for each in move(BANK, SALES, 100))
            )
        ),
    ),
    "used by a limit": then(
        nothing, lambda _: RegisterAsset("POINTS", 3), lambda _: OpenAccount(BANK, limits=(LimitDraft("POINTS", "0"),))
    ),
}
ASSET_COMMANDS: Final[Commands] = {
    "register it": lambda _: RegisterAsset("POINTS", 3),
    "register it with another scale": lambda _: RegisterAsset("POINTS", 2),
    "register it with another scale, as a replacement": lambda _: RegisterAsset("POINTS", 2, replaces=True),
    "limit an account in it": lambda _: OpenAccount("assets:new", limits=(LimitDraft("POINTS", "0"),)),
}


async def table(states: States, commands: Commands) -> dict[str, list[str]]:
    """Return what becomes of each command in each state."""
    found: dict[str, list[str]] = {}
    for name, command in commands.items():
        found[name] = []
        for bring_about in states.values():
            books = Books()
            await bring_about(books)
            found[name].append(await books.found(command(books)))
            await books.journal.close()
    return found


async def table_of_times() -> dict[str, list[str]]:
    """Return what becomes of each command that names a time."""
    found: dict[str, list[str]] = {}
    for name, command in TIME_COMMANDS.items():
        found[name] = []
        for offset, is_closed in TIME_STATES.values():
            books = Books()
            await in_use(books)
            if is_closed:
                await books.do(books.close(TODAY))
            found[name].append(await books.found(command(books, START + offset)))
            await books.journal.close()
    return found


async def table_of_closings() -> dict[str, list[str]]:
    """Return what becomes of a closing, results to equity, with each account in each state."""
    found: dict[str, list[str]] = {}
    for name, path in CLOSED_ACCOUNTS.items():
        states = {state: of_account(path) for state, of_account in CLOSING_STATES.items()}
        found |= await table(states, {name: lambda books: books.close(TODAY, to=RESULT)})
    return found


def shown(head: str, states: Sequence[str], found: Mapping[str, Sequence[str]]) -> str:
    """Return a table as Markdown."""
    lines = [[head, *states], ["---"] * (len(states) + 1), *([name, *cells] for name, cells in found.items())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


TEXTS: Final[Mapping[str, str]] = {
    "Accounts": """The account has ten euros and a hold of one, unless it is empty; both were brought there by a credit.
An account that is archived was emptied before, so there is no hold left to capture. What is held on a frozen account
can be let go, but not captured.""",
    "Ledgers": """In the two empty ledgers the hold was released before. A frozen ledger takes nothing that moves value,
and lets holds go; an archived one takes nothing but its restoring. One period is closed, long ago.""",
    "Holds": """The hold is of one euro. A hold that is due expires before any command looks at it, whichever that is:
the expiry is an event of its own, by `system:expiry`, and stands even if the command is refused.""",
    "Reversals": """The transaction is of ten euros; its reversal, where there is one, of four if it is partly
reversed.""",
    "The original time of a reversal": "The transaction took effect five days ago.",
    "Limits": """The account has ten euros, of which one is held; each command moves one. A posting is judged by what it
comes to, a hold by each of its sides. What was held is captured, whatever the limits have become.""",
    "Periods": "Each closing is up to the same day, the one that began last.",
    "Attachments": "What is frozen takes files all the same: they move nothing.",
    "Assets": "The asset is registered with three digits after the point.",
}
SECTIONS: Final[Sequence[tuple[str, str, States, Commands]]] = (
    ("Accounts", "the account is", ACCOUNT_STATES, ACCOUNT_COMMANDS),
    ("Ledgers", "the ledger is", LEDGER_STATES, LEDGER_COMMANDS),
    ("Holds", "the hold is", HOLD_STATES, HOLD_COMMANDS),
    ("Reversals", "the transaction is", TRANSACTION_STATES, TRANSACTION_COMMANDS),
    ("The original time of a reversal", "the time is", ORIGINAL_STATES, ORIGINAL_COMMANDS),
    ("Limits", "there is", LIMIT_STATES, LIMIT_COMMANDS),
    ("Periods", "the books are", PERIOD_STATES, PERIOD_COMMANDS),
    ("Attachments", "the attachment is", ATTACHMENT_STATES, ATTACHMENT_COMMANDS),
    ("Assets", "the asset is", ASSET_STATES, ASSET_COMMANDS),
)
INTRODUCTION: Final = """# What is allowed when

Every command of the ledger in every state that matters to it: allowed, or refused with which code
([what the codes mean](api.md)). These tables are not written by hand: each cell was found by bringing the state about
in a ledger of its own and then asking for the command. `python -m tests.docs.semantics` writes them anew, and a test
fails when they are out of date.

"allowed, no event" is an accepted command that has nothing to do: things are so already.
"""


async def page() -> str:
    """Return the page as it should be."""
    parts = [INTRODUCTION]
    for title, head, states, commands in SECTIONS:
        parts.append(f"## {title}\n\n{TEXTS[title]}\n\n{shown(head, list(states), await table(states, commands))}")
    times = shown("it takes effect in", list(TIME_STATES), await table_of_times())
    parts.append(f"## Effective times\n\nUp to a minute ahead counts as now.\n\n{times}")
    closings = shown("the account is", list(CLOSING_STATES), await table_of_closings())
    text = "Sales of a period that is closed were taken back after it, so that nothing is on either account now."
    parts.append(f"## Closings that move results to equity\n\n{text}\n\n{closings}")
    return "\n".join(parts)


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(asyncio.run(page()), "utf-8")


if __name__ == "__main__":
    main()
