"""Settings: everything that can be set from outside, and nothing else."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024


class Settings(BaseSettings):
    """Read from the environment; a variable's name stands beside each setting."""

    model_config = SettingsConfigDict(env_prefix="PARTITA_", frozen=True)

    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    """PostgreSQL to use; without it, one is started in the data folder."""
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
    """Who can register: those who were invited to an organisation, or everyone (`open`)."""
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
    """Connections for reads, and as many again for groups of commands."""
    body_bytes_max: Annotated[int, Field(ge=1024)] = 4 * MEBIBYTE
    """The longest body of a request, and the longest line of a stream, in bytes."""
    bulk_bytes_max: Annotated[int, Field(ge=1024)] = 32 * MEBIBYTE
    """The longest body of a JSON bulk, in bytes. A stream of lines has no limit."""
    spool_bytes_max: Annotated[int, Field(ge=1024)] = 4096 * MEBIBYTE
    """How many bytes of answers to a stream may wait at a time for a client that does not take them, in files."""

    oidc_issuer: Annotated[str | None, Field(pattern=r"^https?://[^?#\s]+$")] = None
    """The OpenID provider that people may log in with: its issuer, as it calls itself. Without it, there is none."""
    oidc_client_id: str = ""
    """What this server is called at the OpenID provider."""
    oidc_client_secret: SecretStr = SecretStr("")
    """What this server proves itself with at the OpenID provider."""
    oidc_name: str = "your organisation's account"
    """What people call the OpenID provider: they are offered to log in with it."""

    @property
    def signing_key_path(self) -> Path:
        """Where the signing key is."""
        return self.signing_key_file or self.data_dir / "signing-key.pem"

    @property
    def is_registration_open(self) -> bool:
        """Whether everyone can register."""
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
