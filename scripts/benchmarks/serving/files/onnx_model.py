"""The ONNX model as the servers beside ours run it: one session on one thread, the label of the likeliest class."""
# onnxruntime is in the environments that are measured only.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime


class OnnxModel:
    """folder: model.onnx, one input `input` and an output `probabilities`; model.json with the classes' names."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # as many as it has processors
        self.session: Any = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
        self.classes: list[str] = json.loads((folder / "model.json").read_text())["classes"]

    def run(self, rows: Any) -> tuple[list[str], Any]:
        """Labels, and probabilities [rows, classes], of an array [rows, features]."""
        (probabilities,) = self.session.run(["probabilities"], {"input": rows})
        return [self.classes[index] for index in np.argmax(probabilities, axis=1)], probabilities
