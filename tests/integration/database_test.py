"""The database on the running platform, attacked from the pod of one of its clients, with that client's password."""

import json
import subprocess
from typing import Any

import pytest

from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment

from .conftest import STACK

PODS = {"mlflow": "deploy/mlflow", "airflow": "deploy/airflow-scheduler"}
"""A pod of each role's service, whose environment makes clients verify the server."""
TRY = """
import json, psycopg2, sys
uri = open("/var/run/groundwork/database/uri").read()
def asked(options):
    query = options.pop("query", "select 1")
    try:
        connection = psycopg2.connect(uri, connect_timeout=5, **options)
    except psycopg2.OperationalError as error:
        return str(error)
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    connection.close()
    return list(row)
print(json.dumps([asked(each) for each in json.loads(sys.argv[1])]))
"""
FILL = """
import json, psycopg2
uri, opened, reason = open("/var/run/groundwork/database/uri").read(), [], ""
while not reason and len(opened) < 100:
    try:
        opened.append(psycopg2.connect(uri, connect_timeout=5))
    except psycopg2.OperationalError as error:
        reason = str(error)
print(json.dumps([len(opened), reason]), flush=True)
input()
"""
ENCRYPTION = "select ssl, version from pg_stat_ssl where pid = pg_backend_pid()"
SHARE = "select rolconnlimit from pg_roles where rolname = current_user"


def answers(platform: Environment, role: str, *options: dict[str, Any]) -> list[Any]:
    """What a connection of a role says to each query, or why there is none. options: of libpq, and `query`."""
    place = ("exec", "-n", f"{STACK}-{role}", PODS[role], "--")
    return json.loads(kubectl.run(platform, *place, "python", "-c", TRY, json.dumps(options)))


@pytest.mark.parametrize("role", PODS)
def test_a_connection_in_plain_text_is_refused_and_an_encrypted_one_is_not(platform: Environment, role: str) -> None:
    encrypted, plain = answers(platform, role, {"query": ENCRYPTION}, {"sslmode": "disable"})
    assert encrypted == [True, "TLSv1.3"]
    assert "no encryption" in plain


def test_no_older_tls_is_spoken(platform: Environment) -> None:
    (answer,) = answers(platform, "mlflow", {"ssl_max_protocol_version": "TLSv1.2"})
    assert "protocol version" in answer


def test_a_client_refuses_a_server_of_another_authority_or_name(platform: Environment) -> None:
    service = kubectl.get(platform, "service", "postgresql", "-n", f"{STACK}-database")
    assert service is not None
    authority = {"sslrootcert": "/etc/ssl/certs/ca-certificates.crt"}
    elsewhere, by_address = answers(platform, "mlflow", authority, {"host": service["spec"]["clusterIP"]})
    assert "certificate verify failed" in elsewhere
    assert "does not match host name" in by_address


@pytest.mark.parametrize("role", PODS)
def test_a_role_enters_its_own_database_and_no_other(platform: Environment, role: str) -> None:
    (other,) = PODS.keys() - {role}
    names = [role, other, "postgres", "template1"]
    own, *others = answers(platform, role, *({"dbname": name} for name in names))
    assert own == [1]
    for name, answer in zip(names[1:], others, strict=True):
        assert f'permission denied for database "{name}"' in answer


def test_nobody_but_its_owner_makes_tables_in_a_database(platform: Environment) -> None:
    query = "select has_schema_privilege('public', 'public', 'CREATE')"
    assert answers(platform, "mlflow", {"query": query}) == [[False]]


def test_a_role_that_takes_all_connections_it_gets_leaves_the_others_theirs(platform: Environment) -> None:
    """Fills the share of mlflow from its pod, and asks from Airflow's meanwhile."""
    shares = {role: answers(platform, role, {"query": SHARE}) for role in PODS}
    assert shares == {"mlflow": [[15]], "airflow": [[36]]}
    command = ("kubectl", "exec", "-i", "-n", f"{STACK}-mlflow", PODS["mlflow"], "--", "python", "-c", FILL)
    variables = platform.process_environment()
    with subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as filling:
        assert filling.stdout is not None
        opened, reason = json.loads(filling.stdout.readline())
        other = answers(platform, "airflow", {})
        filling.communicate("\n", timeout=30)
    assert opened <= 15
    assert 'too many connections for role "mlflow"' in reason
    assert other == [[1]]
