from pathlib import Path
from typing import Any

import pytest

from scripts.cli.clients.tracking import Mlflow, Run, Version
from scripts.cli.delivery import rank
from scripts.cli.delivery.rank import describe, ranking, version_of
from tests.scripts.cli.fakes import Answer, Kubectl, always, cron_job, mlflow, quiet, refused, stack, version


def run(name: str, accuracy: float, model: str | None = "m", **tags: str) -> Run:
    return Run(
        id=name,
        experiment_id="1",
        name="RandomForestClassifier",
        status="FINISHED",
        tags={f"groundwork.{key}": value for key, value in tags.items()},
        metrics={"accuracy": accuracy},
        model_id=model,
    )


REGISTERED = [Version(model="iris", number=4, run="best", tags={})]
RUNS = [run("best", 0.97), run("again", 0.97, reproduces="best"), run("lost", 0.96, None), run("second", 0.9)]


def test_only_models_that_can_serve_are_ranked_and_none_twice() -> None:
    found = ranking(RUNS, REGISTERED)
    assert [(each.rank, each.run.id, each.version) for each in found] == [(1, "best", 4), (2, "second", None)]


def test_a_rank_that_is_not_there_lists_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch)
    monkeypatch.setattr(rank, "find", always(ranking(RUNS, REGISTERED)))
    message = refused(lambda: version_of(environment, "iris", 3, quiet))
    assert "rank 3: iris has 2 models, so 1 to 2 are allowed" in message
    assert describe(ranking(RUNS, REGISTERED)[1]) in message


def test_a_model_that_nobody_registered_is_when_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch)
    monkeypatch.setattr(rank, "find", always(ranking(RUNS, REGISTERED)))
    monkeypatch.setattr(rank, "register", always(9))
    assert [version_of(environment, "iris", number, quiet) for number in (1, 2)] == [4, 9]


def test_the_registration_of_a_model_tells_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch)
    kubectl = Kubectl(monkeypatch)
    kubectl.objects["cronjob", "iris-train"] = cron_job({"GROUNDWORK_ARTIFACTS": "s3://b"})
    mlflow(monkeypatch, lambda path, _: registry(path))
    monkeypatch.setattr(rank, "store", always(None))
    monkeypatch.setattr(rank, "download_folder", write_model)
    output: list[str] = []
    assert rank.register(environment, "iris", RUNS[3], output.append) == 7
    assert output == ["downloading s3://b/1/models/m", "registering run second as a version of iris"]


def write_model(_client: object, _uri: str, folder: Path) -> None:
    (folder / "model").write_text("weights")


def registry(path: str) -> Answer | None:
    if path == "model-versions/create":
        return 200, {"model_version": {"name": "iris", "version": "7"}}
    return 200, {"model": {"info": {"artifact_uri": "mlflow-artifacts:/1/models/m"}}}


def test_models_beyond_the_first_answer_are_ranked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {None: (["a", "b"], "next"), "next": (["c"], None)}

    def answer(path: str, asked: dict[str, Any]) -> Answer | None:
        if path == "experiments/get-by-name":
            return 200, {"experiment": {"experiment_id": "1"}}
        if path != "runs/search":
            return None
        names, following = pages[asked.get("page_token")]
        infos = [{"run_id": name, "experiment_id": "1", "run_name": name, "status": "FINISHED"} for name in names]
        runs = [{"info": info, "data": {}} for info in infos]
        return 200, {"runs": runs, **({"next_page_token": following} if following else {})}

    mlflow(monkeypatch, answer)
    assert [each.id for each in Mlflow(stack(monkeypatch)).measured("iris", "accuracy")] == ["a", "b", "c"]


def test_versions_beyond_the_first_answer_are_known_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {None: ([3, 1], "next"), "next": ([2], None)}

    def answer(path: str, asked: dict[str, Any]) -> Answer | None:
        assert (path, asked["filter"]) == ("model-versions/search", "name = 'iris'")
        numbers, following = pages[asked.get("page_token")]
        versions = [version(number) for number in numbers]
        return 200, {"model_versions": versions, **({"next_page_token": following} if following else {})}

    mlflow(monkeypatch, answer)
    assert Mlflow(stack(monkeypatch)).versions("iris") == [1, 2, 3]
