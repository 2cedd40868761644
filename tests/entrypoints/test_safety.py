"""What is refused in production: each by itself, with its reason, beside settings that are good."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from entrypoints.cli.config import require_safe
from entrypoints.cli.failures import CommandFailed
from entrypoints.safety import dangers
from entrypoints.settings import Settings

ENCRYPTED = "postgresql://partita_server:secret@db.example.com/partita?sslmode=verify-full&sslrootcert=/ca.pem"


@pytest.fixture
def good(tmp_path: Path) -> dict[str, Any]:
    key = tmp_path / "signing-key.pem"
    key.write_text("a key")
    key.chmod(0o400)
    return {
        "environment": "production",
        "DATABASE_URL": ENCRYPTED,
        "REDIS_URL": "rediss://:secret@redis.example.com",
        "public_url": "https://ledger.example.com",
        "signing_key_file": key,
        "smtp_host": "mail.example.com",
    }


def found(settings: dict[str, Any]) -> list[str]:
    return [danger.variable for danger in dangers(Settings(**settings))]


def test_good_settings_are_good(good: dict[str, Any]) -> None:
    assert found(good) == []
    require_safe(Settings(**good))


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://db.example.com/partita"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://db.example.com/partita?sslmode=prefer"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql:///partita?host=127.0.0.1,db.example.com"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql:///partita?host=127.0.0.1:1&host=db.example.com:2"}, "DATABASE_URL"),
        ({"DATABASE_REPLICA_URLS": f"{ENCRYPTED}, postgresql://db-2.example.com/partita"}, "DATABASE_REPLICA_URLS"),
        ({"REDIS_URL": "redis://redis.example.com:6379/0"}, "REDIS_URL"),
        ({"public_url": None}, "PARTITA_PUBLIC_URL"),
        ({"public_url": "http://ledger.example.com"}, "PARTITA_PUBLIC_URL"),
        ({"cors_origins": ("*",)}, "PARTITA_CORS_ORIGINS"),
        ({"trusted_proxies": (ip_network("0.0.0.0/0"),)}, "PARTITA_TRUSTED_PROXIES"),
        ({"trusted_proxies": (ip_network("10.0.0.1"), ip_network("::/0"))}, "PARTITA_TRUSTED_PROXIES"),
        ({"webhook_allowed_networks": (ip_network("0.0.0.0/0"),)}, "PARTITA_WEBHOOK_ALLOWED_NETWORKS"),
        ({"smtp_host": None}, "PARTITA_SMTP_HOST"),
        ({"smtp_host": None, "registration": "open"}, "PARTITA_SMTP_HOST"),
        ({"smtp_security": "none"}, "PARTITA_SMTP_SECURITY"),
        ({"signing_key_file": None}, "PARTITA_SIGNING_KEY_FILE"),
        ({"signing_key_file": Path("/nowhere/key.pem")}, "PARTITA_SIGNING_KEY_FILE"),
        ({"rate_limit_failures": 0}, "PARTITA_RATE_LIMIT_FAILURES"),
        ({"rate_limit_attempts": 0}, "PARTITA_RATE_LIMIT_ATTEMPTS"),
        ({"rate_limit_email": 0}, "PARTITA_RATE_LIMIT_EMAIL"),
    ],
)
def test_what_is_unsafe_is_reported_and_nothing_else(
    good: dict[str, Any], change: dict[str, Any], reported: str
) -> None:
    assert found(good | change) == [reported]


@pytest.mark.parametrize(
    "change",
    [
        {"DATABASE_URL": "postgresql://partita_server@127.0.0.1/partita"},
        {"DATABASE_URL": "postgresql:///partita?host=/var/run/postgresql"},
        {"DATABASE_URL": "postgresql://db.example.com/partita?sslmode=require"},
        {"REDIS_URL": None},
        {"REDIS_URL": "redis://localhost:6379/0"},
        {"REDIS_URL": "unix:///run/redis.sock"},
        {"smtp_host": "127.0.0.1", "smtp_security": "none"},
        {"rate_limit_address": 0},
        {"trusted_proxies": (ip_network("10.0.0.0/8"),)},
    ],
)
def test_what_stays_on_this_machine_or_is_a_choice_is_not(good: dict[str, Any], change: dict[str, Any]) -> None:
    assert found(good | change) == []


@pytest.mark.parametrize(("mode", "is_safe"), [(0o400, True), (0o640, True), (0o444, False), (0o660, False)])
def test_only_the_server_s_user_and_group_may_read_the_key(good: dict[str, Any], mode: int, is_safe: bool) -> None:
    good["signing_key_file"].chmod(mode)
    assert found(good) == ([] if is_safe else ["PARTITA_SIGNING_KEY_FILE"])


def test_in_production_all_of_it_is_refused_at_once_with_what_to_do(good: dict[str, Any]) -> None:
    bad = Settings(**good | {"DATABASE_URL": None, "public_url": None})
    with pytest.raises(CommandFailed) as refused:
        require_safe(bad, is_demo=True)
    said = str(refused.value)
    assert [line.split()[1] for line in said.splitlines()[1:]] == ["DATABASE_URL", "PARTITA_PUBLIC_URL", "--demo"]
    assert "Set it to the URL that clients use, such as https://ledger.example.com" in said


def test_elsewhere_nothing_is_refused() -> None:
    require_safe(Settings(environment="development", registration="open"), is_demo=True)


def test_nothing_that_is_said_has_a_secret_in_it(good: dict[str, Any]) -> None:
    bad = good | {"DATABASE_URL": "postgresql://u:s3cret@db/x", "REDIS_URL": "redis://u@redis/0?password="}
    assert found(bad) == ["DATABASE_URL", "REDIS_URL"]
    assert "s3cret" not in "".join(map(str, dangers(Settings(**bad))))
