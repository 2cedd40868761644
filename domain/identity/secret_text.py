"""Secrets as text: how everything that is shown once, to be shown back, is written and recognised.

One reads `<prefix>_<organisation>_<secret><checksum>`: what it is, the organisation's number, 32 random characters,
and six that make a leaked or mistyped secret recognisable without asking anyone. What is a person's, and of no
organisation, has no number: `<prefix>_<secret><checksum>`. Only the SHA-256 of the whole is stored: the secret has 190
bits, so nothing slower is needed to protect it.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from zlib import crc32

from domain.shared.errors import NotAuthenticated

SECRET_LENGTH: Final = 32
RANDOM_BYTES: Final = 48
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM_LENGTH: Final = 6
_SHOWN_LENGTH: Final = 4


@dataclass(frozen=True, slots=True)
class SecretKind:
    """A kind of secret: how its texts begin, and what people call one: `API key`; whether one names an organisation."""

    prefix: str
    name: str
    has_organisation: bool = True

    @property
    def form(self) -> str:
        """Return the regular expression that its texts match, for scanners too; the checksum tells false ones."""
        secret, checksum = f"([0-9A-Za-z]{{{SECRET_LENGTH}}})", f"([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
        organisation = "([1-9][0-9]{0,17})_" if self.has_organisation else ""
        return f"{self.prefix}_{organisation}{secret}{checksum}"

    def build(self, organisation_id: int | None, random: bytes) -> str:
        """Return the text of a new one from 48 random bytes, so many that no character is likelier than another.

        The organisation is None for a kind whose texts name none.
        """
        assert len(random) >= RANDOM_BYTES
        assert (organisation_id is not None) == self.has_organisation
        organisation = "" if organisation_id is None else f"{organisation_id}_"
        body = f"{self.prefix}_{organisation}{_in_base_62(int.from_bytes(random, 'big'), SECRET_LENGTH)}"
        return body + _checksum(body)

    def is_like(self, text: str) -> bool:
        """Whether a text claims to be of this kind; whether it is well-formed is another question."""
        return text.startswith(f"{self.prefix}_")

    def organisation_of(self, text: str) -> int:
        """Return the number of the organisation that a text says it belongs to.

        Raises `NotAuthenticated` for what is not a text of this kind, a mistyped one included.
        """
        assert self.has_organisation
        match = re.fullmatch(self.form, text, re.ASCII)
        if match is None or _checksum(text[:-_CHECKSUM_LENGTH]) != match.group(3):
            raise NotAuthenticated(f"The {self.name} is not one that Partita ever made: it is cut off or mistyped.")
        return int(match.group(1))

    def hint(self, text: str) -> str:
        """Return how a text begins, for people to tell one from another."""
        return text[: len(self.prefix) + 1 + len(str(self.organisation_of(text))) + 1 + _SHOWN_LENGTH] + "…"


def digest(text: str) -> bytes:
    """Return what is stored of a secret, and what it is found by; of a text that is none, what nothing is found by."""
    return sha256(text.encode(errors="replace")).digest()


def _checksum(body: str) -> str:
    return _in_base_62(crc32(body.encode()), _CHECKSUM_LENGTH)


def _in_base_62(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)
