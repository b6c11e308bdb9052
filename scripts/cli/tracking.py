"""Asks the stack's MLflow, by its REST interface: runs, registered models and their versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import httpx

from modules.core.errors import UserError

from . import gateway
from .environment import Environment

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""What MLflow answers for an id, a version or an alias that it does not have."""
CHAMPION = "champion"
"""The alias of the version that is to serve."""
TRAINING = "training"
"""Value of the tag groundwork.role on the run of a whole training; each classifier has a run below it."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run with its last metrics."""

    id: str
    experiment_id: str
    name: str
    status: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def parent(self) -> str | None:
        return self.tags.get("mlflow.parentRunId")


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of a registered model."""

    model: str
    number: int
    run: str
    tags: Mapping[str, str]


class Mlflow:
    """The tracking server and model registry of one stack, as this machine reaches them."""

    def __init__(self, environment: Environment) -> None:
        self.stack = environment.stack
        self.url = gateway.service_address(environment, "mlflow")
        self.client = gateway.client(environment, f"{self.url}/api/2.0/mlflow/")

    def run(self, run_id: str) -> Run | None:
        answer = self._get("runs/get", run_id=run_id)
        return _run(answer["run"]) if answer else None

    def training_runs(self, experiment: str, **tags: str) -> list[Run]:
        """Finished trainings of a workload, the newest first; only those with all these groundwork tags."""
        found = self._get("experiments/get-by-name", experiment_name=experiment)
        if found is None:
            return []
        wanted = {"role": TRAINING, **tags}
        conditions = [f"tags.`groundwork.{key}` = '{value}'" for key, value in wanted.items()]
        return self._search(found["experiment"]["experiment_id"], [*conditions, "attributes.status = 'FINISHED'"])

    def candidates(self, training: Run) -> list[Run]:
        """The runs of a training's classifiers, by name."""
        runs = self._search(training.experiment_id, [f"tags.`mlflow.parentRunId` = '{training.id}'"])
        return sorted(runs, key=lambda run: run.name)

    def version(self, model: str, number: int) -> Version | None:
        answer = self._get("model-versions/get", name=model, version=str(number))
        return _version(answer["model_version"]) if answer else None

    def aliased(self, model: str, alias: str) -> Version | None:
        answer = self._get("registered-models/alias", name=model, alias=alias)
        return _version(answer["model_version"]) if answer else None

    def versions(self, model: str) -> list[int]:
        """Numbers of all versions, ascending."""
        answer = self._get("model-versions/search", filter=f"name = '{model}'", max_results="1000") or {}
        return sorted(int(version["version"]) for version in answer.get("model_versions", []))

    def _search(self, experiment_id: str, conditions: list[str]) -> list[Run]:
        query = {
            "experiment_ids": [experiment_id],
            "filter": " and ".join(conditions),
            "order_by": ["attributes.start_time DESC"],
            "max_results": 100,
        }
        answer = self._answer(self._send("POST", "runs/search", json=query)) or {}
        return [_run(run) for run in answer.get("runs", [])]

    def _get(self, path: str, **parameters: str) -> dict[str, Any] | None:
        """None where MLflow says that there is no such thing."""
        return self._answer(self._send("GET", path, params=parameters))

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self.client.request(method, path, **content)
        except httpx.TransportError as error:
            raise UserError(
                f"stack {self.stack}: MLflow does not answer at {self.url} ({error}): run `scripts/up {self.stack}`"
            ) from error

    def _answer(self, response: httpx.Response) -> dict[str, Any] | None:
        try:
            content = cast(dict[str, Any], response.json())
        except ValueError:
            content = {"message": response.text[:200]}
        if response.is_success:
            return content
        if response.status_code in {400, 404} and content.get("error_code") in ABSENT:
            return None
        raise UserError(
            f"MLflow at {self.url} answered {response.status_code} to {response.request.url.path}: "
            f"{content.get('message')}; its log says more: `kubectl logs -n {self.stack}-mlflow deployment/mlflow`"
        )


def _run(document: Mapping[str, Any]) -> Run:
    info, data = document["info"], document["data"]
    return Run(
        id=info["run_id"],
        experiment_id=info["experiment_id"],
        name=info["run_name"],
        status=info["status"],
        tags=_pairs(data.get("tags", [])),
        metrics={each["key"]: each["value"] for each in data.get("metrics", [])},
    )


def _version(document: Mapping[str, Any]) -> Version:
    return Version(
        model=document["name"],
        number=int(document["version"]),
        run=document.get("run_id", ""),
        tags=_pairs(document.get("tags", [])),
    )


def _pairs(items: list[Mapping[str, str]]) -> dict[str, str]:
    return {item["key"]: item["value"] for item in items}
