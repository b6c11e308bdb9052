"""Somebody who may write to MLflow and to the bucket of its files tries to have a model of theirs loaded: a pickle that
runs what they like. What no training signed is refused by name, by the release, by the check's Job and by the model
server, before anything of it is read; what training signed is released. And no pickle is ever loaded by what serves."""

import json
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modules.core.errors import UserError
from modules.core.releases import Pin, read_releases
from scripts.cli.clients import kubectl
from scripts.cli.clients.store import store as object_store
from scripts.cli.clients.tracking import CHAMPION, Mlflow, Run, Version
from scripts.cli.delivery import jobs, rank
from scripts.cli.delivery.release import pin_of
from scripts.cli.delivery.trust import is_signed, trust_in
from scripts.cli.environment import Environment
from workloads.artifacts import add_folder, download_folder, folder_digest
from workloads.documents import check_template, model_variables
from workloads.signing import SIGNATURE

from .conftest import STACK, run
from .isolation_test import API, DATABASE, MLFLOW, SERVER, STORE, await_rules, idle, opened
from .signatures import signed, training_key

SERVING = f"{STACK}-iris"
MARKER = "THE PAYLOAD RAN"
Tags = dict[str, str]


class Payload:
    """Prints a line where it is loaded."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return print, (MARKER,)


@pytest.fixture(scope="module")
def tracking(platform: Environment) -> Iterator[Mlflow]:
    asked = Mlflow(platform)
    with asked.client:
        yield asked


@pytest.fixture(scope="module")
def genuine(platform: Environment, tracking: Mlflow) -> Run:
    """The run that made the model which serves."""
    found = tracking.run(read_releases(STACK)["iris"].run)
    assert found is not None
    assert is_signed(trust_in(platform, "iris"), "iris", found)
    return found


class Attacker:
    """What they have brought: a payload among model files, beside genuine ones and elsewhere."""

    def __init__(self, platform: Environment, tracking: Mlflow, genuine: Run, folder: Path) -> None:
        store, self.run, self.key = object_store(platform), genuine, training_key(platform)
        root, self.own = trust_in(platform, "iris").root, {k: v for k, v in genuine.tags.items() if "groundwork" in k}
        bucket = root.removeprefix("s3://").split("/", 1)[0]
        self.inside, self.outside = f"{root}/theirs", f"s3://{bucket}/theirs"
        download_folder(store, genuine.tags["groundwork.uri"], folder)
        for place in ("model.pkl", "serving/model.pkl"):
            (folder / place).write_bytes(pickle.dumps(Payload()))
        self.digest = folder_digest(folder)
        for uri in (self.inside, self.outside):
            add_folder(store, folder, uri)
        (parent,) = [each for each in tracking.training_runs("iris") if each.id == genuine.parent]
        (self.sibling,) = [each for each in tracking.candidates(parent) if each.id != genuine.id]

    def tags(self, attempt: str) -> Tags:
        """Of the version that is registered: each takes another way."""
        theirs = {**self.own, "groundwork.uri": self.inside, "groundwork.digest": self.digest}
        unsigned = {key: value for key, value in theirs.items() if key != SIGNATURE}
        return {
            "unsigned": unsigned,
            "another key": signed(Ed25519PrivateKey.generate(), self.run.id, unsigned),
            "address and digest changed": theirs,
            "address changed": {**self.own, "groundwork.uri": self.inside},
            "digest changed": {**self.own, "groundwork.digest": self.digest},
            "signature of another version": {**theirs, SIGNATURE: self.sibling.tags[SIGNATURE]},
            "outside": signed(self.key, self.run.id, {**unsigned, "groundwork.uri": self.outside}),
        }[attempt]


ATTEMPTS = {
    "unsigned": "it is not signed",
    "another key": "its signature is not the training's",
    "address and digest changed": "its signature is not the training's",
    "address changed": "its signature is not the training's",
    "digest changed": "its signature is not the training's",
    "signature of another version": "its signature is not the training's",
    "outside": "allowed is what lies below",
}


@pytest.fixture(scope="module")
def attacker(
    platform: Environment, tracking: Mlflow, genuine: Run, tmp_path_factory: pytest.TempPathFactory
) -> Attacker:
    return Attacker(platform, tracking, genuine, tmp_path_factory.mktemp("theirs"))


@pytest.fixture(scope="module")
def versions(tracking: Mlflow, attacker: Attacker) -> dict[str, Version]:
    """What they have registered, by attempt."""
    return {attempt: tracking.register("iris", attacker.run, attacker.tags(attempt)) for attempt in ATTEMPTS}


@pytest.mark.parametrize("attempt", sorted(ATTEMPTS))
def test_a_release_refuses_it_by_name_and_starts_nothing(versions: dict[str, Version], attempt: str) -> None:
    before, number = read_releases(STACK), versions[attempt].number
    done = run(".venv/bin/groundwork", "release", "iris", "--model-version", str(number), "--stack", STACK, check=False)
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert f"model 'iris' version {number} is refused:" in said
    assert ATTEMPTS[attempt] in said
    assert "Traceback" not in said
    assert read_releases(STACK) == before


def checked(platform: Environment, pin: Pin, name: str) -> str:
    """The log of the check of a pin, which no command would start."""
    template = jobs.template(platform, SERVING, check_template("iris"))
    image = jobs.container_of(template)["image"]
    job = jobs.job_from(template, f"iris-check-{name}", image=image, variables=model_variables(pin))
    ended = jobs.run(platform, job, lambda _: None)
    return ended.log if ended.failure is None else ended.failure


def as_pin(run_id: str, tags: Mapping[str, str]) -> Pin:
    return pin_of(Version(model="iris", number=99, run=run_id, tags=tags), None)


def test_the_check_refuses_it_before_anything_is_loaded(platform: Environment, attacker: Attacker) -> None:
    attempts = sorted(ATTEMPTS)
    pins = [as_pin(attacker.run.id, attacker.tags(attempt)) for attempt in attempts]
    with ThreadPoolExecutor(4) as pool:
        logs = pool.map(checked, [platform] * len(pins), pins, [name.replace(" ", "-") for name in attempts])
    for attempt, log in zip(attempts, logs, strict=True):
        assert "model iris version 99: " in log, attempt
        assert ATTEMPTS[attempt] in log, attempt
        assert MARKER not in log, attempt


def test_the_payload_runs_where_it_is_unpickled(capsys: pytest.CaptureFixture[str]) -> None:
    """The control of the attempt itself."""
    pickle.loads(pickle.dumps(Payload()))
    assert MARKER in capsys.readouterr().out


def test_even_signed_with_the_trainings_key_the_payload_does_not_run(platform: Environment, attacker: Attacker) -> None:
    """The image that serves computes the ONNX form alone, and unpickles nothing: with the key too an attacker gets a
    graph of their own served, and no code of theirs run."""
    own = {key: value for key, value in attacker.tags("unsigned").items() if key != SIGNATURE}
    log = checked(platform, as_pin(attacker.run.id, signed(attacker.key, attacker.run.id, own)), "control")
    assert json.loads(log.strip().splitlines()[-1])["ok"]
    assert MARKER not in log


@pytest.mark.parametrize("attempt", ["unsigned", "address and digest changed", "outside"])
def test_a_model_server_refuses_it_before_anything_is_loaded(
    platform: Environment, attacker: Attacker, attempt: str
) -> None:
    deployment = kubectl.get(platform, "deployment", "iris", "-n", SERVING)
    assert deployment is not None
    template: dict[str, Any] = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    variables = {each["name"]: each.get("value", "") for each in container["env"]}
    variables |= model_variables(as_pin(attacker.run.id, attacker.tags(attempt)))
    env = [{"name": key, "value": value} for key, value in variables.items()]
    name = f"forged-{attempt.replace(' ', '-')}"
    labels = {**template["metadata"]["labels"], "app.kubernetes.io/component": "forged"}  # no Service leads to it
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": SERVING, "labels": labels},
        "spec": {**template["spec"], "containers": [{**container, "env": env}], "terminationGracePeriodSeconds": 1},
    }
    kubectl.run(platform, "create", "-f", "-", stdin=json.dumps(document))
    try:
        log = log_with(platform, name, "not served")
    finally:
        kubectl.run(platform, "delete", "pod", name, "-n", SERVING)
    assert ATTEMPTS[attempt] in log
    assert MARKER not in log


def log_with(platform: Environment, pod: str, text: str) -> str:
    """The log of a pod once it says that."""
    deadline = time.monotonic() + 90
    log = ""
    while text not in log and time.monotonic() < deadline:
        time.sleep(1)
        try:
            log = kubectl.run(platform, "logs", pod, "-n", SERVING)
        except UserError as error:  # its container is being created
            log = str(error)
    assert text in log
    return log


def crown(tracking: Mlflow, version: int) -> None:
    content = {"name": "iris", "alias": CHAMPION, "version": str(version)}
    tracking.client.post("registered-models/alias", json=content).raise_for_status()


def test_the_watch_passes_such_a_champion_over_with_the_reason(tracking: Mlflow, versions: dict[str, Version]) -> None:
    before, champion = read_releases(STACK), tracking.aliased("iris", CHAMPION)
    assert champion is not None
    crown(tracking, versions["unsigned"].number)
    try:
        done = run(".venv/bin/groundwork", "canary", "iris", "--once", "--stack", STACK)
    finally:
        crown(tracking, champion.number)
    assert "the champion is passed over: model 'iris' version" in " ".join(done.stderr.split())
    assert read_releases(STACK) == before


def test_what_training_signed_is_registered_and_released(platform: Environment, attacker: Attacker) -> None:
    """The control: a model that no training registered, but one made."""
    before = read_releases(STACK)["iris"]
    (place,) = [each.rank for each in rank.find(platform, "iris") if each.run.id == attacker.sibling.id]
    done = run(".venv/bin/groundwork", "release", "iris", "--rank", str(place), "--stack", STACK, "--json")
    assert json.loads(done.stdout)["pin"]["run"] == attacker.sibling.id
    run(".venv/bin/groundwork", "rollback", "iris", "--stack", STACK)
    assert read_releases(STACK)["iris"].run == before.run


def test_the_key_is_in_the_namespace_of_the_training_alone(platform: Environment) -> None:
    secrets = kubectl.items(platform, "secrets", "-A")
    holders = [each["metadata"]["namespace"] for each in secrets if "signing-key.pem" in each.get("data", {})]
    assert holders == [f"{STACK}-iris-training"]


def test_what_checks_a_model_reaches_the_object_store_and_nothing_else(platform: Environment) -> None:
    """So what a graph might do to the program that computes it gets no further."""
    reached = reachable(platform, SERVING, check_template("iris"))
    assert reached == {STORE}


def test_what_splits_data_anew_reaches_the_object_store_and_nothing_else(platform: Environment) -> None:
    assert reachable(platform, f"{STACK}-iris-training", "iris-held-out") == {STORE}


def reachable(platform: Environment, namespace: str, template: str) -> set[str]:
    """What a pod of a CronJob's template reaches."""
    found = jobs.template(platform, namespace, template)
    pod: dict[str, Any] = found["spec"]["jobTemplate"]["spec"]["template"]
    with idle(platform, namespace, "idle-signing", pod["spec"], pod["metadata"]["labels"]) as name:
        short = namespace.removeprefix(f"{STACK}-")
        await_rules(platform, name, short)
        return opened(platform, name, short, STORE, MLFLOW, DATABASE, SERVER, API)
