"""What happens to accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from domain.ledger.account import AccountType
from domain.ledger.limit import Limit
from domain.ledger.transaction import Direction

Data = dict[str, Any]  # a JSON object


def limits_data(limits: tuple[Limit, ...]) -> Data:
    """Return limits as a member of an event's data, or nothing where there are none."""
    return {"limits": [limit.data() for limit in limits]} if limits else {}


def before_data(before: Data | None) -> Data:
    """Return what a change replaced as a member of its event's data, or nothing where that is not known.

    It has the members of the data that tell what is the case now. It is for those who read the log: no state follows
    from it.
    """
    return {} if before is None else {"before": before}


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """An account was opened, by request or by its first entry."""

    type: ClassVar[str] = "account.opened"
    account: str
    account_type: AccountType
    metadata: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {
            "account": self.account,
            "metadata": dict(self.metadata),
            "type": self.account_type.value,
            **limits_data(self.limits),
        }


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """An account's metadata and its own limits were changed to these."""

    type: ClassVar[str] = "account.changed"
    account: str
    metadata: Mapping[str, str]
    limits: tuple[Limit, ...] = ()
    before: Data | None = None

    def data(self) -> Data:
        """Return what is hashed and shown."""
        data = {"account": self.account, "metadata": dict(self.metadata), **limits_data(self.limits)}
        return data | before_data(self.before)


@dataclass(frozen=True, slots=True)
class _Freezing:
    account: str
    directions: frozenset[Direction]
    reason: str

    def data(self) -> Data:
        """Return what is hashed and shown."""
        directions = sorted(direction.value for direction in self.directions)
        return {"account": self.account, "directions": directions, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class AccountFrozen(_Freezing):
    """An account takes no more entries in these directions, besides those in which it took none before."""

    type: ClassVar[str] = "account.frozen"


@dataclass(frozen=True, slots=True)
class AccountUnfrozen(_Freezing):
    """An account takes entries in these directions again."""

    type: ClassVar[str] = "account.unfrozen"


@dataclass(frozen=True, slots=True)
class _Retirement:
    account: str
    reason: str

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"account": self.account, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class AccountArchived(_Retirement):
    """An account that was empty was put away; its path stays its own."""

    type: ClassVar[str] = "account.archived"


@dataclass(frozen=True, slots=True)
class AccountRestored(_Retirement):
    """An archived account is in use again."""

    type: ClassVar[str] = "account.restored"
