#!/bin/sh
# Makes the role and the database of each consumer what they should be. Safe to run again; drops nothing.
#   $CONSUMERS      folder with one file a consumer: its name is role and database, its content the password
#   $ADMINISTRATOR  folder with the password of $PGUSER, who may make roles and databases
#   $MARK           comment by which the environment's own roles are known; empty where the server has none but these.
#                   A role without it is somebody else's, as is a database of such a role: refused
#   $LIMITS         connections that a role may have at once: NAME=NUMBER, between spaces; others as many as there are
# Server and TLS are in the usual PG* variables. Passwords travel in files and in psql's own environment, never in
# arguments.
set -eu
umask 077

# pgpass has no other spelling for "any host, port, database and user"; in it, \ and : are escaped.
printf '*:*:*:*:%s\n' "$(sed 's/[\\:]/\\&/g' "$ADMINISTRATOR/password")" > /tmp/pgpass
export PGPASSFILE=/tmp/pgpass PGCONNECT_TIMEOUT=5

attempts=60
until pg_isready -q; do
    attempts=$((attempts - 1))
    if [ "$attempts" -eq 0 ]; then
        echo "PostgreSQL did not answer at $PGHOST within two minutes" >&2
        exit 1
    fi
    sleep 2
done

if [ -z "$MARK" ]; then
    # Of a server of the environment alone, which nobody but its administrator has to look at.
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --command='REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC'
fi

for file in "$CONSUMERS"/*; do
    consumer=$(basename "$file")
    password=$(cat "$file")
    limit=$(printf '%s' "$LIMITS" | tr ' ' '\n' | sed -n "s/^$consumer=//p")
    PASSWORD=$password psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=consumer="$consumer" --set=mark="$MARK" \
        --set=limit="$limit" <<'SQL'
-- A statement that fails is not written to the server's log, since one of them holds the password. Who may not set
-- this is no superuser, and the server's owner chose what it logs.
SELECT 'SET log_min_error_statement TO panic'
 WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \gexec
SET client_min_messages TO warning;
\getenv password PASSWORD
SELECT format('DO $do$ BEGIN RAISE EXCEPTION %L; END $do$',
              format('%s %s is somebody else''s: remove it, or give the environment another name', what, :'consumer'))
  FROM (SELECT 'role' AS what, shobj_description(oid, 'pg_authid') AS mark FROM pg_roles WHERE rolname = :'consumer'
         UNION ALL
        SELECT 'database', CASE pg_get_userbyid(datdba) WHEN :'consumer' THEN :'mark' END FROM pg_database
         WHERE datname = :'consumer') AS found
 WHERE :'mark' <> '' AND mark IS DISTINCT FROM :'mark' \gexec
BEGIN;
SELECT format('CREATE ROLE %I', :'consumer')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'consumer') \gexec
SELECT format('COMMENT ON ROLE %I IS %L', :'consumer', :'mark') WHERE :'mark' <> '' \gexec
ALTER ROLE :"consumer" LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'password';
SELECT format('ALTER ROLE %I CONNECTION LIMIT %s', :'consumer', :'limit') WHERE :'limit' <> '' \gexec
-- Only a member of a role gives it a database.
SELECT format('GRANT %I TO CURRENT_USER', :'consumer')
 WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \gexec
COMMIT;
SELECT format('CREATE DATABASE %I OWNER %I', :'consumer', :'consumer')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'consumer') \gexec
REVOKE ALL ON DATABASE :"consumer" FROM PUBLIC;
SQL
    echo "$consumer: role and database are there"
done
