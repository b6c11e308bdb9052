"""Which of two classifiers wins. Imports nothing heavy: the task that selects needs no more than this."""

from collections.abc import Mapping

from workloads.experiment import TrainingError

FOREST, BOOSTING = "RandomForestClassifier", "GradientBoostingClassifier"
MODELS = {name.removesuffix("Classifier"): name for name in (FOREST, BOOSTING)}
"""Class of each model by the name that DAGs use."""


def select_best(accuracies: Mapping[str, float]) -> str:
    """The winner's name: the random forest only when strictly better, a tie goes to gradient boosting."""
    if set(accuracies) != {FOREST, BOOSTING}:
        raise TrainingError(f"accuracies of {sorted(accuracies)} given, expected those of {sorted([FOREST, BOOSTING])}")
    return FOREST if accuracies[FOREST] > accuracies[BOOSTING] else BOOSTING


def classifier(model: str) -> str:
    """Class of a model by its name in DAGs; TrainingError for any other name."""
    if model not in MODELS:
        raise TrainingError(f"model {model!r} is unknown; known: {', '.join(MODELS)}")
    return MODELS[model]
