"""Mail to persons: written here, and delivered after what it tells of was committed."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from application.identity.person_ports import Mailer, MailNotSent, Message
from application.shared.background import Background

WAITING_MAX: Final = 1_000
INVITATIONS_AT_ONCE: Final = 2
RETRY_SECONDS: Final = (1.0, 15.0)
CLOSING_SECONDS: Final = 5.0

_log = logging.getLogger("partita.mail")


class Letters:
    """Delivers in the background, so that how long an answer takes tells nobody whether a mail was sent.

    A server that ends hands over what it has begun to; what it loses can be asked for again.
    """

    def __init__(
        self,
        mailer: Mailer,
        public_url: str,
        *,
        waiting_max: int = WAITING_MAX,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        closing_seconds: float = CLOSING_SECONDS,
    ) -> None:
        """At most `waiting_max` are delivered at once, and as many invitations wait beside them. Each is tried again
        after these pauses, and in the end `closing_seconds` are left for them.
        """
        self._mailer = mailer
        self._public_url = public_url
        self._waiting_max = waiting_max
        self._retry_seconds = retry_seconds
        self._sending = Background(patience_seconds=closing_seconds)
        self._inviting = Background(patience_seconds=closing_seconds)
        self._at_once: AbstractAsyncContextManager[None] = nullcontext()
        self._in_turn = asyncio.Semaphore(INVITATIONS_AT_ONCE)

    def post(self, message: Message) -> None:
        """Deliver a message to a person about its own account, soon."""
        self._post(message, self._sending, self._at_once)

    def post_invitation(self, message: Message) -> None:
        """Deliver an invitation, two at a time: however many wait, they are in no other message's way."""
        self._post(message, self._inviting, self._in_turn)

    async def settle(self) -> None:
        """Wait a moment for what is being delivered, and give the rest up."""
        await asyncio.gather(self._sending.settle(), self._inviting.settle())

    def _post(self, message: Message, to: Background, turn: AbstractAsyncContextManager[None]) -> None:
        if len(to) >= self._waiting_max:
            _log.error("a message was not sent: %s wait already", f"{self._waiting_max:,}")
            return
        to.begin(self._send(message, turn))

    async def _send(self, message: Message, turn: AbstractAsyncContextManager[None]) -> None:
        # Neither the address nor the text goes into the log: a token in it is as good as a password.
        for pause_seconds in (*self._retry_seconds, None):
            try:
                async with turn:
                    await self._mailer.send(message)
            except MailNotSent as failure:
                if pause_seconds is None:
                    _log.error("a message was not sent: %s", failure)
                    return
                await asyncio.sleep(pause_seconds)
            except Exception:
                _log.exception("a message was not sent")
                return
            else:
                return

    def verification(self, to: str, token: str) -> Message:
        """Return what a person gets who has registered."""
        return Message(
            to,
            "Verify your e-mail address",
            f"Someone, most likely you, has registered at {self._public_url} with this e-mail address.\n\n"
            f"To verify the address, show this token, together with the password that was chosen:\n\n{token}\n\n"
            "It is good for 24 hours. If it was not you, there is nothing to do.\n",
        )

    def already_registered(self, to: str) -> Message:
        """Return what a person gets whose address was registered again."""
        return Message(
            to,
            "You are registered already",
            f"Someone, most likely you, wanted to register at {self._public_url} with this e-mail address, which is "
            "registered already.\n\n"
            "Log in with your password, or ask for a new one. If it was not you, there is nothing to do.\n",
        )

    def reset(self, to: str, token: str) -> Message:
        """Return what a person gets who has forgotten its password."""
        return Message(
            to,
            "Choose a new password",
            f"Someone, most likely you, has asked for a new password at {self._public_url}.\n\n"
            f"To choose one, show this token:\n\n{token}\n\n"
            "It is good for one hour. If it was not you, there is nothing to do: your password stays as it is.\n",
        )

    def password_changed(self, to: str) -> Message:
        """Return what a person gets whose password was changed."""
        return Message(
            to,
            "Your password was changed",
            f"Your password at {self._public_url} was changed. Other sessions were ended, and what you let "
            "applications do.\n\n"
            "If it was not you, ask for a new password at once, and tell whoever runs the server.\n",
        )
