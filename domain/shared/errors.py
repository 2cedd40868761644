"""Refusals: every rule that says no does it with one of these.

A refusal has a `code` that clients may rely on, a `kind` that says what sort of no it is (an entrypoint turns it
into a status), and the facts of the case as attributes. `detail` is the sentence for the person who asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from domain.shared.stable import stable


@stable(since="0.2.0")
class ErrorKind(Enum):
    """What sort of refusal it is; an entrypoint decides what that means in its protocol."""

    MALFORMED = "malformed"  # cannot be read at all
    INVALID = "invalid"  # can be read, and breaks a rule by itself
    REFUSED = "refused"  # breaks a rule given the books as they stand
    NOT_AUTHENTICATED = "not-authenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    STALE = "stale"  # based on an older version of what it changes
    BASELESS = "baseless"  # does not say which version of what it changes it is based on
    EXCESSIVE = "excessive"  # nothing is wrong with the request, except that it is one too many
    UNAVAILABLE = "unavailable"  # nothing is wrong with the request: try again later


@dataclass(frozen=True, slots=True)
class Blame:
    """A part of the request, by its JSON pointer, and what is wrong with it."""

    pointer: str
    detail: str


@stable(since="0.2.0")
class DomainError(Exception):
    """The root of all refusals. A subclass says why in its docstring, which is also its page of documentation."""

    code: ClassVar[str]
    kind: ClassVar[ErrorKind]
    title: ClassVar[str]

    def __init__(self, detail: str, *, pointer: str | None = None, facts: Mapping[str, str] | None = None) -> None:
        """`detail` is a whole sentence; `pointer` is the JSON pointer of the part of the request to blame.

        `facts` are those of the case by name, for programs: amounts in major units, as text.
        """
        super().__init__(detail)
        self.detail = detail
        self.facts: Mapping[str, str] = facts or {}
        self.blames: tuple[Blame, ...] = () if pointer is None else (Blame(pointer, detail),)


class ValidationFailed(DomainError):
    """A part of the request has the wrong form. `errors` names each part and what it should have been."""

    code = "validation-failed"
    kind = ErrorKind.INVALID
    title = "The request is not valid"


class NotFound(DomainError):
    """There is nothing of that name here, or it belongs to someone else, which looks the same."""

    code = "not-found"
    kind = ErrorKind.NOT_FOUND
    title = "Not found"


class NamedNotFound(NotFound):
    """The body of the request names something that is not here."""

    kind = ErrorKind.REFUSED  # the request reached what its path names; only what it says cannot be done


class NotAuthenticated(DomainError):
    """The request carries no credential, or one that is unknown, malformed, expired or revoked."""

    code = "not-authenticated"
    kind = ErrorKind.NOT_AUTHENTICATED
    title = "Who is asking?"


class PermissionDenied(DomainError):
    """The credential is good, and does not allow this. Where a permission was missing, `permission` names it.

    Some refusals are of another kind, which the detail tells: this takes a person who has logged in, or a member of the
    organisation, or an access token of an organisation.
    """

    code = "permission-denied"
    kind = ErrorKind.FORBIDDEN
    title = "Permission denied"


class QuotaExceeded(DomainError):
    """There is as much as the quota allows: `quota` names which. Waiting does not help, so it is no 429.

    Whoever runs the server sets quotas of ledgers, API keys and storage, with `partita organisation quota`, and
    `GET /v1/organisations/{id}` shows them, and how much of each is used. Beyond the quota of storage everything can
    still be read, frozen and revoked. Others are the same on every server: 100 roles of an organisation's own, 100
    webhooks, 1,000 OAuth clients that work, 100 invitations that wait for an answer, 100 organisations of a person.
    """

    code = "quota-exceeded"
    kind = ErrorKind.FORBIDDEN
    title = "The quota is used up"


class VersionConflict(DomainError):
    """Someone changed the resource since you read it. Read it again, and send its new ETag as If-Match."""

    code = "version-conflict"
    kind = ErrorKind.STALE
    title = "Changed since you read it"


class PreconditionRequired(DomainError):
    """A change must say what it is based on: send the resource's `ETag`, as you last read it, as `If-Match`."""

    code = "precondition-required"
    kind = ErrorKind.BASELESS
    title = "If-Match is missing"


class IdempotencyConflict(DomainError):
    """This Idempotency-Key was used before with a different request. Use a new key for a new request."""

    code = "idempotency-conflict"
    kind = ErrorKind.CONFLICT
    title = "The idempotency key belongs to another request"


class RateLimited(DomainError):
    """More came from one address, one caller or one organisation than it may send. The detail says from which.

    Try again after `Retry-After` seconds. The headers `RateLimit-Policy` and `RateLimit` of every answer say what is
    allowed and what is left of it.
    """

    code = "rate-limited"
    kind = ErrorKind.EXCESSIVE
    title = "Too many requests"

    def __init__(self, detail: str, *, policy: str, retry_after_seconds: float) -> None:
        """`policy` is the name of the limit; after so many seconds there will be room again."""
        super().__init__(detail, facts={"policy": policy})
        self.retry_after_seconds = retry_after_seconds


class Overloaded(DomainError):
    """More is asked of the server, or waits to be written, than it takes on. Try again after `Retry-After` seconds."""

    code = "overloaded"
    kind = ErrorKind.UNAVAILABLE
    title = "Too much is waiting"


class Unavailable(DomainError):
    """The database cannot be reached. Try again with the same idempotency key: nothing will be done twice."""

    code = "unavailable"
    kind = ErrorKind.UNAVAILABLE
    title = "Not available right now"
