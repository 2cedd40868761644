"""Mail is shown, or handed to a real SMTP server, encrypted where that was asked for."""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from adapters.mail.console import ConsoleMailer
from adapters.mail.smtp import SmtpMailer
from application.identity.person_ports import MailNotSent, MailServer, Message

MESSAGE = Message("ada@example.com", "Grüße", "Zum Prüfen:\n\nptm_secret\n")


class Postbox:
    """Keeps what an SMTP server takes."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []

    async def handle_RCPT(self, server: Any, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802 # aiosmtpd's name for it
        if address.startswith("nobody@"):
            return f"550 no mailbox {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802 # aiosmtpd's name for it
        self.taken.append(envelope)
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
async def plain_port(postbox: Postbox) -> AsyncIterator[int]:
    async with serving(lambda: SMTP(postbox)) as port:
        yield port


@pytest.fixture
async def encrypted_port(postbox: Postbox, certificate: tuple[Path, Path]) -> AsyncIterator[int]:
    """A server that takes mail after STARTTLS and a log-in only."""

    def authenticate(server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"partita", b"open sesame")
        return AuthResult(success=good, handled=False)

    def smtp() -> SMTP:
        return SMTP(
            postbox,
            tls_context=server_context(certificate),
            require_starttls=True,
            auth_required=True,
            authenticator=authenticate,
        )

    async with serving(smtp) as port:
        yield port


@pytest.fixture
async def tls_port(postbox: Postbox, certificate: tuple[Path, Path]) -> AsyncIterator[int]:
    """A server that speaks TLS from the first byte on."""
    async with serving(lambda: SMTP(postbox), server_context(certificate)) as port:
        yield port


def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, certificate))
    return context


@asynccontextmanager
async def serving(smtp: Callable[[], SMTP], context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(smtp, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_message_arrives_as_it_was_written(postbox: Postbox, plain_port: int) -> None:
    await SmtpMailer(MailServer("127.0.0.1", plain_port, "none"), "ledger@partita.test").send(MESSAGE)
    (envelope,) = postbox.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("ledger@partita.test", ["ada@example.com"])
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert (mail["From"], mail["To"], mail["Subject"]) == ("ledger@partita.test", "ada@example.com", "Grüße")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == MESSAGE.text


async def test_mail_goes_encrypted_and_with_a_log_in(
    postbox: Postbox, encrypted_port: int, certificate: tuple[Path, Path]
) -> None:
    server = MailServer("127.0.0.1", encrypted_port, "starttls", "partita", "open sesame", str(certificate[0]))
    await SmtpMailer(server, "ledger@partita.test").send(MESSAGE)
    assert len(postbox.taken) == 1
    wrong = MailServer("127.0.0.1", encrypted_port, "starttls", "partita", "wrong", str(certificate[0]))
    with pytest.raises(MailNotSent, match="answers 535"):
        await SmtpMailer(wrong, "ledger@partita.test").send(MESSAGE)


async def test_mail_goes_by_tls_alone(postbox: Postbox, tls_port: int, certificate: tuple[Path, Path]) -> None:
    server = MailServer("127.0.0.1", tls_port, "tls", authorities_file=str(certificate[0]))
    await SmtpMailer(server, "ledger@partita.test").send(MESSAGE)
    assert len(postbox.taken) == 1


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(postbox: Postbox, encrypted_port: int) -> None:
    server = MailServer("127.0.0.1", encrypted_port, "starttls", "partita", "open sesame")
    with pytest.raises(MailNotSent, match="CERTIFICATE_VERIFY_FAILED"):
        await SmtpMailer(server, "ledger@partita.test").send(MESSAGE)
    assert postbox.taken == []


async def test_nothing_is_sent_in_the_clear_where_that_was_not_asked_for(postbox: Postbox, plain_port: int) -> None:
    with pytest.raises(MailNotSent):
        await SmtpMailer(MailServer("127.0.0.1", plain_port, "starttls"), "ledger@partita.test").send(MESSAGE)
    assert postbox.taken == []


async def test_a_refusal_is_told_without_the_address(plain_port: int) -> None:
    mailer = SmtpMailer(MailServer("127.0.0.1", plain_port, "none"), "ledger@partita.test")
    with pytest.raises(MailNotSent) as failed:
        await mailer.send(Message("nobody@example.com", "x", "ptm_secret"))
    assert str(failed.value) == "the mail server refuses the recipient (550)"


async def test_a_server_that_is_not_there_is_told(plain_port: int) -> None:
    mailer = SmtpMailer(MailServer("127.0.0.1", 1, "none"), "ledger@partita.test")
    with pytest.raises(MailNotSent, match="ConnectionRefusedError"):
        await mailer.send(MESSAGE)


@pytest.mark.parametrize("part", ["to", "subject"])
async def test_a_line_of_its_own_cannot_be_put_into_the_head(plain_port: int, part: str) -> None:
    mailer = SmtpMailer(MailServer("127.0.0.1", plain_port, "none"), "ledger@partita.test")
    parts = {"to": "ada@example.com", "subject": "x"} | {part: "x\r\nBcc: eve@example.com"}
    with pytest.raises(ValueError, match="linefeed"):
        await mailer.send(Message(parts["to"], parts["subject"], ""))


async def test_without_a_mail_server_a_message_is_shown() -> None:
    stream = io.StringIO()
    await ConsoleMailer(stream).send(MESSAGE)
    assert stream.getvalue() == "\n--- mail to ada@example.com: Grüße\nZum Prüfen:\n\nptm_secret\n---\n"
