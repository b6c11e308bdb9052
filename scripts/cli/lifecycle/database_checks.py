"""Whether somebody else's PostgreSQL can be used: asked before anything is made, changing nothing."""

import ssl
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from modules.core.paths import REPOSITORY
from modules.database.external_settings import ADMIN, ExternalDatabaseSettings, mark, role_name
from scripts.cli.clients import engine
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.data_checks import CONNECT_SECONDS, unreachable
from stacks.foundation.data_settings import WITH_DATABASE

KEY = "groundwork:foundation.database"
OLDEST = 13
"""Of the servers that Airflow 3 is tested with; MLflow 3 says nothing of versions."""
PUBLIC_CAS = Path("/etc/ssl/certs/ca-certificates.crt")
RIGHTS = "SELECT rolsuper OR (rolcreaterole AND rolcreatedb) FROM pg_roles WHERE rolname = current_user"
TAKEN = """
SELECT 'role ' || rolname FROM pg_roles
 WHERE rolname = ANY(%(names)s) AND shobj_description(oid, 'pg_authid') IS DISTINCT FROM %(mark)s
 UNION ALL
SELECT 'database ' || datname FROM pg_database
 WHERE datname = ANY(%(names)s) AND pg_get_userbyid(datdba) <> datname
 ORDER BY 1
"""
TABLES = "SELECT has_schema_privilege('public', 'CREATE')"


def check_database(environment: Environment) -> list[str]:
    """Return what is wrong with the PostgreSQL that the stack's file names, a line each: key path, what, and what to
    do. Nothing where the server is the platform's own."""
    given = environment.settings.external_database
    if given is None:
        return []
    if problem := unreachable(given.host, given.port):
        return [] if given.pods else [f"{KEY}.host is {given.host!r}: {problem}"]
    return database_problems(given, environment.stack, engine.configuration(environment)["database_passwords"])


def database_problems(given: ExternalDatabaseSettings, environment: str, passwords: dict[str, str]) -> list[str]:
    """See `check_database`. What concerns every role is told once."""
    if given.admin is not None:
        names = [role_name(environment, service) for service in WITH_DATABASE]
        problem = _admin_problem(given, passwords[ADMIN], names, mark(environment))
        return [problem] if problem else []
    found = (_role_problem(given, service, passwords[service]) for service in sorted(given.roles))
    return list(dict.fromkeys(problem for problem in found if problem))


def _admin_problem(given: ExternalDatabaseSettings, password: str, names: Sequence[str], own_mark: str) -> str | None:
    assert given.admin is not None
    role = given.admin.role
    connection = _connect(given, role, given.admin.database, password, key=f"{KEY}.admin", password_of=ADMIN)
    if isinstance(connection, str):
        return connection
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(RIGHTS)
        if not cursor.fetchone()[0]:
            return (
                f"{KEY}.admin.role is {role!r}, which may not create roles and databases: "
                f'`ALTER ROLE "{role}" CREATEROLE CREATEDB`, or name roles that are there in {KEY}.roles'
            )
        cursor.execute(TAKEN, {"names": list(names), "mark": own_mark})
        taken = [name for (name,) in cursor.fetchall()]
    if taken:
        return f"{KEY}.host is {given.host!r}: of somebody else there: {', '.join(taken)}; give the stack another name"
    return None


def _role_problem(given: ExternalDatabaseSettings, service: str, password: str) -> str | None:
    role, key = given.roles[service], f"{KEY}.roles.{service}"
    connection = _connect(given, role.role, role.database, password, key=key, password_of=service)
    if isinstance(connection, str):
        return connection
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(TABLES)
        if not cursor.fetchone()[0]:
            return (
                f"{key}.role is {role.role!r}, which may not create tables in database {role.database}: "
                f'`ALTER DATABASE "{role.database}" OWNER TO "{role.role}"`'
            )
    return None


def _connect(
    given: ExternalDatabaseSettings, role: str, database: str, password: str, *, key: str, password_of: str
) -> Any:
    """Return a connection, or what is wrong."""
    library: Any = psycopg2
    try:
        connection = library.connect(
            host=given.host,
            port=given.port,
            user=role,
            password=password,
            dbname=database,
            connect_timeout=int(CONNECT_SECONDS),
            **_tls(given),
        )
    except library.OperationalError as error:
        text = " ".join(str(error).split())
        if given.tls and ("certificate" in text or "SSL" in text):
            return f"{KEY}.ca is {given.ca!r}: TLS with {given.host} is not verified ({text}): give the server's CA"
        return (
            f"{key}: role {role!r} is not let into database {database!r} ({text}): check both names, and the password: "
            f"`pulumi config set --secret --path groundwork:database_passwords.{password_of}`"
        )
    if connection.server_version < OLDEST * 10_000:
        version = connection.get_parameter_status("server_version")
        connection.close()
        return f"{KEY}.host is {given.host!r}: PostgreSQL {version} is too old: {OLDEST} or later is needed"
    return connection


def _tls(given: ExternalDatabaseSettings) -> dict[str, str]:
    if not given.tls:
        return {"sslmode": "prefer"}
    public = PUBLIC_CAS if PUBLIC_CAS.exists() else ssl.get_default_verify_paths().cafile or "system"
    return {"sslmode": "verify-full", "sslrootcert": str(REPOSITORY / given.ca if given.ca else public)}
