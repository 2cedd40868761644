"""What would become of what was found in a file: the ledger's own rules, on its books as they are, without a change."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from application.interchange.already_there import another_has, is_same, stored
from application.interchange.found_lines import command_of, place_of
from application.interchange.import_transactions import Parse
from application.interchange.listed import Listed
from application.ledger.group import execute
from application.ledger.permitted import require_within, scope_within
from application.ledger.policies import load
from application.ledger.ports import Books, Command, LedgerAddress
from application.ledger.post_transaction import PostTransaction
from application.shared.ports import Clock, Ids
from domain.ledger.account import AccountExists
from domain.ledger.book import Book
from domain.ledger.events import AccountOpened, AssetRegistered, TransactionPosted
from domain.ledger.policy import PolicyInForce
from domain.ledger.posted import PostedTransaction
from domain.ledger.scope import Scope
from domain.ledger.transaction import DuplicateReference
from domain.shared.access import Principal, Reach
from domain.shared.errors import DomainError

_ENTRIES_PER_TURN: Final = 500

_Stored = Mapping[str, PostedTransaction]


@dataclass(frozen=True, slots=True)
class WouldRefuse:
    """What would be refused, where it stands in the file, and why."""

    place: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class IsThere:
    """A transaction that the ledger has already: where it stands in the file, and its id here."""

    place: str
    transaction: str


@dataclass(slots=True)
class Expected:
    """What would become of a file: how many transactions would be posted, and what of it is there already."""

    posted: int = 0
    already_there: Listed[IsThere] = field(default_factory=Listed)
    opened: Listed[AccountOpened] = field(default_factory=Listed)
    registered: Listed[AssetRegistered] = field(default_factory=Listed)
    refused: Listed[WouldRefuse] = field(default_factory=Listed)


@dataclass(frozen=True, slots=True)
class _Step:
    place: str
    command: Command


class Rehearsal:
    """One ledger's books, which lines are tried on in their order; what they would change is kept here alone.

    Posting policies are asked as when it is posted: what they refuse is refused, and what they add is taken in.
    """

    def __init__(
        self,
        books: Books,
        clock: Clock,
        ids: Ids,
        parse: Parse,
        principal: Principal,
        slug: str,
        policies: Sequence[PolicyInForce],
    ) -> None:
        self._books = books
        self._clock = clock
        self._ids = ids
        self._parse = parse
        self._principal = principal
        self._policies = policies
        self._address = LedgerAddress(principal.organisation_id, slug)
        self._book: Book | None = None
        self.expected = Expected()

    async def try_lines(self, lines: Sequence[bytes]) -> None:
        """Try some lines, some hundred at most. Raises `LedgerNotFound`, `StoreUnavailable`."""
        steps = [step for line in lines if (step := self._step(line)) is not None]
        await asyncio.sleep(0)
        async with self._books.snapshot(self._address) as snapshot:
            scopes = [scope_within(self._reach(step.command), step.command) for step in steps]
            book = self._merged(await load(snapshot, Scope.union(scopes), self._policies))
            taken = {book.references[name] for scope in scopes for name in scope.references if name in book.references}
            there = await stored(snapshot, list(taken))
            now = max(self._clock.now(), snapshot.head.recorded_at)
        entries = 0
        for step, scope in zip(steps, scopes, strict=True):
            self._try(step, scope, book, there, now)
            entries += step.command.size
            if entries >= _ENTRIES_PER_TURN:
                entries = 0
                await asyncio.sleep(0)
        # Within one file, what names transactions names each once.
        book.forget_named()

    def _step(self, line: bytes) -> _Step | None:
        document: Any = self._parse(line)
        place = place_of(document)
        try:
            command = command_of(document, self._ids)
            self._reach(command)
        except DomainError as refusal:
            self._refuse(place, refusal)
            return None
        return _Step(place, command)

    def _reach(self, command: Command) -> Reach:
        return self._principal.reach_of_writing(command.permission, self._address.slug)

    def _merged(self, loaded: Book) -> Book:
        """Return the book as the steps so far have left it, with what was looked up for the next ones."""
        book = self._book
        if book is None:
            self._book = loaded.fork()
            return self._book
        pairs: Sequence[tuple[Any, Any]] = (
            (book.assets, loaded.assets),
            (book.accounts, loaded.accounts),
            (book.balances, loaded.balances),
            (book.held, loaded.held),
            (book.references, loaded.references),
        )
        for ours, theirs in pairs:
            for key, value in theirs.items():
                if key not in ours:
                    ours[key] = value
        book.used_assets |= loaded.used_assets
        book.policies = loaded.policies
        book.seen = loaded.seen
        return book

    def _try(self, step: _Step, scope: Scope, book: Book, posted: _Stored, now: datetime) -> None:
        try:
            reach = self._reach(step.command)
            require_within(reach, scope, book)
            events = execute(step.command, book, now, reach)
        except AccountExists:
            return
        except DuplicateReference as refusal:
            assert isinstance(step.command, PostTransaction), "nothing else has a reference"
            self._known(step, step.command, book, posted, refusal)
            return
        except DomainError as refusal:
            self._refuse(step.place, refusal)
            return
        for event in events:
            book.apply(event)
            match event:
                case TransactionPosted():
                    self.expected.posted += 1
                case AccountOpened():
                    self.expected.opened.add(event)
                case AssetRegistered():
                    self.expected.registered.add(event)

    def _known(
        self,
        step: _Step,
        command: PostTransaction,
        book: Book,
        posted: _Stored,
        refusal: DuplicateReference,
    ) -> None:
        """Count what is there already, if it is the same; a reference may have been given to something else."""
        reference = command.draft.reference or ""
        there = posted.get(book.references.get(reference, ""))
        if there is None:
            self._refuse(step.place, refusal)
        elif is_same(command.draft, there, self._policies):
            self.expected.already_there.add(IsThere(step.place, there.id))
        else:
            self._refuse(step.place, another_has(command.draft))

    def _refuse(self, place: str, refusal: DomainError) -> None:
        self.expected.refused.add(WouldRefuse(place, refusal.code, refusal.detail))
