"""Mail goes where the settings say."""

import asyncio

from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr

from adapters.embedded import ServerUrls
from adapters.mail.console import ConsoleMailer
from application.identity.person_ports import Message as Letter
from entrypoints.container import opened
from entrypoints.settings import Settings

NOWHERE = ServerUrls("postgresql://nowhere.test/x", "redis://nowhere.test/0")


class Taken(Message):
    """Keeps the heads of what an SMTP server takes."""

    def __init__(self) -> None:
        super().__init__()
        self.heads: list[tuple[str, str]] = []

    def handle_message(self, message: object) -> None:
        self.heads.append((message["From"], message["To"]))  # type: ignore[index] # an email.message.Message


async def test_a_mail_server_that_is_set_gets_the_mail(settings: Settings) -> None:
    taken = Taken()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(taken), "127.0.0.1", 0)
    changes = {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.sockets[0].getsockname()[1],
        "smtp_security": "none",
        "mail_from": "ledger@partita.test",
    }
    async with opened(settings.model_copy(update=changes), NOWHERE) as container:
        await container.mailer().send(Letter("ada@example.com", "x", "y"))
    server.close()
    assert taken.heads == [("ledger@partita.test", "ada@example.com")]


async def test_without_one_it_is_shown(settings: Settings) -> None:
    async with opened(settings, NOWHERE) as container:
        assert isinstance(container.mailer(), ConsoleMailer)


def test_the_password_of_the_mail_server_is_not_shown_with_the_settings() -> None:
    assert "open sesame" not in repr(Settings(smtp_password=SecretStr("open sesame")))
