"""The model of this process, for both protocols."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from workloads.server.batching import Runner
from workloads.server.errors import NotReadyError
from workloads.server.metrics import Metrics
from workloads.server.model import LABEL, Model


class Holder:
    """The model once it is loaded; before that, why there is none."""

    reason: str = "the model is being loaded"

    def __init__(self) -> None:
        self._runner: Runner | None = None

    @property
    def model(self) -> Model | None:
        return self._runner.model if self._runner else None

    @model.setter
    def model(self, model: Model | None) -> None:
        """Measures the model first: set by the thread that loads it."""
        self._runner = Runner(model) if model else None

    def require(self) -> Model:
        return self._ready().model

    async def run(self, inputs: Mapping[str, NDArray[Any]], metrics: Metrics) -> dict[str, NDArray[Any]]:
        """The model's outputs for inputs that fit it, counted by label where it is a classifier."""
        runner = self._ready()
        outputs = await runner.run(inputs)
        if runner.model.features is not None:
            metrics.count_labels(outputs[LABEL])
        return outputs

    def _ready(self) -> Runner:
        if self._runner is None:
            raise NotReadyError(self.reason)
        return self._runner
