"""Endpoints: where an organisation wants to be told of events, and of which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from domain.shared.access import Grant, LedgerPattern, Permission
from domain.shared.errors import ValidationFailed
from domain.shared.lists import require_few
from domain.shared.patterns import Pattern
from domain.shared.text import checked_text
from domain.webhooks.addresses import Network, literal_address, may_be_reached

ENDPOINTS_MAX: Final = 100
URL_LENGTH_MAX: Final = 2_000
DESCRIPTION_LENGTH_MAX: Final = 1_000
PATTERNS_MAX: Final = 20
OVERLAP_DEFAULT: Final = timedelta(days=1)
OVERLAP_MAX: Final = timedelta(days=90)


class PauseReason(Enum):
    """Why nothing is sent to an endpoint."""

    ASKED = "asked"  # someone wanted it so
    GONE = "gone"  # it has answered that it is gone for good (410)
    FAILING = "failing"  # nothing got through to it for three days


@dataclass(frozen=True, slots=True)
class Pause:
    """That nothing is sent to an endpoint, since when (UTC), and why."""

    since: datetime
    reason: PauseReason


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events an endpoint gets, and how: what its owner sets.

    Those of these ledgers (None is all, those to come too), of these types (none is all), that name an account which
    fits the pattern. Where `ordered`, each ledger's come one after the other, in the order of their sequences.
    """

    url: str
    description: str = ""
    ledgers: tuple[LedgerPattern, ...] | None = None
    types: tuple[str, ...] = ()
    account: Pattern | None = None
    ordered: bool = False

    @property
    def grant(self) -> Grant:
        """Return what someone must be able to see who has these events sent somewhere."""
        return Grant(frozenset({Permission.EVENTS_READ}), self.ledgers)

    def is_of_ledger(self, slug: str) -> bool:
        """Whether it is about this ledger."""
        return self.ledgers is None or any(pattern.matches(slug) for pattern in self.ledgers)

    def data(self) -> dict[str, Any]:
        """Return it as JSON, for events: of the URL only where it leads, as its path may be a secret."""
        return {
            "origin": origin_of(self.url),
            "description": self.description,
            "ledgers": None if self.ledgers is None else [pattern.text for pattern in self.ledgers],
            "types": list(self.types),
            "account": None if self.account is None else self.account.text,
            "ordered": self.ordered,
        }


@dataclass(frozen=True, slots=True)
class Sealed:
    """Secrets of an endpoint, encrypted; the one before is used as well until then (UTC)."""

    current: bytes
    before: bytes | None = None
    before_until: datetime | None = None

    def in_use(self, now: datetime) -> tuple[bytes, ...]:
        """Return those that messages are signed with now."""
        if self.before is None or self.before_until is None or self.before_until <= now:
            return (self.current,)
        return (self.current, self.before)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint; `version` counts its changes. Since `failing_since` (UTC), nothing has got through to it."""

    id: str
    wanted: Wanted
    sealed: Sealed
    created_at: datetime
    version: int = 1
    pause: Pause | None = None
    failing_since: datetime | None = None
    deleted_at: datetime | None = None


def checked_wanted(wanted: Wanted, *, takes_http: bool, networks: Sequence[Network], types: Sequence[str]) -> Wanted:
    """Return what is wanted with each type once, if it can be. Raises `ValidationFailed`.

    `takes_http` and `networks` say which URLs may be called besides those of https in the public internet, and `types`
    which events there are.
    """
    _checked_url(wanted.url, takes_http, networks)
    checked_text(wanted.description, what="The description", length_max=DESCRIPTION_LENGTH_MAX, pointer="/description")
    if wanted.ledgers is not None:
        require_few(wanted.ledgers, PATTERNS_MAX, pointer="/ledgers")
        if not wanted.ledgers:
            raise ValidationFailed("An empty list would be of no ledger: leave it out for all.", pointer="/ledgers")
    for index, each in enumerate(wanted.types):
        if each not in types:
            raise ValidationFailed(
                f"There are no events of type {each!a}. Known are: {', '.join(types)}.", pointer=f"/types/{index}"
            )
    return Wanted(
        wanted.url,
        wanted.description,
        wanted.ledgers,
        tuple(dict.fromkeys(wanted.types)),
        wanted.account,
        wanted.ordered,
    )


def checked_overlap(overlap: timedelta) -> timedelta:
    """Return for how long the secret before is used as well. Raises `ValidationFailed`."""
    if not timedelta() <= overlap <= OVERLAP_MAX:
        raise ValidationFailed(
            f"An overlap is from 0 s to {OVERLAP_MAX.days} days.",
            pointer="/overlap_seconds",
        )
    return overlap


def origin_of(url: str) -> str:
    """Return the scheme, the host and the port of a URL that was checked."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _checked_url(url: str, takes_http: bool, networks: Sequence[Network]) -> None:
    parts = _parts(url)
    if parts is None:
        raise _refused(f"{url[:100]!a} is no URL that can be called, such as https://example.com/hooks.")
    if parts.scheme != "https" and not (takes_http and parts.scheme == "http"):
        raise _refused(f"The URL begins with https://, and not with {parts.scheme[:20]!a}.")
    if "@" in parts.netloc:
        raise _refused("The URL holds a user or a password: what is sent is signed instead.")
    if "#" in url:
        raise _refused("The URL has a fragment, which is never sent: leave it out.")
    assert parts.hostname is not None
    address = literal_address(parts.hostname)
    if address is not None and not may_be_reached(address, networks):
        raise _refused(f"{address} is not an address of the public internet, and nothing is sent there.")


def _parts(url: str) -> SplitResult | None:
    """Return the parts of a URL, or None where it cannot be one."""
    if len(url) > URL_LENGTH_MAX or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:  # a port beyond 65535, or brackets without an address in them
        return None


def _refused(why: str) -> ValidationFailed:
    return ValidationFailed(why, pointer="/url")
