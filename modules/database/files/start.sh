#!/bin/sh
# Starts PostgreSQL; the first time it makes the data folder $PGDATA. Configuration: $CONFIGURATION/postgresql.conf.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # Made beside its place and then moved there: a start that was cut short leaves nothing half made.
    rm -rf "$PGDATA.unfinished"
    initdb --pgdata="$PGDATA.unfinished" --username=postgres --pwfile="$SUPERUSER/password" \
        --auth=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8 --data-checksums
    mv "$PGDATA.unfinished" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c config_file="$CONFIGURATION/postgresql.conf"
