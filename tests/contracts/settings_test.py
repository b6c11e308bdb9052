"""What holds for every setting of every module."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from modules.core.paths import REPOSITORY
from modules.core.settings import Settings
from stacks.reference import groups, render
from stacks.settings import MODELS as TARGETS

MODELS = sorted(
    {model for target in TARGETS.values() for model in groups(target).values()}, key=lambda model: model.__name__
)


def fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    yield from model.model_fields.items()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_settings_are_frozen_strict_and_refuse_unknown_keys(model: type[BaseModel]) -> None:
    assert issubclass(model, Settings)
    assert model.model_config.get("frozen") is True
    assert model.model_config.get("strict") is True
    assert model.model_config.get("extra") == "forbid"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_setting_is_described(model: type[BaseModel]) -> None:
    for name, field in fields(model):
        assert field.description, f"{model.__name__}.{name}"
        assert field.description.endswith("."), f"{model.__name__}.{name}"


def test_the_reference_names_every_setting() -> None:
    written = (REPOSITORY / "docs/settings.md").read_text()
    assert written == render(), "docs/settings.md is out of date: python -m stacks.reference > docs/settings.md"
