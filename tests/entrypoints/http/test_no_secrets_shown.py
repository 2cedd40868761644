"""Secrets, sent to wherever they do not belong: neither the log nor a problem nor the database's log repeats them."""

import logging
import os
import pkgutil
import socket
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from httpx2 import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

import domain.identity
from domain.identity.api_key import API_KEY
from domain.identity.secret_text import RANDOM_BYTES, SecretKind
from domain.identity.session import MAILED_TOKEN, SESSION_TOKEN
from entrypoints.cli.log import SecretsHidden
from entrypoints.container import Services
from entrypoints.schemas.hidden import without_credentials, without_secrets
from entrypoints.settings import Settings
from tests.entrypoints.http.tenant import NDJSON, Tenant, sale
from tests.server_process import ServerProcess

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJlLW9mLW5vYm9keQ"
UNKNOWN_KEY = API_KEY.build(1, b"secret of nobody, long enough to be one of a key")
OF_PERSONS = [
    kind.build(None, b"secret of nobody, long enough to be one of a man") for kind in (SESSION_TOKEN, MAILED_TOKEN)
]
PASSWORD = "correct-horse-battery"
KINDS = {
    kind.prefix: kind
    for module in pkgutil.iter_modules(domain.identity.__path__)
    for kind in vars(import_module(f"domain.identity.{module.name}")).values()
    if isinstance(kind, SecretKind)
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"key {UNKNOWN_KEY}.", "key ptk_[hidden]."),
        (f"key {UNKNOWN_KEY[:20]}", "key ptk_[hidden]"),
        ("signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/=.", "signed with whsec_[hidden]."),
        (
            "pti_7_abcdefgh ptc_7_abcdefgh pto_7_abcdefgh ptr_7_abcdefgh",
            "pti_[hidden] ptc_[hidden] pto_[hidden] ptr_[hidden]",
        ),
        (f"token '{JWT}'", "token '[hidden]'"),
        (f"{JWT[:60]}", "[hidden]"),
    ],
)
def test_credentials_are_known_by_their_looks(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    "piece",
    [
        "-eyJa",
        "eyJa.",
        "eyJ-",
        "pta_",
        "pta_1",
        "ptk_1_a",
        "a-",
        "a.a+",
        "a://",
        "a://b:",
        "bearer ",
        "password=",
        " :",
        "_",
    ],
)
def test_a_long_text_is_looked_through_in_a_time_that_grows_with_it(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    without_secrets(text)
    assert time.process_time() < began + 2, "a pattern that begins anew at each place would take minutes"


@given(
    kind=st.sampled_from(sorted(KINDS)),
    organisation=st.integers(1, 10**18 - 1),
    random=st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES),
    before=st.sampled_from(["", " ", "'", "/", "=", "%22", "x", "\\n", "a_", "é", "Bearer "]),
    after=st.sampled_from(["", " ", "'", ".", "-", "/", "&a=b", "\n", "é"]),
    cut=st.integers(10, 60),
)
def test_nothing_is_left_of_a_secret_of_any_kind(
    kind: str, organisation: int, random: bytes, before: str, after: str, cut: int
) -> None:
    assert set(KINDS) == {"ptk", "pti", "ptc", "pto", "ptr", "pts", "ptm", "ptt"}
    secret = KINDS[kind].build(organisation if KINDS[kind].has_organisation else None, random)
    assert without_credentials(f"{before}{secret}{after}") == f"{before}{kind}_[hidden]{after}"
    assert without_credentials(f"see {secret[:cut]}{after}") == f"see {kind}_[hidden]{after}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdef123", "Authorization: Bearer [hidden]"),
        ("(b'authorization', b'Basic dXNlcjpwYXNz')", "(b'authorization', b'Basic [hidden]')"),
        ("{'authorization': 'abcdef'}", "{'authorization': '[hidden]'}"),
        (
            "cannot reach postgresql://partita:s3cr3t!@db:5432/partita",
            "cannot reach postgresql://partita:[hidden]@db:5432/partita",
        ),
        ("redis://:s3cr3t@redis/0", "redis://:[hidden]@redis/0"),
        ('{"email": "a@b.c", "password": "correct-horse"}', '{"email": "a@b.c", "password": "[hidden]"}'),
        ("grant_type=x&client_secret=abcdef&scope=y", "grant_type=x&client_secret=[hidden]&scope=y"),
        ("refresh_token=abcdef", "refresh_token=[hidden]"),
    ],
)
def test_other_secrets_are_known_by_what_stands_before_them(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "There is no transaction txn_01h2xcejqtf2nbrexx3vqjhp41 in main.",
        "the session ses_01h2xcejqtf2nbrexx3vqjhp41 has ended",
        "assets:receipts_2026_november",
        "http://127.0.0.1:8000/v1/ledgers?limit=5 script_of_7 at 2026-11-25T12:00:00Z",
        "users:42:wallet has 12.50 EUR available, and 100.00 EUR were asked.",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert without_secrets(text) == text


def test_a_record_is_clean_in_its_message_its_arguments_and_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler()
    handler.addFilter(SecretsHidden())
    log = logging.getLogger("tests.secrets")
    log.propagate = False
    log.addHandler(handler)
    log.warning("sent %s and %r", UNKNOWN_KEY, {"password": PASSWORD})
    log.warning("%d", "not a number " + UNKNOWN_KEY)
    try:
        try:
            raise ValueError(f"inner postgresql://a:{PASSWORD}@db/x")
        except ValueError as inner:
            raise RuntimeError(JWT) from inner
    except RuntimeError:
        log.exception("it failed", stack_info=True)
    log.removeHandler(handler)
    said = capsys.readouterr().err
    for secret in (UNKNOWN_KEY, UNKNOWN_KEY[8:30], PASSWORD, JWT, JWT[-20:]):
        assert secret not in said
    assert "Traceback" in said
    assert "ValueError: inner postgresql://a:[hidden]@db/x" in said


@pytest.fixture
def server(postgres_url: str, redis_url: str, settings: Settings, services: Services) -> Iterator[ServerProcess]:
    """A server as it runs in production."""
    process = ServerProcess(postgres_url, redis_url, settings.data_dir, {"PARTITA_RATE_LIMIT_FAILURES": "0"})
    yield process.start()
    process.stop()


async def test_a_server_repeats_no_secret_wherever_it_is_sent(
    server: ServerProcess, tenant: Tenant, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secrets = (tenant.key, UNKNOWN_KEY, JWT, *OF_PERSONS)
    shown: list[str] = []
    async with AsyncClient(base_url=server.url) as client:
        for secret in secrets:
            good = {"Authorization": f"Bearer {tenant.key}"}
            bad = {"Authorization": f"Bearer {secret[:-1]}x"}
            for headers in (good, bad, {"Authorization": f"Basic {secret}"}, {**good, "Authorization": secret}):
                for response in (
                    await client.get(f"/v1/ledgers/main/transactions/{secret}", headers=headers),
                    await client.get(f"/{secret}", headers=headers),
                    await client.get(f"/v1/ledgers/{secret}", headers=headers),
                    await client.get(f"/v1/ledgers?{secret}=1", headers=headers),
                    await client.get(f"/v1/ledgers/main/accounts?sort={secret}&cursor={secret}", headers=headers),
                    await client.get("/v1/ledgers", headers={**headers, "Partita-Version": secret}),
                    await client.get("/v1/ledgers", headers={**headers, "Accept": secret}),
                    await client.delete(f"/v1/api-keys/{secret}", headers=headers),
                    await client.patch("/v1/ledgers/main", headers={**headers, "If-Match": secret}, json={"name": "x"}),
                    await client.post("/v1/ledgers", headers=headers, json={"slug": secret, secret: PASSWORD}),
                    await client.post("/v1/api-keys", headers=headers, json={"name": ["x"], "password": PASSWORD}),
                    await client.post("/v1/auth/login", json={"email": secret, "password": [PASSWORD]}),
                    await client.post("/v1/auth/login", json={"email": "a@example.com", "password": PASSWORD}),
                    await client.post("/v1/auth/refresh", json={"refresh_token": secret, "organisation": secret}),
                    await client.post("/v1/auth/password/reset", json={"token": secret, "password": PASSWORD}),
                    await client.post("/v1/ledgers/main/transactions", headers=headers, content=secret),
                    await client.post("/v1/ledgers/main/transactions", headers=headers, json={secret: secret}),
                    await client.post(
                        "/v1/ledgers/main/transactions", headers=headers, json={**sale(), "reference": [secret]}
                    ),
                    await client.post(
                        "/v1/ledgers/main/transactions/bulk",
                        headers={**headers, "Content-Type": NDJSON},
                        content=f'{{"{secret}": 1}}\n{secret}\n{{"entries": "{secret}"}}\n',
                    ),
                ):
                    assert response.status_code >= 200
                    shown.append(response.text)
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=5) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nBad Header {tenant.key}: x\r\n\r\n".encode())
        shown.append(connection.recv(65_536).decode())
    log = server.said()
    database = "".join(
        file.read_text(errors="replace") for file in Path(tmp_path_factory.getbasetemp()).glob("servers*/*.log")
    )
    assert database or os.environ.get("DATABASE_URL"), "the embedded PostgreSQL has a log"
    for secret in (*secrets, PASSWORD):
        body = secret.rsplit("_", 1)[-1].rsplit(".", 1)[-1][:24]
        for what, text in (("a problem", "\n".join(shown)), ("the log", log), ("the database's log", database)):
            assert body not in text, f"{what} shows it: …{text[max(0, text.index(body) - 300) :][:400]}"
