"""API keys: what a service shows to prove which organisation it acts for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any, Final

from domain.identity.role import OPERATOR, OWNER, checked_limits, limits_data, permissions_of
from domain.identity.secret_text import SecretKind
from domain.shared.access import Grant, LedgerPattern, Permission
from domain.shared.chain import format_time
from domain.shared.errors import Blame, DomainError, ErrorKind, PermissionDenied, ValidationFailed
from domain.shared.lists import require_few
from domain.shared.patterns import Pattern
from domain.shared.text import checked_name

API_KEY: Final = SecretKind("ptk", "API key")
NAME_LENGTH_MAX: Final = 255
NETWORKS_MAX: Final = 100
OVERLAP_DEFAULT: Final = timedelta(days=1)
OVERLAP_MAX: Final = timedelta(days=90)


class KeyReplaced(DomainError):
    """The API key was rotated before: another one has taken its place. Rotate that one, or revoke this one."""

    code = "key-replaced"
    kind = ErrorKind.CONFLICT
    title = "The API key was replaced already"


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What a key may do: what its scopes say, in the ledgers and on the accounts that it is limited to.

    And until when (UTC), and from which networks (CIDR, in their canonical form), if that is limited.
    """

    scopes: tuple[str, ...] = (OPERATOR.name,)
    ledgers: tuple[LedgerPattern, ...] | None = None
    accounts: tuple[Pattern, ...] | None = None
    expires_at: datetime | None = None
    networks: tuple[str, ...] | None = None

    @property
    def grant(self) -> Grant:
        """Return what they come to. Raises `ValidationFailed` for a scope that is unknown."""
        return Grant(permissions_of(self.scopes, pointer="/scopes"), self.ledgers, self.accounts)

    def data(self) -> dict[str, Any]:
        """Return them as JSON, for events: of the networks, whose addresses may be a person's, how many there are."""
        return {
            "scopes": list(self.scopes),
            **limits_data(self.ledgers, self.accounts),
            "expires_at": None if self.expires_at is None else format_time(self.expires_at),
            "networks": None if self.networks is None else len(self.networks),
        }


FULL_RIGHTS: Final = KeyRights((OWNER.name,))


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its organisation sees it afterwards: `hint` is how it begins, never the key itself. Times are UTC.

    It has the rights that `KeyRights` tells of. `replaced_by` is the id of the key that took its place, where it was
    rotated.
    """

    id: str
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None
    scopes: tuple[str, ...] = ()
    ledgers: tuple[LedgerPattern, ...] | None = None
    accounts: tuple[Pattern, ...] | None = None
    expires_at: datetime | None = None
    networks: tuple[str, ...] | None = None
    last_used_at: datetime | None = None
    replaced_by: str | None = None

    @property
    def rights(self) -> KeyRights:
        """Return what it may do."""
        return KeyRights(self.scopes, self.ledgers, self.accounts, self.expires_at, self.networks)

    @staticmethod
    def of(id: str, name: str, hint: str, created_at: datetime, rights: KeyRights) -> "ApiKey":
        """Return a key with these rights."""
        return ApiKey(
            id,
            name,
            hint,
            created_at,
            scopes=rights.scopes,
            ledgers=rights.ledgers,
            accounts=rights.accounts,
            expires_at=rights.expires_at,
            networks=rights.networks,
        )

    def require_rotatable(self, now: datetime) -> None:
        """Return if another key may take its place; else raise `KeyReplaced`, or `ValidationFailed` where it ended."""
        if self.replaced_by is not None:
            raise KeyReplaced(f"The API key {self.id} was replaced by {self.replaced_by}: rotate that one.")
        if self.revoked_at is not None or self.has_expired(now):
            raise ValidationFailed(
                f"The API key {self.id} works no more, so nothing is to be replaced: make a new one."
            )

    def has_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now

    def require_bounds(self, rights: KeyRights) -> None:
        """Return if a key with these rights lasts no longer than this one, and is used from no other networks.

        Else raise `PermissionDenied`: whoever holds this key for a while, in one place, gets none for ever from it.
        """
        if self.expires_at is not None and (rights.expires_at is None or rights.expires_at > self.expires_at):
            raise self._makes_no(f"that lasts longer than itself: until {format_time(self.expires_at)}")
        if self.networks is not None and not _are_within(rights.networks, self.networks):
            raise self._makes_no("that is used from networks which are not its own")

    def _makes_no(self, wider: str) -> PermissionDenied:
        permission = Permission.API_KEYS_CREATE.value
        return PermissionDenied(
            f"The permission {permission} is missing: {self.id} makes and replaces no key {wider}.",
            facts={"permission": permission},
        )


def checked_rights(rights: KeyRights, now: datetime) -> KeyRights:
    """Return the rights of a new key with its networks in canonical form.

    Raises `ValidationFailed` for a scope that is unknown, for empty lists, networks that are none, and a time that is
    past.
    """
    scopes = checked_limits(rights.scopes, rights.ledgers, rights.accounts)
    if rights.expires_at is not None and rights.expires_at <= now:
        raise ValidationFailed("The key would have expired before it was made.", pointer="/expires_at")
    networks = None if rights.networks is None else checked_networks(rights.networks)
    return KeyRights(scopes, rights.ledgers, rights.accounts, rights.expires_at, networks)


def checked_networks(networks: Sequence[str]) -> tuple[str, ...]:
    """Return networks in canonical form: `10.0.0.0/8`; an address alone is a network of one. Each once, in order.

    Raises `ValidationFailed`.
    """
    if not networks:
        raise ValidationFailed("No network at all would allow nothing: leave it out to allow all.", pointer="/networks")
    require_few(networks, NETWORKS_MAX, pointer="/networks")
    checked = []
    for index, text in enumerate(networks):
        try:
            checked.append(str(ip_network(text, strict=False)))
        except ValueError:
            refused = ValidationFailed(f"{text!a} is no network: write it as 192.0.2.0/24 or 2001:db8::/32.")
            refused.blames = (Blame(f"/networks/{index}", refused.detail),)
            raise refused from None
    return tuple(dict.fromkeys(checked))


def checked_key_name(name: str) -> str:
    """Return the name, if it can be a key's. Raises `ValidationFailed`."""
    return checked_name(name, what="The name", length_max=NAME_LENGTH_MAX, pointer="/name")


def checked_overlap(overlap: timedelta) -> timedelta:
    """Return for how long a key works on beside the one that replaces it, if that can be. Raises `ValidationFailed`."""
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise ValidationFailed(
            f"The overlap is from 0 to {int(OVERLAP_MAX.total_seconds()):,} seconds (90 days).",
            pointer="/overlap_seconds",
        )
    return overlap


def successors_rights(
    old: ApiKey, now: datetime, expires_at: datetime | None, no_later_than: datetime | None = None
) -> KeyRights:
    """Return the rights of the key that replaces an old one: the same, for as long as the old one was made to live.

    Where no time is asked for, it ends no later than that time, if one is given.
    """
    rights = old.rights
    if expires_at is None and rights.expires_at is not None:
        expires_at = now + (rights.expires_at - old.created_at)
        if no_later_than is not None:
            expires_at = min(expires_at, no_later_than)
    return KeyRights(rights.scopes, rights.ledgers, rights.accounts, expires_at, rights.networks)


def _are_within(networks: Sequence[str] | None, bounds: Sequence[str]) -> bool:
    """Whether all addresses of the networks are in the bounds, however those are cut into networks."""
    if networks is None:
        return False
    parsed = [ip_network(text) for text in bounds]
    wide4 = list(collapse_addresses([each for each in parsed if isinstance(each, IPv4Network)]))
    wide6 = list(collapse_addresses([each for each in parsed if isinstance(each, IPv6Network)]))
    for each in map(ip_network, networks):
        if isinstance(each, IPv4Network):
            is_within = any(each.subnet_of(wide) for wide in wide4)
        else:
            is_within = any(each.subnet_of(wide) for wide in wide6)
        if not is_within:
            return False
    return True
