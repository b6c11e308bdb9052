"""A platform that only counts, for tests of canaries."""

from json import dumps
from pathlib import Path
from typing import Any

import pytest

from modules.core import releases
from modules.core.errors import UserError
from modules.core.releases import Pin, Release, read_releases, write_releases
from scripts.cli.clients import engine, forward, pins
from scripts.cli.delivery import canary, jobs
from scripts.cli.delivery.canary import CanaryController, CanaryOptions, CanaryResult
from scripts.cli.delivery.canary_metrics import REQUESTS, Limits
from scripts.cli.delivery.release import place_of
from tests.scripts.cli.fakes import (
    DIGEST,
    SERVING_DIGEST,
    TRAINING_DIGEST,
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
from workloads.artifacts import digest_of

ROWS = "sepal_length,sepal_width,petal_length,petal_width,species\n5,3,1,0.2,setosa\n6,3,5,2,virginica\n"
GOOD = ["setosa", "virginica"]


def pin(number: int) -> Pin:
    return Pin(
        release=number,
        model_name="iris",
        model_version=number,
        model_uri=f"s3://b/{number}",
        model_digest=DIGEST,
        run=f"run-{number}",
        image_digest=TRAINING_DIGEST,
        config_digest=digest_of(b"{}"),
        signature="signature",
        serving_image=SERVING_DIGEST,
    )


SERVED = Release(**pin(1).model_dump())


class Platform:
    """Each look at the metrics finds more requests; a canary of weight 0 gets none."""

    def __init__(self) -> None:
        self.now = 0.0
        self.champion = 2
        self.tags: dict[str, str] = {}
        """Of the champion, beside what its training gave it."""
        self.canary_code = "2xx"
        self.labels = {"iris": GOOD, "iris-canary": GOOD}
        self.asked = {"iris": 0, "iris-canary": 0}
        self.applied: list[tuple[int, int | None]] = []
        self.failure: str | None = None
        self.problem: str | None = None
        self.rolled_out = True
        self.split = jobs.Ended(log=f"stored the data set\n{ROWS}", failure=None)
        """What comes of splitting the data anew."""

    def mlflow(self, path: str, query: dict[str, Any]) -> Answer | None:
        if path == "model-versions/get":
            return 200, {"model_version": version(int(query["version"]), **self.tags)}
        if path == "registered-models/alias":
            return 200, {"model_version": version(self.champion, **self.tags)}
        return None

    def up(self, *_: object) -> None:
        current = read_releases("local")["iris"]
        self.applied.append((current.model_version, current.canary.weight if current.canary else None))
        if self.failure and current.canary and current.canary.weight:
            raise UserError(self.failure)

    def roll_out(self, _: object, __: object, after: Release, *, pinned: Release | None) -> None:
        pins.replace("local", "iris", pinned, after)
        self.up()

    def is_applied(self, *_: object) -> bool:
        return self.rolled_out

    def run_job(self, _: object, job: dict[str, Any], *__: object, **___: object) -> jobs.Ended:
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["env"] == [{"name": "GROUNDWORK_TRAINING", "value": "{}"}]
        assert container["image"].endswith(f"@{TRAINING_DIGEST}")
        return self.split

    def check(self, *_: object) -> None:
        if self.problem:
            raise UserError(self.problem)

    def ask(self, _: object, server: str, __: int, path: str, *, part: str | None = None, json: Any = None) -> str:
        if path == "/predict":
            assert (part, len(json["rows"])) == ("iris", 2)
            return dumps({"predictions": self.labels[server]})
        if path == "/seconds":
            return ""
        current = read_releases("local")["iris"]
        if current.canary and current.canary.weight:
            self.asked = {"iris": self.asked["iris"] + 90, "iris-canary": self.asked["iris-canary"] + 10}
        codes = {"iris": "2xx", "iris-canary": self.canary_code}
        return "".join(
            f'{REQUESTS}{{proxy="{server}",server="{server}",code="{codes[server]}"}} {count}\n'
            for server, count in self.asked.items()
        )

    def pause(self, seconds: float) -> None:
        self.now += max(seconds, 0.1)


def canary_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    made = Platform()
    stack(monkeypatch)
    kubectl = Kubectl(monkeypatch)
    kubectl.objects["cronjob", "iris-check"] = cron_job(TRUST)
    kubectl.objects["cronjob", "iris-held-out"] = cron_job({"GROUNDWORK_TRAINING": ""})
    mlflow(monkeypatch, made.mlflow)
    monkeypatch.setattr(releases, "release_file", always(tmp_path / "releases.local.yaml"))
    monkeypatch.setattr(engine, "up", made.up)
    monkeypatch.setattr(forward, "ask", made.ask)
    monkeypatch.setattr(canary, "roll_out", made.roll_out)
    monkeypatch.setattr(canary, "check", made.check)
    monkeypatch.setattr(canary, "serves", always(True))
    monkeypatch.setattr(canary, "is_applied", made.is_applied)
    monkeypatch.setattr(jobs, "run", made.run_job)
    write_releases("local", {"iris": SERVED})
    return made


def controller(platform: Platform, timeout: float | None = None) -> CanaryController:
    options = CanaryOptions(weight=10, min_duration=20, limits=Limits(min_requests=50), timeout=timeout)
    place = place_of("local", "iris", quiet, Path("log"))
    return CanaryController(place, options, pause=platform.pause, clock=lambda: platform.now)


def tried(platform: Platform) -> CanaryResult:
    found = controller(platform).try_next()
    assert found is not None
    return found


def pinned() -> Release:
    return read_releases("local")["iris"]
