"""Mail is delivered in the background, and its secrets are not logged."""

import asyncio
import logging

import pytest

from adapters.memory import MemoryMailbox
from application.identity.letters import Letters
from application.identity.person_ports import Message

MESSAGE = Message("ada@example.com", "Hello", "ptm_secret")
AT_ONCE = (0.0, 0.0)


async def test_a_message_is_delivered_after_who_posted_it_has_gone_on() -> None:
    mailbox = MemoryMailbox()
    letters = Letters(mailbox, "https://ledger.test")
    letters.post(MESSAGE)
    assert mailbox.messages == []
    await letters.settle()
    assert mailbox.messages == [MESSAGE]


async def test_a_message_that_cannot_be_sent_is_tried_again() -> None:
    mailbox = MemoryMailbox(refuses=2)
    letters = Letters(mailbox, "https://ledger.test", retry_seconds=AT_ONCE)
    letters.post(MESSAGE)
    assert await mailbox.take(MESSAGE.to) == MESSAGE


async def test_what_is_given_up_is_logged_without_address_and_text(caplog: pytest.LogCaptureFixture) -> None:
    letters = Letters(MemoryMailbox(refuses=3), "https://ledger.test", retry_seconds=AT_ONCE)
    letters.post(MESSAGE)
    await letters.settle()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "the mailbox is closed" in caplog.text
    assert "ada" not in caplog.text
    assert "ptm_" not in caplog.text


async def test_a_mailer_that_never_answers_does_not_hold_up_the_end() -> None:
    class Silent:
        async def send(self, message: Message) -> None:
            await asyncio.Event().wait()

    letters = Letters(Silent(), "https://ledger.test", closing_seconds=0.01)
    letters.post(MESSAGE)
    await letters.settle()


async def test_so_many_wait_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    mailbox = MemoryMailbox()
    letters = Letters(mailbox, "https://ledger.test", waiting_max=1)
    for _ in range(2):
        letters.post(MESSAGE)
    await letters.settle()
    assert mailbox.messages == [MESSAGE]
    assert "was not sent" in caplog.text


async def test_invitations_wait_behind_what_is_about_an_account_and_take_none_of_its_room() -> None:
    class Slow:
        """A mail server that takes its time with invitations."""

        def __init__(self) -> None:
            self.goes_on = asyncio.Event()
            self.begun: list[str] = []

        async def send(self, message: Message) -> None:
            self.begun.append(message.to)
            if message.to.startswith("invited"):
                await self.goes_on.wait()

    server = Slow()
    letters = Letters(server, "https://ledger.test", waiting_max=5)
    invited = [Message(f"invited{number}@example.com", "You are invited", "") for number in range(7)]
    for message in invited:
        letters.post_invitation(message)
    for _ in range(5):
        letters.post(MESSAGE)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sorted(server.begun) == sorted([invited[0].to, invited[1].to, *[MESSAGE.to] * 5])
    server.goes_on.set()
    await letters.settle()
    # Two too many were invited, and nothing else was dropped.
    assert sorted(server.begun) == sorted([*[message.to for message in invited[:5]], *[MESSAGE.to] * 5])


def test_each_letter_says_what_to_do() -> None:
    letters = Letters(MemoryMailbox(), "https://ledger.test")
    for message in (letters.verification("a@b.de", "ptm_x"), letters.reset("a@b.de", "ptm_x")):
        assert message.to == "a@b.de"
        assert "\nptm_x\n" in message.text
        assert "https://ledger.test" in message.text
        assert "If it was not you" in message.text
    for message in (letters.already_registered("a@b.de"), letters.password_changed("a@b.de")):
        assert "ptm_" not in message.text
