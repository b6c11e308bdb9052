"""What holds for every test."""

import asyncio
import gc
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modules.core.contracts import Cluster
from tests.neighbours import CLUSTER


def pytest_collection_finish() -> None:
    """What is imported by now stays: a garbage collector that looks at it time and again takes a fifth of the time."""
    gc.freeze()
    gc.set_threshold(500_000)


@pytest.fixture(autouse=True)
def no_environment_of_this_machine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A unit test never sees a stack that happens to run here, nor a shared cache."""
    if request.node.get_closest_marker("integration") is None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "data"))
        monkeypatch.delenv("GROUNDWORK_CACHE", raising=False)


@dataclass
class MemoryArtifacts:
    """An `Artifacts` without a store."""

    content: dict[str, bytes] = field(default_factory=dict[str, bytes])
    names: dict[str, str] = field(default_factory=dict[str, str])

    def find(self, name: str) -> str | None:
        return self.names.get(name)

    def fetch(self, digest: str, target: Path) -> bool:
        if digest in self.content:
            target.write_bytes(self.content[digest])
        return digest in self.content

    def has(self, digest: str) -> bool:
        return digest in self.content

    def store(self, source: Path) -> str:
        content = source.read_bytes()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.content[digest] = content
        return digest

    def sign(self, name: str, digest: str) -> None:
        self.names[name] = digest


@pytest.fixture
def artifacts() -> MemoryArtifacts:
    """An empty shared cache."""
    return MemoryArtifacts()


@pytest.fixture(scope="session", autouse=True)
def event_loops_are_closed() -> Iterator[None]:
    """The engine's mocks make event loops that nobody closes; here a resource left open is an error."""
    policy = asyncio.get_event_loop_policy()  # pyright: ignore[reportDeprecated]  in Pythons later than ours
    make, made = policy.new_event_loop, list[asyncio.AbstractEventLoop]()

    def new_event_loop() -> asyncio.AbstractEventLoop:
        made.append(make())
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "new_event_loop", new_event_loop)
        yield
    for loop in made:
        if not loop.is_running():
            loop.close()


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster that components are deployed on."""
    return CLUSTER
