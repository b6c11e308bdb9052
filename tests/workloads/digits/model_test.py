"""Where PyTorch is: in the image `training-torch`, and wherever else somebody installed it."""

import pytest

from tests.workloads.tables import check_model
from workloads.digits.train import DIGITS


def test_the_model_is_accurate_and_the_same_for_the_same_seed() -> None:
    pytest.importorskip("torch")
    check_model("digits", DIGITS, "ConvolutionalNetwork")
