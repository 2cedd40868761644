"""The journal: the one door through which a ledger changes.

Commands of all callers are gathered and committed in groups, one group at a time for each ledger. While one group
commits, the next one gathers: there is no timer, so an idle ledger answers in one commit, and a busy one in large
groups. Each caller gets its own answer or its own refusal.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import replace
from typing import Any, Final

from application.ledger.group import (
    Answer,
    Decided,
    GroupQueue,
    Submission,
    execute,
    given_up,
    group_time,
    in_doubt,
    not_written,
    take_in,
)
from application.ledger.permitted import require_within, scope_within
from application.ledger.policies import load
from application.ledger.ports import Applied, Books, Command, Group, LedgerAddress, Outcome, TooManyEntries
from application.shared.containing import contained
from application.shared.idempotency import KEYS_LIVE, IdempotencyKey
from application.shared.ports import Clock, CommitInDoubt, Ids, StoreUnavailable
from application.shared.telemetry import UNWATCHED, Kind, Telemetry
from domain.ledger.holding import expire
from domain.ledger.ledger import LedgerNotFound
from domain.ledger.policy import PolicyInForce
from domain.ledger.scope import Scope
from domain.shared.access import Principal
from domain.shared.chain import Author
from domain.shared.errors import DomainError, Overloaded
from domain.shared.stable import stable

RETRY_DELAYS_SECONDS: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 3.2, 3.2)
# However the store fails: refusing, or not answering at all.
PATIENCE_SECONDS: Final = 30.0
# All that waits in this process, whichever its ledger; some 500 bytes each.
WAITING_WEIGHT_MAX: Final = 200_000
# Of holds that expire in one group, before its commands or instead of them.
EXPIRING_ENTRIES_MAX: Final = 10_000
EXPIRY_ACTOR: Final = "system:expiry"
Committed = Callable[[LedgerAddress, Sequence[Applied]], None]
_log = logging.getLogger("partita.journal")


@stable(since="0.2.0")
class Journal:
    """Takes commands from all callers, and commits them in groups."""

    def __init__(
        self,
        books: Books,
        clock: Clock,
        ids: Ids,
        *,
        committed: Committed | None = None,
        retry_delays_seconds: Sequence[float] = RETRY_DELAYS_SECONDS,
        telemetry: Telemetry = UNWATCHED,
        policies: Sequence[PolicyInForce] = (),
    ) -> None:
        """`committed` is told of the events of each group; `retry_delays_seconds` when to try a store that is away."""
        self._books = books
        self._clock = clock
        self._ids = ids
        self._committed = committed
        self._retry_delays_seconds = retry_delays_seconds
        self._telemetry = telemetry
        self._policies = policies
        self._queues: dict[LedgerAddress, GroupQueue] = {}
        self._waiting_weight = 0
        self._runners: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> tuple[int, int]:
        """Return how many commands and entries wait or are being written, and to how many ledgers."""
        return self._waiting_weight, len(self._queues)

    async def submit(
        self, principal: Principal, slug: str, command: Command, *, request_id: str, key: IdempotencyKey | None = None
    ) -> Outcome:
        """Do the command in the principal's ledger of that slug; return what it did once that is durable.

        Raises `PermissionDenied`, `QuotaExceeded`, `LedgerNotFound`, `IdempotencyConflict`, `Overloaded` when too much
        is waiting, `Unavailable` when the store cannot be reached, and whatever the command refuses with. A caller that
        is cancelled does not take back a command whose group has begun.
        """
        return await self.enqueue(principal, slug, command, request_id=request_id, key=key)

    def enqueue(
        self,
        principal: Principal,
        slug: str,
        command: Command,
        *,
        request_id: str,
        key: IdempotencyKey | None = None,
        is_bulk: bool = False,
    ) -> asyncio.Future[Outcome]:
        """Do as `submit` does, and return at once with where the answer will be. A bulk command lets others pass."""
        reach = principal.reach_of_writing(command.permission, slug)
        weight = 1 + command.size
        if self._waiting_weight + weight > WAITING_WEIGHT_MAX and self._waiting_weight:
            raise Overloaded(f"{WAITING_WEIGHT_MAX:,} commands and entries are waiting to be written.")
        address = LedgerAddress(principal.organisation_id, slug)
        queue = self._queues.get(address)
        if queue is None:
            queue = self._queues[address] = GroupQueue()
            self._start(address, queue)
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        queue.add(Submission(command, principal.author(request_id), key, answer, reach), is_bulk=is_bulk)
        self._waiting_weight += weight
        answer.add_done_callback(lambda _: self._leave(weight))
        return answer

    def _leave(self, weight: int) -> None:
        self._waiting_weight -= weight

    async def try_out(self, principal: Principal, slug: str, command: Command) -> Outcome:
        """Return what the command would do now, without doing it: no lock, no group, nothing stored.

        Raises what `submit` would, except for what lies in its queue and its key.
        """
        reach = principal.reach_of_writing(command.permission, slug)
        async with self._books.snapshot(LedgerAddress(principal.organisation_id, slug)) as snapshot:
            now = max(self._clock.now(), snapshot.head.recorded_at)
            due = (await snapshot.due_holds(now, entries_max=EXPIRING_ENTRIES_MAX)).ids
            scopes = [scope := scope_within(reach, command), Scope(holds=due)]
            book = await load(snapshot, Scope.union(scopes), self._policies)
            for expiry in expire(book, due, now):
                book.apply(expiry)
            require_within(reach, scope, book)
            events = execute(command, book, now, reach)
            return Outcome(tuple([Applied(event, book.apply(event), now) for event in events]), book=book)

    async def close(self, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until all that was submitted is answered; what the store keeps waiting for longer is given up."""
        if self._runners:
            _, late = await asyncio.wait(self._runners, timeout=patience_seconds)
            for runner in late:
                runner.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start(self, address: LedgerAddress, queue: GroupQueue) -> None:
        # It belongs to no one caller, whoever comes first.
        runner = asyncio.create_task(self._run(address, queue), name=f"journal {address.slug}", context=Context())
        self._runners.add(runner)
        runner.add_done_callback(self._runners.discard)

    async def _run(self, address: LedgerAddress, queue: GroupQueue) -> None:
        group: Sequence[Submission] = ()
        try:
            # One turn of the loop lets callers that are ready join the first group.
            await asyncio.sleep(0)
            while group := queue.take():
                causes = (each.author.request_id for each in group)
                of: dict[str, Any] = {"organisation": address.organisation_id, "ledger": address.slug}
                with self._telemetry.span(Kind.GROUP, "journal group", causes=causes, commands=len(group), **of):
                    answers = await self._settle(address, group)
                for submission, answer in answers:
                    submission.give(answer)
        finally:
            del self._queues[address]
            # Where it was ended, nobody else would answer them.
            for submission in (*group, *queue.leave()):
                submission.give(given_up())

    async def _settle(self, address: LedgerAddress, group: Sequence[Submission]) -> list[Answer]:
        """Commit the group, whatever it takes, and return every submission's answer."""
        try:
            return await self._attempt(address, group)
        except LedgerNotFound as refusal:  # of the group as a whole
            answer: Exception = refusal
        except TooManyEntries as refusal:
            if len(group) > 1:  # of all its commands together
                return await self._settle_singly(address, group)
            answer = refusal
        except StoreUnavailable as error:
            _log.warning("the store is away; a group of %d commands is refused: %s", len(group), error)
            answer = not_written(error)
        except CommitInDoubt as error:
            _log.error("the store was lost in a commit of %d commands and stayed away: %s", len(group), error)
            answer = in_doubt()
        except Exception as error:
            self._telemetry.tell(error=type(error).__name__)
            if len(group) == 1:
                _log.exception("a command failed: %s", type(group[0].command).__name__)
                return [(group[0], error)]
            _log.warning("a group of %d commands failed and is retried singly: %r", len(group), error)
            return await self._settle_singly(address, group)
        self._telemetry.tell(error=type(answer).__name__)
        return [(submission, answer) for submission in group]

    async def _settle_singly(self, address: LedgerAddress, group: Sequence[Submission]) -> list[Answer]:
        return [pair for submission in group for pair in await self._settle(address, [submission])]

    async def _attempt(self, address: LedgerAddress, group: Sequence[Submission]) -> list[Answer]:
        """Commit the group, and before it groups of holds that expire, if more of those are due than go into one."""
        while True:
            decided = await self._commit(address, group)
            self._tell(address, decided.outcomes)
            if not decided.is_expiry_only:
                return decided.answers

    def _tell(self, address: LedgerAddress, outcomes: Sequence[Outcome]) -> None:
        try:
            if self._committed is not None and outcomes:
                self._committed(address, [each for outcome in outcomes for each in outcome.applied])
        except Exception:  # whatever becomes of the news, what was committed stands
            _log.exception("those who follow a ledger were not told of a group")

    async def _commit(self, address: LedgerAddress, group: Sequence[Submission]) -> Decided:
        """Decide and commit, trying again for some seconds while the store is away."""
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        for delay_seconds in (*self._retry_delays_seconds, None):
            decided = Decided()
            try:
                async with self._books.group(address) as held:
                    with contained():  # commands of others are done there
                        await self._decide(held, group, decided)
                    if decided.outcomes:
                        await held.append(decided.outcomes)
            except CommitInDoubt:
                # What was only looked up, such as an earlier answer, may itself be still on its way to a standby.
                if decided.outcomes and await self._was_kept(address, decided):
                    return decided
                if asyncio.get_running_loop().time() > until:
                    raise
            except StoreUnavailable:
                if delay_seconds is None or asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(delay_seconds)
            else:
                return decided
        raise StoreUnavailable("the store was lost in a commit again and again, and kept nothing")

    async def _was_kept(self, address: LedgerAddress, decided: Decided) -> bool:
        """Look, with the head held, whether a group whose commit was in doubt was kept.

        Without the lock the commit could still be in flight, and be missed.
        """
        last = decided.outcomes[-1].applied[-1].recorded
        assert last is not None
        for delay_seconds in self._retry_delays_seconds:
            try:
                async with self._books.group(address) as held:
                    return await held.has_event(last.sequence, last.hash)
            except Exception as error:
                # Whatever it is, the doubt remains; retrying the commands now could do them twice.
                _log.warning("whether a commit was kept cannot be seen yet: %r", error)
                await asyncio.sleep(delay_seconds)
        raise CommitInDoubt("the store did not come back in time")

    async def _decide(self, held: Group, group: Sequence[Submission], decided: Decided) -> None:
        """Let due holds expire (rule 11), then execute each command on the book that the ones before it left."""
        now = group_time(held.head, self._clock.now())
        found = await held.due_holds(now, entries_max=EXPIRING_ENTRIES_MAX)
        due, decided.is_expiry_only = found.ids, not found.are_all
        group = group if found.are_all else ()
        keys = [submission.key.key for submission in group if submission.key]
        known = await held.known_keys(keys, used_after=now - KEYS_LIVE) if keys else {}
        recalled = await held.recall(known) if known else {}
        scopes = [scope_within(submission.reach, submission.command) for submission in group]
        book = await load(held, Scope.union([*scopes, Scope(holds=due)] if due else scopes), self._policies)
        head = held.head
        if expiries := expire(book, due, now):
            author = Author(EXPIRY_ACTOR, self._ids.new("req"))
            expired, head = take_in(expiries, author, book, head, now, self._ids)
            decided.outcomes.append(Outcome(expired, author=author))
        for submission, scope in zip(group, scopes, strict=True):
            key = submission.key
            answer: Outcome | Exception
            try:
                require_within(submission.reach, scope, book)
                if key and key.key in known:
                    key.require_same_request(known[key.key].fingerprint)
                    answer = replace(recalled[key.key], replayed=True)
                elif key and key.key in decided.done:
                    answer = decided.done[key.key].again(key)
                else:
                    events = execute(submission.command, book, now, submission.reach)
                    applied, head = take_in(events, submission.author, book, head, now, self._ids)
                    answer = Outcome(applied, key, author=submission.author)
                    # What changed nothing leaves no key behind, so it is judged anew in this group as in the next.
                    if events:
                        decided.outcomes.append(answer)
                        if key:
                            decided.done[key.key] = answer
            except DomainError as refusal:
                answer = refusal
            decided.answers.append((submission, answer))
