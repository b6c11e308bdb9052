"""What holds for every test."""

import asyncio
from collections.abc import Iterator

import pytest

from modules.core.contracts import Cluster


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
    return Cluster(
        name="groundwork-local",
        pod_range="10.80.0.0/18",
        service_range="10.80.64.0/18",
        storage_class="standard",
        publisher="10.80.255.253/32",
        token_issuer="https://kubernetes.default.svc",
    )
