"""The whole platform as the engine would see it, made once through mocks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from modules.core.images import LockedImage, write_images
from modules.core.releases import Release, write_releases
from stacks.platform import build
from stacks.settings import parse

ENVIRONMENT = "local"
IMAGES = ("base", "storage", "postgresql", "mlflow", "airflow", "xcom", "training", "serving")
GENERATED = {"result": "generated", "hex": "0" * 64, "base64": "generated"}


@dataclass(frozen=True)
class Declared:
    """One resource: its type token, its name in the program, its inputs."""

    type: str
    name: str
    inputs: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    @property
    def is_object(self) -> bool:
        """Whether it is an object of the cluster."""
        return self.type.startswith("kubernetes:")

    def pod_specs(self) -> list[dict[str, Any]]:
        """The pods that the object makes."""
        template = self.inputs.get("spec", {})
        template = template.get("jobTemplate", template)
        template = template.get("spec", template) if "jobTemplate" in self.inputs.get("spec", {}) else template
        return [template["template"]["spec"]] if "template" in template else []

    def containers(self) -> list[dict[str, Any]]:
        return [c for pod in self.pod_specs() for c in [*pod["containers"], *pod.get("initContainers", [])]]


class Recorder(pulumi.runtime.Mocks):
    def __init__(self) -> None:
        self.declared: list[Declared] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = cast(dict[str, Any], args.inputs)
        self.declared.append(Declared(args.typ, args.name, inputs))
        return args.name, {**inputs, **(GENERATED if args.typ.startswith("random:") else {})}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"nothing is looked up: {args.token}")


@dataclass(frozen=True)
class Platform:
    declared: list[Declared]
    outputs: dict[str, Any]


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """With every image built and the iris workload released."""
    folder = tmp_path_factory.mktemp("stacks")
    recorder = Recorder()
    outputs: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        place_pins(folder, patch)
        pulumi.runtime.set_mocks(recorder, project="groundwork", stack=ENVIRONMENT)

        @pulumi.runtime.test
        def declare() -> pulumi.Output[None]:
            settings = parse({"groundwork:workloads": {"iris": {"local_port": 8080}}}, source="test")
            return pulumi.Output.from_input(build(settings, ENVIRONMENT)).apply(outputs.update)

        declare()
    return Platform(recorder.declared, outputs)


def place_pins(folder: Path, patch: pytest.MonkeyPatch) -> None:
    def images(environment: str) -> Path:
        return folder / f"images.{environment}.yaml"

    def releases(environment: str) -> Path:
        return folder / f"releases.{environment}.yaml"

    patch.setattr("modules.core.images.lock_file", images)
    patch.setattr("modules.core.releases.release_file", releases)
    digests = {name: f"sha256:{index:064x}" for index, name in enumerate(IMAGES)}
    write_images(ENVIRONMENT, {name: LockedImage(digest=d, inputs=d) for name, d in digests.items()})
    pin = Release(
        release=2,
        model_name="iris",
        model_version=3,
        model_uri="s3://local-artifacts/mlflow/1/abc/artifacts/model",
        model_digest=f"sha256:{7:064x}",
        run="abc",
    )
    write_releases(ENVIRONMENT, {"iris": pin})


@pytest.fixture
def objects(platform: Platform) -> list[Declared]:
    return [declared for declared in platform.declared if declared.is_object]
