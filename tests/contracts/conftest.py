"""The whole platform as the engine would see it, made once through mocks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest

from modules.core.images import LockedImage, write_images
from modules.core.releases import Release, write_releases
from stacks.compose import build
from stacks.configuration import parse
from tests.mocks import Declared, Monitor, Recorder, set_mocks

ENVIRONMENT = "local"
IMAGES = ("gateway", "base", "storage", "postgresql", "mlflow", "airflow", "xcom", "training", "serving", "nodes")


@dataclass(frozen=True)
class Platform:
    declared: list[Declared]
    outputs: dict[str, Any]
    monitor: Monitor


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """With every image built and the iris workload released."""
    folder = tmp_path_factory.mktemp("stacks")
    recorder = Recorder()
    monitor = Monitor(recorder)
    outputs: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        make_pins(folder, patch)
        set_mocks(recorder, monitor)

        @pulumi.runtime.test
        def declare() -> pulumi.Output[None]:
            settings = parse(
                {
                    "groundwork:workloads": {"iris": {"local_port": 8080}},
                    "groundwork:jenkins": {"repository": "someone/groundwork"},
                    "groundwork:github_token": "generated-elsewhere",
                },
                source="test",
            )
            return pulumi.Output.from_input(build(settings, ENVIRONMENT)).apply(outputs.update)

        declare()
    return Platform(recorder.declared, outputs, monitor)


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
