"""New data becomes a champion, and a champion is released only where it is not worse: by the commands a person would
type, while clients ask. The tests run in order."""

import json
import os
import signal
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow as mlflow_library
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from modules.core.releases import Release, read_releases
from scripts.cli.clients import gateway
from scripts.cli.clients.store import store as connect
from scripts.cli.clients.tracking import CHAMPION, Mlflow, Run
from scripts.cli.delivery import rank
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.exports import mlflow_variables
from workloads import onnx_form
from workloads.classification import PACKAGES
from workloads.incoming import BYTES_LIMIT
from workloads.iris.train import FEATURES, TARGET

from .conftest import STACK, run
from .gateway_test import Load, at
from .onnx_graphs import failing, slow
from .signatures import set_tags, sign_model

library: Any = mlflow_library
# MLflow's client leaves its connections to the collector of garbage.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
RAW = f"{STACK}-raw"
MINUTE = 60.0
TRAINED_SECONDS = 240.0
"""Far more than a training in a pod takes, about 20 s where nothing else runs."""
HEADER = ",".join([*FEATURES, TARGET]) + "\n"


LONG = 6.0
"""Centimetres: some flowers have a longer sepal, those that the load and the check ask for do not."""
Burden = Callable[[bytes], bytes]
"""What is done to the graph of a model."""


@pytest.fixture(scope="module")
def store(platform: Environment) -> Any:
    return connect(platform)


@pytest.fixture(scope="module")
def tracking(platform: Environment) -> Iterator[Mlflow]:
    asked = Mlflow(platform)
    with asked.client:
        yield asked


@pytest.fixture
def context(platform: Environment) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=gateway.ca_certificate(platform))


@pytest.fixture
def url(platform: Environment) -> str:
    return at(platform.settings.ports()["gateway"], "/iris/predict")


def until(ask: Callable[[], Any], seconds: float) -> Any:
    """The first answer that is something."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < deadline:
        time.sleep(1)
    assert answer, f"nothing came of it within {seconds:.0f} s"
    return answer


def keys(store: Any, prefix: str) -> list[str]:
    return [each["Key"] for each in store.list_objects_v2(Bucket=RAW, Prefix=prefix).get("Contents", [])]


def bring(store: Any, name: str, rows: str) -> None:
    store.put_object(Bucket=RAW, Key=f"incoming/iris/{name}", Body=(HEADER + rows).encode())


def current_digest(store: Any, *, parts: int) -> str | None:
    """Of the data set that is trained on, once it has so many parts beside the declared one."""
    if not keys(store, "current/iris.json"):
        return None
    state = json.loads(store.get_object(Bucket=RAW, Key="current/iris.json")["Body"].read())
    return state["data"]["digest"] if len(state["parts"]) == parts else None


def trained_on(tracking: Mlflow, digest: str) -> list[Run]:
    return tracking.training_runs("iris", data_digest=digest)


def test_bad_data_is_set_aside_with_a_report_and_nothing_is_trained(store: Any, tracking: Mlflow) -> None:
    before = len(tracking.training_runs("iris"))
    bring(store, "bad.csv", "5.0,3.4,1.5,0.2,setosa\n51,3.4,1.5,0.2,setosa\n5.9,3.0,4.2,1.5,versicolour\n")
    until(lambda: not keys(store, "incoming/iris/"), MINUTE)
    (place,) = [key for key in keys(store, "quarantine/iris/") if key.endswith("/bad.csv.report.json")]
    report = json.loads(store.get_object(Bucket=RAW, Key=place)["Body"].read())
    assert [(each["row"], each["column"], each["value"]) for each in report["shown"]] == [
        (3, "sepal_length", "51"),
        (4, "species", "versicolour"),
    ]
    time.sleep(5)
    assert len(tracking.training_runs("iris")) == before


def test_a_file_that_is_too_large_is_set_aside_and_a_folder_is_no_data(store: Any) -> None:
    folder = "incoming/iris/"
    store.put_object(Bucket=RAW, Key=folder)
    store.put_object(Bucket=RAW, Key=f"{folder}large.csv", Body=bytes(BYTES_LIMIT + 1))
    bring(store, "small.csv", "51,3.4,1.5,0.2,setosa\n")
    until(lambda: keys(store, folder) == [folder], 2 * MINUTE)
    places = keys(store, "quarantine/iris/")
    assert [key for key in places if key.endswith("/small.csv")]
    (place,) = [key for key in places if key.endswith("/large.csv.report.json")]
    (problem,) = json.loads(store.get_object(Bucket=RAW, Key=place)["Body"].read())["shown"]
    assert problem["value"] == f"{BYTES_LIMIT + 1} bytes"
    store.delete_object(Bucket=RAW, Key=folder)
    assert keys(store, folder) == []


def test_new_data_is_taken_within_a_minute_and_trained_on_once(store: Any, tracking: Mlflow) -> None:
    rows = "5.1,3.3,1.4,0.2,setosa\n6.0,2.8,4.4,1.4,versicolor\n6.7,3.1,5.7,2.2,virginica\n"
    bring(store, "good.csv", rows)
    until(lambda: not keys(store, "incoming/iris/"), MINUTE)
    digest = until(lambda: current_digest(store, parts=1), MINUTE)
    (training,) = until(lambda: trained_on(tracking, digest), TRAINED_SECONDS)
    assert training.tags["groundwork.champion"] in {"accepted", "rejected"}
    assert {"accuracy", "champion_accuracy"} <= training.metrics.keys()
    bring(store, "again.csv", rows)
    until(lambda: not keys(store, "incoming/iris/"), MINUTE)
    assert current_digest(store, parts=1) == digest
    assert len(trained_on(tracking, digest)) == 1


def watch(*options: str, check: bool = True) -> tuple[int, dict[str, Any] | None]:
    """(exit code, verdict if there was something to try)."""
    command = ("canary", "iris", "--once", "--min-duration", "15", "--requests", "50", *options)
    done = run(".venv/bin/groundwork", *command, "--stack", STACK, "--json", check=check)
    assert "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    print(done.stdout)
    return done.returncode, json.loads(lines[-1]) if lines else None


def served() -> Release:
    return read_releases(STACK)["iris"]


@pytest.fixture
def champion(
    platform: Environment, tracking: Mlflow, store: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., int]:
    """Makes a fitted model the champion, the way no training would but for its signature; returns its version."""
    for name, value in mlflow_variables(platform).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")

    def make(model: Any, burden: Burden = bytes) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries, about each other
            made = log(model, burden)
        found = tracking.run(made)
        assert found is not None
        number = rank.register(platform, "iris", found, lambda _: None)
        crown(tracking, number)
        return number

    def log(model: Any, burden: Burden) -> str:
        """Its run, signed over the data, image and configuration of what serves: so the same rows are held out."""
        library.set_tracking_uri(platform.variables()["MLFLOW_TRACKING_URI"])
        library.set_experiment("iris")
        with library.start_run(run_name="made by a test") as begun:
            described: dict[str, Any] = {
                "serialization_format": "cloudpickle",
                "signature": library.models.infer_signature(flowers()[0], model.predict(flowers()[0])),
                "pip_requirements": [f"{name}=={version(name)}" for name in PACKAGES],
            }
            library.sklearn.log_model(model, name="model", **described)
        made = str(begun.info.run_id)
        folder = tmp_path / made
        library.sklearn.save_model(model, str(folder), **described)
        rows = flowers()[0]
        graph = burden(onnx_form.from_scikit_learn(model, len(FEATURES)))
        checked = rows[rows.max(axis=1) <= LONG]
        onnx_form.add_classifier(folder, model, checked, graph=graph, library="scikit-learn")
        like = tracking.run(served().run)
        assert like is not None
        own = {key: value for key, value in like.tags.items() if key.startswith("groundwork.")}
        set_tags(tracking, made, sign_model(platform, store, folder, made, {**own, "groundwork.job": made}))
        return made

    return make


def crown(tracking: Mlflow, version: int) -> None:
    content = {"name": "iris", "alias": CHAMPION, "version": str(version)}
    tracking.client.post("registered-models/alias", json=content).raise_for_status()


def flowers() -> tuple[Any, Any]:
    load: Any = load_iris
    bundle = load()
    return pd.DataFrame(bundle.data, columns=FEATURES), pd.Series(bundle.target_names[bundle.target])


def fitted(*, shuffled: bool = False) -> Any:
    x, y = flowers()
    model: Any = RandomForestClassifier(n_estimators=20, random_state=1)
    return model.fit(x, y.sample(frac=1, random_state=1).reset_index(drop=True) if shuffled else y)


def test_what_is_not_worse_is_promoted_without_a_failed_request(
    context: ssl.SSLContext, url: str, champion: Callable[..., int]
) -> None:
    run(".venv/bin/groundwork", "release", "iris", "--stack", STACK)  # what the trainings before this test left
    before, number = served(), champion(fitted())
    with Load(context, url) as load:
        code, verdict = watch()
    assert verdict is not None
    assert (code, verdict["result"], verdict["serves"]) == (0, "promoted", number)
    assert load.failures == []
    assert set(load.versions) == {str(before.model_version), str(number)}
    assert (served().model_version, served().canary) == (number, None)


def test_a_candidate_that_is_worse_is_rejected_and_both_figures_are_recorded(store: Any, tracking: Mlflow) -> None:
    current = tracking.aliased("iris", CHAMPION)  # it knows the very rows that are held out
    bring(store, "few.csv", "4.9,3.1,1.5,0.2,setosa\n6.2,2.9,4.3,1.3,versicolor\n")
    digest = until(lambda: current_digest(store, parts=2), MINUTE)
    (training,) = until(lambda: trained_on(tracking, digest), TRAINED_SECONDS)
    assert training.tags["groundwork.champion"] == "rejected"
    assert training.metrics["accuracy"] < training.metrics["champion_accuracy"]
    assert "on the same held-out rows" in training.tags["groundwork.champion_verdict"]
    assert tracking.aliased("iris", CHAMPION) == current


@pytest.mark.parametrize(
    ("cause", "burden"),
    [
        ("errors", partial(failing, above=LONG)),
        ("latency", slow),
        ("accuracy", bytes),
    ],
)
def test_what_is_worse_is_taken_back_without_a_failed_request_and_not_tried_again(
    cause: str, burden: Burden, context: ssl.SSLContext, url: str, champion: Callable[..., int]
) -> None:
    before, number = served(), champion(fitted(shuffled=cause == "accuracy"), burden)
    with Load(context, url) as load:
        code, verdict = watch(check=False)
    assert verdict is not None
    assert (code, verdict["result"], verdict["serves"]) == (1, "restored", before.model_version)
    assert verdict["cause"].startswith(f"{cause}:")
    assert 0 < verdict["found_seconds"] + verdict["traffic_removed_seconds"] < 180
    assert load.failures == []
    assert served().pin == before.pin
    assert served().canary is None
    assert number in {each.model_version for each in served().rejected}
    assert watch() == (0, None)


def test_the_best_model_is_put_back_by_its_rank(platform: Environment, tracking: Mlflow) -> None:
    best = max(each.figure for each in rank.find(platform, "iris"))
    done = run(".venv/bin/groundwork", "release", "iris", "--rank", "1", "--stack", STACK, "--json")
    pin = json.loads(done.stdout)["pin"]
    found = tracking.run(pin["run"])
    assert found is not None
    assert found.metrics["accuracy"] == best
    wrong = run(".venv/bin/groundwork", "release", "iris", "--rank", "999", "--stack", STACK, check=False)
    assert wrong.returncode == 1
    assert "rank 999: iris has" in wrong.stderr
    assert pin["model_name"] == "iris"


@pytest.fixture
def watched(platform: Environment, shell: dict[str, str]) -> Iterator[Callable[[], list[int]]]:
    """Processes of the watch beside the cluster, for the time of a test."""

    def say(value: str) -> None:
        key = ("--path", "groundwork:workloads.iris.watch", value)
        run("pulumi", "config", "set", *key, "-s", STACK, env=shell)
        run("scripts/up", STACK)

    def pids() -> list[int]:
        done = run("pgrep", "-f", f"canary iris --stack {STACK}", check=False)
        return [int(pid) for pid in done.stdout.split()]

    assert platform.settings.workloads["iris"].watch is False
    say("true")
    yield pids
    say("false")
    assert pids() == []


def test_a_watch_beside_the_cluster_comes_back_and_releases_a_champion_by_itself(
    watched: Callable[[], list[int]], context: ssl.SSLContext, url: str, champion: Callable[..., int]
) -> None:
    (first,) = until(watched, MINUTE)
    os.kill(first, signal.SIGKILL)
    assert until(lambda: [pid for pid in watched() if pid != first], MINUTE)
    number = champion(fitted())
    with Load(context, url) as load:
        until(lambda: served().model_version == number and served().canary is None, 4 * MINUTE)
    assert load.failures == []
    (row,) = json.loads(run(".venv/bin/groundwork", "status", STACK, "--json").stdout)["workloads"]
    assert (row["version"], row["champion"], row["watch"], row["note"]) == (number, number, "running", "")
