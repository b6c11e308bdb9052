"""The whole platform as the engine would see it, made once through mocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor

from modules.core.images import LockedImage, write_images
from modules.core.releases import Release, write_releases
from policies.pods import Pod, pods
from stacks.compose import build
from stacks.settings import parse

ENVIRONMENT = "local"
IMAGES = ("gateway", "base", "storage", "postgresql", "mlflow", "airflow", "xcom", "training", "serving")
GENERATED: dict[str, dict[str, str]] = {
    "random": {
        "result": "generated",
        "hex": "0" * 64,
        "base64": "generated",
        "bcryptHash": "$2b$10$generated",
    },
    "tls": {"privateKeyPem": "generated", "certRequestPem": "request", "certPem": "certificate"},
}


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

    def pods(self) -> list[Pod]:
        """The pods that the object makes."""
        return pods(self.type, self.inputs)

    def pod_specs(self) -> list[Mapping[str, Any]]:
        return [pod.spec for pod in self.pods()]

    def containers(self) -> list[Mapping[str, Any]]:
        return [container for pod in self.pods() for container in pod.containers()]


class Recorder(pulumi.runtime.Mocks):
    def __init__(self) -> None:
        self.declared: list[Declared] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = cast(dict[str, Any], args.inputs)
        self.declared.append(Declared(args.typ, args.name, inputs))
        package = args.typ.partition(":")[0]
        return args.name, {**inputs, **GENERATED.get(package, {})}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"nothing is looked up: {args.token}")


class Monitor(MockMonitor):
    """Remembers what the mocks don't see."""

    def __init__(self, mocks: pulumi.runtime.Mocks) -> None:
        super().__init__(mocks)
        self.protected: set[str] = set()

    def RegisterResource(self, request: Any) -> Any:
        if request.protect:
            self.protected.add(request.name)
        return super().RegisterResource(request)


@dataclass(frozen=True)
class Platform:
    declared: list[Declared]
    outputs: dict[str, Any]
    protected: set[str]


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """With every image built and the iris workload released."""
    folder = tmp_path_factory.mktemp("stacks")
    recorder = Recorder()
    monitor = Monitor(recorder)
    outputs: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        place_pins(folder, patch)
        pulumi.runtime.set_mocks(recorder, project="groundwork", stack=ENVIRONMENT, monitor=monitor)

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
    return Platform(recorder.declared, outputs, monitor.protected)


def place_pins(folder: Path, patch: pytest.MonkeyPatch) -> None:
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
        run="abc",
    )
    write_releases(ENVIRONMENT, {"iris": pin})


@pytest.fixture
def objects(platform: Platform) -> list[Declared]:
    return [declared for declared in platform.declared if declared.is_object]
