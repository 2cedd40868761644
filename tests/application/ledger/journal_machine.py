"""The journal and the model side by side: Hypothesis thinks of what callers do, and both have to agree on it.

Any `Books` can take part: give `play` a way to make a `Stage`.
"""

import asyncio
import json
import os
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from adapters.memory import CountedIds, ManualClock
from application.ledger.change_transaction import ChangeTransaction
from application.ledger.journal import Journal
from application.ledger.ports import Books, Command, LedgerAddress, Outcome
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.shared.idempotency import IdempotencyKey
from application.shared.ports import CommitInDoubt, StoreUnavailable
from domain.ledger.balance import NOTHING
from domain.ledger.book import Book
from domain.ledger.events.parsing import parse_event
from domain.ledger.scope import Scope
from domain.shared.chain import Head, follow
from domain.shared.errors import DomainError
from tests.adapters.ledger.by_hand import told, within
from tests.application.ledger.asks import ASKS, CODES, COMMANDS, UNIVERSE, Ask
from tests.application.ledger.model import Happened, Model, Refused
from tests.application.ledger.wayward_books import Moment, WaywardBooks
from tests.builders import principal

Result = TypeVar("Result")
Submitted = tuple[Command, Command, str | None]  # the command, what it was before its ids were drawn, the key

IS_LONG = os.environ.get("PARTITA_SOAK") == "long"
EXAMPLES, STEPS = (2_000, 60) if IS_LONG else (60, 20)


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
        self.model = Model()
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

    @rule(asked=st.lists(ASKS, min_size=1, max_size=6))
    def ask_together(self, asked: list[Ask]) -> None:
        self.asked += asked
        submitted = [(self.with_ids(command), command, key) for command, key in asked]
        answers = self.stage.run(self.submit(submitted))
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
        try:
            expected = trial.do(command)
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
            self.replayed.apply(event)

    @invariant()
    def the_state_is_the_models_and_what_the_log_says(self) -> None:
        scope = Scope(
            UNIVERSE.accounts,
            UNIVERSE.balances,
            UNIVERSE.assets,
            UNIVERSE.asset_uses,
            references=list(self.model.references),
            transactions=list(self.model.transactions),
        )
        book = self.stage.run(self.load(scope))
        assert within(scope, book) == within(scope, self.replayed)
        self.check_state(book)

    def check_state(self, book: Book) -> None:
        model = self.model
        settings = book.settings
        assert (settings.name, dict(settings.metadata), settings.version) == (model.name, model.metadata, model.version)
        assert [(rule.pattern.text, rule.type.value) for rule in book.chart.rules] == model.rules
        assert book.chart.version == model.chart_version
        assert {
            path: {"number": each.number, "type": each.type.value, "metadata": each.metadata, "version": each.version}
            for path, each in book.accounts.items()
        } == model.accounts
        assert {
            code: {"scale": each.scale, "version": each.version} for code, each in book.assets.items()
        } == model.assets
        assert book.used_assets == model.used_assets()
        assert book.references == model.references
        assert {
            id: {"reference": each.reference, "metadata": each.metadata, "version": each.version}
            for id, each in book.transactions.items()
        } == model.transactions
        for path, code in UNIVERSE.balances:
            balance = book.balances.get((path, code), NOTHING)
            debits, credits, version = model.balances.get((path, code), (Fraction(), Fraction(), 0))
            scale = 10 ** (model.assets[code]["scale"] if code in model.assets else 0)
            assert balance.posted_debits == debits * scale
            assert balance.posted_credits == credits * scale
            assert balance.version == version
        for code in CODES:
            of_code = [balance for (_, its_code), balance in book.balances.items() if its_code == code]
            debits_in_all = sum(balance.posted_debits for balance in of_code)
            assert debits_in_all == sum(balance.posted_credits for balance in of_code)

    # How it is done.

    def with_ids(self, command: Command) -> Command:
        """Draw the ids that a server draws for each request, and choose a transaction for one that needs some."""
        match command:
            case PostTransaction():
                return PostTransaction(replace(command.draft, id=self.ids.new("txn")))
            case PostAtomically():
                return PostAtomically(tuple(replace(draft, id=self.ids.new("txn")) for draft in command.drafts))
            case ChangeTransaction():
                ids = list(self.model.transactions) or [self.ids.new("txn")]
                return replace(command, id=ids[int(command.id) % len(ids)])
        return command

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
            expected = self.model.do(command)
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
