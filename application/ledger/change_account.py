"""Change an account's metadata and limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from application.shared.expected_version import require_version
from domain.ledger.account import AccountStatus, ArchivedAccount
from domain.ledger.asset import Asset
from domain.ledger.book import Book
from domain.ledger.events import AccountChanged, Event
from domain.ledger.events.account import limits_data
from domain.ledger.first_use import registrations
from domain.ledger.limit import LimitDraft
from domain.ledger.limiting import drafted_limits
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.text import merged_metadata


@dataclass(frozen=True, slots=True)
class ChangeAccount:
    """Lay `metadata` over the account's own; a key given None is taken out. `limits` replace its own, None keeps them.

    Limits may be such that the account breaks them today: then only what makes that worse is refused. Nothing happens
    if nothing differs. Refuses with `AccountNotFound`, `ArchivedAccount`, with `VersionConflict` if its version is not
    the one expected, with `ValidationFailed` for metadata beyond the bounds, and as `drafted_limits` does.
    """

    permission: ClassVar = Permission.ACCOUNTS_CHANGE
    size: ClassVar = 0
    path: str
    expected_version: int | None
    metadata: Mapping[str, str | None] = field(default_factory=dict)
    limits: tuple[LimitDraft, ...] | None = None

    def scope(self) -> Scope:
        """Return the account, and the assets of its limits."""
        return Scope(accounts=(self.path,), assets=[limit.asset for limit in self.limits or ()])

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the change, or refuse."""
        account = book.account(self.path)
        require_version(f"The account {self.path!r}", account.version, self.expected_version)
        if account.status is AccountStatus.ARCHIVED:
            raise ArchivedAccount(f"The account {self.path} is archived: restore it before you change it.")
        metadata = merged_metadata(account.metadata, self.metadata)
        new_assets: dict[str, Asset] = {}
        own_limits = limits = tuple(account.limits.values())
        if self.limits is not None:
            limits = drafted_limits(book, self.limits, new_assets, pointer="/limits")
        if metadata == account.metadata and limits == own_limits:
            return []
        before = {"metadata": dict(account.metadata), **limits_data(own_limits)}
        return [*registrations(new_assets), AccountChanged(self.path, metadata, limits, before)]
