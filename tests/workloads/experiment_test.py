import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from workloads.artifacts import digest_of, model_digest
from workloads.experiment import (
    Config,
    TrainingError,
    finished_run,
    promote_if_better,
    provenance,
    read_config,
    read_data,
    register,
    signed_tags,
)
from workloads.signing import SIGNATURE, Trust, public_pem, sign, statement_of

CONTENT = b"a,b\n1,2\n"
DOCUMENT: dict[str, Any] = {
    "workload": "iris",
    "model": "iris",
    "data": {"address": "s3://raw/sha256/x/iris.csv", "digest": digest_of(CONTENT)},
    "parameters": {"seed": 7, "test_size": 0.3, "models": {}},
}


def config() -> Config:
    return read_config(json.dumps(DOCUMENT))


def refuse() -> bytes:
    raise AssertionError("the data set was there: nothing had to be made")


def test_a_missing_data_set_is_stored_at_its_address_and_read_from_there(store: Any) -> None:
    assert read_data(config(), store, lambda: CONTENT) == CONTENT
    assert store.objects == {("raw", "sha256/x/iris.csv"): CONTENT}
    assert read_data(config(), store, refuse) == CONTENT


def test_a_key_that_only_begins_alike_is_not_the_data_set(store: Any) -> None:
    store.put_object(Bucket="raw", Key="sha256/x/iris.csv.previous", Body=b"other")
    assert read_data(config(), store, lambda: CONTENT) == CONTENT


def test_changed_data_in_the_bucket_is_refused(store: Any) -> None:
    store.put_object(Bucket="raw", Key="sha256/x/iris.csv", Body=b"other")
    with pytest.raises(TrainingError, match=r"s3://raw/sha256/x/iris.csv has the digest sha256:\w+, but workload.yaml"):
        read_data(config(), store, refuse)


def test_other_data_than_declared_is_not_even_stored(store: Any) -> None:
    with pytest.raises(TrainingError, match="that the training image carries has the digest"):
        read_data(config(), store, lambda: b"other")
    assert store.objects == {}


def environment(**more: str) -> dict[str, str]:
    return {
        "GROUNDWORK_TRAINING": json.dumps(DOCUMENT),
        "GROUNDWORK_JOB": "iris-train-1",
        "GROUNDWORK_IMAGE": "registry:5000/groundwork/training@sha256:abc",
        "GROUNDWORK_UV_LOCK": "sha256:lock",
        "GROUNDWORK_CODE_DIGEST": "sha256:code",
        "GROUNDWORK_LOCK_DIGEST": "sha256:packages",
        "GROUNDWORK_REVISION": "c0ffee",
        **more,
    }


def test_a_run_records_what_reproduces_it() -> None:
    assert provenance(config(), environment()) == {
        "groundwork.job": "iris-train-1",
        "groundwork.config": json.dumps(DOCUMENT),
        "groundwork.code_revision": "c0ffee",
        "groundwork.code_digest": "sha256:code",
        "groundwork.image_digest": "sha256:abc",
        "groundwork.lock_digest": "sha256:lock",
        "groundwork.requirements_digest": "sha256:packages",
        "groundwork.data_address": "s3://raw/sha256/x/iris.csv",
        "groundwork.data_digest": digest_of(CONTENT),
        "groundwork.seed": "7",
    }


def test_a_repetition_says_of_what() -> None:
    assert provenance(config(), environment(GROUNDWORK_REPRODUCES="run"))["groundwork.reproduces"] == "run"
    assert "groundwork.reproduces" not in provenance(config(), environment(GROUNDWORK_REPRODUCES=""))


def test_without_a_commit_the_code_itself_is_the_revision() -> None:
    assert provenance(config(), environment(GROUNDWORK_REVISION=""))["groundwork.code_revision"] == "sha256:code"


class Registry:
    """What registering uses of MLflow's client."""

    def __init__(self) -> None:
        self.versions: list[Any] = []
        self.aliases: dict[str, str] = {}

    def create_registered_model(self, name: str) -> None:
        assert name == "iris"

    def search_model_versions(self, query: str) -> list[Any]:
        assert query == "name = 'iris'"
        return self.versions

    def create_model_version(self, name: str, *, source: str, run_id: str, model_id: str, tags: dict[str, str]) -> Any:
        assert (name, source, run_id, model_id) == ("iris", "models:/m-1", "run", "m-1")
        self.versions.append(made(str(len(self.versions) + 1), tags))
        return self.versions[-1]

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self.aliases[f"{name}@{alias}"] = version

    def get_model_version_by_alias(self, name: str, alias: str) -> Any:
        if f"{name}@{alias}" not in self.aliases:
            raise MlflowException("no such alias", error_code=RESOURCE_DOES_NOT_EXIST)
        return self.versions[int(self.aliases[f"{name}@{alias}"]) - 1]


KEY = Ed25519PrivateKey.generate()
RUN = {"groundwork.job": "iris-train-1", "groundwork.config": "{}", "groundwork.image_digest": "sha256:abc"}


@pytest.fixture(autouse=True)
def signing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the pod of a training has beside its data."""
    file = tmp_path / "signing-key.pem"
    file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    monkeypatch.setenv("GROUNDWORK_SIGNING_KEY", str(file))
    monkeypatch.setenv("MODEL_ROOT", "s3://b")


INFO = SimpleNamespace(model_id="m-1", run_id="run")


def test_a_model_is_stored_at_the_address_of_its_digest_and_signed(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_ROOT", "s3://b/models/iris")
    folder, digest = tmp_path / "model", model_digest({"deep/MLmodel": digest_of(b"model")})
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "MLmodel").write_bytes(b"model")
    tags = signed_tags(config(), store, folder, "run", RUN)
    key = f"models/iris/{digest.removeprefix('sha256:')}"
    assert tags.items() >= {**RUN, "groundwork.uri": f"s3://b/{key}", "groundwork.digest": digest}.items()
    assert store.objects == {("b", f"{key}/deep/MLmodel"): b"model"}
    trust = Trust(public_key=public_pem(KEY), root="s3://b/models/iris")
    trust.require(statement_of("iris", "run", tags), tags[SIGNATURE])


def signed(run: str, tags: dict[str, str], key: Ed25519PrivateKey = KEY) -> dict[str, str]:
    return {**tags, SIGNATURE: sign(key, statement_of("iris", run, tags))}


def test_a_training_is_registered_once_with_what_was_signed() -> None:
    registry, tags = Registry(), signed("run", {**RUN, "groundwork.uri": "s3://b/k"})
    for _ in range(2):  # the second time: a retry after the pod was killed between the two calls
        assert register(registry, config(), INFO, tags) == "1"
    assert [version.tags for version in registry.versions] == [tags]
    assert registry.aliases == {}


def test_what_somebody_else_registered_for_the_same_job_is_not_taken_for_the_trainings() -> None:
    registry, tags = Registry(), signed("run", {**RUN, "groundwork.uri": "s3://b/k"})
    registry.versions.append(made("1", {**tags, "groundwork.uri": "s3://b/theirs"}))
    assert register(registry, config(), INFO, tags) == "2"


def made(version: str, tags: dict[str, str]) -> Any:
    return SimpleNamespace(name="iris", version=version, run_id="run", tags=tags)


CHAMPIONS = signed(
    "run", {"groundwork.uri": "s3://b/champion", "groundwork.digest": model_digest({"MLmodel": digest_of(b"model")})}
)


@pytest.fixture
def champion(store: Any) -> Registry:
    """A registry with a champion and a candidate, which is version 2."""
    store.put_object(Bucket="b", Key="champion/MLmodel", Body=b"model")
    registry = Registry()
    registry.versions = [made("1", CHAMPIONS), made("2", {})]
    registry.aliases = {"iris@champion": "1"}
    return registry


def test_the_first_version_is_champion(store: Any) -> None:
    registry = Registry()
    verdict = promote_if_better(registry, config(), store, version="1", accuracy=0.5, measure=lambda _: 1.0)
    assert verdict.accepted
    assert registry.aliases == {"iris@champion": "1"}


@pytest.mark.parametrize(("accuracy", "holder"), [(0.91, "2"), (0.90, "2"), (0.89, "1")])
def test_a_candidate_that_is_at_least_as_good_becomes_champion(
    store: Any, champion: Registry, accuracy: float, holder: str
) -> None:
    def measure(folder: Path) -> float:
        assert (folder / "MLmodel").read_bytes() == b"model"
        return 0.90

    verdict = promote_if_better(champion, config(), store, version="2", accuracy=accuracy, measure=measure)
    assert champion.aliases == {"iris@champion": holder}
    assert verdict.accepted == (holder == "2")
    assert f"accuracy {accuracy:.4f}, version 1 has 0.9000" in str(verdict)


def test_a_champion_whose_files_are_others_is_never_loaded(store: Any, champion: Registry) -> None:
    store.put_object(Bucket="b", Key="champion/MLmodel", Body=b"another")
    with pytest.raises(TrainingError, match="the champion's files at s3://b/champion have the digest"):
        promote_if_better(champion, config(), store, version="2", accuracy=1.0, measure=lambda _: 0.0)
    assert champion.aliases == {"iris@champion": "1"}


@pytest.mark.parametrize(
    "tags",
    [
        {**CHAMPIONS, SIGNATURE: ""},
        {**CHAMPIONS, "groundwork.uri": "s3://b/another"},
        signed("run", CHAMPIONS, Ed25519PrivateKey.generate()),
        signed("run", {**CHAMPIONS, "groundwork.uri": "s3://elsewhere/champion"}),
    ],
    ids=["unsigned", "changed", "another key", "elsewhere"],
)
def test_a_champion_that_no_training_signed_is_never_loaded_and_counts_for_nothing(
    tags: dict[str, str], store: Any, champion: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_: Path) -> float:
        raise AssertionError("it would run whatever is in it")

    champion.versions[0] = made("1", tags)
    verdict = promote_if_better(champion, config(), store, version="2", accuracy=0.5, measure=measure)
    assert verdict.accepted
    assert champion.aliases == {"iris@champion": "2"}
    assert "version 1 is champion, but not signed by a training of this workload" in capsys.readouterr().out


def test_a_finished_training_of_the_same_name_is_found() -> None:
    asked: list[str] = []

    def search_runs(experiments: list[str], query: str, max_results: int) -> list[Any]:
        assert (experiments, max_results) == (["1"], 1)
        asked.append(query)
        return [SimpleNamespace(info=SimpleNamespace(run_id="run"))] if len(asked) == 1 else []

    assert finished_run(SimpleNamespace(search_runs=search_runs), "1", "iris-train-1") == "run"
    assert "`groundwork.job` = 'iris-train-1'" in asked[0]
    assert "status = 'FINISHED'" in asked[0]
    assert finished_run(SimpleNamespace(search_runs=search_runs), "1", "iris-train-1") is None
