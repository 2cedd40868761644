"""Persons: by which address they are known, and which passwords they may have."""

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from domain.shared.errors import DomainError, ErrorKind, ValidationFailed

EMAIL_LENGTH_MAX: Final = 254
PASSWORD_LENGTH_MIN: Final = 12
PASSWORD_LENGTH_MAX: Final = 256
_LOCAL_LENGTH_MAX: Final = 64
_DISTINCT_CHARACTERS_MIN: Final = 5
_TELLING_LENGTH: Final = 4

# What HTML takes for an e-mail address, in lower case: https://html.spec.whatwg.org/#valid-e-mail-address.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(rf"([a-z0-9.!#$%&'*+/=?^_`{{|}}~-]+)@{_LABEL}(?:\.{_LABEL})*", re.ASCII)
# Typed as they lie on the keyboard, or counted: any piece of these is obvious, forwards and backwards.
_ROWS: Final = (
    "12345678901234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn",
)
# What lists of leaked passwords do not have, mostly because it is of this server, or too long for most others.
_OBVIOUS: Final = frozenset(
    {
        *("partita", "administrator", "defaultpassword", "thisisapassword", "thisismypassword"),
        *("correcthorsebatterystaple", "p@ssword", "abc"),
    }
)
_ENDS: Final = "0123456789!?.,-_*#$@&+ "


class WeakPassword(DomainError):
    """The password is too short, too long, or one that is tried first. Choose 12 characters or more, of any kind."""

    code = "weak-password"
    kind = ErrorKind.INVALID
    title = "The password is too weak"


@dataclass(frozen=True, slots=True)
class RegisteredPerson:
    """A person, by its outward id `usr_…`. Times are UTC.

    Without `password_hash` it logs in by an outside provider only, or sets a password by mail. One that was erased has
    an id, and nothing else.
    """

    id: str
    email: str | None
    password_hash: str | None
    email_verified_at: datetime | None
    created_at: datetime
    erased_at: datetime | None = None

    def erased(self, now: datetime) -> "RegisteredPerson":
        """Return what is left of it: that there was someone."""
        return replace(self, email=None, password_hash=None, email_verified_at=None, erased_at=now)

    def verified(self, now: datetime) -> "RegisteredPerson":
        """Return it with an address that is known to be its own."""
        return self if self.email_verified_at is not None else replace(self, email_verified_at=now)


@dataclass(frozen=True, slots=True)
class Identity:
    """By what name an OpenID provider knows a person."""

    issuer: str
    subject: str


def normalised_email(text: str, *, pointer: str = "/email") -> str:
    """Return an e-mail address as it is stored and compared: in lower case, without blanks around it.

    Only ASCII is taken: letters that look alike, or become alike in lower case, would make one address pass for
    another. A domain with other letters has a form of ASCII (`xn--…`). Raises `ValidationFailed`.
    """
    email = text.strip().lower()
    match = _EMAIL.fullmatch(email) if text.isascii() and len(email) <= EMAIL_LENGTH_MAX else None
    if match is None or len(match.group(1)) > _LOCAL_LENGTH_MAX:
        raise ValidationFailed("This is not an e-mail address, in ASCII and of a usual length.", pointer=pointer)
    return email


def prepared_password(password: str) -> str:
    """Return a password as it is hashed: the same however a keyboard composes its letters.

    The form is NFKC, as NIST SP 800-63B has it.
    """
    return unicodedata.normalize("NFKC", password)


def require_good_password(password: str, email: str, common: Container[str], *, pointer: str = "/password") -> None:
    """Return if a password may be used for this address; else raise `WeakPassword`.

    As NIST SP 800-63B has it: long rather than varied, no rules of composition, and none of those that are tried
    first: the person's own address, and what is `common`, in lower case, also twice in a row or with digits and marks
    around it.
    """
    length = len(prepared_password(password))
    if not PASSWORD_LENGTH_MIN <= length <= PASSWORD_LENGTH_MAX:
        raise WeakPassword(
            f"The password has {length:,} characters; it takes from {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX}.",
            pointer=pointer,
        )
    if _is_obvious(password.casefold(), email, common):
        raise WeakPassword("This password is among those that are tried first: choose another.", pointer=pointer)


def _is_obvious(password: str, email: str, common: Container[str]) -> bool:
    local = email.partition("@")[0]
    if email in password or (len(local) >= _TELLING_LENGTH and local in password):
        return True
    if len(set(password)) < _DISTINCT_CHARACTERS_MIN:
        return True
    core = password.strip(_ENDS)
    if any(each in common or each in _OBVIOUS for each in (password, core, _repeated(password), _repeated(core))):
        return True
    return any(password in row or password[::-1] in row for row in _ROWS)


def _repeated(text: str) -> str:
    """Return the shortest text that this one is, once or several times in a row."""
    return text[: (text + text).find(text, 1)]
