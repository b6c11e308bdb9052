"""The schema of the data set: what every row must be, whatever is trained on it."""
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import io

import pandas as pd
import pytest

from workloads import catalog
from workloads.artifacts import digest_of
from workloads.iris import train

CONTENT = train.seed_data()
LONGEST_CENTIMETRES = 10
"""No part of an iris's flower is longer; a figure above it is of another unit."""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(CONTENT))


def test_the_data_set_is_the_declared_one() -> None:
    assert digest_of(CONTENT) == catalog.load("iris").data.digest


def test_the_columns_are_the_features_and_the_target(frame: pd.DataFrame) -> None:
    assert list(frame.columns) == [*train.FEATURES, train.TARGET]


def test_no_value_is_missing(frame: pd.DataFrame) -> None:
    assert not frame.isna().to_numpy().any()


@pytest.mark.parametrize("feature", train.FEATURES)
def test_a_feature_is_a_length_in_centimetres(frame: pd.DataFrame, feature: str) -> None:
    assert frame[feature].dtype == "float64"
    assert frame[feature].between(0, LONGEST_CENTIMETRES, inclusive="neither").all()


def test_every_species_is_known_and_has_rows_on_both_sides_of_the_split(frame: pd.DataFrame) -> None:
    counts = frame[train.TARGET].value_counts()
    assert set(counts.index) == {"setosa", "versicolor", "virginica"}
    assert counts.min() >= 10
