"""Asks the stack's MLflow, by its REST interface: runs, registered models and their versions."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpx

from modules.core.errors import UserError
from scripts.cli.clients import gateway
from scripts.cli.environment import Environment

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""What MLflow answers for an id, a version or an alias that it does not have."""
CHAMPION = "champion"
"""The alias of the version that is to serve."""
NEWEST = "attributes.start_time DESC"
PAGE = 1000
"""Runs or versions of one answer."""
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
    model_id: str | None = None
    """Of the model that it logged."""

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
        self.client = gateway.client(environment, f"{self.url}/api/2.0/mlflow/", gateway.mlflow_login(environment))

    def run(self, run_id: str) -> Run | None:
        answer = self._get("runs/get", run_id=run_id)
        return _run(answer["run"]) if answer else None

    def measured(self, experiment: str, metric: str) -> list[Run]:
        """Finished runs of single models that recorded the metric: the best first, of equal ones the newest."""
        found = self._get("experiments/get-by-name", experiment_name=experiment)
        if found is None:
            return []
        conditions = [
            "tags.`groundwork.role` = 'candidate'",
            "attributes.status = 'FINISHED'",
            f"metrics.{metric} >= 0",
        ]
        order = [f"metrics.{metric} DESC", "attributes.start_time DESC"]
        return self._search(found["experiment"]["experiment_id"], conditions, order)

    def registered(self, model: str) -> list[Version]:
        """All versions of a model, ascending."""
        query = {"filter": f"name = '{model}'", "max_results": str(PAGE)}
        pages = _pages(lambda token: self._get("model-versions/search", **query, **token))
        found = [_version(each) for page in pages for each in page.get("model_versions", [])]
        return sorted(found, key=lambda version: version.number)

    def register(self, model: str, run: Run, tags: Mapping[str, str]) -> Version:
        """A new version of a run's model."""
        content = {
            "name": model,
            "source": f"models:/{run.model_id}",
            "run_id": run.id,
            "model_id": run.model_id,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }
        answer = self._answer(self._send("POST", "model-versions/create", json=content))
        if answer is None:
            raise UserError(f"model {model!r} is not registered in MLflow at {self.url}: run `groundwork train` first")
        return _version({"tags": content["tags"], **answer["model_version"]})

    def training_runs(self, experiment: str, *, status: str | None = "FINISHED", **tags: str) -> list[Run]:
        """Trainings of a workload in that status (None: in any), the newest first; only those with all these groundwork
        tags."""
        found = self._get("experiments/get-by-name", experiment_name=experiment)
        if found is None:
            return []
        wanted = {"role": TRAINING, **tags}
        conditions = [f"tags.`groundwork.{key}` = '{value}'" for key, value in wanted.items()]
        if status is not None:
            conditions.append(f"attributes.status = '{status}'")
        return self._search(found["experiment"]["experiment_id"], conditions)

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
        return [version.number for version in self.registered(model)]

    def _search(self, experiment_id: str, conditions: list[str], order: Sequence[str] = (NEWEST,)) -> list[Run]:
        query: dict[str, Any] = {
            "experiment_ids": [experiment_id],
            "filter": " and ".join(conditions),
            "order_by": list(order),
            "max_results": PAGE,
        }
        pages = _pages(lambda token: self._answer(self._send("POST", "runs/search", json={**query, **token})))
        return [_run(run) for page in pages for run in page.get("runs", [])]

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


def _pages(ask: Callable[[dict[str, str]], dict[str, Any] | None]) -> Generator[dict[str, Any]]:
    """All answers to a question of which each page names the next one."""
    token: dict[str, str] = {}
    while True:
        page = ask(token) or {}
        yield page
        if not page.get("next_page_token"):
            return
        token = {"page_token": page["next_page_token"]}


def _run(document: Mapping[str, Any]) -> Run:
    info, data = document["info"], document["data"]
    return Run(
        id=info["run_id"],
        experiment_id=info["experiment_id"],
        name=info["run_name"],
        status=info["status"],
        tags=_pairs(data.get("tags", [])),
        metrics={each["key"]: each["value"] for each in data.get("metrics", [])},
        model_id=next((each["model_id"] for each in document.get("outputs", {}).get("model_outputs", [])), None),
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
