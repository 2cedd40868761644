"""E-mail addresses."""

import re
from typing import Final

from domain.shared.errors import ValidationFailed

EMAIL_LENGTH_MAX: Final = 254
_LOCAL_LENGTH_MAX: Final = 64
# What HTML takes for an e-mail address, in lower case: https://html.spec.whatwg.org/#valid-e-mail-address.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(rf"([a-z0-9.!#$%&'*+/=?^_`{{|}}~-]+)@{_LABEL}(?:\.{_LABEL})*", re.ASCII)


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
