"""Mail that stays here."""

import asyncio

from application.identity.person_ports import MailNotSent, Message


class MemoryMailbox:
    """A `Mailer` that keeps what it is given, and refuses as many messages first as it is told to."""

    def __init__(self, *, refuses: int = 0) -> None:
        self.messages: list[Message] = []
        self._refuses = refuses
        self._arrived = asyncio.Condition()

    async def send(self, message: Message) -> None:
        if self._refuses > 0:
            self._refuses -= 1
            raise MailNotSent("the mailbox is closed")
        async with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()

    async def take(self, to: str, *, seconds: float = 5.0) -> Message:
        """Take the oldest message to this address out, once it is here. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: any(each.to == to for each in self.messages))
            message = next(each for each in self.messages if each.to == to)
            self.messages.remove(message)
            return message
