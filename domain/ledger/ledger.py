"""A ledger: one set of books, and how it is named."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from domain.ledger.events import LedgerCreated
from domain.shared.errors import DomainError, ErrorKind, ValidationFailed
from domain.shared.text import checked_metadata, checked_name

NAME_LENGTH_MAX: Final = 255

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class LedgerNotFound(DomainError):
    """Your organisation has no ledger of this name. Create it: `POST /v1/ledgers` `{"slug": "main"}`."""

    code = "ledger-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "No such ledger"


class SequenceNotReached(DomainError):
    """The ledger has no event yet of the sequence that `Partita-Sequence` names, so what you have seen is not there.

    It is the sequence of another ledger; or the database has failed over to a copy that lacked its last events. Leave
    the header out to read what there is.
    """

    code = "sequence-not-reached"
    kind = ErrorKind.STALE
    title = "The ledger is not there yet"


class LedgerExists(DomainError):
    """Your organisation has a ledger of this name already."""

    code = "ledger-exists"
    kind = ErrorKind.CONFLICT
    title = "The ledger exists"


@dataclass(frozen=True, slots=True)
class LedgerAdded:
    """An organisation got a ledger: an event of the organisation's log. The ledger's own log begins with another."""

    type: ClassVar[str] = "ledger.added"
    slug: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"slug": self.slug}


@dataclass(frozen=True, slots=True)
class LedgerImported:
    """An organisation got a ledger with its log, up to a sequence and its hash: an event of the organisation's log."""

    type: ClassVar[str] = "ledger.imported"
    slug: str
    sequence: int
    hash: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"hash": self.hash, "sequence": self.sequence, "slug": self.slug}


def checked_slug(slug: str) -> str:
    """Return `slug` if it can name a ledger: 1 to 63 of a-z, 0-9 and '-', not at the ends; else `ValidationFailed`."""
    if not _SLUG.fullmatch(slug):
        raise ValidationFailed(
            f"{slug!a} cannot name a ledger: 1 to 63 of a-z, 0-9 and '-', a letter or digit at both ends.",
            pointer="/slug",
        )
    return slug


def create(*, slug: str, name: str, metadata: Mapping[str, str], time_zone: str = "UTC") -> LedgerCreated:
    """Return the first event of a new ledger, in a time zone that there is. Raises `ValidationFailed`."""
    checked_slug(slug)
    checked_name(name, what="The name", length_max=NAME_LENGTH_MAX, pointer="/name")
    return LedgerCreated(name, time_zone, checked_metadata(metadata))
