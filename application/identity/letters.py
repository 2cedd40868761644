"""Mail to persons: written here, and delivered after what it tells of was committed."""

import asyncio
import logging
from typing import Final

from application.identity.person_ports import Mailer, MailNotSent, Message

WAITING_MAX: Final = 1_000
RETRY_SECONDS: Final = (1.0, 15.0)
CLOSING_SECONDS: Final = 5.0

_log = logging.getLogger("partita.mail")


class Letters:
    """Delivers in the background, so that how long an answer takes tells nobody whether a mail was sent.

    A server that ends hands over what it has begun to; what it loses can be asked for again.
    """

    def __init__(self, mailer: Mailer, public_url: str) -> None:
        self._mailer = mailer
        self._public_url = public_url
        self._sending: set[asyncio.Task[None]] = set()

    def post(self, message: Message) -> None:
        """Deliver a message, soon."""
        if len(self._sending) >= WAITING_MAX:
            _log.error("a message was not sent: %s wait already", f"{WAITING_MAX:,}")
            return
        sending = asyncio.create_task(self._send(message))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def close(self) -> None:
        """Wait a moment for what is being delivered, and give the rest up."""
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=CLOSING_SECONDS)
            for sending in late:
                sending.cancel()

    async def _send(self, message: Message) -> None:
        # Neither the address nor the text goes into the log: a token in it is as good as a password.
        for pause_seconds in (*RETRY_SECONDS, None):
            try:
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
            f"Your password at {self._public_url} was changed, and other sessions were ended.\n\n"
            "If it was not you, ask for a new password at once, and tell whoever runs the server.\n",
        )
