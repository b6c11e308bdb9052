"""A small convolutional network of PyTorch as a classifier of scikit-learn's kind, and as an ONNX graph.

PyTorch is a package of Debian, in the image `training-torch` alone; it is imported where something is computed.
"""
# The type checker has no PyTorch, and scikit-learn leaves most of its results untyped.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUntypedBaseClass=false

import io
import warnings
from contextlib import redirect_stderr
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from workloads.onnx_form import INPUT, PROBABILITIES

SIDE = 8
"""Pixels of an image in each direction."""
BRIGHTEST = 16.0
"""Of a pixel; the darkest is 0."""
OPSET = 17
"""Of ONNX's operators: the newest that Debian's PyTorch writes."""


class ConvolutionalNetwork(ClassifierMixin, BaseEstimator):
    """Two convolutions, each with a pooling, and a linear layer, over rows of SIDE * SIDE pixels of 0 to BRIGHTEST.

    epochs: how often it sees the training rows. batch_size: rows of one step. learning_rate: of Adam. label_smoothing:
    how much of the probability of each label is shared with the others. filters: of the first convolution; the second
    has twice as many. random_state: seed of weights and order.
    """

    def __init__(
        self,
        *,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        label_smoothing: float,
        filters: int,
        random_state: int,
    ) -> None:
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.label_smoothing = label_smoothing
        self.filters = filters
        self.random_state = random_state

    def fit(self, x: Any, y: Any) -> Self:
        """Train it from nothing on rows of pixels and their labels."""
        torch = _torch()
        self.classes_, numbers = np.unique(y, return_inverse=True)
        rows, labels = _tensor(torch, x), torch.from_dlpack(numbers.astype(np.int64))
        torch.manual_seed(self.random_state)
        self.network_ = self._network(torch)
        optimizer = torch.optim.Adam(self.network_.parameters(), lr=self.learning_rate)
        loss = torch.nn.CrossEntropyLoss(label_smoothing=self.label_smoothing)
        for _ in range(self.epochs):
            for chosen in torch.randperm(len(rows)).split(self.batch_size):
                optimizer.zero_grad()
                loss(self.network_(rows[chosen]), labels[chosen]).backward()
                optimizer.step()
        self.network_.eval()
        return self

    def _network(self, torch: Any) -> Any:
        nn, filters = torch.nn, self.filters
        return nn.Sequential(
            nn.Conv2d(1, filters, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(filters, 2 * filters, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * filters * (SIDE // 4) ** 2, len(self.classes_)),
        )

    def predict_proba(self, x: Any) -> NDArray[np.float32]:
        """Return the probabilities, [rows, classes] in the order of `classes_`."""
        torch = _torch()
        with torch.no_grad():
            found: Any = torch.softmax(self.network_(_tensor(torch, x)), dim=1)
            return np.asarray(np.from_dlpack(found), dtype=np.float32)

    def predict(self, x: Any) -> NDArray[Any]:
        """Return the most probable labels, [rows]."""
        return self.classes_[self.predict_proba(x).argmax(axis=1)]


def network_graph(model: ConvolutionalNetwork) -> bytes:
    """Return a fitted network as ONNX: from `input`, FP64 [rows, pixels], to `probabilities`, FP32 [rows, classes]."""
    torch = _torch()
    served = torch.nn.Sequential(_images(torch), model.network_, torch.nn.Softmax(dim=1)).eval()
    written = io.BytesIO()
    torch.onnx.export(
        served,
        (torch.zeros((1, SIDE * SIDE), dtype=torch.float64),),
        written,
        input_names=[INPUT],
        output_names=[PROBABILITIES],
        dynamic_axes={INPUT: {0: "rows"}, PROBABILITIES: {0: "rows"}},
        opset_version=OPSET,
    )
    return written.getvalue()


def _images(torch: Any) -> Any:
    class Images(torch.nn.Module):
        """Does inside the graph what `_tensor` does before it."""

        def forward(self, rows: Any) -> Any:
            return rows.float().reshape(-1, 1, SIDE, SIDE) / BRIGHTEST

    return Images()


def _tensor(torch: Any, x: Any) -> Any:
    """Return rows of pixels as images, [rows, 1, SIDE, SIDE], of 0 to 1."""
    return torch.from_dlpack(np.array(x, dtype=np.float32)).reshape(-1, 1, SIDE, SIDE) / BRIGHTEST


def _torch() -> Any:
    """Return PyTorch, which computes the same sums in the same order, whatever the machine has.

    Debian's was built for NumPy 1. It passes arrays by DLPack, which needs no NumPy, but first says at length that it
    can't use the one that is here."""
    with redirect_stderr(io.StringIO()), warnings.catch_warnings(action="ignore"):
        import torch

        torch.set_num_threads(1)
    return torch
