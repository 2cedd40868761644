"""People, members, roles, keys with scopes, OAuth clients, and where requests came from."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Persons and their sessions belong to no organisation.
GLOBAL_TABLES = {
    "persons": "SELECT, INSERT, UPDATE, DELETE",
    "person_identities": "SELECT, INSERT, DELETE",
    "sessions": "SELECT, INSERT, UPDATE, DELETE",
    "session_tokens": "SELECT, INSERT, UPDATE, DELETE",
    "mailed_tokens": "SELECT, INSERT, UPDATE, DELETE",
    "security_log": "SELECT, INSERT, DELETE",
    "token_keys": "SELECT, INSERT, UPDATE, DELETE",
}
TENANT_TABLES = {
    "members": "SELECT, INSERT, UPDATE, DELETE",
    "roles": "SELECT, INSERT, UPDATE, DELETE",
    "invitations": "SELECT, INSERT, DELETE",
    "log_sizes": "SELECT, INSERT, UPDATE",
    "oauth_clients": "SELECT, INSERT, UPDATE",
    "oauth_grants": "SELECT, INSERT, UPDATE",
    "oauth_codes": "SELECT, INSERT, UPDATE, DELETE",
    "oauth_refresh_tokens": "SELECT, INSERT, UPDATE, DELETE",
    "request_origins": "SELECT, INSERT, DELETE",
    "tickets": "SELECT, INSERT, DELETE",
}

SCHEMA = """
-- An erased person keeps its number, and nothing that tells who it was.
CREATE TABLE persons (
    id uuid PRIMARY KEY,
    email text COLLATE "C" CONSTRAINT persons_email UNIQUE,
    password_hash text,
    email_verified_at timestamptz,
    created_at timestamptz NOT NULL,
    erased_at timestamptz
);

CREATE INDEX persons_unverified ON persons (created_at) WHERE email_verified_at IS NULL AND erased_at IS NULL;

-- By whom else a person is known: an OpenID provider, and its name for the person.
CREATE TABLE person_identities (
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    person_id uuid NOT NULL REFERENCES persons (id),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX person_identities_person ON person_identities (person_id);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES persons (id),
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    address text,
    user_agent text
);
CREATE INDEX sessions_person ON sessions (person_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Refresh tokens of sessions, each used once: one that is shown again gives its whole session away.
CREATE TABLE session_tokens (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX session_tokens_session ON session_tokens (session_id);

CREATE TABLE mailed_tokens (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    person_id uuid NOT NULL REFERENCES persons (id),
    purpose text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX mailed_tokens_person ON mailed_tokens (person_id, purpose);
CREATE INDEX mailed_tokens_expiry ON mailed_tokens (expires_at);

-- Log-ins, failures and changes of persons: no chain, and kept for a while only.
CREATE TABLE security_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    type text COLLATE "C" NOT NULL,
    person_id uuid,
    address text,
    user_agent text,
    details jsonb NOT NULL
);
CREATE INDEX security_log_person ON security_log (person_id, id);
CREATE INDEX security_log_at ON security_log (at);

-- What access tokens are signed with; `sealed` is the private half, encrypted.
CREATE TABLE token_keys (
    id text COLLATE "C" PRIMARY KEY,
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    verifies_until timestamptz
);

CREATE TABLE members (
    organisation_id bigint NOT NULL,
    person_id uuid NOT NULL,
    assignments jsonb NOT NULL,
    joined_at timestamptz NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    PRIMARY KEY (organisation_id, person_id)
);
CREATE INDEX members_person ON members (person_id);

CREATE TABLE roles (
    organisation_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    description text NOT NULL,
    permissions text[] NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    PRIMARY KEY (organisation_id, name)
);

-- Those that can be accepted, or could be until lately: one that was answered or revoked is erased.
CREATE TABLE invitations (
    organisation_id bigint NOT NULL,
    id uuid NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    email text COLLATE "C" NOT NULL,
    assignments jsonb NOT NULL,
    invited_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, id),
    CONSTRAINT invitations_digest UNIQUE (organisation_id, digest),
    CONSTRAINT invitations_email UNIQUE (organisation_id, email)
);
CREATE INDEX invitations_person ON invitations (email);
CREATE INDEX invitations_expiry ON invitations (expires_at);

-- How long logs are, up to an event of each: counted only for organisations that have a quota of storage.
CREATE TABLE log_sizes (
    organisation_id bigint NOT NULL,
    stream_id bigint NOT NULL,
    through_sequence bigint NOT NULL CHECK (through_sequence > 0),
    bytes bigint NOT NULL,
    PRIMARY KEY (organisation_id, stream_id)
);

ALTER TABLE api_keys
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{owner}',
    ADD COLUMN ledgers text[],
    ADD COLUMN accounts text[],
    ADD COLUMN networks text[],
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN replaced_by uuid;
-- The keys that there are could do everything, and still can; a new one that does not say so can do nothing.
ALTER TABLE api_keys ALTER COLUMN scopes DROP DEFAULT;

ALTER TABLE organisations ADD COLUMN quotas jsonb NOT NULL DEFAULT '{}', ADD COLUMN version bigint NOT NULL DEFAULT 1;

CREATE TABLE oauth_clients (
    organisation_id bigint NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    secret_digest bytea,
    redirect_uris text[] NOT NULL,
    grant_types text[] NOT NULL,
    scopes text[] NOT NULL,
    ledgers text[],
    accounts text[],
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    version bigint NOT NULL CHECK (version > 0),
    PRIMARY KEY (organisation_id, id)
);

-- What a client may do: for a person who has consented, or, without one, for itself.
CREATE TABLE oauth_grants (
    organisation_id bigint NOT NULL,
    id uuid NOT NULL,
    client_id uuid NOT NULL,
    person_id uuid,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, client_id) REFERENCES oauth_clients (organisation_id, id)
);
CREATE INDEX oauth_grants_person ON oauth_grants (organisation_id, person_id);
CREATE INDEX oauth_grants_client ON oauth_grants (organisation_id, client_id, created_at);
CREATE INDEX oauth_grants_holding ON oauth_grants (organisation_id, id) WHERE revoked_at IS NULL;

CREATE TABLE oauth_codes (
    organisation_id bigint NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    grant_id uuid NOT NULL,
    redirect_uri text NOT NULL,
    code_challenge text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (organisation_id, digest)
);
CREATE INDEX oauth_codes_grant ON oauth_codes (organisation_id, grant_id);

-- Each is used once, for the next of its family, which began with a code.
CREATE TABLE oauth_refresh_tokens (
    organisation_id bigint NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    grant_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    began_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (organisation_id, digest)
);
CREATE INDEX oauth_refresh_tokens_grant ON oauth_refresh_tokens (organisation_id, grant_id);

-- Each stands for a credential, which is sealed in it, once.
CREATE TABLE tickets (
    organisation_id bigint NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    sealed bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, digest)
);
CREATE INDEX tickets_expiry ON tickets (organisation_id, expires_at);
CREATE INDEX tickets_over ON tickets (expires_at);

-- Where what was written came from: what the log, which forgets nothing, must not hold.
-- A row is of the events of a stream from one sequence to another: one author's, from one place, by one credential.
CREATE TABLE request_origins (
    organisation_id bigint NOT NULL,
    stream_id bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    last_sequence bigint NOT NULL CHECK (last_sequence >= sequence),
    actor text COLLATE "C" NOT NULL,
    credential text COLLATE "C" NOT NULL,
    address text,
    user_agent text,
    PRIMARY KEY (organisation_id, stream_id, sequence)
);
-- Persons are erased from all organisations at once. What API keys write, which is most, costs nothing here.
CREATE INDEX request_origins_person ON request_origins (actor) WHERE actor >= 'usr_' AND actor < 'usr`';
"""

# A person sees its own memberships, whichever the organisation.
OWN_MEMBERSHIPS = """
CREATE POLICY own ON members FOR SELECT USING
(person_id = (SELECT nullif(current_setting('app.person_id', true), '')::uuid))
"""

# The invitations to one's own address, whichever the organisation: who is erased takes them along.
OWN_INVITATIONS = """
CREATE POLICY {name} ON invitations FOR {command} USING
(email = (SELECT nullif(current_setting('app.email', true), '')))
"""

# What has an end that is over, whichever the organisation: addresses and credentials in it are kept no longer.
EXPIRED = """
CREATE POLICY {name} ON {table} FOR {command} USING
(expires_at <= (SELECT nullif(current_setting('app.expired_before', true), '')::timestamptz))
"""

# The origins of one's own requests, whichever the organisation: who is erased takes them along.
OWN_ORIGINS = """
CREATE POLICY {name} ON request_origins FOR {command} USING
(actor = (SELECT nullif(current_setting('app.actor', true), '')))
"""


# Without these columns every key may do everything, from anywhere and for ever: those that may not are revoked.
# Row-level security binds the owner of the table, too, who sees no tenant's rows.
REVOKE_LIMITED_KEYS = (
    "ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY",
    """
    UPDATE api_keys SET revoked_at = now() WHERE revoked_at IS NULL
    AND (scopes <> '{owner}' OR num_nonnulls(ledgers, accounts, networks, expires_at, replaced_by) > 0)
    """,
    "ALTER TABLE api_keys FORCE ROW LEVEL SECURITY",
)


def upgrade() -> None:
    for statement in SCHEMA.strip().removesuffix(";").split(";\n"):
        op.execute(statement)
    for table, privileges in (GLOBAL_TABLES | TENANT_TABLES).items():
        op.execute(f"GRANT {privileges} ON {table} TO partita_service")
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            "(organisation_id = (SELECT nullif(current_setting('app.organisation_id', true), '')::bigint))"
        )
    op.execute(OWN_MEMBERSHIPS)
    for name, command in (("own", "SELECT"), ("erased", "DELETE")):
        op.execute(OWN_ORIGINS.format(name=name, command=command))
        op.execute(OWN_INVITATIONS.format(name=name, command=command))
    for name, command in (("expired", "SELECT"), ("tidied", "DELETE")):
        for table in ("invitations", "tickets"):
            op.execute(EXPIRED.format(name=name, table=table, command=command))


def downgrade() -> None:
    for statement in REVOKE_LIMITED_KEYS:
        op.execute(statement)
    for table in reversed(GLOBAL_TABLES | TENANT_TABLES):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE organisations DROP COLUMN quotas, DROP COLUMN version")
    op.execute(
        "ALTER TABLE api_keys DROP COLUMN scopes, DROP COLUMN ledgers, DROP COLUMN accounts, DROP COLUMN networks, "
        "DROP COLUMN expires_at, DROP COLUMN last_used_at, DROP COLUMN replaced_by"
    )
