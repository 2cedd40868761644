"""Revocations that this process alone hears of; others notice within five seconds."""

from application.identity.authenticate import Authenticate


class LocalRevocations:
    """`Revocations` where there is one server, or nothing that connects several."""

    def __init__(self, authenticate: Authenticate) -> None:
        self._authenticate = authenticate

    async def announce(self, *names: str) -> None:
        """Forget what is remembered of them here."""
        self._authenticate.forget(*names)
