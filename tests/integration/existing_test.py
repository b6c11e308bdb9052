"""The platform on a cluster that somebody else runs, as people have it who are neither root nor its admin."""

import json
import signal
import ssl
from base64 import b64decode, b64encode
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import yaml

from embedded.cluster import Cluster
from modules.core.images import read_images
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.clusters import BareCluster, existing

from .conftest import address_of_this_machine, run
from .own_data import PASSWORD as ADMIN_PASSWORD
from .own_data import S3_KEYS, SERVICE_ROLES, OwnData, deploy_own_data
from .person import Person, finish, somebody
from .pods import eventually, kubectl
from .registries import PASSWORD, USER, ForeignRegistry, password_registry, trust_registry
from .uid_range import uid_range
from .users import kubeconfig, signed

NAME, NETWORK = "theirs-test", "10.85.0.0/16"
NODE = f"{NETWORK.removesuffix('0.0/16')}0.1"
ADDRESS = "198.51.100.8"
"""Of this machine while the registry runs, to which the node has no route."""
TEAM, OTHER, BY_ROLES = "team", "other", "by-roles"
USER_NAME = "someone"
ENVIRONMENTS: dict[str, dict[str, Any]] = {
    TEAM: {},
    # Whose namespaces the admin makes, and gives user ids of their own to; object store and database are there too.
    OTHER: {"cluster_scope": False, "pods": {"user": None}, "reached": {"port": 8444}},
}
NEW_DATA = b"sepal_length,sepal_width,petal_length,petal_width,species\n5.0,3.4,1.5,0.2,setosa\n"
TRAINED_SECONDS = 240
"""Far more than a minute until new data is seen, and two tasks in pods."""
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
PASSING = ("events", "leases", "endpoints", "endpointslices", "componentstatuses", "nodes", "pods", "bindings")
"""Kinds that change by themselves."""


@pytest.fixture(scope="module")
def theirs() -> Iterator[Cluster]:
    """Somebody else's cluster, with something of theirs in it."""
    run("scripts/cluster", "delete", NAME, "--yes")
    run("scripts/cluster", "start", NAME, "--network", NETWORK)
    cluster = existing(BareCluster(NAME))
    kubectl(cluster, "create", "namespace", "theirs")
    kubectl(cluster, "create", "configmap", "theirs", "-n", "theirs", "--from-literal=is=theirs")
    yield cluster
    run("scripts/cluster", "delete", NAME, "--yes")


@pytest.fixture(scope="module")
def registry(
    theirs: Cluster, platform: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ForeignRegistry]:
    """Somebody else's registry, behind a login, with the images of a platform copied to it."""
    folder = tmp_path_factory.mktemp("registry")
    with address_of_this_machine(ADDRESS), password_registry(folder, ADDRESS) as served:
        trust_registry(theirs, served.host, served.ca.read_bytes())
        (folder / "login.json").write_text(login(served))
        copy = ("groundwork", "images", "copy", "--to", f"{served.host}/ml", "--ca", str(served.ca))
        run(*copy, "--stack", platform.stack, env={"REGISTRY_AUTH_FILE": str(folder / "login.json")})
        yield served


def login(served: ForeignRegistry) -> str:
    """What `docker login` writes."""
    return json.dumps({"auths": {served.host: {"auth": b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}})


@pytest.fixture(scope="module")
def own_data(
    theirs: Cluster, registry: ForeignRegistry, platform: Environment, tmp_path_factory: pytest.TempPathFactory
) -> OwnData:
    pinned = read_images(platform.stack)
    images = {
        name: f"{registry.host}/ml/{name}:{pinned[name].version}@{pinned[name].digest}"
        for name in ("storage", "postgresql")
    }
    return deploy_own_data(theirs, NODE, images, login(registry), tmp_path_factory.mktemp("data"), environment=OTHER)


@pytest.fixture(scope="module")
def person(theirs: Cluster, registry: ForeignRegistry, own_data: OwnData) -> Iterator[Person]:
    """Somebody with a login of cluster and registry, and the rights that the two environments ask for."""
    with somebody() as found:
        found.write(
            ".kube/config", kubeconfig(theirs, found.home / "config", user=signed(USER_NAME, theirs)).read_text()
        )
        found.write(".docker/config.json", login(registry))
        found.write("registry.crt", registry.ca.read_text())
        found.write("groundwork/theirs.crt", own_data.ca.read_text())
        ENVIRONMENTS[OTHER] |= own_data.foundation("theirs.crt")
        roles = {service: {"role": name, "database": name} for service, name in SERVICE_ROLES.items()}
        by_roles = {"database": {**own_data.database("theirs.crt"), "roles": roles}}
        for stack, foundation in {**ENVIRONMENTS, BY_ROLES: by_roles}.items():
            settings = settings_of(theirs, registry, foundation)
            found.write(f"groundwork/stacks/Pulumi.{stack}.yaml", yaml.safe_dump({"config": settings}))
            granted = found.run("scripts/preflight", stack, "--print-rights", "--user", USER_NAME).stdout
            for document in yaml.safe_load_all(granted):
                kubectl(theirs, "apply", "-f-", document=document)
        set_secrets(
            found, OTHER, {"storage_secret_key": S3_KEYS["secretKey"], "database_passwords.admin": ADMIN_PASSWORD}
        )
        set_secrets(found, BY_ROLES, {f"database_passwords.{each}": name for each, name in SERVICE_ROLES.items()})
        for namespace in namespaces(theirs, OTHER):
            kubectl(theirs, "label", namespace, "tests/uid-range=true")
        kubectl(theirs, "apply", "-f-", document=uid_range({"tests/uid-range": "true"}))
        yield found


def set_secrets(person: Person, stack: str, secrets: Mapping[str, str]) -> None:
    """As preflight says: it refuses until they are set. secrets: by what comes after the prefix of the key."""
    shell = f'eval "$(scripts/env {stack})"; printf %s "$VALUE" | pulumi config set --secret -s {stack} '
    for key, value in secrets.items():
        options = f"--path groundwork:{key}" if "." in key else f"groundwork:{key}"
        said = person.run("scripts/preflight", stack, "--json", check=False)
        assert said.returncode == 1
        assert f"pulumi config set --secret {options}`" in said.stdout
        person.run("bash", "-c", shell + options, env={"VALUE": value})


def settings_of(theirs: Cluster, registry: ForeignRegistry, foundation: dict[str, Any]) -> dict[str, Any]:
    pods = str(theirs.spec.addresses.pods)
    return {
        "groundwork:owner": "team",
        "groundwork:foundation": {
            "target": "existing",
            "context": theirs.name,
            "registry": {"push": f"{registry.host}/ml", "credentials": "login", "ca": "~/registry.crt"},
            "pod_range": pods,
            # Its name servers are a process of the node, no pods.
            "dns": {"namespace": None, "ranges": [pods]},
            **foundation,
        },
        "groundwork:jenkins": {"enabled": False},
        "groundwork:workloads": {"iris": {}},
    }


def everything(cluster: Cluster) -> dict[str, str]:
    """Every object of a cluster that does not change by itself, by kind, namespace and name."""
    kinds = kubectl(cluster, "api-resources", "--verbs=list", "-oname").split()
    stable = ",".join(kind for kind in kinds if kind.partition(".")[0] not in PASSING)
    items: list[dict[str, Any]] = json.loads(kubectl(cluster, "get", stable, "-A", "-ojson"))["items"]
    found: dict[str, str] = {}
    for item in items:
        metadata = item["metadata"]
        name = f"{item['kind']} {metadata.get('namespace', '')} {metadata['name']}"
        found[name] = json.dumps({**item, "metadata": {**metadata, "resourceVersion": ""}}, sort_keys=True)
    return found


def namespaces(cluster: Cluster, stack: str) -> list[str]:
    return [each for each in kubectl(cluster, "get", "namespaces", "-oname").split() if f"/{stack}-" in each]


def both(person: Person, *command: str) -> dict[str, str]:
    """What a command prints for each of the environments, at once; both their outputs."""
    started = {stack: person.start(command[0], stack, *command[1:]) for stack in ENVIRONMENTS}
    with ThreadPoolExecutor(len(started)) as pool:
        done = dict(zip(started, pool.map(finish, started.values()), strict=True))
    return {stack: each.stdout + each.stderr for stack, each in done.items()}


@contextmanager
def opened(person: Person, stack: str) -> Generator[str]:
    """Yield the address of the served model, as `groundwork open` leads there."""
    with person.start("groundwork", "open", "iris", "--stack", stack, "--no-browser") as process:
        try:
            assert process.stdout
            yield process.stdout.readline().removeprefix("iris: ").split()[0]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0


def predicted(theirs: Cluster, person: Person, stack: str) -> str:
    """The class that the served model gives a flower, asked as any client outside of the cluster asks."""
    encoded = kubectl(theirs, "get", "secret", "gateway-certificate", "-n", f"{stack}-gateway", "-ojson")
    authority = b64decode(json.loads(encoded)["data"]["ca.crt"]).decode()
    with opened(person, stack) as address:
        trust = ssl.create_default_context(cadata=authority)
        answer = httpx.post(f"{address}/predict", json=FLOWER, verify=trust, trust_env=False, timeout=30)
    (label,) = answer.raise_for_status().json()["predictions"]
    return label


def test_two_environments_of_somebody_without_root_come_up_are_used_and_go(
    theirs: Cluster, person: Person, own_data: OwnData
) -> None:
    before, objects, rows = everything(theirs), own_data.objects(of_platform=False), own_data.rows()
    up = both(person, "scripts/up")
    own_data.s3().put_object(Bucket="theirs-data", Key=f"{OTHER}/raw/incoming/iris/new.csv", Body=NEW_DATA)
    assert all("iris serves iris version " in said for said in up.values()), up
    for stack in ENVIRONMENTS:
        assert_in_use(theirs, person, stack)
    person.run("groundwork", "train", "iris", "--stack", TEAM)
    person.run("groundwork", "release", "iris", "--stack", OTHER)
    assert eventually(lambda: trained_on_new_data(own_data), TRAINED_SECONDS)
    assert f"theirs-models/{OTHER}/artifacts" in places(own_data.objects(of_platform=True))
    made = own_data.objects(of_platform=True)
    said = both(person, "scripts/down", "--yes")
    # A volume goes a moment after its claim, by the cluster's own provisioner.
    assert eventually(lambda: changes(before, everything(theirs)) == []), changes(before, everything(theirs))
    # What is theirs is as it was; what the environment put there stays, and is named.
    assert own_data.objects(of_platform=False) == objects
    assert own_data.rows() == rows
    kept = own_data.objects(of_platform=True)
    assert made.keys() <= kept.keys()
    # Its tasks went on, and were logged, until it went.
    changed = {key for key, content in made.items() if kept[key] != content}
    assert {key for key in changed if f"/{OTHER}/logs/" not in key} == set()
    made_by_admin = {"postgres", "theirs", *SERVICE_ROLES.values()}
    assert own_data.databases() - made_by_admin == {f"{OTHER}-mlflow", f"{OTHER}-airflow"}
    assert f'DROP DATABASE IF EXISTS "{OTHER}-mlflow"' in said[OTHER]
    assert f"s3://theirs-models/{OTHER}/artifacts/" in said[OTHER]


@pytest.mark.heavy  # a third environment
def test_a_database_with_a_role_for_each_service_is_used_and_left(
    theirs: Cluster, person: Person, own_data: OwnData
) -> None:
    before, databases = everything(theirs), own_data.databases()
    person.run("scripts/up", BY_ROLES)
    assert_in_use(theirs, person, BY_ROLES)
    filled = {name: own_data.tables(name) for name in SERVICE_ROLES.values()}
    assert min(filled.values()) > 0, filled
    person.run("scripts/down", BY_ROLES, "--yes")
    assert eventually(lambda: changes(before, everything(theirs)) == []), changes(before, everything(theirs))
    assert {name: own_data.tables(name) for name in SERVICE_ROLES.values()} == filled
    assert own_data.databases() == databases


def assert_in_use(theirs: Cluster, person: Person, stack: str) -> None:
    """An environment that is up, healthy, without anything to change, and answers."""
    shell = f'eval "$(scripts/env {stack})" && pulumi preview -s {stack} --expect-no-changes --non-interactive'
    assert "unchanged" in person.run("bash", "-c", shell).stdout
    status = json.loads(person.run("groundwork", "status", stack, "--json").stdout)
    assert {each["health"] for each in status["services"]} == {"healthy"}
    assert predicted(theirs, person, stack) == "setosa"


def trained_on_new_data(own_data: OwnData) -> bool:
    """Whether a training that new data started has ended: tasks' pods ran, as users of the cluster's choice, and handed
    on their results."""
    return any(
        key.startswith(f"theirs-data/{OTHER}/logs/airflow/dag_id=iris_training/")
        for key in own_data.objects(of_platform=True)
    )


def places(objects: Iterable[str]) -> set[str]:
    """Bucket, environment and role of objects."""
    return {"/".join(key.split("/")[:3]) for key in objects}


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
