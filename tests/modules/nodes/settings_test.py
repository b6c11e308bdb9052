"""Which declarations of node pools are taken, and what is said of the others."""

from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.settings import validated
from modules.nodes.settings import NodesSettings, PoolSettings

GENERAL: dict[str, Any] = {"purpose": "general", "families": ["m7i"], "max": 3}
SYSTEM: dict[str, Any] = {"purpose": "system", "shape": {"cpu": 2, "memory": "8Gi"}, "min": 1, "max": 3}
TRAINING: dict[str, Any] = {"purpose": "training", "gpu": {"model": "h100", "count": 8}, "max": 2}
SERVING: dict[str, Any] = {"purpose": "serving", "gpu": {"model": "a10g"}, "max": 2}


def nodes(pool: dict[str, Any], **others: Any) -> NodesSettings:
    return validated(NodesSettings, {"pools": {"it": pool}, **others}, source="stacks/Pulumi.x.yaml")


def pool(**values: Any) -> PoolSettings:
    return nodes(values).pools["it"]


ALLOWED: list[dict[str, Any]] = [
    GENERAL,
    SYSTEM,
    TRAINING,
    SERVING,
    {**GENERAL, "families": []} | {"shape": {"cpu": 4, "memory": "16Gi"}},
    {**GENERAL, "families": ["m7i", "c7i", "r7i"]},
    {**GENERAL, "families": ["m7a"], "shape": {"cpu": 4, "memory": "16Gi"}},
    {**GENERAL, "capacity": "spot"},
    {**GENERAL, "capacity": "spot-with-fallback"},
    {**GENERAL, "disk": "20Gi"},
    {**GENERAL, "labels": {"example.com/team": "vision"}},
    {**GENERAL, "taints": [{"key": "dedicated"}, {"key": "dedicated", "effect": "NoExecute"}]},
    {**SERVING, "gpu": {"model": "a10g", "time_slices": 4}},
    {**SERVING, "families": ["g5"], "shape": {"cpu": 8, "memory": "32Gi"}},
    {**SERVING, "gpu": {"model": "a100-40gb", "count": 8, "mig_profile": "1g.5gb"}},
    {**SERVING, "gpu": {"model": "h100", "count": 1, "mig_profile": "1g.10gb"}},
    {**SERVING, "gpu": {"model": "inferentia2", "count": 6}},
]


@pytest.mark.parametrize("values", ALLOWED)
def test_a_pool_is_taken(values: dict[str, Any]) -> None:
    assert pool(**values).instance_types()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({**GENERAL, "min": 4}, "min 4 is more than max 3: change one of them"),
        ({**GENERAL, "min": 1}, "min is 1, but nodes of purpose general come when pods need them"),
        ({**GENERAL, "families": []}, "nothing says which nodes these are: give families, a shape or a gpu"),
        ({**GENERAL, "families": ["m7x"]}, "families holds 'm7x': did you mean 'm7i'? allowed: c6i, "),
        (
            {**GENERAL, "families": ["m7i", "m7g"]},
            "families holds 'm7g', which has not the architecture amd64 that the images are built for, so that no pod "
            "would run there: did you mean 'm7i'? allowed: c6i, ",
        ),
        ({**GENERAL, "families": ["g5"]}, "families g5 have accelerators (a10g), and pods that need none would take"),
        (
            {**GENERAL, "shape": {"cpu": 5, "memory": "16Gi"}},
            "no instance type of m7i has 5 vCPUs: allowed shape.cpu: 2, 4, 8, 16, ",
        ),
        (
            {**GENERAL, "shape": {"cpu": 4, "memory": "64Gi"}},
            "no instance type of m7i with 4 vCPUs has 64Gi of memory: allowed shape.memory: at most 16Gi",
        ),
        (
            {**GENERAL, "taints": [{"key": "dedicated"}, {"key": "dedicated"}]},
            "taints hold dedicated with effect NoSchedule twice: remove one",
        ),
        ({**SYSTEM, "min": 0}, "min is 0, but what brings other nodes runs on those of purpose system"),
        ({**SYSTEM, "capacity": "spot"}, "capacity is spot, but nodes of purpose system bring the others"),
        ({**SYSTEM, "capacity": "spot-with-fallback"}, "capacity is spot-with-fallback, but nodes of purpose system"),
        ({**SYSTEM, "gpu": {"model": "t4"}}, "gpu is set, but nodes of purpose system are always there"),
        ({**GENERAL, "purpose": "system", "min": 1}, "shape is missing: nodes of purpose system are one size"),
        ({**SERVING, "families": ["m7i"]}, "families m7i have no a10g: allowed with it: g5"),
        ({**SERVING, "gpu": {"model": "t4", "count": 3}}, "no instance type has 3 t4: allowed gpu.count: 1, 4"),
        (
            {**TRAINING, "shape": {"cpu": 16, "memory": "64Gi"}},
            "no instance type has 16 vCPUs: allowed shape.cpu: 192",
        ),
    ],
)
def test_a_pool_is_refused_with_its_path_the_reason_and_what_to_do(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        pool(**values)
    assert str(caught.value).startswith(f"groundwork:pools.it: {message}")


@pytest.mark.parametrize(
    ("gpu", "message"),
    [
        (
            {"model": "a100-40gb", "count": 8, "mig_profile": "1g.10gbx"},
            "mig_profile is '1g.10gbx', which a100-40gb lacks: did you mean '1g.10gb'? allowed: 1g.5gb, 1g.10gb, ",
        ),
        ({"model": "h100", "mig_profile": "1g.5gb"}, "mig_profile is '1g.5gb', which h100 lacks: "),
        ({"model": "t4", "mig_profile": "1g.5gb"}, "mig_profile is '1g.5gb', but t4 can't be divided: use time_slices"),
        (
            {"model": "h100", "mig_profile": "1g.10gb", "time_slices": 2},
            "time_slices 2 and mig_profile 1g.10gb are mutually exclusive: remove one",
        ),
        ({"model": "trainium", "time_slices": 2}, "trainium can't be shared: remove time_slices and mig_profile"),
    ],
)
def test_a_gpu_that_can_not_be_shared_so_is_refused(gpu: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        pool(**{**SERVING, "gpu": gpu})
    assert str(caught.value).startswith(f"groundwork:pools.it.gpu: {message}")


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({**GENERAL, "max": 0}, "pools.it.max is 0"),
        ({**GENERAL, "max": 1001}, "pools.it.max is 1001"),
        ({**GENERAL, "min": -1}, "pools.it.min is -1"),
        ({"purpose": "general", "families": ["m7i"]}, "pools.it.max: missing; Nodes at most"),
        ({**GENERAL, "purpose": "batch"}, "pools.it.purpose is 'batch'; allowed: system, general, training, serving"),
        ({**GENERAL, "capacity": "Spot"}, "pools.it.capacity is 'Spot'; did you mean 'spot'?"),
        ({**GENERAL, "disk": "10Gi"}, "pools.it.disk is '10Gi': allowed are 20Gi to 16Ti"),
        ({**GENERAL, "disk": "17Ti"}, "pools.it.disk is '17Ti': allowed are 20Gi to 16Ti"),
        (
            {**GENERAL, "labels": {"karpenter.sh/x": "y"}},
            "pools.it.labels: 'karpenter.sh/x' belongs to those",
        ),
        ({**GENERAL, "labels": {"groundwork.dev/pool": "y"}}, "pools.it.labels: 'groundwork.dev/pool' belongs"),
        ({**GENERAL, "labels": {"node.kubernetes.io/x": "y"}}, "pools.it.labels: 'node.kubernetes.io/x' belongs"),
        ({**GENERAL, "labels": {"a": "b c"}}, "pools.it.labels: a has the value 'b c'"),
        ({**GENERAL, "taints": [{"key": "nvidia.com/gpu"}]}, "pools.it.taints.0: 'nvidia.com/gpu' belongs to those"),
        (
            {**GENERAL, "labels": {"eks.amazonaws.com/nodegroup": "y"}},
            "pools.it.labels: 'eks.amazonaws.com/nodegroup' belongs to those",
        ),
        (
            {**GENERAL, "taints": [{"key": "aws.amazon.com/neuron"}]},
            "pools.it.taints.0: 'aws.amazon.com/neuron' belongs to those",
        ),
        ({**GENERAL, "taints": [{"key": "a", "effect": "Never"}]}, "pools.it.taints.0.effect is 'Never'; "),
        ({**GENERAL, "shape": {"cpu": 0, "memory": "1Gi"}}, "pools.it.shape.cpu is 0"),
        ({**GENERAL, "shape": {"cpu": 2, "memory": "8"}}, "pools.it.shape.memory is '8': a size is"),
        ({**GENERAL, "gpus": 1}, "pools.it.gpus: unknown key; did you mean 'gpu'?"),
        ({**SERVING, "gpu": {"model": "a10"}}, "pools.it.gpu.model is 'a10'; did you mean 'a10g'?"),
        ({**SERVING, "gpu": {"model": "a10g", "count": 0}}, "pools.it.gpu.count is 0"),
        ({**SERVING, "gpu": {"model": "a10g", "time_slices": 1}}, "pools.it.gpu.time_slices is 1"),
    ],
)
def test_a_value_is_refused_with_its_path(values: dict[str, Any], path: str) -> None:
    with pytest.raises(UserError) as caught:
        pool(**values)
    assert str(caught.value).startswith(f"groundwork:{path}")


@pytest.mark.parametrize("name", ["", "Pool", "1a", "a-", "a" * 21, "a.b"])
def test_a_name_that_is_too_long_or_no_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="allowed names are at most 20 lower-case letters"):
        validated(NodesSettings, {"pools": {name: GENERAL}}, source="file")


@pytest.mark.parametrize(
    ("gpus", "message"),
    [
        ({"it": 17}, "teams.vision.gpus.it is 17: the pool has 16 of nvidia.com/gpu at most (2 nodes with 8 each)"),
        ({"it": -1}, "teams.vision.gpus.it is -1: "),
        ({"other": 1}, "teams.vision.gpus.other: no pool 'other' has accelerators; allowed: it"),
    ],
)
def test_a_quota_that_nobody_could_use_is_refused(gpus: dict[str, int], message: str) -> None:
    with pytest.raises(UserError) as caught:
        nodes(TRAINING, teams={"vision": {"workloads": ["iris"], "gpus": gpus}})
    assert message in str(caught.value)


def test_a_workload_is_of_one_team() -> None:
    teams = {"vision": {"workloads": ["iris", "wine"]}, "others": {"workloads": ["wine"]}}
    with pytest.raises(UserError, match=r"teams.others.workloads holds 'wine', which is in teams.vision.workloads"):
        nodes(TRAINING, teams=teams)


def test_a_quota_counts_what_pods_ask_for() -> None:
    """Slices and instances, not the GPUs that they are of."""
    sliced = {**SERVING, "gpu": {"model": "a10g", "time_slices": 4}}
    assert nodes(sliced, teams={"vision": {"workloads": ["iris"], "gpus": {"it": 8}}}).teams["vision"].gpus == {"it": 8}
    divided = {**SERVING, "max": 1, "gpu": {"model": "h100", "mig_profile": "1g.20gb"}}
    assert nodes(divided, teams={"vision": {"workloads": ["iris"], "gpus": {"it": 4}}})
    with pytest.raises(UserError, match=r"the pool has 4 of nvidia.com/mig-1g.20gb at most \(1 nodes with 4 each\)"):
        nodes(divided, teams={"vision": {"workloads": ["iris"], "gpus": {"it": 5}}})


def test_the_cheapest_type_comes_first_and_all_have_what_was_asked_for() -> None:
    found = pool(**{**GENERAL, "families": [], "shape": {"cpu": 4, "memory": "16Gi"}}).instance_types()
    assert found[0].name == "t3.xlarge"
    assert [each.price for each in found] == sorted(each.price or 0 for each in found)
    assert {each.vcpus for each in found} == {4}
    assert min(each.memory_mib for each in found) == 16 * 1024
    assert {(each.device, each.architecture) for each in found} == {("-", "amd64")}
