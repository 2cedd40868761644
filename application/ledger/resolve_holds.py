"""Capture and release holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from application.ledger.all_or_none import all_or_none
from application.ledger.sizes import ENTRIES_EXPECTED
from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.hold import CaptureDraft, ReleaseDraft, Resolution
from domain.ledger.holding import capture, release
from domain.ledger.scope import Scope
from domain.shared.access import Permission


@dataclass(frozen=True, slots=True)
class CaptureHold:
    """Post what a hold has reserved, or a part of it. Refuses as `capture` does."""

    permission: ClassVar = Permission.HOLDS_RESOLVE
    draft: CaptureDraft

    @property
    def size(self) -> int:
        """Return how many entries it brings, as far as can be told beforehand."""
        return len(self.draft.entries) or ENTRIES_EXPECTED

    def scope(self) -> Scope:
        """Return the hold and the reference."""
        reference = self.draft.reference
        return Scope(holds=(self.draft.hold,), references=() if reference is None else (reference,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the transaction, or refuse."""
        return capture(book, self.draft, now)


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Let go of all that is left of a hold. Refuses as `release` does."""

    permission: ClassVar = Permission.HOLDS_RESOLVE
    size: ClassVar = 0
    draft: ReleaseDraft

    def scope(self) -> Scope:
        """Return the hold."""
        return Scope(holds=(self.draft.hold,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the release, or refuse."""
        return release(book, self.draft)


@dataclass(frozen=True, slots=True)
class ResolveHolds:
    """Capture and release several holds in order, all or none of them."""

    permission: ClassVar = Permission.HOLDS_RESOLVE
    resolutions: tuple[Resolution, ...]

    @property
    def size(self) -> int:
        """Return how many entries they bring, as far as can be told beforehand."""
        return sum(command.size for command in self._commands())

    def scope(self) -> Scope:
        """Return all that any of them must see."""
        return Scope.union(command.scope() for command in self._commands())

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the events of all of them, or refuse."""
        steps = [partial(_execute, command, now) for command in self._commands()]
        return all_or_none(book, steps, of="resolutions", named_by="hold")

    def _commands(self) -> list[CaptureHold | ReleaseHold]:
        return [_command(resolution) for resolution in self.resolutions]


def _command(resolution: Resolution) -> CaptureHold | ReleaseHold:
    match resolution:
        case CaptureDraft():
            return CaptureHold(resolution)
        case ReleaseDraft():
            return ReleaseHold(resolution)


def _execute(command: CaptureHold | ReleaseHold, now: datetime, book: Book) -> Sequence[Event]:
    return command.execute(book, now)
