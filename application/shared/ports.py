"""Ports that every context uses."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from application.shared.idempotency import IdempotencyKey
from domain.shared.access import Permission, Principal
from domain.shared.chain import Author, Fact
from domain.shared.stable import stable


@stable(since="0.2.0")
class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Return the time in UTC, to the microsecond. It may jump; nothing may rely on it going forward."""
        ...


@stable(since="0.2.0")
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


class Runner(Protocol):
    """Something that goes on in the background for as long as a server or a worker runs."""

    def start(self) -> None:
        """Begin, on the running loop; what cannot be had, it tries to get again and again."""
        ...

    async def stop(self) -> None:
        """End it, within a few seconds."""
        ...


class OrganisationLog(Protocol):
    """The log of an organisation, in a unit of work: who may act for it, what it has and how it is set."""

    async def hold(self) -> None:
        """Let nobody else change the organisation until this unit of work ends: what is counted now, stays so."""
        ...

    async def answered(self, key: IdempotencyKey, *, used_after: datetime) -> dict[str, Any] | None:
        """Return the data of the event that this key stands for, if it was used after that time.

        The log is held from here on, so that nobody else uses the key meanwhile. Raises `IdempotencyConflict`.
        """
        ...

    async def record(
        self, event: Fact, *, id: str, author: Author, now: datetime, key: IdempotencyKey | None = None
    ) -> None:
        """Append the event, with the key that asked for it."""
        ...


class StoreUnavailable(Exception):
    """The store could not be reached, or was lost before COMMIT: nothing was kept, and trying again is safe."""


class StoreBusy(StoreUnavailable):
    """The store is there, and others had all of its connections, or a lock, for longer than anyone is to wait."""


class CommitInDoubt(Exception):
    """The store was lost while it committed: it may have kept all of it, or nothing."""


Reads = TypeVar("Reads", covariant=True)
Changes = TypeVar("Changes", covariant=True)


@stable(since="0.2.0")
@dataclass(slots=True)
class Seen:
    """Up to which event someone has seen a ledger, 0 for nothing, and up to where views show it to them.

    Without `is_copy_enough`, they are to be shown the latest state.
    """

    sequence: int
    is_copy_enough: bool = True
    shown: int = 0

    def show(self, head: int | None) -> None:
        """Take in up to where a view goes; None where there is no such ledger."""
        self.shown = max(self.shown, head or 0)


@stable(since="0.2.0")
class Work(Protocol[Reads, Changes]):
    """The one door to an organisation's stored state, except for changes to a ledger, which the journal makes."""

    def read(
        self,
        principal: Principal,
        permission: Permission,
        *,
        ledger: str | None = None,
        account: str | None = None,
        concerning: Callable[[Reads], Awaitable[Iterable[str]]] | None = None,
        seen: Seen | None = None,
    ) -> AbstractAsyncContextManager[Reads]:
        """Check the permission, and open one consistent view for the principal's organisation.

        What is to be read lies in one ledger, and there concerns one account, or the accounts that `concerning` finds
        there; without either it concerns all of them, which takes a permission without limits.

        The view is of the latest state. With `seen`, it may be of a copy that is some seconds behind, and has all
        events of the ledger up to that one; what is seen of it then is told to `seen`.
        Raises `PermissionDenied`, `StoreUnavailable`; `SequenceNotReached` where there is no such event anywhere.
        """
        ...

    def begin(
        self, principal: Principal, permission: Permission, *, ledger: str | None = None, takes_away: bool = False
    ) -> AbstractAsyncContextManager[Changes]:
        """Check the permission, of one ledger where it is given, and open one transaction for the organisation.

        It commits on a clean exit and rolls back on an error. Raises `PermissionDenied`, `QuotaExceeded` where the
        organisation's storage is used up, unless told that it takes something away; `StoreUnavailable`,
        `CommitInDoubt`.
        """
        ...


class Signer(Protocol):
    """Who vouches for what this server says: one key, which the servers of a database share."""

    @property
    def key_id(self) -> str:
        """Return what the key is known by: the JWK thumbprint (RFC 7638) of its public half."""
        ...

    @property
    def public_key(self) -> bytes:
        """Return the 32 bytes of the Ed25519 key that signatures are checked with."""
        ...

    def sign(self, content: bytes) -> bytes:
        """Return the Ed25519 signature of the bytes (64 bytes)."""
        ...

    def derive(self, purpose: str) -> bytes:
        """Return 32 secret bytes that are always the same for this key and purpose, and tell nothing of the key."""
        ...


class SignatureCheck(Protocol):
    """How a signature is checked, which takes no secret."""

    def __call__(self, public_key: bytes, content: bytes, signature: bytes) -> bool:
        """Return whether the signature is that of the key over the bytes. False for anything malformed, too."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `quota` permits in any `window_seconds`, for each name that the rule is about.

    People are told of it as "3 requests a minute of one user": `what` are requests, `whose` is "of one user".
    """

    policy: str
    what: str
    quota: int
    window_seconds: int = 60
    whose: str = "of one"


@dataclass(frozen=True, slots=True)
class Taken:
    """How many permits were given, how many are left, when some come free (seconds), and when the window ends."""

    count: int
    left: int
    frees_seconds: float
    ends_seconds: float


class Permits(Protocol):
    """Where permits are counted for all servers."""

    async def take(self, rule: Rule, name: str, count: int) -> Taken:
        """Take so many permits; or else one, where there are not so many; or none. Raises `StoreUnavailable` soon."""
        ...

    async def is_there(self) -> bool:
        """Whether it answers."""
        ...


class Sealing(Protocol):
    """What is kept where others might read or change it: encrypted, with a secret that this place does not know."""

    def seal(self, content: bytes, context: bytes) -> bytes:
        """Return it sealed: what only `open` undoes, and only with the same context."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes | None:
        """Return what was sealed, or None for what was not sealed so."""
        ...


CACHED_BYTES_MAX: Final = 4 * 1024 * 1024


class Cache(Protocol):
    """What is kept for a while so that it need not be worked out again. It may lose anything, and never raises."""

    async def get(self, name: bytes) -> bytes | None:
        """Return what was last put there by this name, or None; soon, whatever happens.

        Others may write there, too: the caller finds out whether it is what it should be.
        """
        ...

    async def put(self, name: bytes, value: bytes, *, seconds: int) -> None:
        """Keep the value by this name for so many seconds at most; none that has more than 4 MiB."""
        ...
