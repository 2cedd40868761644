"""Mail by SMTP."""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from application.identity.person_ports import MailNotSent, MailServer, Message

TIMEOUT_SECONDS: Final = 15.0
SENDING_MAX: Final = 4


class SmtpMailer:
    """Hands messages over in threads, a few at a time, on a connection each."""

    def __init__(self, server: MailServer, sender: str) -> None:
        """`sender` is the address that mail comes from."""
        self._server = server
        self._sender = sender
        self._turns = asyncio.Semaphore(SENDING_MAX)

    async def send(self, message: Message) -> None:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = message.to
        mail["Subject"] = message.subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2].rstrip(">"))
        # No robot shall answer it.
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        async with self._turns:
            try:
                await asyncio.to_thread(self._hand_over, mail)
            except (smtplib.SMTPException, OSError) as error:
                raise MailNotSent(_why(error)) from None

    def _hand_over(self, mail: EmailMessage) -> None:
        server = self._server
        context = ssl.create_default_context(cafile=server.authorities_file)
        opened: smtplib.SMTP
        if server.security == "tls":
            opened = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            opened = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
        with opened as connection:
            if server.security == "starttls":
                # Raises where the server has no TLS: nothing is ever sent without, unless that was asked for.
                connection.starttls(context=context)
            if server.user is not None:
                connection.login(server.user, server.password or "")
            connection.send_message(mail)


def _why(error: Exception) -> str:
    """Return what went wrong without what servers like to repeat: the address."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({str(code) for code, _ in error.recipients.values()})
        return f"the mail server refuses the recipient ({', '.join(codes)})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server answers {error.smtp_code}"
    return f"{type(error).__name__}: {error}"
