"""The real Karpenter on the platform's own pools: pods without a place get nodes, and idle nodes go. The nodes are
simulated, and so is the account."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.toolchain.build import ensure
from embedded.toolchain.targets import KARPENTER
from modules.nodes.settings import PoolsSettings

from .scaling import COMMON, POOLS_PATH, Scaled, karpenter

pytestmark = [pytest.mark.integration, pytest.mark.heavy]

POOLS = PoolsSettings.model_validate(
    {
        "pools": {
            "general": {"purpose": "general", "families": ["m7i", "c7i", "r7i"], "max": 5},
            "one": {"purpose": "serving", "gpu": {"model": "a10g"}, "max": 2},
            "eight": {"purpose": "training", "gpu": {"model": "h100", "count": 8}, "max": 2},
            "shared": {"purpose": "serving", "gpu": {"model": "l4", "time_slices": 4}, "max": 2},
            "divided": {
                "purpose": "serving",
                "gpu": {"model": "a100-40gb", "count": 8, "mig_profile": "1g.5gb"},
                "max": 1,
            },
        }
    }
).pools


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scaled]:
    folder = tmp_path_factory.mktemp("karpenter")
    with karpenter(folder, ensure(print, folder / "build.log"), POOLS) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_runs(scaled: Scaled) -> None:
    """Whatever a test before this one left."""
    scaled.end(*scaled.pods())
    scaled.until("all nodes of other tests are gone", scaled.is_empty)


def cheapest(pool: str, memory_mib: int = 0) -> str:
    return next(each.name for each in POOLS[pool].instance_types() if each.memory_mib > memory_mib)


def test_pods_get_nodes_of_the_right_shape_and_the_cheapest_and_idle_nodes_go(
    scaled: Scaled, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pod that asks for one GPU fits on a node with eight too, and one that asks for little memory on all types."""
    wanted = {
        "large": ({"cpu": "1", "memory": "12Gi"}, ("general", cheapest("general", 13 * 1024))),
        "whole": ({"nvidia.com/gpu": "1"}, ("one", cheapest("one"))),
        "all": ({"nvidia.com/gpu": "8"}, ("eight", cheapest("eight"))),
        "slice": ({"nvidia.com/gpu.shared": "1"}, ("shared", cheapest("shared"))),
        "instance": ({"nvidia.com/mig-1g.5gb": "1"}, ("divided", cheapest("divided"))),
    }
    with capsys.disabled():
        for name, (limits, _) in wanted.items():
            scaled.run(name, limits)
        scaled.until("nodes were started", lambda: len(scaled.asked()) == len(wanted))
        print(", ".join(f"{kind} of pool {pool}" for pool, kind in scaled.asked()))
        assert scaled.asked() == sorted(place for _, place in wanted.values())
        scaled.until("all pods run", lambda: scaled.running() == wanted.keys())
        scaled.end(*wanted)
        scaled.until("without pods there are no nodes", scaled.is_empty)


def test_pods_share_nodes_and_a_pool_has_no_more_than_its_most(
    scaled: Scaled, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = POOLS["shared"]
    assert pool.gpu
    room = pool.gpu.per_node * pool.max
    with capsys.disabled():
        for number in range(room + 1):
            scaled.run(f"slice-{number}", {"nvidia.com/gpu.shared": "1"})
        scaled.until(f"{room} of {room + 1} pods run on {pool.max} nodes", lambda: len(scaled.running()) == room)
        assert scaled.asked() == [("shared", cheapest("shared"))] * pool.max
        (waiting,) = scaled.pods() - scaled.running()
        scaled.end(*scaled.running())
        scaled.until("the last one has a place", lambda: waiting in scaled.running())


def test_a_pool_is_gone_only_when_its_nodes_are(scaled: Scaled, capsys: pytest.CaptureFixture[str]) -> None:
    """As the engine deletes it: no node outlives the environment."""
    with capsys.disabled():
        scaled.run("slice", {"nvidia.com/gpu.shared": "1"})
        scaled.until("a pod runs", lambda: "slice" in scaled.running())
        scaled.delete_pool("shared")
        scaled.until("its pool is gone, and the node with it", lambda: "shared" not in scaled.names(POOLS_PATH))
        assert scaled.asked() == []


def test_karpenter_lacked_no_right_that_it_asked_for(scaled: Scaled) -> None:
    assert scaled.refusals() == []


def test_the_controller_that_is_deployed_starts_an_instance_and_marks_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not its simulation: what the image has. The instance joins nothing, for it has no kubelet."""
    with capsys.disabled(), karpenter(tmp_path, ensure(print, tmp_path / "log"), POOLS, KARPENTER) as real:
        real.run("whole", {"nvidia.com/gpu": "1"})
        real.until("an instance was started", lambda: len(real.instances()) == 1)
        ((kind, tags),) = real.instances()
        assert kind == cheapest("one")
        assert (
            tags.items()
            >= {
                "kubernetes.io/cluster/groundwork-dev": "owned",
                "eks:eks-cluster-name": "groundwork-dev",
                "karpenter.sh/nodepool": "one",
                **COMMON.tags,
            }.items()
        )
        assert real.refusals() == []
