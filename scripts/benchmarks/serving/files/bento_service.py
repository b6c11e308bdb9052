"""The native model behind BentoML; MODEL_FOLDER names the folder of its model.joblib."""
# BentoML is in its own environment only.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUntypedFunctionDecorator=false
# pyright: reportUntypedClassDecorator=false

import os
from pathlib import Path
from typing import Any

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1)
class Iris:
    def __init__(self) -> None:
        self.model: Any = joblib.load(Path(os.environ["MODEL_FOLDER"], "model.joblib"))

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[str]:
        return self.model.predict(np.asarray(rows)).tolist()
