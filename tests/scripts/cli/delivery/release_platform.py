"""A platform on which models are released, and the registry that has them."""

import json
from pathlib import Path
from typing import Any

import pytest

from modules.core import releases
from modules.core.errors import UserError
from modules.core.images import LockedImage, with_digest
from modules.core.releases import Release, read_releases
from scripts.cli.clients import engine
from scripts.cli.delivery import jobs, release
from tests.scripts.cli.fakes import (
    IMAGE,
    SERVING_DIGEST,
    TRUST,
    Answer,
    Kubectl,
    always,
    cron_job,
    mlflow,
    quiet,
    stack,
    version,
)
from workloads.documents import model_variables

LOG = Path("log")
VERSIONS = {number: version(number) for number in (1, 2, 3)}
CHAMPION = 2


def registry(path: str, query: dict[str, Any]) -> Answer | None:
    if path == "model-versions/search":
        return 200, {"model_versions": list(VERSIONS.values())}
    number = CHAMPION if path == "registered-models/alias" else int(query["version"])
    return (200, {"model_version": VERSIONS[number]}) if number in VERSIONS else None


def tags(number: int) -> dict[str, str]:
    return {each["key"]: each["value"] for each in VERSIONS[number]["tags"]}


class Platform:
    """A cluster that does what the engine asks, or fails at it."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.failures: list[str] = []
        self.applied: list[int | None] = []
        self.checked: list[dict[str, str]] = []
        self.problems: list[str] = []

    def up(self, *_: object) -> None:
        pin = read_releases("local").get("iris")
        self.applied.append(pin.model_version if pin else None)
        if self.failures:
            raise UserError(self.failures.pop(0))
        self.kubectl.objects["deployment", "iris"] = deployment(pin) if pin else {}

    def check(self, _: object, job: dict[str, Any], __: object) -> jobs.Ended:
        container = job["spec"]["template"]["spec"]["containers"][0]
        self.checked.append({each["name"]: each["value"] for each in container["env"]} | {"image": container["image"]})
        report = json.dumps({"ok": not self.problems, "problems": self.problems})
        return jobs.Ended(log=f"loading\n{report}", failure="the Job failed" if self.problems else None)


def pod(name: str, ready: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "local-iris"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
    }


def deployment(pin: releases.Pin, image: str = SERVING_DIGEST) -> dict[str, Any]:
    """What serves a pin, in the image that it names, or else in one."""
    image = with_digest(IMAGE, pin.serving_image or image)
    env = [{"name": key, "value": value} for key, value in model_variables(pin).items()]
    return {
        "metadata": {"generation": 2},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"env": env, "image": image}]}}},
        "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }


def release_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    stack(monkeypatch)
    platform = Platform(Kubectl(monkeypatch))
    platform.kubectl.objects["cronjob", "iris-check"] = cron_job({**model_variables(None), **TRUST})
    mlflow(monkeypatch, registry)
    monkeypatch.setattr(releases, "release_file", always(tmp_path / "releases.local.yaml"))
    monkeypatch.setattr(release, "read_images", always(dict[str, LockedImage]()))
    monkeypatch.setattr(release, "await_answer", always(None))
    monkeypatch.setattr(jobs, "run", platform.check)
    monkeypatch.setattr(engine, "up", platform.up)
    return platform


def released(number: int | None = None) -> release.Outcome:
    return release.release("local", "iris", number, quiet, LOG)


def pinned() -> Release | None:
    return read_releases("local").get("iris")
