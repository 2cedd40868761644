"""How a connection is encrypted is said as URLs of PostgreSQL say it. The tests' own server speaks no TLS."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID
from sqlalchemy import text
from sqlalchemy.engine import make_url

from adapters.postgres.engine import BadDatabaseUrl, owner_engine
from tests.builders import NOW


async def answer(url: str, **query: str) -> int:
    """What 1 is, by a connection to that URL."""
    engine = owner_engine(make_url(url).update_query_dict(query).render_as_string(hide_password=False))
    try:
        async with engine.connect() as connection:
            one: int = await connection.scalar(text("SELECT 1"))
            return one
    finally:
        await engine.dispose()


def authority(folder: Path) -> Path:
    """A file with the certificate of an authority that nobody knows."""
    key, name = Ed25519PrivateKey.generate(), Name([NameAttribute(NameOID.COMMON_NAME, "nobody")])
    builder = CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    file = folder / "authority.pem"
    file.write_bytes(builder.sign(key, None).public_bytes(Encoding.PEM))
    return file


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
async def test_a_connection_may_do_without_encryption_where_it_is_told_so(postgres_url: str, mode: str) -> None:
    assert await answer(postgres_url, sslmode=mode) == 1


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_connection_that_has_to_be_encrypted_is_not_made_in_the_open(
    postgres_url: str, mode: str, tmp_path: Path
) -> None:
    authorities = {} if mode == "require" else {"sslrootcert": str(authority(tmp_path))}
    with pytest.raises(ConnectionError, match="rejected SSL"):
        await answer(postgres_url, sslmode=mode, **authorities)


def test_a_word_that_says_nothing_is_refused_at_once() -> None:
    with pytest.raises(BadDatabaseUrl, match="sslmode=on; there are disable"):
        owner_engine("postgresql://db.example.com/books?sslmode=on")
    with pytest.raises(BadDatabaseUrl, match="name the authorities: &sslrootcert=FILE"):
        owner_engine("postgresql://db.example.com/books?sslmode=verify-full")
    with pytest.raises(BadDatabaseUrl, match=r"sslrootcert=/nowhere\.pem, and there is no such file"):
        owner_engine("postgresql://db.example.com/books?sslmode=verify-full&sslrootcert=/nowhere.pem")
