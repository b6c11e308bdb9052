"""`groundwork preflight` asks somebody else's object store and PostgreSQL: each thing that is wrong is refused."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.cluster import Cluster
from modules.core.contracts import Registry
from modules.core.images import lock_file, read_images, reference
from modules.registry.build import build_images
from modules.registry.images import BASE
from scripts.cli.clients.cache.signing import SBOM_KEYS
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.preflight import checks
from scripts.cli.lifecycle.preflight.findings import Finding
from scripts.cli.lifecycle.up import access_of
from stacks.services import images
from tests.scripts.cli.fakes import quiet

from . import old_postgresql, own_data
from .conftest import address_of_this_machine
from .own_data import BUCKETS, PRIVATE, REMOVED, S3_KEYS, OwnData, deploy_own_data
from .preflight_pods_test import DNS, REGISTRY
from .wrong_stack import NODE, STACK, STACK_FILE, Team, bare, set_secrets

__all__ = ["bare"]
STORE, DATABASE = "object store", "database"
STORE_KEY, DATABASE_KEY = "groundwork:foundation.storage", "groundwork:foundation.database"
OLD = "198.51.100.9"
"""Of this machine while the old server runs."""
NEEDED = (checks.IMAGE, "storage", "postgresql")
ROLES = {"mlflow": {"role": "guest", "database": "theirs"}, "airflow": {"role": "guest", "database": "theirs"}}


@pytest.fixture(scope="module")
def theirs(bare: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnData]:
    registry = Registry(push=REGISTRY, pull=REGISTRY)
    folder = tmp_path_factory.mktemp("data")
    chosen = [BASE, *(each for each in images() if each.name in NEEDED)]
    build_images(
        STACK,
        chosen,
        registry=registry,
        access=access_of(bare),
        progress=quiet,
        log=folder / "log",
        keys=SBOM_KEYS,
    )
    found = {name: reference(registry, name, read_images(STACK)[name]) for name in NEEDED}
    yield deploy_own_data(bare, NODE, found, '{"auths": {}}', folder, environment=STACK)
    lock_file(STACK).unlink(missing_ok=True)


@pytest.fixture
def team(bare: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yield Team(bare, tmp_path)
    STACK_FILE.unlink(missing_ok=True)


def settled(
    team: Team,
    theirs: OwnData,
    *,
    storage: dict[str, Any] | None = None,
    database: dict[str, Any] | None = None,
    secret: str = S3_KEYS["secretKey"],
    passwords: dict[str, str] | None = None,
) -> Environment:
    """The stack with both servers, where something else is said of one. A value of None takes the key out."""
    given = theirs.foundation(str(theirs.ca))
    for group, changed in (("storage", storage or {}), ("database", database or {})):
        given[group] = {key: value for key, value in {**given[group], **changed}.items() if value is not None}
    environment = team.settle(dns=DNS, **given)
    logins = {
        f"groundwork:database_passwords.{name}": password
        for name, password in (passwords or {"admin": own_data.PASSWORD}).items()
    }
    set_secrets(environment, {"groundwork:storage_secret_key": secret, **logins})
    return Environment(STACK)  # what was read before has no secrets


def asked(environment: Environment) -> dict[str, list[Finding]]:
    """What is found of both from this machine, by check."""
    assert environment.settings.existing
    found = checks.run(environment, environment.settings.existing)
    return {check: [each for each in found if each.check == check] for check in (STORE, DATABASE)}


def refusal(found: dict[str, list[Finding]], check: str) -> str:
    """What is refused, which is of that server only."""
    states = {name: {each.state for each in findings} for name, findings in found.items()}
    assert states == {name: {"refused" if name == check else "ok"} for name in found}
    assert all(each.action for each in found[check])
    return "\n".join(map(str, found[check]))


def test_servers_that_can_be_used_are_used_from_this_machine_and_from_a_pod(team: Team, theirs: OwnData) -> None:
    environment = settled(team, theirs)
    before = theirs.objects(of_platform=False), theirs.objects(of_platform=True), theirs.rows()
    found = asked(environment)
    assert {each.state for findings in found.values() for each in findings} == {"ok"}, found
    assert environment.settings.existing
    inside = {each.check: each.state for each in checks.run_inside(environment, environment.settings.existing)}
    assert inside["object store from a pod"] == inside["database from a pod"] == "ok", inside
    assert (theirs.objects(of_platform=False), theirs.objects(of_platform=True), theirs.rows()) == before


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"secret": "another"}, "groundwork:storage_secret_key is not the secret of access key"),
        (
            {"storage": {"access_key_id": "nobody"}},
            f"{STORE_KEY}.access_key_id is 'nobody': the store knows no such key",
        ),
        ({"storage": {"ca": None}}, f"{STORE_KEY}.ca is None: TLS with https://{NODE}"),
        ({"storage": {"endpoint": f"https://{NODE}:1"}}, f"{STORE_KEY}.endpoint is 'https://{NODE}:1'"),
        ({"storage": {"endpoint": f"https://{NODE}:6443"}}, f"{STORE_KEY}."),  # an API server, no store
        (
            {"storage": {"buckets": dict.fromkeys(("raw", "features", "logs", "artifacts"), REMOVED)}},
            f"{STORE_KEY}.buckets.raw is '{REMOVED}': there is no such bucket",
        ),
        (
            {"storage": {"buckets": {"raw": PRIVATE, **dict.fromkeys(("features", "logs", "artifacts"), BUCKETS[0])}}},
            f"{STORE_KEY}.buckets.raw is '{PRIVATE}': the access key may not list it: it is somebody else's",
        ),
    ],
)
def test_what_is_wrong_with_a_store_is_refused(
    team: Team, theirs: OwnData, changed: dict[str, Any], expected: str
) -> None:
    assert expected in refusal(asked(settled(team, theirs, **changed)), STORE)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"passwords": {"admin": "another"}}, "password authentication failed"),
        ({"database": {"admin": {"role": "nobody"}}}, f"{DATABASE_KEY}.admin: role 'nobody' is not let into"),
        ({"database": {"admin": {"role": own_data.ROLE, "database": "gone"}}}, 'database "gone" does not exist'),
        ({"database": {"ca": None}}, f"{DATABASE_KEY}.ca is None: TLS with {NODE} is not verified"),
        ({"database": {"port": 1}}, f"{DATABASE_KEY}.host is '{NODE}': {NODE}:1 does not answer"),
        (
            {"database": {"admin": {"role": "guest"}}, "passwords": {"admin": own_data.GUEST_PASSWORD}},
            f"{DATABASE_KEY}.admin.role is 'guest', which may not create roles and databases",
        ),
        (
            {
                "database": {"admin": None, "roles": ROLES},
                "passwords": dict.fromkeys(("mlflow", "airflow"), own_data.GUEST_PASSWORD),
            },
            f"{DATABASE_KEY}.roles.airflow.role is 'guest', which may not create tables in database theirs",
        ),
    ],
)
def test_what_is_wrong_with_a_database_is_refused(
    team: Team, theirs: OwnData, changed: dict[str, Any], expected: str
) -> None:
    assert expected in refusal(asked(settled(team, theirs, **changed)), DATABASE)


def test_a_database_of_the_same_name_is_never_taken_over(team: Team, theirs: OwnData) -> None:
    environment = settled(team, theirs)
    theirs.postgresql("createdb", f"{STACK}-mlflow")
    try:
        found = asked(environment)
    finally:
        theirs.postgresql("dropdb", f"{STACK}-mlflow")
    assert f"of somebody else there: database {STACK}-mlflow" in refusal(found, DATABASE)


def test_a_port_that_is_not_open_from_pods_is_refused(team: Team, theirs: OwnData) -> None:
    """Network policies open what the settings name, and that is another address."""
    elsewhere = {"ranges": ["192.0.2.0/24"]}
    environment = settled(team, theirs, storage=elsewhere, database=elsewhere)
    assert environment.settings.existing
    inside = {each.check: each for each in checks.run_inside(environment, environment.settings.existing)}
    for server, key in ((STORE, STORE_KEY), (DATABASE, DATABASE_KEY)):
        assert inside[f"{server} from a pod"].state == "refused"
        assert key in str(inside[f"{server} from a pod"])


@pytest.mark.heavy  # fetches the old server's binaries
def test_a_server_that_is_too_old_is_refused(team: Team, theirs: OwnData) -> None:
    old = {"host": OLD, "port": 25433, "tls": False, "ca": None, "admin": {"role": old_postgresql.SUPERUSER}}
    environment = settled(team, theirs, database=old, passwords={"admin": old_postgresql.PASSWORD})
    with (
        tempfile.TemporaryDirectory(prefix="groundwork-postgresql-", dir="/var/tmp") as folder,
        address_of_this_machine(OLD),
        old_postgresql.old_postgresql(Path(folder), OLD, 25433),
    ):
        found = asked(environment)
    assert f"{DATABASE_KEY}.host is '{OLD}': PostgreSQL 11.22 is too old: 13 or later is needed" in refusal(
        found, DATABASE
    )
