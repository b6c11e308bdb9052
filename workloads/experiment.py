"""What every training run shares: its configuration, where it came from, its data, and how a model is registered.

Runs inside the training image. The launcher and the pod template hand everything over in environment variables.
"""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workloads.artifacts import add_folder, add_object, digest_of, download_folder, folder_digest, split_s3
from workloads.columns import Column, of_header
from workloads.signing import SIGNATURE, Trust, private_key, public_pem, sign, statement_of
from workloads.tables import TableError

CHAMPION = "champion"
HELD_OUT_LIMIT = 1000
"""Labelled rows by which a release is measured: as many as a log, and one request to a model server, can have."""
LINE_END = b"\n"


class TrainingError(Exception):
    """A training that can't go on; the message is the last line that a person reads."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """What is trained on what, as the CronJob template says it. Together with the image it names the Job."""

    workload: str
    model: str
    """Name in the model registry."""
    data_address: str
    """s3://bucket/key of the data set, a file or a table in the lake; glue://database/table of a table in a catalog."""
    data_digest: str
    """sha256:... of its bytes."""
    parameters: Mapping[str, Any]
    declared_rows: int | None = None
    """How many of its rows, the first ones, are the data set that workload.yaml declares; None: all. A table has no
    first ones."""
    data_version: int | None = None
    """Of the table; None: the data set is a file."""
    columns: tuple[Column, ...] = ()
    """Of the tables."""
    tables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Addresses of the workload's tables by layer; none where the data set is a file."""
    incoming: str | None = None
    """s3://bucket/key below which new data is brought; None: in the bucket of the data set, or of the raw table."""
    serving_format: str = "onnx"
    """How models are stored for their server: onnx or skops."""
    trusted: tuple[str, ...] = ()
    """Types that a model in the format skops may be made of, beside those that skops trusts."""

    @property
    def seed(self) -> int:
        return int(self.parameters["seed"])


def read_config(document: str) -> Config:
    """From the JSON document of workloads/manifests.py: {workload, model, data: {address, digest}, parameters}.

    Where rows were appended to the data set, data also has `declared_rows`; where it is a table, `version`, `columns`
    and `tables`, and `incoming` where a catalog has it; `serving`, {format, trusted}, is there for other formats than
    ONNX."""
    content = json.loads(document)
    data, serving = content["data"], content.get("serving", {})
    return Config(
        workload=content["workload"],
        model=content["model"],
        data_address=data["address"],
        data_digest=data["digest"],
        parameters=content["parameters"],
        declared_rows=0 if "version" in data else data.get("declared_rows"),
        data_version=data.get("version"),
        columns=tuple(Column(**each) for each in data.get("columns", ())),
        tables=data.get("tables", {}),
        incoming=data.get("incoming"),
        serving_format=serving.get("format", "onnx"),
        trusted=tuple(serving.get("trusted", ())),
    )


def provenance(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """The tags of every run: all that is needed to train the same again, and how this one was started.

    The image knows the digests of its code and of its locked packages; the launcher names the rest. Where the launcher
    knows no commit, the code's digest is the revision.
    """
    code = environ["GROUNDWORK_CODE_DIGEST"]
    tags = {
        "groundwork.job": environ["GROUNDWORK_JOB"],
        "groundwork.config": environ["GROUNDWORK_TRAINING"],
        "groundwork.code_revision": environ.get("GROUNDWORK_REVISION") or code,
        "groundwork.code_digest": code,
        "groundwork.image_digest": environ["GROUNDWORK_IMAGE"].rpartition("@")[2],
        "groundwork.lock_digest": environ["GROUNDWORK_UV_LOCK"],
        "groundwork.requirements_digest": environ["GROUNDWORK_LOCK_DIGEST"],
        "groundwork.data_address": config.data_address,
        "groundwork.data_digest": config.data_digest,
        "groundwork.seed": str(config.seed),
    }
    if config.data_version is not None:
        tags["groundwork.data_version"] = str(config.data_version)
    if reproduces := environ.get("GROUNDWORK_REPRODUCES"):
        tags["groundwork.reproduces"] = reproduces
    return tags


def read_data(config: Config, store: Any, seed_data: Callable[[], bytes]) -> bytes:
    """Return the data set, verified. Where nothing lies at its address yet, `seed_data` supplies it, once.

    Refuse data whose digest is not the declared one: neither is it stored, nor is it trained on.
    """
    if config.data_version is not None:
        return _read_table(config, config.data_version, seed_data)
    bucket, key = split_s3(config.data_address)
    if not _exists(store, bucket, key):
        content = seed_data()
        _require_digest(content, config, "the data set that the training image carries")
        add_object(store, bucket, key, content, "text/csv")
        say(f"stored the data set at {config.data_address}")
    content = store.get_object(Bucket=bucket, Key=key)["Body"].read()
    _require_digest(content, config, f"the object at {config.data_address}")
    return content


def _read_table(config: Config, version: int, seed_data: Callable[[], bytes]) -> bytes:
    from workloads import lake

    try:
        if not lake.exists(config.data_address):
            make_tables(config, seed_data)
        content = lake.read(config.data_address, version, config.columns).content
    except TableError as error:
        raise TrainingError(str(error)) from error
    _require_digest(content, config, f"version {version} of the table at {config.data_address}")
    say(f"read version {version} of the table {config.data_address}")
    return content


def make_tables(config: Config, seed_data: Callable[[], bytes]) -> None:
    """Make the tables curated and features of the seed data, as their version 0: nobody brought it as a file. In
    features each row is once. Refuse to where another version is declared, which then was lost."""
    from workloads import lake

    if config.data_version != 0:
        raise TrainingError(
            f"there is no table at {config.data_address}, but version {config.data_version} of it is to be trained on: "
            f"restore it, or declare version 0 in workload.yaml of {config.workload}, which is the seed data"
        )
    curated = lake.canonical(seed_data())
    made = {"curated": curated, "features": b"".join(dict.fromkeys(curated.splitlines(keepends=True)))}
    trained_on = next(content for layer, content in made.items() if config.tables[layer] == config.data_address)
    _require_digest(trained_on, config, "the data set that the training image carries, as a table,")
    # The one that is looked for comes last: where this was interrupted, it is gone through again.
    for layer in sorted(made, key=lambda layer: config.tables[layer] == config.data_address):
        header, _, rows = made[layer].partition(LINE_END)
        columns = of_header(header.decode(), config.columns)
        if not columns:
            raise TrainingError(
                f"the data set that the training image carries has the columns {header.decode()}, but workload.yaml "
                f"of {config.workload} declares {', '.join(each.name for each in config.columns)}: make them the same"
            )
        lake.create(config.tables[layer], lake.fields_of(columns), rows)
        say(f"made the table {config.tables[layer]} of {rows.count(LINE_END)} rows")


def _exists(store: Any, bucket: str, key: str) -> bool:
    listing = store.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    return any(item["Key"] == key for item in listing.get("Contents", []))


def _require_digest(content: bytes, config: Config, what: str) -> None:
    if (found := digest_of(content)) != config.data_digest:
        raise TrainingError(
            f"{what} has the digest {found}, but workload.yaml of {config.workload} declares {config.data_digest}: "
            "restore the declared data, or declare the new digest if the change is meant."
        )


def finished_run(client: Any, experiment: str, job: str) -> str | None:
    """Id of the run that a Job of this name ended well before; its result stands, and is not registered twice."""
    query = f"tags.`groundwork.job` = '{job}' and tags.`groundwork.role` = 'training' and status = 'FINISHED'"
    runs = client.search_runs([experiment], query, max_results=1)
    return runs[0].info.run_id if runs else None


def end_interrupted(client: Any, experiment: str, job: str) -> None:
    """Runs of an attempt of this Job whose pod was killed would otherwise be shown as running for ever."""
    for run in client.search_runs([experiment], f"tags.`groundwork.job` = '{job}' and attributes.status = 'RUNNING'"):
        client.set_terminated(run.info.run_id, status="KILLED")


def signed_tags(config: Config, store: Any, folder: Path, run: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags by which the model in a folder, which a run made, can be released: those of the run, the address
    of the files, which are stored there, their digest, and the training's signature over all of that.

    These are the very files that the training wrote: neither MLflow nor its copy is trusted."""
    digest = folder_digest(folder)
    uri = f"{os.environ['MODEL_ROOT']}/{digest.removeprefix('sha256:')}"
    add_folder(store, folder, uri)
    found = {**tags, "groundwork.uri": uri, "groundwork.digest": digest}
    key = private_key(_key_file().read_bytes())
    return {**found, SIGNATURE: sign(key, statement_of(config.model, run, found))}


def trust() -> Trust:
    """Return what a training believes of models: what it signed itself."""
    return Trust(public_key=public_pem(private_key(_key_file().read_bytes())), root=os.environ["MODEL_ROOT"])


def _key_file() -> Path:
    return Path(os.environ["GROUNDWORK_SIGNING_KEY"])


def register(client: Any, config: Config, model_info: Any, tags: Mapping[str, str]) -> str:
    """A new version of the registered model, with these signed tags, which a release pins; returns its number."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(config.model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = _version_of(client, config.model, tags) or client.create_model_version(
        config.model,
        source=f"models:/{model_info.model_id}",
        run_id=model_info.run_id,
        model_id=model_info.model_id,
        tags=dict(tags),
    )
    return str(version.version)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a version became champion, and the figures of both on the same held-out rows."""

    version: str
    accuracy: float
    champion: str | None
    """Version that was champion before; None where there was none."""
    champion_accuracy: float | None

    @property
    def accepted(self) -> bool:
        """At least as good as the champion, or the first one."""
        return self.champion_accuracy is None or self.accuracy >= self.champion_accuracy

    def __str__(self) -> str:
        if self.champion is None:
            return f"version {self.version} is the first {CHAMPION}, with an accuracy of {self.accuracy:.4f}"
        figures = f"accuracy {self.accuracy:.4f}, version {self.champion} has {self.champion_accuracy:.4f}"
        what = f"becomes {CHAMPION}" if self.accepted else f"is not promoted to {CHAMPION}"
        return f"version {self.version} {what}: {figures} on the same held-out rows"


def promote_if_better(
    client: Any, config: Config, store: Any, *, version: str, accuracy: float, measure: Callable[[Path], float]
) -> Verdict:
    """Move the champion's alias to a version that is at least as good as the current champion; else leave it.

    measure: the accuracy of the model in a folder on the held-out rows that gave `accuracy`. The champion is measured
    now, on these rows: what was recorded of it may be of others. One that no training signed counts for nothing:
    loading it could run anything.
    """
    current = _champion(client, config.model)
    if current and not trusted(current):
        say(f"version {current.version} is {CHAMPION}, but not signed by a training of this workload: not loaded")
        current = None
    verdict = Verdict(
        version=version,
        accuracy=accuracy,
        champion=str(current.version) if current else None,
        champion_accuracy=_measured(store, current.tags, measure) if current else None,
    )
    if verdict.accepted:
        client.set_registered_model_alias(config.model, CHAMPION, version)
    return verdict


def _champion(client: Any, model: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(model, CHAMPION)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return None


def _measured(store: Any, tags: Mapping[str, str], measure: Callable[[Path], float]) -> float:
    """Of files whose digest is the recorded one: loading others could run anything."""
    uri, digest = tags["groundwork.uri"], tags["groundwork.digest"]
    with tempfile.TemporaryDirectory() as folder:
        download_folder(store, uri, Path(folder))
        if (found := folder_digest(Path(folder))) != digest:
            raise TrainingError(
                f"the {CHAMPION}'s files at {uri} have the digest {found}, but {digest} was registered: restore "
                f"them, or give the alias {CHAMPION} to a version that is whole"
            )
        return measure(Path(folder))


def trusted(version: Any) -> bool:
    """Return whether a training of this workload signed a version of its model."""
    statement = statement_of(version.name, version.run_id, version.tags)
    return trust().holds(statement, version.tags.get(SIGNATURE, ""))


def _version_of(client: Any, model: str, tags: Mapping[str, str]) -> Any:
    """The version that an interrupted attempt of the same Job registered before it could finish."""
    same = {key: tags[key] for key in ("groundwork.job", "groundwork.config", "groundwork.image_digest")}
    versions = client.search_model_versions(f"name = '{model}'")
    return next((each for each in versions if same.items() <= each.tags.items() and trusted(each)), None)


def say(line: str) -> None:
    print(line, flush=True)
