"""A platform on an emulated account and a bare control plane, whose stack is in a file backend beside it."""

import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from embedded.providers.install import install_emulations
from modules.core.images import LockedImage
from modules.core.paths import REPOSITORY
from stacks.services import images
from tests.embedded.providers.controlplane import ControlPlane
from tests.embedded.providers.project import Project
from tests.processes import serving

PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
"""Of authorities that nothing asks: RDS is a record."""
SETTINGS = "settings.yaml"
PROGRAM = Path(__file__).with_name("program.py")


@dataclass(frozen=True)
class Run:
    """Seconds of the clock, and of processor time of a command and all that it started and waited for: not of the
    account and the control plane."""

    seconds: float
    cpu: float


@dataclass(frozen=True)
class Platform:
    """A stack that can be brought up."""

    project: Project
    folder: Path

    @property
    def settings(self) -> dict[str, Any]:
        """What the program reads as its stack's file."""
        return yaml.safe_load((self.folder / SETTINGS).read_text())["config"]

    def write(self, settings: Mapping[str, Any]) -> None:
        """Let the program read other settings."""
        (self.folder / SETTINGS).write_text(yaml.safe_dump({"config": dict(settings)}))

    def run(self, *arguments: str) -> Run:
        """Run a command of the engine. Return what it took."""
        before, started = _children_cpu(), time.perf_counter()
        self.project.run(*arguments)
        return Run(time.perf_counter() - started, _children_cpu() - before)

    def resources(self) -> list[dict[str, Any]]:
        return json.loads(self.project.state())["deployment"].get("resources", [])


@contextmanager
def platform(example: str, folder: Path, tools: Path, times: Mapping[str, float]) -> Generator[Platform]:
    """Start account and control plane; both end with it. example: name of its file. times: of embedded.aws."""
    with ExitStack() as ends:
        plane = ControlPlane(tools, folder / "plane", nodes=4)
        ends.callback(plane.stop)
        plane.start()
        (folder / "times.json").write_text(json.dumps(times))
        server = serving("-I", "-m", "embedded.aws", "--times", str(folder / "times.json"))
        (address,) = ends.enter_context(server)
        _write_settings(example, folder)
        shutil.copy(plane.kubeconfig, folder / "kubeconfig")
        project = Project(folder, tools, str(plane.kubeconfig))
        install_emulations(folder / "home", Path(sys.executable))
        project.name = "groundwork"
        project.environment |= {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "GROUNDWORK_BENCH": str(folder),
        }
        project.write(PROGRAM.read_text())
        project.run("stack", "init", example)
        yield Platform(project, folder)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write_settings(example: str, folder: Path) -> None:
    settings: dict[str, Any] = yaml.safe_load((REPOSITORY / "stacks" / f"{example}.example.yaml").read_text())
    (folder / "rds.pem").write_text(PEM)
    settings["config"]["groundwork:foundation"]["database"]["ca"] = str(folder / "rds.pem")
    (folder / SETTINGS).write_text(yaml.safe_dump(settings))
    digest = f"sha256:{0:064x}"
    pins = {image.name: LockedImage(digest=digest, inputs=digest, version="0").model_dump() for image in images()}
    (folder / f"images.{example}.yaml").write_text(yaml.safe_dump({"images": pins}))
