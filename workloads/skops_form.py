"""The form in which a classifier of scikit-learn is served that can't be converted to ONNX: stored by skops, without a
pickle. What it is and the held-out rows beside it are those of onnx_form.py.

Runs inside the training image; workloads/server/skops_model.py reads it.
"""
# scikit-learn leaves most of its arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Collection
from pathlib import Path
from typing import Any

from workloads.experiment import TrainingError
from workloads.onnx_form import add_form, classifier_answers

LIBRARY = "scikit-learn"
"""The only one that the image has in which such models are served."""


def add_classifier(folder: Path, model: Any, rows: Any, *, library: str, trusted: Collection[str]) -> None:
    """Add a classifier as skops stores it to the folder with its native files.

    model, rows, library: see onnx_form.add_classifier. trusted: the types beside those that skops trusts of which the
    model may be made. Raise TrainingError for a model that skops does not store, or that its server would refuse.
    """
    if library != LIBRARY:
        raise TrainingError(
            f"serving.format: skops serves models of {LIBRARY} alone, not of {library}: serve it as ONNX"
        )
    content, types = stored(model)
    if untrusted := [name for name in types if name not in trusted]:
        raise TrainingError(
            f"serving.trusted: a {type(model).__name__} is made of types that skops does not trust by itself and the "
            f"list does not name: {', '.join(untrusted)}. Review what they do when they are made of a file; then add "
            "them to serving.trusted in workload.yaml, or serve the model as ONNX"
        )
    add_form(folder, file="model.skops", content=content, library=library, **classifier_answers(model, rows))


def stored(model: Any) -> tuple[bytes, list[str]]:
    """Return a fitted model as skops stores it, and the types in it that skops does not trust by itself. Raise
    TrainingError for one that it does not store."""
    from skops import io

    library: Any = io
    try:
        content: bytes = library.dumps(model)
        return content, list(library.get_untrusted_types(data=content))
    except Exception as error:  # skops meets whatever an object holds
        raise TrainingError(f"{type(model).__name__} can't be stored by skops: {error}") from error
