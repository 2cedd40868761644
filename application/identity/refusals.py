"""Refusals of those who want to register or to log in."""

from domain.shared.errors import DomainError, ErrorKind, NotAuthenticated


class RegistrationClosed(DomainError):
    """Who was invited can register here, and nobody else: send the token of an invitation to this very address."""

    code = "registration-closed"
    kind = ErrorKind.FORBIDDEN
    title = "By invitation only"


class TokenNotGood(DomainError):
    """The token that was sent by mail is wrong, was used before, or is too old. Ask for another."""

    code = "token-not-good"
    kind = ErrorKind.REFUSED
    title = "The token is not good any more"


class WrongPassword(DomainError):
    """The password that should confirm this is not the person's. Send the current one.

    Who has forgotten it asks for another by mail, `POST /v1/auth/password/forgotten`.
    """

    code = "wrong-password"
    kind = ErrorKind.REFUSED
    title = "Wrong password"


class StillMember(DomainError):
    """A person who is to be erased has to leave its organisations first: `DELETE /v1/members/me`, then ask again."""

    code = "still-member"
    kind = ErrorKind.REFUSED
    title = "Still a member"


def log_in_refused() -> NotAuthenticated:
    """Return the one refusal of every log-in, so that it does not tell who is registered."""
    return NotAuthenticated(
        "The e-mail address or the password is wrong, or the address was not verified yet. "
        "A new password can be asked for by mail, which verifies the address as well."
    )


def session_over() -> NotAuthenticated:
    """Return the one refusal of every refresh token that is no good."""
    return NotAuthenticated("The refresh token is unknown, was used before, or its session has ended: log in again.")
