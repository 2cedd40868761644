"""Which settings are not safe in production: a server refuses to start with them there."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from domain.identity.oauth import LOOPBACK_HOSTS
from entrypoints.settings import Settings

_ENCRYPTED: Final = ("require", "verify-ca", "verify-full")
# Group members may read the key, as whom Kubernetes gives it to; all others, and who could change it, may not.
_TOO_OPEN: Final = stat.S_IRWXO | stat.S_IWGRP
_GUESSING: Final = ("rate_limit_failures", "rate_limit_attempts", "rate_limit_email")


@dataclass(frozen=True, slots=True)
class Danger:
    """What is not safe in production: which setting, why, and what to do."""

    variable: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        """Return it as sentences."""
        return f"{self.variable} {self.reason}. {self.remedy}."


def dangers(settings: Settings, *, is_demo: bool = False) -> list[Danger]:
    """Return everything that is not safe in production, of what can be seen without asking anyone."""
    found = [*_of_servers(settings), *_of_reach(settings), *_of_mail(settings), *_of_the_key(settings)]
    found += [
        Danger(f"PARTITA_{name.upper()}", "is 0: who guesses is not slowed down", "Leave the default, or lower it")
        for name in _GUESSING
        if getattr(settings, name) == 0
    ]
    if is_demo:
        remedy = "Leave it out: run `partita migrate`, then make organisations and keys on purpose"
        found.append(Danger("--demo", "migrates by itself and leaves a key with all rights in a file", remedy))
    return found


def _of_servers(settings: Settings) -> Iterator[Danger]:
    if settings.database_url is None:
        yield Danger(
            "DATABASE_URL",
            "is not set: the books would be in a PostgreSQL within the data folder, on this machine alone",
            "Name a PostgreSQL that is backed up, such as postgresql://partita_server:…@db.example.com/partita",
        )
    else:
        named = [("DATABASE_URL", settings.database_url.get_secret_value())]
        named += [("DATABASE_REPLICA_URLS", url) for url in settings.replica_urls]
        for variable in dict.fromkeys(name for name, url in named if _is_in_the_clear(url)):
            yield Danger(
                variable,
                "lets books and passwords cross the network in the clear: its sslmode is weaker than require",
                "Add ?sslmode=verify-full&sslrootcert=FILE, or sslmode=require if the network cannot be tampered with",
            )
    if settings.redis_url is not None:
        url = settings.redis_url.get_secret_value()
        if _is_remote(url) and not _password(url):
            yield Danger(
                "REDIS_URL",
                "has no password: whoever reaches that Redis can reset rate limits and hold back revocations",
                "Give Redis a password (requirepass, or an ACL user), and say rediss://:PASSWORD@HOST",
            )


def _of_reach(settings: Settings) -> Iterator[Danger]:
    if not (settings.public_url or "").startswith("https://"):
        yield Danger(
            "PARTITA_PUBLIC_URL",
            "is not an https URL: cookies would not be Secure, and tokens would name an address that nobody can prove",
            "Set it to the URL that clients use, such as https://ledger.example.com, where a proxy ends TLS",
        )
    if "*" in settings.cors_origins:
        yield Danger(
            "PARTITA_CORS_ORIGINS",
            "is *: the pages of any site may call this server",
            "Name the origins that need it, or leave it empty",
        )
    if any(network.prefixlen == 0 for network in settings.trusted_proxies):
        yield Danger(
            "PARTITA_TRUSTED_PROXIES",
            "trusts everyone: any client may say where it comes from, past limits and the networks of API keys",
            "Name the addresses of your proxies",
        )
    if any(network.prefixlen == 0 for network in settings.webhook_allowed_networks):
        yield Danger(
            "PARTITA_WEBHOOK_ALLOWED_NETWORKS",
            "lets webhooks lead anywhere: whoever may make one reaches all that this server can reach",
            "Name the networks that receivers are in",
        )


def _of_mail(settings: Settings) -> Iterator[Danger]:
    if settings.smtp_host is None:
        open_to_all = "anyone can register, and " if settings.is_registration_open else ""
        yield Danger(
            "PARTITA_SMTP_HOST",
            f"is not set: {open_to_all}mail is written into the log, with tokens that set passwords",
            "Name a mail server; where no person logs in, mail.invalid, so that a message goes nowhere at all",
        )
    elif settings.smtp_security == "none" and not _is_loopback(settings.smtp_host):
        yield Danger(
            "PARTITA_SMTP_SECURITY",
            "is none: tokens that set passwords cross the network in the clear",
            "Set it to starttls or tls",
        )


def _of_the_key(settings: Settings) -> Iterator[Danger]:
    file = settings.signing_key_file
    if file is None:
        yield Danger(
            "PARTITA_SIGNING_KEY_FILE",
            "is not set: each server would make a key of its own, which is gone with its data folder",
            "Make one with `openssl genpkey -algorithm ed25519 -out FILE`, the same for all servers; keep a copy apart",
        )
    elif not file.exists():
        yield Danger(
            "PARTITA_SIGNING_KEY_FILE",
            f"names {file}, which is not there: a new key would be made, which no other server trusts",
            "Put the key there; see that this user may reach it",
        )
    elif _is_too_open(file):
        yield Danger(
            "PARTITA_SIGNING_KEY_FILE",
            f"names {file}, which others may read or change: with it, access tokens and checkpoints can be forged",
            "Let only the server's user, or its group, read it: chmod 0400",
        )


def _is_too_open(file: Path) -> bool:
    return bool(os.stat(file).st_mode & _TOO_OPEN)


def _is_in_the_clear(url: str) -> bool:
    return _is_remote(url) and _query(url, "sslmode") not in _ENCRYPTED


def _is_loopback(host: str) -> bool:
    return host in LOOPBACK_HOSTS or host.startswith(("127.", "/"))


def _is_remote(url: str) -> bool:
    """Whether the way to a server leaves this machine; a URL that makes no sense is refused elsewhere."""
    try:
        hosts = ",".join(parse_qs(urlsplit(url).query).get("host", [])) or urlsplit(url).hostname or ""
    except ValueError:
        return False
    return any(host and not _is_loopback(host) for host in hosts.split(","))


def _query(url: str, name: str) -> str | None:
    return parse_qs(urlsplit(url).query).get(name, [None])[0]


def _password(url: str) -> str | None:
    return urlsplit(url).password or _query(url, "password")
