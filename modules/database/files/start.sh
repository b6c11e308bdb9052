#!/bin/sh
# Starts PostgreSQL; the first time it makes the data folder $PGDATA. Configuration: $CONFIGURATION/postgresql.conf.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # Made beside its place and then moved there: a start that was cut short leaves nothing half made.
    rm -rf "$PGDATA.unfinished"
    if ! id -un > /dev/null 2>&1; then
        # A user that the cluster chose has no name, and initdb asks for one.
        printf 'postgres:x:%s:%s::/tmp:\n' "$(id -u)" "$(id -g)" > /tmp/passwd
        export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=/tmp/passwd NSS_WRAPPER_GROUP=/etc/group
    fi
    initdb --pgdata="$PGDATA.unfinished" --username=postgres --pwfile="$SUPERUSER/password" \
        --auth=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8 --data-checksums
    unset LD_PRELOAD
    mv "$PGDATA.unfinished" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c config_file="$CONFIGURATION/postgresql.conf"
