#!/bin/sh
# A standby of the primary that PGHOST, PGUSER and PGPASSWORD name: a copy at its first start, then what follows.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	mkdir -p -m 0700 "$PGDATA"
	until pg_basebackup --pgdata="$PGDATA" --wal-method=stream --checkpoint=fast --slot=replica --write-recovery-conf; do
		echo 'The primary cannot be copied yet; trying again.' >&2
		sleep 2
	done
fi

exec postgres -D "$PGDATA" -c hot_standby=on -c hot_standby_feedback=on -c listen_addresses="${LISTEN:-*}" "$@"
