"""The journal and the model side by side: Hypothesis thinks of what callers do, and both have to agree on it.

Any `Books` can take part: give `play` a way to make a `Stage`.
"""

import asyncio
import json
import os
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from adapters.memory import CountedIds, ManualClock
from adapters.memory.clock import START
from application.ledger.change_transaction import ChangeTransaction
from application.ledger.close_period import ClosePeriod, ReopenPeriod
from application.ledger.journal import Journal
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import Books, Command, LedgerAddress, Outcome
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.ledger.resolve_holds import CaptureHold, ReleaseHold, ResolveHolds
from application.ledger.reverse_transactions import ReverseAtomically, ReverseTransaction
from application.shared.idempotency import IdempotencyKey
from application.shared.ports import CommitInDoubt, StoreUnavailable
from domain.ledger.account import Account
from domain.ledger.balance import NOTHING
from domain.ledger.book import Book
from domain.ledger.events import Event, HoldPlaced, TransactionPosted
from domain.ledger.events.parsing import parse_event
from domain.ledger.hold import CaptureDraft, ReleaseDraft, Resolution
from domain.ledger.posted import ReversalDraft
from domain.ledger.scope import Scope
from domain.ledger.transaction import Direction, EntryDraft, Side, TransactionKind, sides_of
from domain.shared.chain import Head, follow
from domain.shared.errors import DomainError
from tests.adapters.ledger.by_hand import told, within
from tests.application.ledger.asks import ASKS, CODES, COMMANDS, SCENE, UNIVERSE, Ask
from tests.application.ledger.model import Happened, Model, Refused
from tests.application.ledger.wayward_books import Moment, WaywardBooks
from tests.builders import principal

Result = TypeVar("Result")
Submitted = tuple[Command, Command, str | None]  # the command, what it was before its ids were drawn, the key

IS_LONG = os.environ.get("PARTITA_SOAK") == "long"
EXAMPLES, STEPS = (2_000, 60) if IS_LONG else (40, 20)


class Stage(Protocol):
    """Where the play takes place: a store, and an event loop to wait for it."""

    @property
    def books(self) -> Books:
        """Return the store."""
        ...

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for the work."""
        ...

    async def new_ledger(self) -> LedgerAddress:
        """Return a new ledger, named `Main`, without metadata."""
        ...

    async def log(self, ledger: LedgerAddress) -> Sequence[tuple[bytes, bytes]]:
        """Return the stored bytes and hash of each of the ledger's events."""
        ...

    def close(self) -> None:
        """Put everything away."""
        ...


class Stages(Protocol):
    """How stages are made. The clock is the journal's, and stands still until it is moved."""

    def __call__(self, clock: ManualClock, ids: CountedIds) -> Stage:
        """Return a stage."""
        ...


def play(new_stage: Stages, *, examples: int = EXAMPLES, steps: int = STEPS) -> None:
    """Let the journal and the model be played side by side, in many ways; raise where they differ."""

    class Machine(JournalMachine):
        def __init__(self) -> None:
            super().__init__(new_stage)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not IS_LONG,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


class JournalMachine(RuleBasedStateMachine):
    """Callers of one ledger."""

    def __init__(self, new_stage: Stages) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.ids = CountedIds()
        self.stage = new_stage(self.clock, self.ids)
        self.books = WaywardBooks(self.stage.books)
        self.ledger = self.stage.run(self.stage.new_ledger())
        self.model = Model(self.clock.now())
        self.forced: set[str] = set()  # reversals that may go past limits
        self.asked: list[Ask] = []
        self.answered: dict[str, tuple[bytes, list[object]]] = {}  # what each key did
        self.followed = Head()
        self.replayed = Book()
        self.journal = self.new_journal()

    def new_journal(self) -> Journal:
        return Journal(self.books, self.clock, self.ids, retry_delays_seconds=(0, 0, 0))

    def teardown(self) -> None:
        self.stage.run(self.journal.close())
        self.stage.close()

    # What callers do.

    @initialize(is_in_use=st.sampled_from([True, True, True, False]))
    def begin(self, is_in_use: bool) -> None:
        if is_in_use:
            self.ask_together(SCENE)

    @rule(asked=st.lists(ASKS, min_size=1, max_size=6))
    def ask_together(self, asked: list[Ask]) -> None:
        self.asked += asked
        submitted = [(self.with_ids(command), command, key) for command, key in asked]
        answers = self.stage.run(self.submit(submitted))
        self.model.expire(self.now())
        for ask, answer in zip(submitted, answers, strict=True):
            self.check_answer(ask, answer)

    @precondition(lambda self: self.asked)
    @rule(numbers=st.lists(st.integers(0, 99), min_size=1, max_size=4))
    def ask_again(self, numbers: list[int]) -> None:
        self.ask_together([self.asked[number % len(self.asked)] for number in numbers])

    @rule(asked=st.lists(ASKS, min_size=1, max_size=4), moment=st.sampled_from(Moment), in_doubt=st.booleans())
    def ask_while_the_store_fails(self, asked: list[Ask], moment: Moment, in_doubt: bool) -> None:
        error: Exception = StoreUnavailable("away")
        if moment is Moment.COMMITTED or (moment is Moment.COMMITTING and in_doubt):
            error = CommitInDoubt("lost")
        self.books.fail(moment, error)
        self.ask_together(asked)
        self.books.forget_failures()

    @rule(command=COMMANDS)
    def try_out(self, command: Command) -> None:
        command = self.with_ids(command)
        trial = self.model.copy()
        trial.expire(self.now())
        try:
            expected = trial.do(command, self.now())
        except Refused as refused:
            check_refusal(self.stage.run(self.dry_run(command)), refused)
        else:
            outcome = self.stage.run(self.dry_run(command))
            assert isinstance(outcome, Outcome)
            assert outcome.sequence is None
            self.check_events(outcome, expected)

    @rule(hours=st.integers(-6, 6))
    def move_the_clock(self, hours: int) -> None:
        self.clock.advance(timedelta(hours=hours))

    @rule()
    def start_anew(self) -> None:
        self.stage.run(self.journal.close())
        self.journal = self.new_journal()

    # What always holds.

    @invariant()
    def the_log_goes_on_without_gaps(self) -> None:
        log = self.stage.run(self.stage.log(self.ledger))
        assert len(log) == self.model.sequence
        for content, hash in log[self.followed.sequence :]:
            self.followed = follow(self.followed, content, hash)
            document = json.loads(content)
            event = parse_event(document["type"], document["data"], self.replayed.assets.__getitem__)
            check_event(self.replayed, event, is_forced=getattr(event, "id", None) in self.forced)

    @invariant()
    def the_state_is_the_models_and_what_the_log_says(self) -> None:
        scope = Scope(
            UNIVERSE.accounts,
            UNIVERSE.balances,
            UNIVERSE.assets,
            UNIVERSE.asset_uses,
            references=list(self.model.references),
            reversals=list(self.model.transactions),
            holds=list(self.model.holds),
            periods=list(self.model.periods),
        )
        book = self.stage.run(self.load(scope))
        assert within(scope, book) == within(scope, self.replayed)
        self.check_state(book)
        self.check_holds_and_periods(book)

    def check_state(self, book: Book) -> None:
        model = self.model
        settings = book.settings
        assert (settings.name, dict(settings.metadata), settings.version) == (model.name, model.metadata, model.version)
        assert (settings.is_frozen, settings.is_archived) == (model.is_frozen, model.is_archived)
        assert [(rule.pattern.text, rule.type.value) for rule in book.chart.rules] == [
            (pattern, kind) for pattern, kind, _ in model.rules
        ]
        assert book.chart.version == model.chart_version
        assert {path: described(each) for path, each in book.accounts.items()} == model.accounts
        assert {
            code: {"scale": each.scale, "version": each.version} for code, each in book.assets.items()
        } == model.assets
        assert book.used_assets == model.used
        assert book.references == model.references
        assert {
            id: (each.reference, each.metadata, each.version, each.effective_at, each.kind.value, each.reverses)
            for id, each in book.transactions.items()
        } == {
            id: tuple(each[name] for name in ("reference", "metadata", "version", "effective_at", "kind", "reverses"))
            for id, each in model.transactions.items()
        }
        for path, code in UNIVERSE.balances:
            balance = book.balances.get((path, code), NOTHING)
            debits, credits, version = model.balances.get((path, code), (Fraction(), Fraction(), 0))
            scale = self.scale(code)
            assert balance.posted_debits == debits * scale
            assert balance.posted_credits == credits * scale
            assert balance.version == version
            if path in book.accounts:
                held, account_type = book.held_on(path, code), book.accounts[path].type
                taken, brought = model.held(path, code)
                assert held.decreases(account_type) == taken * scale
                assert held.increases(account_type) == brought * scale
                assert book.available(book.accounts[path], code) <= balance.posted(account_type)
        for code in CODES:
            of_code = [balance for (_, its_code), balance in book.balances.items() if its_code == code]
            debits_in_all = sum(balance.posted_debits for balance in of_code)
            assert debits_in_all == sum(balance.posted_credits for balance in of_code)
            held_in_all = [held for (_, its_code), held in book.held.items() if its_code == code]
            assert sum(held.debits for held in held_in_all) == sum(held.credits for held in held_in_all)

    def check_holds_and_periods(self, book: Book) -> None:
        model = self.model
        assert {
            id: (each.number, each.status.value, each.expires_at, self.amounts(each.left))
            for id, each in book.holds.items()
        } == {
            id: (each["number"], each["status"], each["expires_at"], each["left"]) for id, each in model.holds.items()
        }
        for id, transaction in book.transactions.items():
            assert self.amounts(transaction.left) == model.standing(id)
            posted = sides_of(transaction.entries)
            assert all(0 <= left <= posted[side] for side, left in transaction.left.items())
        assert {id: (each.starts_at, each.ends_at, each.is_closed) for id, each in book.periods.items()} == {
            id: (each["starts_at"], each["ends_at"], each["is_closed"]) for id, each in model.periods.items()
        }
        assert book.settings.closed_until == model.closed_until()
        before = START.replace(hour=0) - timedelta(days=1)
        results = self.stage.run(self.load(Scope(results=[before]))).results[before]
        found = {(path, code): Fraction(net, self.scale(code)) for (path, code), net in results.items() if net}
        assert found == model.results(before)

    def scale(self, code: str) -> int:
        """How many minor units a major unit has."""
        return int(10 ** (self.model.assets[code]["scale"] if code in self.model.assets else 0))

    def amounts(self, left: Mapping[Side, int]) -> dict[tuple[str, str, str], Fraction]:
        """Amounts in major units, as the model has them."""
        return {
            (path, direction.value, code): Fraction(amount, self.scale(code))
            for (path, direction, code), amount in left.items()
        }

    def now(self) -> datetime:
        """The time of the next group."""
        return max(self.clock.now(), self.model.recorded)

    # How it is done.

    def with_ids(self, command: Command) -> Command:
        """Draw the ids that a server draws for each request, and choose things for what needs some."""
        match command:
            case PostTransaction():
                return PostTransaction(replace(command.draft, id=self.ids.new("txn")))
            case PostAtomically():
                return PostAtomically(tuple(replace(draft, id=self.ids.new("txn")) for draft in command.drafts))
            case ChangeTransaction():
                return replace(command, id=self.choose(self.model.transactions, command.id, "txn"))
            case PlaceHold():
                return PlaceHold(replace(command.draft, id=self.ids.new("hold")))
            case CaptureHold():
                return CaptureHold(self.to_capture(command.draft))
            case ReleaseHold():
                return ReleaseHold(self.to_release(command.draft))
            case ResolveHolds():
                return ResolveHolds(tuple(self.of_a_hold(each) for each in command.resolutions))
            case ReverseTransaction():
                draft = self.of_a_transaction(command.draft)
                self.remember_force([draft], command.is_forced)
                return replace(command, draft=draft)
            case ReverseAtomically():
                drafts = tuple(self.of_a_transaction(each) for each in command.drafts)
                self.remember_force(drafts, command.is_forced)
                return replace(command, drafts=drafts)
            case ClosePeriod():
                transactions = tuple(self.ids.new("txn") for _ in range(3))
                return ClosePeriod(replace(command.draft, id=self.ids.new("prd"), transaction_ids=transactions))
            case ReopenPeriod():
                return replace(command, id=self.choose(self.model.periods, command.id, "prd"))
        return command

    def choose(self, there: Mapping[str, object], number: str, prefix: str) -> str:
        """One of those that there are; where there are none, nothing that anyone knows."""
        names = list(there)
        return names[-1 - int(number) % len(names)] if names else self.ids.new(prefix)

    def of_a_hold(self, draft: Resolution) -> Resolution:
        return self.to_capture(draft) if isinstance(draft, CaptureDraft) else self.to_release(draft)

    def to_release(self, draft: ReleaseDraft) -> ReleaseDraft:
        return replace(draft, hold=self.choose(self.model.holds, draft.hold, "hold"))

    def to_capture(self, draft: CaptureDraft) -> CaptureDraft:
        id = self.choose(self.model.holds, draft.hold, "hold")
        left = self.model.holds[id]["left"] if id in self.model.holds else {}
        return replace(draft, id=self.ids.new("txn"), hold=id, entries=chosen(draft.entries, left))

    def of_a_transaction(self, draft: ReversalDraft) -> ReversalDraft:
        id = self.choose(self.model.transactions, draft.transaction, "txn")
        left = self.model.standing(id) if id in self.model.transactions else {}
        return replace(draft, id=self.ids.new("txn"), transaction=id, entries=chosen(draft.entries, left))

    def remember_force(self, drafts: Sequence[ReversalDraft], is_forced: bool) -> None:
        """Remember which reversals may go past limits."""
        if is_forced:
            self.forced.update(draft.id for draft in drafts)

    async def submit(self, asked: Sequence[Submitted]) -> list[Outcome | BaseException]:
        by = principal(organisation_id=self.ledger.organisation_id)
        return await asyncio.gather(
            *(
                self.journal.submit(
                    by,
                    self.ledger.slug,
                    command,
                    request_id="req",
                    key=None if key is None else IdempotencyKey(key, fingerprint(original)),
                )
                for command, original, key in asked
            ),
            return_exceptions=True,
        )

    async def dry_run(self, command: Command) -> Outcome | DomainError:
        by = principal(organisation_id=self.ledger.organisation_id)
        try:
            return await self.journal.try_out(by, self.ledger.slug, command)
        except DomainError as refusal:
            return refusal

    async def load(self, scope: Scope) -> Book:
        async with self.books.snapshot(self.ledger) as snapshot:
            return await snapshot.load(scope)

    def check_answer(self, ask: Submitted, answer: Outcome | BaseException) -> None:
        """See that the answer is the one that the model gives when it is asked in its turn."""
        command, original, key = ask
        if key in self.answered:
            first_fingerprint, first_told = self.answered[key]
            if first_fingerprint != fingerprint(original):
                assert isinstance(answer, DomainError), answer
                assert answer.code == "idempotency-conflict"
            else:
                assert isinstance(answer, Outcome), answer
                assert answer.replayed
                assert told(answer) == first_told
            return
        try:
            expected = self.model.do(command, self.now())
        except Refused as refused:
            check_refusal(answer, refused)
            return
        assert isinstance(answer, Outcome), answer
        assert not answer.replayed
        self.check_events(answer, expected)
        assert answer.sequence == (self.model.sequence if expected else None)
        if key is not None and expected:
            self.answered[key] = (fingerprint(original), told(answer))

    def check_events(self, outcome: Outcome, expected: list[Happened]) -> None:
        happened = []
        for applied in outcome.applied:
            lines = []
            for line in applied.lines:
                scale = 10**line.entry.asset.scale
                lines.append(
                    (
                        line.account.path,
                        line.entry.asset.code,
                        line.entry.direction.value,
                        Fraction(line.entry.amount, scale),
                        Fraction(line.balance.posted_debits, scale),
                        Fraction(line.balance.posted_credits, scale),
                        line.balance.version,
                    )
                )
            happened.append((applied.event.type, lines))
        assert happened == expected


def check_refusal(answer: Outcome | BaseException, refused: Refused) -> None:
    """See that it was refused for one of the reasons that the model sees."""
    assert isinstance(answer, DomainError), answer
    assert answer.code in refused.codes, (answer.code, refused.codes)


def fingerprint(command: Command) -> bytes:
    """What the request is known by."""
    return sha256(repr(command).encode()).digest()


def described(account: Account) -> dict[str, object]:
    """An account as the model has it."""
    return {
        "number": account.number,
        "type": account.type.value,
        "metadata": account.metadata,
        "version": account.version,
        "status": account.status.value,
        "frozen": {direction.value for direction in account.frozen},
        "limits": {
            code: tuple(
                None if bound is None else Fraction(bound, 10**limit.asset.scale)
                for bound in (limit.minimum, limit.maximum)
            )
            for code, limit in account.limits.items()
        },
    }


def chosen(entries: Sequence[EntryDraft], left: Mapping[tuple[str, str, str], Fraction]) -> tuple[EntryDraft, ...]:
    """Put sides of what is left in the places of numbers, and their assets where none is named."""
    result = []
    code = ""
    for entry in entries:
        sides = [side for side in left if side[1] == entry.direction.value]
        if entry.direction is Direction.CREDIT:
            sides = [side for side in sides if side[2] == code] or sides
        account = entry.account
        code = entry.asset or code or "EUR"
        if account.isdigit() and sides:
            account, _, code = sides[int(account) % len(sides)]
        result.append(replace(entry, account=account, asset=entry.asset or code))
    return tuple(result)


def check_event(book: Book, event: Event, *, is_forced: bool) -> None:
    """Take the event into a book that everything before it is in, and see that it does nothing that none may do."""
    if isinstance(event, TransactionPosted):
        closed_until = book.settings.closed_until
        assert closed_until is None or event.effective_at >= closed_until
    if not isinstance(event, TransactionPosted | HoldPlaced):
        book.apply(event)
        return
    keys = {(entry.account, entry.asset.code) for entry in event.entries}
    before = {key: strain(book, *key) for key in keys}
    book.apply(event)
    if isinstance(event, TransactionPosted) and event.kind is TransactionKind.CLOSING and event.reverses is None:
        # What was earned and spent is moved, whatever may be earned and spent now.
        keys = {key for key in keys if book.account(key[0]).type.value not in ("income", "expense")}
    for key in keys:
        assert is_forced or all(
            after <= of_before for after, of_before in zip(strain(book, *key), before[key], strict=True)
        )
    if isinstance(event, TransactionPosted) and event.hold is not None:
        assert min(book.holds[event.hold].left.values()) >= 0


def strain(book: Book, path: str, code: str) -> tuple[int, int]:
    """By how much an account is below its floor, and above its ceiling."""
    account, limit, held = book.account(path), book.limit(path, code), book.held_on(path, code)
    posted = book.balance(path, code).posted(account.type)
    lowest, highest = posted - held.decreases(account.type), posted + held.increases(account.type)
    if limit is None:
        return 0, 0
    below = 0 if limit.minimum is None else max(0, limit.minimum - lowest)
    above = 0 if limit.maximum is None else max(0, highest - limit.maximum)
    return below, above
