"""Letters go to the addresses that may be reached, whatever names lead to, and over TLS to who has the name."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.http_client import guarded_network
from adapters.http_client.guarded_network import NameResolver, Resolve
from adapters.http_client.webhook_post import HttpPost
from adapters.memory import ManualClock
from application.webhooks.ports import Answer, SignedMessage
from tests.redis_server import until

HERE = (ip_network("127.0.0.1/32"),)
NOWHERE = "It cannot be connected to: it leads to no address of the public internet, and nothing is sent there."


def message(url: str) -> SignedMessage:
    return SignedMessage(url, "evt_1", 1_700_000_000, "v1,c2lnbmVk", b'{"a":1}')


class Names:
    """A name server that says what it is told to, one answer after the other, and counts how often it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@asynccontextmanager
async def server(
    said: bytes = b"HTTP/1.1 204 No Content\r\n\r\n", tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[str]]]:
    """A server on this machine, and the heads of all requests that it got."""
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(said)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1], heads
    finally:
        listening.close()


@asynccontextmanager
async def posting(
    names: Resolve | None = None, tls: ssl.SSLContext | None = None, **given: float
) -> AsyncIterator[HttpPost]:
    made = HttpPost(ManualClock(), HERE, resolve=names, tls=tls, **given)
    yield made
    await made.close()


async def sent(url: str, names: Resolve | None = None, tls: ssl.SSLContext | None = None, **given: float) -> Answer:
    async with posting(names, tls, **given) as post:
        return await post.send(message(url))


async def test_the_name_stays_in_the_request_and_the_address_is_the_one_that_was_checked() -> None:
    async with server() as (port, heads):
        names = Names(["127.0.0.1"])
        assert await sent(f"http://hooks.test:{port}/path?a=1", names) == Answer(204)
    assert heads[0].startswith("POST /path?a=1 HTTP/1.1\r\n")
    assert f"host: hooks.test:{port}" in heads[0].lower()
    assert names.asked == ["hooks.test"]


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "127.0.0.2",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "0.0.0.0",
        "::1",
        "fe80::1%lo",
        "fd00::1",
        "::ffff:127.0.0.2",
        "64:ff9b::7f00:2",
        "2002:7f00:1::",
    ],
)
async def test_a_name_that_leads_elsewhere_is_not_called(address: str) -> None:
    async with server() as (port, heads):
        assert await sent(f"http://hooks.test:{port}/", Names([address])) == Answer(error=NOWHERE)
    assert heads == []


@pytest.mark.parametrize("host", ["[::1]", "127.0.0.2", "[::ffff:10.0.0.1]", "localhost.localdomain.invalid"])
async def test_an_address_in_a_url_is_judged_as_well(host: str) -> None:
    answer = await sent(f"http://{host}:1/")
    assert answer.error in (NOWHERE, "It cannot be connected to: its name is not known.")


async def test_what_other_programs_take_for_an_address_is_judged_as_what_it_leads_to() -> None:
    async with posting() as post:
        for host in ("2130706434", "0x7f.2", "127.2", "0177.0.0.2"):
            answer = await post.send(message(f"http://{host}:1/"))
            assert answer.error in (NOWHERE, "It cannot be connected to: its name is not known.")


async def test_a_name_that_changes_its_mind_between_check_and_call_gains_nothing() -> None:
    async with server() as (port, heads):
        # It is asked once, and the second answer never.
        names = Names(["127.0.0.1"], ["10.0.0.1"])
        async with posting(names) as post:
            assert (await post.send(message(f"http://hooks.test:{port}/"))).status == 204
            assert names.asked == ["hooks.test"]
            # The next connection is checked anew.
            assert await post.send(message(f"http://hooks.test:{port}/")) == Answer(error=NOWHERE)
    assert len(heads) == 1


async def test_of_several_addresses_those_are_called_that_may_be() -> None:
    async with server() as (port, heads):
        assert (await sent(f"http://hooks.test:{port}/", Names(["10.0.0.1", "::1", "127.0.0.1"]))).status == 204
    assert len(heads) == 1


async def test_no_redirect_is_followed() -> None:
    async with server() as (other, heads):
        said = b"HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % other
        async with server(said) as (port, _):
            answer = await sent(f"http://127.0.0.1:{port}/")
    assert (answer.status, answer.is_delivered, heads) == (307, False, [])


async def test_no_proxy_and_no_password_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with server() as (port, heads):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        assert (await sent(f"http://127.0.0.1:{port}/")).status == 204
    assert "authorization" not in heads[0].lower()


async def test_who_does_not_take_the_connection_has_refused() -> None:
    async with server() as (port, _):
        pass
    assert await sent(f"http://127.0.0.1:{port}/") == Answer(error="It cannot be connected to: it refuses.")


async def test_a_name_server_that_does_not_answer_is_not_waited_for() -> None:
    class Silent(Names):
        async def __call__(self, host: str, port: int) -> Sequence[str]:
            await asyncio.Event().wait()
            return []

    answer = await sent("http://hooks.test/", Silent([]), seconds_max=0.1)
    assert answer == Answer(error="It does not answer within 0.1 s.")


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        ("120", timedelta(seconds=120)),
        ("Tue, 24 Nov 2026 10:02:00 GMT", timedelta(seconds=120)),
        ("Tue, 24 Nov 2020 10:02:00 GMT", timedelta()),
        ("soon", None),
        ("-1", None),
        ("1e9", None),
        ("9" * 5_000, None),
        ("Mon, 01 Jan 2024 99999999999999999999:00:00 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 10:00:00 GMT", None),
        ("", None),
    ],
)
async def test_what_retry_after_says_is_understood_in_both_forms(asked: str, pause: timedelta | None) -> None:
    said = f"HTTP/1.1 503 Busy\r\nRetry-After: {asked}\r\nContent-Length: 0\r\n\r\n".encode()
    async with server(said) as (port, _):
        assert (await sent(f"http://127.0.0.1:{port}/")).asked_pause == pause


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of that name shows, and what trusts it."""
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    pem = folder / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(private + made.public_bytes(Encoding.PEM))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    trusting = ssl.create_default_context(cadata=made.public_bytes(Encoding.PEM).decode())
    return serving, trusting


async def test_over_tls_the_name_of_the_url_is_asked_for_and_checked(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "hooks.test")
    names = Names(["127.0.0.1"])
    async with server(tls=serving) as (port, _):
        assert (await sent(f"https://hooks.test:{port}/", names, trusting)).status == 204
        other = await sent(f"https://other.test:{port}/", names, trusting)
        assert other.error is not None
        assert other.error.startswith("It cannot be connected to: its certificate is not good (")
        untrusted = await sent(f"https://hooks.test:{port}/", names, ssl.create_default_context())
        assert untrusted.error is not None
        assert "its certificate is not good" in untrusted.error


async def test_tls_that_breaks_while_an_answer_is_read_is_a_failure_as_any_other(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "hooks.test")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        # A record that nobody has sealed, past TLS.
        raw = writer.get_extra_info("socket")
        os.write(raw.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.read()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=serving)
    port = listening.sockets[0].getsockname()[1]
    answer = await sent(f"https://hooks.test:{port}/", Names(["127.0.0.1"]), trusting)
    listening.close()
    assert answer == Answer(error="It does not answer as a server of HTTP: TLS is broken.")


class NameServer(asyncio.DatagramProtocol):
    """A name server that says of one name that it is this machine, and nothing at all of others."""

    def __init__(self) -> None:
        self.asked: set[bytes] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        # A head of 12 bytes, the name as `\x05hooks\x04test\x00`, then the type: 1 for IPv4, and the class.
        end = data.index(b"\0", 12) + 1
        question = data[12 : end + 4]
        self.asked.add(question[:-4])
        if not question.startswith(b"\x05hooks\x04test\0"):
            return
        is_ipv4 = question[-4:-2] == b"\0\x01"
        head = data[:2] + b"\x81\x80\0\x01" + (b"\0\x01" if is_ipv4 else b"\0\0") + b"\0\0\0\0"
        said = b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\x7f\0\0\x01" if is_ipv4 else b""
        self._transport.sendto(head + question + said, addr)


async def test_names_that_nobody_answers_for_hold_up_no_other() -> None:
    loop = asyncio.get_running_loop()
    transport, names = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    resolver = NameResolver([f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"])
    async with server() as (port, _):
        post = HttpPost(ManualClock(), HERE, resolve=resolver)
        silent = [asyncio.create_task(post.send(message(f"http://silent{each}.test:{port}/"))) for each in range(100)]
        await until(lambda: len(names.asked) == 100)
        assert await asyncio.wait_for(post.send(message(f"http://hooks.test:{port}/")), 1) == Answer(204)
        assert not any(each.done() for each in silent)
        for each in silent:
            each.cancel()
        await asyncio.gather(*silent, return_exceptions=True)
        await post.close()
    await resolver.close()
    transport.close()


async def test_a_look_up_that_is_not_answered_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_network, "LOOK_UP_SECONDS", 0.05)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    resolver = NameResolver([f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"])
    answer = await sent("http://silent.test/", resolver)
    assert answer == Answer(error="It cannot be connected to: its name is not known.")
    await resolver.close()
    transport.close()
