"""What holds for the constructor of every component."""

import importlib
import inspect

import pytest

from modules.core.component import Component, type_token
from modules.core.paths import REPOSITORY

from .conftest import Platform


def component_classes() -> list[type[Component]]:
    """Every subclass of Component that the directories of the program define."""
    for folder in ("modules", "stacks", "workloads"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if "Component)" in path.read_text() and "files" not in path.parts:
                importlib.import_module(".".join(path.relative_to(REPOSITORY).with_suffix("").parts))
    return sorted(Component.__subclasses__(), key=lambda component: component.__name__)


COMPONENTS = component_classes()


def test_there_are_components() -> None:
    assert {"SeaweedFS", "PostgreSQL", "Mlflow", "Training", "Serving"} <= {c.__name__ for c in COMPONENTS}


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_all_but_the_name_is_given_by_keyword(component: type[Component]) -> None:
    _, name, *others = inspect.signature(component.__init__).parameters.values()
    assert name.name == "name"
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in others)
    assert {"labels", "opts"} <= {parameter.name for parameter in others}
    assert [p.name for p in others if p.default is not inspect.Parameter.empty] == ["opts"]


def test_every_component_says_when_all_its_children_are_declared(platform: Platform) -> None:
    tokens = {type_token(component) for component in COMPONENTS}
    components = {each for each in platform.monitor.parents if each.partition(" ")[0] in tokens}
    assert components
    assert components <= platform.monitor.complete


def test_every_object_of_the_cluster_has_a_component_as_parent_and_gets_the_one_provider_from_it(
    platform: Platform,
) -> None:
    tokens = {type_token(component) for component in COMPONENTS}
    objects = [str(declared) for declared in platform.declared if declared.is_object]
    assert {platform.monitor.parents[each] for each in objects} <= tokens
    assert len({platform.monitor.providers[each] for each in objects}) == 1


def test_type_tokens_differ() -> None:
    tokens = [type_token(component) for component in COMPONENTS]
    assert len(set(tokens)) == len(tokens)
