"""The whole platform as the engine would see it, made once through mocks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest

from modules.core.images import LockedImage, write_images
from modules.core.releases import Release, write_releases
from stacks.compose import Outputs, build
from stacks.configuration import parse
from stacks.settings import PlatformSettings
from tests.mocks import Declared, Monitor, Recorder, declare

ENVIRONMENT = "local"
IMAGES = ("gateway", "base", "storage", "postgresql", "mlflow", "airflow", "xcom", "training", "serving", "nodes")


@dataclass(frozen=True)
class Platform:
    declared: list[Declared]
    outputs: dict[str, Any]
    monitor: Monitor


def deploy(
    config: Mapping[str, Any],
    folder: Path,
    *,
    program: Callable[[PlatformSettings, str], Outputs] = build,
    recorder: Recorder | None = None,
) -> Platform:
    """What is declared of an environment with every image built and the iris workload released, and its outputs."""
    outputs: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        make_pins(folder, patch)
        settings = parse(config, source="test")
        recorder, monitor = declare(
            lambda: pulumi.Output.from_input(program(settings, ENVIRONMENT)).apply(outputs.update), recorder
        )
    return Platform(recorder.declared, outputs, monitor)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    config = {
        "groundwork:workloads": {"iris": {"local_port": 8080}},
        "groundwork:jenkins": {"repository": "someone/groundwork"},
        "groundwork:github_token": "generated-elsewhere",
    }
    return deploy(config, tmp_path_factory.mktemp("stacks"))


def make_pins(folder: Path, patch: pytest.MonkeyPatch) -> None:
    def locks(environment: str) -> Path:
        return folder / f"images.{environment}.yaml"

    def releases(environment: str) -> Path:
        return folder / f"releases.{environment}.yaml"

    patch.setattr("modules.core.images.lock_file", locks)
    patch.setattr("modules.core.releases.release_file", releases)
    digests = {name: f"sha256:{index:064x}" for index, name in enumerate(IMAGES)}
    write_images(ENVIRONMENT, {name: LockedImage(digest=d, inputs=d, version="1.2.3") for name, d in digests.items()})
    pin = Release(
        release=2,
        model_name="iris",
        model_version=3,
        model_uri="s3://local-artifacts/mlflow/1/abc/artifacts/model",
        model_digest=f"sha256:{7:064x}",
        serving_image=f"sha256:{8:064x}",
        run="abc",
        signature="signed",
    )
    write_releases(ENVIRONMENT, {"iris": pin})


@pytest.fixture
def objects(platform: Platform) -> list[Declared]:
    return [declared for declared in platform.declared if declared.is_object]
