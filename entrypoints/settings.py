"""Settings: everything that can be set from outside, and nothing else."""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from application.attachments.ports import Bucket
from application.identity.openid_ports import OpenIdClient
from application.identity.person_ports import MailServer
from domain.identity.oauth import LOOPBACK_HOSTS
from domain.shared.quotas import QUOTA_MAX, Quotas
from entrypoints.secret_files import PREFIX, SecretsInFiles, is_secret_field, variable_of

MEBIBYTE = 1024 * 1024
_ORIGIN = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?")


def _listed(value: Any) -> Any:
    """Return the items of a list that is written with commas, as environment variables have it."""
    return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value


def _checked_issuer(text: str) -> str:
    """Return the URL of an OpenID provider, if nobody on the way there can pose as it. Raises `ValueError`."""
    parts = urlsplit(text)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError("it takes https; http is for a provider on this same machine")
    return text


def _checked_origin(text: str) -> str:
    """Return it if a browser could send it as `Origin`, or if it is `*`. Raises `ValueError`."""
    if text != "*" and not _ORIGIN.fullmatch(text):
        raise ValueError(f"{text!a} is no origin: it is a scheme, a host in lower case and a port if it is unusual")
    return text


Quota = Annotated[int, Field(ge=0, le=1_000_000_000)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_listed)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_checked_origin)], ...], NoDecode, BeforeValidator(_listed)]


class Settings(BaseSettings):
    """Read from the environment; a variable's name stands beside each setting.

    A secret may stand in a file instead, which a variable names that ends in `_FILE`: `DATABASE_URL_FILE`.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    environment: Literal["development", "production"] = "development"
    """Where this is: in `production`, a server refuses to start with settings that are not safe there."""
    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    """PostgreSQL to use; without it, one is started in the data folder."""
    database_replica_urls: SecretStr = Field(default=SecretStr(""), validation_alias="DATABASE_REPLICA_URLS")
    """Replicas of that PostgreSQL, with commas between: reads go there of who says what they have seen of a ledger."""
    replica_staleness_seconds: Annotated[float, Field(ge=0, le=5)] = 0
    """How old may be, in seconds, what those read who do not say what they have seen. 0: they read the primary."""
    transaction_pooler: bool = False
    """Whether DATABASE_URL, and those of replicas, lead to a pooler that lends connections for a transaction."""
    redis_url: SecretStr | None = Field(default=None, validation_alias="REDIS_URL")
    """Redis or Valkey to use; without it, one is started in the data folder, or, with DATABASE_URL, port 6379 here."""
    data_dir: Path = Path(".partita")
    """Where embedded servers, keys and `demo.json` are kept."""
    host: str = "127.0.0.1"
    """The address to serve on."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    """The port to serve on."""
    public_url: Annotated[str | None, Field(pattern=r"^https?://[^?#\s]*[^?#\s/]$")] = None
    """The URL that this server is reached by from outside; access tokens name it. By default, of the host and port."""
    signing_key_file: Path | None = None
    """The Ed25519 key (PEM) that signs checkpoints and cursors and seals the keys of access tokens; servers of one
    database share it. Made when missing."""
    registration: Literal["invited", "open"] = "invited"
    """Who can register: those who were invited to an organisation, or everyone (`open`). Only where it is open, persons
    can make organisations by themselves."""
    quota_ledgers: Annotated[int, Field(ge=0, le=QUOTA_MAX)] | None = None
    """The quota of ledgers that an organisation begins with which a person makes. It can be changed later."""
    quota_keys: Annotated[int, Field(ge=0, le=QUOTA_MAX)] | None = None
    """The same of API keys that work."""
    quota_requests_per_minute: Annotated[int, Field(ge=1, le=QUOTA_MAX)] | None = None
    """The same of requests a minute."""
    quota_storage_bytes: Annotated[int, Field(ge=0, le=QUOTA_MAX)] | None = None
    """The same of its logs and its files, in bytes."""
    oidc_issuer: Annotated[str, Field(pattern=r"^https?://[^?#\s]+$"), AfterValidator(_checked_issuer)] | None = None
    """The OpenID provider that people may log in with: its issuer, an https URL. By default, none."""
    oidc_client_id: str = ""
    """What this server is called at the OpenID provider."""
    oidc_client_secret: SecretStr = SecretStr("")
    """What this server proves itself with at the OpenID provider."""
    oidc_name: str = "your organisation's account"
    """What people call the OpenID provider: they are offered to log in with it."""
    smtp_host: str | None = None
    """The mail server; without one, mail is written to stderr, with the tokens in it."""
    smtp_port: Annotated[int, Field(ge=1, le=65_535)] = 587
    """The mail server's port."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the way to the mail server is encrypted."""
    smtp_user: str | None = None
    """The name to log in to the mail server with, if that is needed."""
    smtp_password: SecretStr | None = None
    """The password of that name."""
    smtp_authorities_file: Path | None = None
    """Certificates (PEM) that the mail server's is checked against, instead of the system's."""
    mail_from: Annotated[str, Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$")] = "partita@localhost"
    """The address that mail comes from."""
    pool_size: Annotated[int, Field(ge=1, le=500)] = 10
    """Connections for reads, as many again for groups of commands, and as many to each replica."""
    body_bytes_max: Annotated[int, Field(ge=1024)] = 4 * MEBIBYTE
    """The longest body of a request, and the longest line of a stream, in bytes."""
    bulk_bytes_max: Annotated[int, Field(ge=1024)] = 32 * MEBIBYTE
    """The longest body of a JSON bulk, in bytes. A stream of lines has no limit."""
    spool_bytes_max: Annotated[int, Field(ge=1024)] = 4096 * MEBIBYTE
    """How many bytes of answers to a stream may wait at a time for a client that does not take them, in files."""
    import_bytes_max: Annotated[int, Field(ge=1024)] = 256 * MEBIBYTE
    """The longest body of an import, in bytes."""
    job_bytes_max: Annotated[int, Field(ge=1024)] = 1024 * MEBIBYTE
    """How many bytes an organisation's jobs may keep in the database: what they work on, and what they have made."""
    worker_inside: bool = True
    """Whether `partita serve` also does the work of workers: jobs, webhooks and hourly duties. If not, `partita worker`
    must run beside it."""
    files_url: Annotated[str | None, Field(pattern=r"^s3://[^/?#\s]+(/[^?#\s]*)?$")] = None
    """Where files are kept: `s3://bucket`, or `s3://bucket/prefix`. Without it, in the data folder."""
    files_endpoint: Annotated[str | None, Field(pattern=r"^https?://[^?#\s]+$")] = None
    """The URL of the store that has the bucket, if it is not AWS."""
    files_region: str | None = None
    """The bucket's region. What is not set of this and of the key is found as AWS's own tools find it."""
    files_key_id: str | None = None
    """The name of the key for the bucket."""
    files_key_secret: SecretStr | None = None
    """The secret of that key."""
    file_bytes_max: Annotated[int, Field(ge=1024, le=49 * 1024 * MEBIBYTE)] = 1024 * MEBIBYTE
    """The longest file that can be attached, in bytes."""
    file_retention_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    """For how many days a file is kept after its attachment was removed."""
    required_extensions: Names = ()
    """Extensions without which nothing is posted, held, captured, reversed or closed, such as those with a posting
    policy: names, with commas between."""
    trusted_proxies: Networks = ()
    """Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or networks, with commas between."""
    cors_origins: Origins = ()
    """Origins whose pages may call this server: https://app.example.com, with commas between; or * for any."""
    cors_credentials: bool = False
    """Whether those pages may send cookies and the like. Not with *."""
    rate_limit_address: Quota = 1_200_000
    """Requests a minute from one IP address, or IPv6 network of 64 bits, whoever makes them. 0: no limit."""
    rate_limit_caller: Quota = 1_200_000
    """Requests a minute of one user, API key or OAuth client. 0: no limit."""
    rate_limit_organisation: Quota = 2_400_000
    """Requests a minute of one organisation that has no limit of its own. 0: no limit."""
    rate_limit_failures: Quota = 300
    """Credentials that are refused a minute from one IP address, before it must wait. 0: no limit."""
    rate_limit_attempts: Quota = 60
    """Attempts a minute from one IP address to log in; to register; to reset a password; and so on. 0: no limit."""
    rate_limit_email: Quota = 20
    """Attempts of each kind in a quarter of an hour for one e-mail address: from one IP address, or to have mail sent;
    ten times as many from all of them. 0: no limit."""
    rate_limit_invitations: Quota = 100
    """Invitations in a quarter of an hour that one organisation has mailed. 0: no limit."""
    graphql_introspection: bool = True
    """Whether `/graphql` tells its schema to who asks for it."""
    webhook_http: bool = False
    """Whether webhooks may lead to http:// besides https://, where anyone on the way can read what is sent."""
    webhook_allowed_networks: Networks = ()
    """Networks that webhooks may lead to besides the public internet: addresses or networks, with commas between."""
    head_seconds_max: Annotated[int, Field(ge=1, le=600)] = 10
    """How long a client may take to send the head of a request, in seconds."""
    body_idle_seconds_max: Annotated[int, Field(ge=1, le=3600)] = 60
    """How long a client may pause while it sends a body, in seconds."""
    keep_alive_seconds: Annotated[int, Field(ge=1, le=3600)] = 75
    """How long a connection is kept on which nothing is asked, in seconds: longer than a proxy in front keeps its."""
    stop_grace_seconds: Annotated[float, Field(ge=0, le=300)] = 0
    """How long a server that is told to stop goes on while `/health/ready` says so already, in seconds: until whoever
    sends it requests has noticed. Not after Ctrl-C."""
    stop_seconds: Annotated[int, Field(ge=1, le=600)] = 5
    """How long requests that have begun may then take to be answered, in seconds."""
    log_format: Literal["text", "json"] = "text"
    """How the log is written: for people, or with a JSON document in each line."""
    metrics_port: Annotated[int | None, Field(ge=0, le=65_535)] = None
    """The port for those who run the server: `/metrics` for Prometheus, and `/health/…`. Without it, there is none."""
    traces_url: Annotated[str | None, Field(pattern=r"^https?://[^?#\s]+$")] = None
    """The OpenTelemetry collector that traces are sent to (OTLP over HTTP): http://collector:4318. By default, none."""
    traces_ratio: Annotated[float, Field(ge=0, le=1)] = 0.02
    """How many of all requests are traced, from 0 to 1, besides those whose `traceparent` asks for it."""
    sentry_dsn: SecretStr | None = None
    """The DSN of Sentry that errors are reported to, without what was sent and without secrets. By default, none."""

    @model_validator(mode="after")
    def _no_credentials_for_all(self) -> Self:
        if self.cors_credentials and "*" in self.cors_origins:
            raise ValueError("PARTITA_CORS_CREDENTIALS is for named origins: any site could act for whoever visits it")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings are read from; what comes first wins."""
        return init_settings, env_settings, SecretsInFiles(settings_cls)

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Return the variable that each setting is read from."""
        return {name: variable_of(name, field) for name, field in cls.model_fields.items()}

    @classmethod
    def is_secret(cls, name: str) -> bool:
        """Return whether nobody should see the setting, and it may stand in a file of its own."""
        return is_secret_field(cls.model_fields[name])

    @property
    def replica_urls(self) -> tuple[str, ...]:
        """Where replicas are."""
        return tuple(_listed(self.database_replica_urls.get_secret_value()))

    @property
    def openid_client(self) -> OpenIdClient | None:
        """What this server is to the OpenID provider, if there is one."""
        if self.oidc_issuer is None:
            return None
        return OpenIdClient(
            self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret.get_secret_value(), self.oidc_name
        )

    @property
    def bucket(self) -> Bucket | None:
        """Where files are kept, if it is not the data folder."""
        if self.files_url is None:
            return None
        secret = None if self.files_key_secret is None else self.files_key_secret.get_secret_value()
        return Bucket(self.files_url, self.files_endpoint, self.files_region, self.files_key_id, secret)

    @property
    def files_folder(self) -> Path:
        """The folder that files are kept in, where there is no bucket."""
        return self.data_dir / "files"

    @property
    def file_retention(self) -> timedelta:
        """For how long a file is kept after its attachment was removed."""
        return timedelta(days=self.file_retention_days)

    @property
    def mail_server(self) -> MailServer | None:
        """Where mail is handed over, if there is a mail server."""
        if self.smtp_host is None:
            return None
        password, authorities = self.smtp_password, self.smtp_authorities_file
        return MailServer(
            self.smtp_host,
            self.smtp_port,
            self.smtp_security,
            user=self.smtp_user,
            password=None if password is None else password.get_secret_value(),
            authorities_file=None if authorities is None else str(authorities),
        )

    @property
    def signing_key_path(self) -> Path:
        """Where the signing key is."""
        return self.signing_key_file or self.data_dir / "signing-key.pem"

    @property
    def founding_quotas(self) -> Quotas:
        """What an organisation has at most, to begin with, that a person makes."""
        return Quotas(self.quota_ledgers, self.quota_keys, self.quota_requests_per_minute, self.quota_storage_bytes)

    @property
    def is_production(self) -> bool:
        """Whether unsafe settings are refused."""
        return self.environment == "production"

    @property
    def is_registration_open(self) -> bool:
        """Whether everyone can register, and make organisations."""
        return self.registration == "open"

    @property
    def issuer(self) -> str:
        """The URL that access tokens name as who issued them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def audience(self) -> str:
        """The URL that access tokens name as what they are for: version 1 of the interface."""
        return f"{self.issuer}/v1"
