"""What holds for the constructor of every component."""

import importlib
import inspect
from pathlib import Path

import pytest

from modules.core.component import Component, type_token
from modules.core.paths import REPOSITORY


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


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_outputs_are_registered_last(component: type[Component]) -> None:
    last = inspect.getsource(component.__init__).rstrip().splitlines()[-1]
    assert last.strip().startswith("self.register_outputs(")


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_children_get_their_parent_and_nothing_else(component: type[Component]) -> None:
    source = Path(inspect.getfile(component)).read_text()
    assert "ResourceOptions(" not in source
    assert ".merge(" not in source


def test_type_tokens_differ() -> None:
    tokens = [type_token(component) for component in COMPONENTS]
    assert len(set(tokens)) == len(tokens)
