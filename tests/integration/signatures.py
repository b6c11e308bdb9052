"""Signs models as a training does, with its key: only who administers the cluster can."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scripts.cli.clients import kubectl
from scripts.cli.clients.tracking import Mlflow
from scripts.cli.environment import Environment
from workloads.artifacts import download_folder, folder_digest, split_s3
from workloads.documents import signing_secret, trainer
from workloads.signing import SIGNATURE, private_key, sign, statement_of

from .conftest import STACK


def training_key(platform: Environment) -> Ed25519PrivateKey:
    """The key by which the trainings of iris sign."""
    found = kubectl.secret(platform, f"{STACK}-{trainer('iris')}", signing_secret("iris"))
    assert found is not None
    return private_key(found["signing-key.pem"].encode())


def signed(key: Ed25519PrivateKey, run: str, tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a run of iris, signed."""
    return {**tags, SIGNATURE: sign(key, statement_of("iris", run, tags))}


def copy_model(store: Any, source: str, target: str, **files: bytes) -> str:
    """Copy the files of a model to another address, with some of them changed; their digest."""
    bucket, prefix = split_s3(target)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        download_folder(store, source, folder)
        for path, content in files.items():
            (folder / path.replace("_", ".")).write_bytes(content)
        for path in folder.rglob("*"):
            if path.is_file():
                key = f"{prefix}/{path.relative_to(folder).as_posix()}"
                store.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        return folder_digest(folder)


def set_tags(tracking: Mlflow, run: str, tags: Mapping[str, str]) -> None:
    """Of a run, as any client of MLflow does."""
    content = {"run_id": run, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
    tracking.client.post("runs/log-batch", json=content).raise_for_status()
