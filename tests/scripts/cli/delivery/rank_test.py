from dataclasses import replace
from typing import Any

import pytest

from scripts.cli.clients.tracking import Mlflow, Run, Version
from scripts.cli.delivery import rank
from scripts.cli.delivery.rank import describe, ranking, version_of
from scripts.cli.environment import Environment
from tests.scripts.cli.fakes import (
    DIGEST,
    TRUST,
    Answer,
    Kubectl,
    always,
    cron_job,
    mlflow,
    quiet,
    refused,
    signed,
    stack,
    version,
)


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
RUNS = [run("best", 0.97), run("lost", 0.96, None), run("second", 0.9)]


def test_only_models_that_can_serve_are_ranked() -> None:
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


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """With a check that believes what the key of the tests signed."""
    Kubectl(monkeypatch).objects["cronjob", "iris-check"] = cron_job(TRUST)
    return stack(monkeypatch)


OWN = {"groundwork.uri": "s3://b/1", "groundwork.digest": DIGEST}


def test_a_model_is_registered_with_what_its_training_signed(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = signed("second", OWN)
    asked: list[dict[str, Any]] = []

    def answer(path: str, content: dict[str, Any]) -> Answer:
        assert path == "model-versions/create"
        asked.append(content)
        return 200, {"model_version": {"name": "iris", "version": "7"}}

    mlflow(monkeypatch, answer)
    output: list[str] = []
    chosen = replace(RUNS[2], tags={**tags, "mlflow.user": "somebody"})
    assert rank.register(environment, "iris", chosen, output.append) == 7
    assert output == ["registering run second as a version of iris"]
    assert {each["key"]: each["value"] for each in asked[0]["tags"]} == tags


def test_what_no_training_signed_is_not_registered(environment: Environment) -> None:
    message = refused(lambda: rank.register(environment, "iris", replace(RUNS[2], tags=OWN), quiet))
    assert message.startswith("model 'iris' of run second is refused: it is not signed")


def test_what_no_training_signed_has_no_rank(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, theirs = replace(RUNS[2], tags=signed("second", OWN)), replace(RUNS[0], tags=signed("another", OWN))
    versions = [Version(model="iris", number=8, run="second", tags=OWN)]
    mlflow(monkeypatch, always(None))
    monkeypatch.setattr(Mlflow, "measured", always([theirs, mine]))
    monkeypatch.setattr(Mlflow, "registered", always(versions))
    assert [(each.rank, each.run.id, each.version) for each in rank.find(environment, "iris")] == [(1, "second", None)]
    monkeypatch.setattr(Mlflow, "measured", always([theirs]))
    assert "no finished run that a training signed" in refused(lambda: rank.find(environment, "iris"))


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
