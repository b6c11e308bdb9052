import subprocess
import sys

import pytest

from modules.core.paths import REPOSITORY
from workloads.experiment import TrainingError
from workloads.iris.selection import BOOSTING, FOREST, MODELS, classifier, select_best


@pytest.mark.parametrize(
    ("forest", "boosting", "winner"),
    [(0.97, 0.95, FOREST), (0.95, 0.97, BOOSTING), (0.95, 0.95, BOOSTING), (1.0, 1.0, BOOSTING)],
)
def test_the_forest_wins_only_when_strictly_better(forest: float, boosting: float, winner: str) -> None:
    assert select_best({FOREST: forest, BOOSTING: boosting}) == winner


@pytest.mark.parametrize("names", [[FOREST], [FOREST, "SVC"], []])
def test_a_selection_among_other_models_is_refused(names: list[str]) -> None:
    with pytest.raises(TrainingError, match="expected those of"):
        select_best(dict.fromkeys(names, 0.9))


def test_dags_call_the_models_by_short_names() -> None:
    assert MODELS == {"RandomForest": FOREST, "GradientBoosting": BOOSTING}
    assert classifier("RandomForest") == FOREST


@pytest.mark.parametrize("name", ["SVC", "randomforest", "", "RandomForestClassifier"])
def test_an_unknown_model_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(TrainingError, match=f"model '{name}' is unknown; known: RandomForest, GradientBoosting"):
        classifier(name)


def test_it_imports_nothing_heavy() -> None:
    """The task that selects has a pod of 32 MiB."""
    program = "import sys, workloads.iris.tasks; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert not {"sklearn", "mlflow", "pandas", "numpy"} & set(done.stdout.split())
