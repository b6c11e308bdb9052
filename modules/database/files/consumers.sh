#!/bin/sh
# Makes the role and the database of each consumer what they should be. Safe to run again; drops nothing.
#   $CONSUMERS    folder with one file a consumer: its name is role and database, its content the password
#   $SUPERUSER  folder with the superuser's password
# Passwords travel in files and in psql's own environment, never in arguments.
set -eu
umask 077

# pgpass has no other spelling for "any host, port and database".
printf '*:*:*:postgres:%s\n' "$(cat "$SUPERUSER/password")" > /tmp/pgpass
export PGPASSFILE=/tmp/pgpass PGUSER=postgres PGCONNECT_TIMEOUT=5

attempts=60
until pg_isready -q; do
    attempts=$((attempts - 1))
    if [ "$attempts" -eq 0 ]; then
        echo "PostgreSQL did not answer at $PGHOST within two minutes" >&2
        exit 1
    fi
    sleep 2
done

for file in "$CONSUMERS"/*; do
    consumer=$(basename "$file")
    password=$(cat "$file")
    PASSWORD=$password psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres --set=consumer="$consumer" <<'SQL'
-- A statement that fails is not written to the server's log, since one of them holds the password.
SET log_min_error_statement TO panic;
SET client_min_messages TO warning;
\getenv password PASSWORD
SELECT format('CREATE ROLE %I', :'consumer')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'consumer') \gexec
ALTER ROLE :"consumer" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'consumer', :'consumer')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'consumer') \gexec
REVOKE ALL ON DATABASE :"consumer" FROM PUBLIC;
SQL
    echo "$consumer: role and database are there"
done
