#!/bin/sh
# Run once, in a new cluster, by the image's own start: the users of Partita's servers and of the standby.
set -eu

psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-psqlrc --quiet \
	--set ON_ERROR_STOP=1 --set server="$SERVER_PASSWORD" --set replication="$REPLICATION_PASSWORD" <<'SQL'
-- What servers work as; `partita migrate` would make it, too.
CREATE ROLE partita_service NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
-- What servers log in as: it owns nothing, and may do nothing but become the role above.
CREATE ROLE partita_server LOGIN PASSWORD :'server';
GRANT partita_service TO partita_server;
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replication';
SELECT pg_create_physical_replication_slot('replica');
SQL

echo 'host replication replicator all scram-sha-256' >>"$PGDATA/pg_hba.conf"
