"""API keys: what a service shows to prove which organisation it acts for.

A key reads `ptk_<organisation>_<secret><checksum>`: the organisation's number, 32 random characters, and six that
make a leaked or mistyped key recognisable without asking anyone. Only the SHA-256 of the whole is stored: the secret
has 190 bits, so nothing slower is needed to protect it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from zlib import crc32

from domain.identity.role import OWNER, permissions_of
from domain.shared.access import Grant, LedgerPattern
from domain.shared.errors import NotAuthenticated
from domain.shared.patterns import Pattern

PREFIX: Final = "ptk"
SECRET_LENGTH: Final = 32
NAME_LENGTH_MAX: Final = 255
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM_LENGTH: Final = 6
_FORM = re.compile(r"ptk_([1-9][0-9]{0,17})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its organisation sees it afterwards: `hint` is how it begins, never the key itself. Times are UTC.

    It may do what its scopes say, in the ledgers and on the accounts that it is limited to, and from `networks` (CIDR)
    if there are any.
    """

    id: str
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None
    scopes: tuple[str, ...] = (OWNER.name,)
    ledgers: tuple[LedgerPattern, ...] | None = None
    accounts: tuple[Pattern, ...] | None = None
    expires_at: datetime | None = None
    networks: tuple[str, ...] | None = None
    last_used_at: datetime | None = None

    @property
    def grant(self) -> Grant:
        """Return what it may do. Raises `ValidationFailed` for a scope that is unknown."""
        return Grant(permissions_of(self.scopes, pointer="/scopes"), self.ledgers, self.accounts)


def build_key(organisation_id: int, random: bytes) -> str:
    """Return the text of a new key from 48 random bytes, so many that no character is likelier than another."""
    assert len(random) >= 48
    body = f"{PREFIX}_{organisation_id}_{_in_base_62(int.from_bytes(random, 'big'), SECRET_LENGTH)}"
    return body + _checksum(body)


def organisation_of(key: str) -> int:
    """Return the number of the organisation that a key says it belongs to.

    Raises `NotAuthenticated` for what is not the text of a key, a mistyped one included.
    """
    match = _FORM.fullmatch(key)
    if match is None or _checksum(key[:-_CHECKSUM_LENGTH]) != match.group(3):
        raise NotAuthenticated("The API key is not one that Partita ever made: it is cut off or mistyped.")
    return int(match.group(1))


def digest(key: str) -> bytes:
    """Return what is stored of a key, and what it is found by."""
    return sha256(key.encode()).digest()


def hint(key: str) -> str:
    """Return how a key begins, for people to tell keys apart."""
    return key[: len(PREFIX) + 1 + len(str(organisation_of(key))) + 1 + 4] + "…"


def _checksum(body: str) -> str:
    return _in_base_62(crc32(body.encode()), _CHECKSUM_LENGTH)


def _in_base_62(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)
