import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from embedded.bench.controlplane import ControlPlane
from tests.embedded.providers.kubernetes.harness import Session
from tests.embedded.providers.kubernetes.kubelet import Kubelet

_numbers = itertools.count(1)


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A namespace of the test's own."""
    name = f"case-{next(_numbers)}"
    control_plane.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture
def another_run(control_plane: ControlPlane) -> Iterator[Callable[..., Session]]:
    """Makes further runs, each in a provider process of its own."""
    made: list[Session] = []

    def make(stack: str = "test", **settings: Any) -> Session:
        made.append(Session(control_plane, stack, settings))
        return made[-1]

    yield make
    for session in made:
        session.provider.close()


@pytest.fixture
def session(another_run: Callable[[], Session]) -> Session:
    return another_run()


@pytest.fixture(scope="session")
def kubelet(control_plane: ControlPlane) -> Iterator[Kubelet]:
    """A node on which pods fail as their label says."""
    node = Kubelet(control_plane)
    node.start()
    yield node
    node.stop()
