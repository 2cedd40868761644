"""Mail: by SMTP, or shown to whoever runs the server."""

from adapters.mail.console import ConsoleMailer
from adapters.mail.smtp import SmtpMailer
from application.identity.person_ports import Mailer, MailServer


def mailer(server: MailServer | None, sender: str) -> Mailer:
    """Return what delivers mail from the address `sender`; without a mail server, what shows it."""
    return ConsoleMailer() if server is None else SmtpMailer(server, sender)
