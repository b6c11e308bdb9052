import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modules.core.errors import UserError
from scripts.cli.clients.tracking import Run
from scripts.cli.commands.pipeline import candidate
from scripts.cli.commands.pipeline.candidate import Candidate, read, verdict
from scripts.cli.steps import Step
from tests.scripts.cli.fakes import always, quiet, refused

CANDIDATE = Candidate(stack="test", workload="iris", model="iris", model_version=4, run="new")


def run(accuracy: float | None, *, data: str = "sha256:1", seed: str = "7", test_size: float = 0.3) -> Run:
    config = json.dumps({"parameters": {"test_size": test_size}})
    given = {"groundwork.data_digest": data, "groundwork.seed": seed, "groundwork.config": config}
    metrics = {} if accuracy is None else {"accuracy": accuracy}
    return Run(id="run", experiment_id="1", name="r", status="FINISHED", tags=given, metrics=metrics)


@pytest.mark.parametrize("accuracy", [0.95, 0.96])
def test_a_candidate_that_is_at_least_as_good_may_be_released(accuracy: float) -> None:
    message = verdict(CANDIDATE, run(accuracy), run(0.95))
    assert message == f"iris version 4: accuracy {accuracy:.4f}, at least as good as what serves with 0.9500"


def test_the_first_candidate_has_nothing_to_be_held_against() -> None:
    assert verdict(CANDIDATE, run(0.5), None) == "iris version 4: accuracy 0.5000; nothing serves yet"


def test_a_worse_candidate_is_refused_with_both_figures() -> None:
    message = refused(lambda: verdict(CANDIDATE, run(0.9499), run(0.95)))
    assert message == "iris version 4 is worse than what serves: accuracy 0.9499 against 0.9500"


@pytest.mark.parametrize(
    ("served", "words"),
    [
        (run(0.9, data="sha256:2"), "groundwork.data_digest sha256:1 and sha256:2"),
        (run(0.9, seed="8"), "groundwork.seed 7 and 8"),
        (run(0.9, test_size=0.2), "test_size 0.3 and 0.2"),
    ],
)
def test_figures_of_other_rows_are_not_compared(served: Run, words: str) -> None:
    message = refused(lambda: verdict(CANDIDATE, run(0.95), served))
    assert words in message
    assert "`groundwork release iris --model-version 4` if it is to serve" in message


def test_a_run_without_the_figure_is_named() -> None:
    assert "recorded no accuracy" in refused(lambda: verdict(CANDIDATE, run(None), None))


def test_a_candidate_is_read_for_its_own_workload_and_stack_only(tmp_path: Path) -> None:
    path = tmp_path / "candidate.json"
    path.write_text(json.dumps(asdict(CANDIDATE)))
    assert read(path, "test", "iris") == CANDIDATE
    others: list[Any] = [("prod", "iris"), ("test", "rose")]
    for stack, workload in others:
        with pytest.raises(UserError, match=f"run `scripts/pipeline train {workload} {stack}` first"):
            read(path, stack, workload)


def test_without_a_candidate_the_training_is_named(tmp_path: Path) -> None:
    assert "run `scripts/pipeline train iris test` first" in refused(
        lambda: read(tmp_path / "candidate.json", "test", "iris")
    )


def test_no_candidate_is_trained_where_its_code_does_not_get_into_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    renamed = [Step(name="whole", title="Platform", run=lambda _: quiet(""))]
    up = SimpleNamespace(steps=lambda: renamed, log=tmp_path / "log", environment=None)
    monkeypatch.setattr(candidate, "prepare", always(up))
    monkeypatch.setattr(candidate, "workload_in", always(None))
    with pytest.raises(ValueError, match="'platform', which is none of these: whole"):
        candidate.train("test", "iris", tmp_path / "candidate.json")
