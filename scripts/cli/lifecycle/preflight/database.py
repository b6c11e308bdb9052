"""Whether somebody else's PostgreSQL can be used: version, login, rights, names. Nothing in it is changed."""

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
from stacks.foundation.data_settings import WITH_DATABASE

from .findings import Finding
from .object_store import CONNECT_SECONDS, unasked, unreachable

CHECK = "database"
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


def check(environment: Environment) -> list[Finding]:
    """Return nothing where the server is the platform's own."""
    given = environment.settings.external_database
    if given is None:
        return []
    if problem := unreachable(given.host, given.port):
        if given.pods:
            return [unasked(CHECK, problem)]
        return [_refused(f"{KEY}.host is {given.host!r}: {problem}", "check name, port and firewall")]
    return of_server(given, environment.stack, engine.configuration(environment)["database_passwords"])


def of_server(given: ExternalDatabaseSettings, environment: str, passwords: dict[str, str]) -> list[Finding]:
    """Return what clients of the server find. What concerns every role is reported once."""
    if given.admin is not None:
        names = [role_name(environment, service) for service in WITH_DATABASE]
        found = [_of_admin(given, passwords[ADMIN], names, mark(environment))]
        who = f"{given.admin.role} may make roles and databases"
    else:
        found = [_of_role(given, service, passwords[service]) for service in sorted(given.roles)]
        who = f"{', '.join(sorted(role.role for role in given.roles.values()))} may make tables"
    problems = list(dict.fromkeys(problem for problem in found if problem))
    return problems or [Finding(check=CHECK, state="ok", detail=f"{given.host}:{given.port}: {who}")]


def _refused(detail: str, action: str) -> Finding:
    return Finding(check=CHECK, state="refused", detail=detail, action=action)


def _of_admin(given: ExternalDatabaseSettings, password: str, names: Sequence[str], own_mark: str) -> Finding | None:
    assert given.admin is not None
    role = given.admin.role
    connection = _connect(given, role, given.admin.database, password, key=f"{KEY}.admin", password_of=ADMIN)
    if isinstance(connection, Finding):
        return connection
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(RIGHTS)
        if not cursor.fetchone()[0]:
            return _refused(
                f"{KEY}.admin.role is {role!r}, which may not create roles and databases",
                f'`ALTER ROLE "{role}" CREATEROLE CREATEDB`, or name roles that are there in {KEY}.roles',
            )
        cursor.execute(TAKEN, {"names": list(names), "mark": own_mark})
        taken = [name for (name,) in cursor.fetchall()]
    if taken:
        return _refused(
            f"{KEY}.host is {given.host!r}: of somebody else there: {', '.join(taken)}", "give the stack another name"
        )
    return None


def _of_role(given: ExternalDatabaseSettings, service: str, password: str) -> Finding | None:
    role, key = given.roles[service], f"{KEY}.roles.{service}"
    connection = _connect(given, role.role, role.database, password, key=key, password_of=service)
    if isinstance(connection, Finding):
        return connection
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(TABLES)
        if not cursor.fetchone()[0]:
            return _refused(
                f"{key}.role is {role.role!r}, which may not create tables in database {role.database}",
                f'`ALTER DATABASE "{role.database}" OWNER TO "{role.role}"`',
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
            return _refused(
                f"{KEY}.ca is {given.ca!r}: TLS with {given.host} is not verified ({text})", "give the server's CA"
            )
        return _refused(
            f"{key}: role {role!r} is not let into database {database!r} ({text})",
            "check both names, and the password: "
            f"`pulumi config set --secret --path groundwork:database_passwords.{password_of}`",
        )
    if connection.server_version < OLDEST * 10_000:
        version = connection.get_parameter_status("server_version")
        connection.close()
        return _refused(
            f"{KEY}.host is {given.host!r}: PostgreSQL {version} is too old: {OLDEST} or later is needed",
            "upgrade it, or name another server",
        )
    return connection


def _tls(given: ExternalDatabaseSettings) -> dict[str, str]:
    if not given.tls:
        return {"sslmode": "prefer"}
    public = PUBLIC_CAS if PUBLIC_CAS.exists() else ssl.get_default_verify_paths().cafile or "system"
    return {"sslmode": "verify-full", "sslrootcert": str(REPOSITORY / given.ca if given.ca else public)}
