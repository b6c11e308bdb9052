"""A classifier of scikit-learn as skops stores it: made of named types alone, none of which is chosen by a pickle.

Imported only where such a model is loaded: the image that serves ONNX has neither scikit-learn nor skops.
"""

# scikit-learn and skops leave their arguments and results untyped.
# pyright: reportUnknownVariableType=false

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skops import io
from threadpoolctl import threadpool_limits

from workloads.server.model import INPUT, PROBABILITIES, ModelRefusedError, TensorSpec

PLATFORM = "sklearn_skops"


class SkopsSession:
    """What `Model` uses of ONNX Runtime's session, over a classifier."""

    def __init__(self, classifier: Any) -> None:
        self.predict_proba = classifier.predict_proba

    def run(self, names: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the probabilities: whoever asks for more than these has another model."""
        found = {PROBABILITIES: np.asarray(self.predict_proba(inputs[INPUT]), dtype=np.float64)}
        return [found[name] for name in names]


def open_session(file: Path, *, trusted: Sequence[str], threads: int) -> SkopsSession:
    """Load a classifier that is made of types that skops trusts by itself and of `trusted` alone.

    threads: CPU threads of the libraries below NumPy and scikit-learn, from here on. Raise ModelRefusedError, before
    anything is made of the file, where other types are in it; and whatever skops raises for what is none of its files.
    """
    library: Any = io
    if untrusted := [name for name in library.get_untrusted_types(file=file) if name not in trusted]:
        raise ModelRefusedError(
            f"{file.name} is made of types that the release does not trust: {', '.join(untrusted)}; trusted are, "
            f"beside those that skops trusts by itself, {list(trusted)}. Review them, then add them to serving.trusted "
            "in workload.yaml and release the version anew; or serve the model as ONNX"
        )
    classifier = library.load(file, trusted=list(trusted))
    threadpool_limits(limits=threads)
    # Rows come without names, in the order in which the training had them; nothing needs to be said at each request.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    return SkopsSession(classifier)


def specs(features: Sequence[str], classes: Sequence[str]) -> tuple[TensorSpec, TensorSpec]:
    """Return what a classifier takes and gives."""
    return TensorSpec(INPUT, "FP64", (-1, len(features))), TensorSpec(PROBABILITIES, "FP64", (-1, len(classes)))
