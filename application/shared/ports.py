"""Ports that every context uses."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, TypeVar

from domain.shared.access import Permission, Principal


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Return the time in UTC, to the microsecond. It may jump; nothing may rely on it going forward."""
        ...


class Ids(Protocol):
    """Where outward ids come from."""

    def new(self, prefix: str) -> str:
        """Return a new TypeID, `prefix` and a UUIDv7: `txn_01h2xcejqtf2nbrexx3vqjhp41`."""
        ...


class Health(Protocol):
    """A part of the server that may be out of order."""

    async def trouble(self) -> str | None:
        """Return what is wrong with it, in a sentence for the operator, or None."""
        ...


class StoreUnavailable(Exception):
    """The store could not be reached, or was lost before COMMIT: nothing was kept, and trying again is safe."""


class CommitInDoubt(Exception):
    """The store was lost while it committed: it may have kept all of it, or nothing."""


Reads = TypeVar("Reads", covariant=True)
Changes = TypeVar("Changes", covariant=True)


class Work(Protocol[Reads, Changes]):
    """The one door to an organisation's stored state, except for changes to a ledger, which the journal makes."""

    def read(self, principal: Principal, permission: Permission) -> AbstractAsyncContextManager[Reads]:
        """Check the permission, and open one consistent view for the principal's organisation.

        Raises `PermissionDenied`, `StoreUnavailable`.
        """
        ...

    def begin(self, principal: Principal, permission: Permission) -> AbstractAsyncContextManager[Changes]:
        """Check the permission, and open one transaction for the principal's organisation.

        It commits on a clean exit and rolls back on an error. Raises `PermissionDenied`, `StoreUnavailable`,
        `CommitInDoubt`.
        """
        ...
