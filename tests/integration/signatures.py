"""Signs models as a training does, with its key: only who administers the cluster can."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scripts.cli.clients import kubectl
from scripts.cli.clients.tracking import Mlflow
from scripts.cli.delivery.trust import trust_in
from scripts.cli.environment import Environment
from workloads.artifacts import add_folder, folder_digest
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


def sign_model(platform: Environment, store: Any, folder: Path, run: str, tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a run of iris, with the model in a folder stored and signed as a training does."""
    digest = folder_digest(folder)
    uri = f"{trust_in(platform, 'iris').root}/{digest.removeprefix('sha256:')}"
    add_folder(store, folder, uri)
    return signed(training_key(platform), run, {**tags, "groundwork.uri": uri, "groundwork.digest": digest})


def set_tags(tracking: Mlflow, run: str, tags: Mapping[str, str]) -> None:
    """Of a run, as any client of MLflow does."""
    content = {"run_id": run, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
    tracking.client.post("runs/log-batch", json=content).raise_for_status()
