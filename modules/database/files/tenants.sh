#!/bin/sh
# Makes the role and the database of each tenant what they should be. Safe to run again; drops nothing.
#   $TENANTS    folder with one file a tenant: its name is role and database, its content the password
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

for file in "$TENANTS"/*; do
    tenant=$(basename "$file")
    password=$(cat "$file")
    PASSWORD=$password psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres --set=tenant="$tenant" <<'SQL'
-- A statement that fails is not written to the server's log, since one of them holds the password.
SET log_min_error_statement TO panic;
SET client_min_messages TO warning;
\getenv password PASSWORD
SELECT format('CREATE ROLE %I', :'tenant')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'tenant') \gexec
ALTER ROLE :"tenant" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'tenant', :'tenant')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'tenant') \gexec
REVOKE ALL ON DATABASE :"tenant" FROM PUBLIC;
SQL
    echo "$tenant: role and database are there"
done
